"""How a token is passed: in which header or parameter of a call it stands."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPassing:
    """The ways in which a token may be passed; where a call has several, the first of these counts."""

    bearer: bool = True
    """In `Authorization`, as RFC 6750 says."""
    header: str | None = None
    """In a header of its own, such as `X-Api-Key`."""
    parameter: str | None = None
    """In a query parameter, such as `token`."""
