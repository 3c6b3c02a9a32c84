"""The base URL at which a caller reaches the gateway, for the absolute URLs in its answers.

It comes from a setting, or else from the call: from its `Host`, which may be trusted since the URL goes back only to
the caller who sent it, and from `X-Forwarded-Proto` and `X-Forwarded-Host` if they come from a trusted proxy.
"""

import re
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any, Final

_HOST: Final = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")
_SCHEMES: Final = frozenset({"http", "https"})


class Origin:
    """Finds the base URL of a call."""

    def __init__(self, *, public_url: str | None, is_trusted: Callable[[str], bool]) -> None:
        """Configure it.

        Args:
            public_url: the setting, without a slash at its end; None to take it from each call.
            is_trusted: whether the address of a peer is that of a trusted proxy.
        """
        self._public_url = public_url
        self.configured: Final = public_url or ""
        """The setting, the same for every call; empty if there is none."""
        self._is_trusted = is_trusted

    def of(self, scope: MutableMapping[str, Any]) -> str:
        """Scheme and host of a call, without a slash at the end."""
        if self._public_url is not None:
            return self._public_url
        scheme, host = scope["scheme"], self.host_of(scope)
        if self._is_behind(scope):
            given = _last(scope["headers"], b"x-forwarded-proto").lower()
            scheme = given if given in _SCHEMES else scheme
        return f"{scheme}://{host if _HOST.fullmatch(host) else _own(scope)}"

    def host_of(self, scope: MutableMapping[str, Any]) -> str:
        """The host that a caller has called, as it wrote it, with a port if it gave one; empty if it gave none."""
        host = _last(scope["headers"], b"host")
        return (_last(scope["headers"], b"x-forwarded-host") or host) if self._is_behind(scope) else host

    def _is_behind(self, scope: MutableMapping[str, Any]) -> bool:
        """Whether a call comes from a trusted proxy."""
        return scope["client"] is not None and self._is_trusted(scope["client"][0])


def _last(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> str:
    """The last value of a header, which the nearest proxy wrote; empty without one."""
    values = [value for name, value in headers if name == wanted]
    return values[-1].decode("latin-1").rpartition(",")[2].strip() if values else ""


def _own(scope: MutableMapping[str, Any]) -> str:
    """Host and port of the socket that received the call."""
    server = scope.get("server")
    host, port = server if server and server[1] is not None else ("localhost", 80)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
