"""Credentials that providers require: keys, passwords and fixed tokens as header lines."""

import base64
import re
from typing import Final, Protocol

_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE: Final = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
_OURS: Final = frozenset(
    {"host", "user-agent", "accept", "accept-encoding", "x-request-id", "connection", "content-length"}
    | {"transfer-encoding", "expect", "te", "trailer", "upgrade", "proxy-authorization"}
)
"""Headers that the HTTP client sets itself, so that no credential may use them."""


class Credentials(Protocol):
    """Gives the header lines that authenticate each call to a provider."""

    async def headers(self, deadline: float, *, refused: bytes = b"") -> bytes:
        """The header lines to send, each with its CRLF.

        Args:
            deadline: by when they are needed, in seconds of the loop's clock.
            refused: lines that the provider has just answered with 401. Others are returned, or the same lines if a
                second try makes no sense.

        Raises:
            CallError: there are none now; the text shows no secret.
        """

    def close(self) -> None:
        """Cancel a fetch that is under way."""


class FixedCredentials:
    """The same header line with every call."""

    def __init__(self, line: bytes) -> None:
        self._line = line

    async def headers(self, deadline: float, *, refused: bytes = b"") -> bytes:
        """See `Credentials.headers`."""
        del deadline, refused
        return self._line

    def close(self) -> None:
        """See `Credentials.close`."""


def header_key(name: str, value: str) -> FixedCredentials:
    """A key in a header of the provider's choice.

    Raises:
        ValueError: the header cannot be sent; the text does not repeat the value.
    """
    return FixedCredentials(header_line(name, value))


def basic(username: str, password: str) -> FixedCredentials:
    """Credentials with user and password (RFC 7617).

    Raises:
        ValueError: the name of the user has a colon.
    """
    if ":" in username:
        raise ValueError("the name of a user cannot have a colon")
    return FixedCredentials(header_line("Authorization", basic_value(username, password)))


def bearer(token: str) -> FixedCredentials:
    """Credentials with a fixed bearer token (RFC 6750).

    Raises:
        ValueError: it cannot be sent; the text does not repeat it.
    """
    return FixedCredentials(bearer_line(token))


def bearer_line(token: str) -> bytes:
    """The header line that carries a token.

    Raises:
        ValueError: it cannot be sent; the text does not repeat it.
    """
    if " " in token:
        raise ValueError("a token cannot have a blank")
    return header_line("Authorization", f"Bearer {token}")


def basic_value(username: str, password: str) -> str:
    """The value of `Authorization` for a user and a password."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")


def header_line(name: str, value: str) -> bytes:
    """A header line with its CRLF.

    Raises:
        ValueError: one of the two cannot be sent; the text does not repeat the value.
    """
    if not _NAME.fullmatch(name):
        raise ValueError("the name of a header has letters, digits and hyphens")
    if name.lower() in _OURS:
        raise ValueError(f"the header {name} is set by the gateway itself")
    if not _VALUE.fullmatch(value):
        raise ValueError(f"the value of the header {name} is empty, or has a character that a header cannot carry")
    return f"{name}: {value}\r\n".encode("ascii")
