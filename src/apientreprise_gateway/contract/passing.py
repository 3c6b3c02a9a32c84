"""How a token is passed: in which header or parameter of a call it stands."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

TokenReader = Callable[[Mapping[bytes, bytes], Mapping[str, str]], str | None]
"""From the headers of a call (names in lower case) and its parameters to its token; None where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPassing:
    """The ways in which a token may be passed; where a call has several, the first of these counts."""

    bearer: bool = True
    """In `Authorization`, as RFC 6750 says."""
    header: str | None = None
    """In a header of its own, such as `X-Api-Key`."""
    parameter: str | None = None
    """In a query parameter, such as `token`."""

    def reader(self) -> TokenReader:
        """A function that finds the token of a call."""
        name = None if self.header is None else self.header.lower().encode("ascii")
        parameter = self.parameter
        by_bearer = self.bearer

        def read(headers: Mapping[bytes, bytes], parameters: Mapping[str, str]) -> str | None:
            if by_bearer:
                header = headers.get(b"authorization")
                if header is not None and header[:7].lower() == b"bearer " and (text := header[7:].strip()):
                    return text.decode("latin-1")
            if name is not None and (own := headers.get(name, b"").strip()):
                return own.decode("latin-1")
            return None if parameter is None else parameters.get(parameter)

        return read
