"""The address of an HTTP proxy."""

import base64
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

PROXY_AUTHENTICATION_REQUIRED: Final = 407
_DEFAULT_PORT: Final = 3128
_FORM: Final = "a proxy is given as http://[user:password@]host:port"


class Proxy(NamedTuple):
    """An HTTP proxy."""

    host: str
    port: int
    authorization: bytes = b""
    """The `Proxy-Authorization` header line with its CRLF; empty without credentials."""

    def __repr__(self) -> str:
        """Show host and port, without the password."""
        return f"Proxy({self.host}:{self.port})"


def parse_proxy(url: str) -> Proxy:
    """Read `http://[user:password@]host[:port]`.

    Raises:
        ValueError: it is something else; the text repeats nothing of it, as it may hold a password.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _DEFAULT_PORT
    except ValueError:
        raise ValueError(_FORM) from None
    if parts.scheme != "http" or not host or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(_FORM)
    if parts.username is None:
        return Proxy(host, port)
    user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return Proxy(host, port, b"Proxy-Authorization: Basic %b\r\n" % base64.b64encode(user.encode()))
