"""The proxy that the environment names for a URL: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`.

The names are read in both cases, the lower one first, as other programs do. `NO_PROXY` takes what operators write:
names with those below them, addresses with or without brackets and ports, networks of both families. What cannot be
understood in it exempts nothing.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, urlsplit

from apientreprise_gateway.net import addresses

_SCHEMES: Final = frozenset({"http", "https"})
_PORTS: Final = {"http": 80, "https": 443}


class ProxyError(ValueError):
    """A variable names no usable proxy; the text names the variable and not its value, which may hold a password."""


def proxy_for(url: str, environment: Mapping[str, str]) -> str | None:
    """The proxy to go through to a URL; None to go there directly.

    Raises:
        ProxyError: the variable that counts here cannot be used.
    """
    parts = urlsplit(url)
    for name in (f"{parts.scheme}_proxy", "all_proxy"):
        for variable in (name, name.upper()):
            value = environment.get(variable, "").strip()
            if value:
                return None if _is_exempt(parts, environment) else _proxy(variable, value)
    return None


def _proxy(variable: str, value: str) -> str:
    url = value if "://" in value else f"http://{value}"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:  # an unclosed bracket, an invalid port
        usable = False
    if not usable or any(sign.isspace() or not sign.isprintable() for sign in url):
        raise ProxyError(
            f"{variable} names no proxy that can be used. Set it to http://[user:password@]host:port, or name in "
            "NO_PROXY what is reached without one"
        )
    return url


def _is_exempt(parts: SplitResult, environment: Mapping[str, str]) -> bool:
    host = (parts.hostname or "").rstrip(".")
    port = parts.port or _PORTS.get(parts.scheme)
    text = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    return any(_covers(entry, host, port) for entry in text.replace(",", " ").split())


def _covers(entry: str, host: str, port: int | None) -> bool:
    if entry == "*":
        return True
    name, own_port = _split_port(entry)
    if own_port is not None and own_port != str(port):
        return False
    try:
        address = addresses.address(host)
    except ValueError:
        name = name.lower().removeprefix("*").strip(".")
        return bool(name) and (host == name or host.endswith(f".{name}"))
    return _holds(name, address)


def _split_port(entry: str) -> tuple[str, str | None]:
    """Name and port of an entry, which may be an address with many colons."""
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        # A network may have its prefix behind the bracket, or within.
        return (name + rest, None) if rest.startswith("/") else (name, rest.removeprefix(":") or None)
    name, colon, port = entry.partition(":")
    return (entry, None) if ":" in port or not colon else (name, port)


def _holds(text: str, address: addresses.Address) -> bool:
    try:
        return address in addresses.network(text)
    except ValueError:
        return False
