"""How a token is passed: in which header or parameter of a call it stands."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPassing:
    """The ways in which a token may be passed; where a call has several, the first of these counts."""

    bearer: bool = True
    """Whether it may be passed in `Authorization`, as RFC 6750 says."""
    header: str | None = None
    """Name of a header of its own in which it may be passed, such as `X-Api-Key`."""
    parameter: str | None = None
    """Name of a query parameter in which it may be passed, such as `token`."""
