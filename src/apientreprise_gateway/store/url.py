"""The address of Redis, read from the URL in `GATEWAY_REDIS_URL`."""

from enum import StrEnum
from typing import Any, Final, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit


class Form(StrEnum):
    """The kind of Redis deployment; the value is the part of the URL's scheme after its plus sign."""

    SERVER = ""
    CLUSTER = "cluster"
    SENTINEL = "sentinel"


_UNREADABLE: Final = "it cannot be read as a URL; signs like / @ : # ? in a password are written %2F %40 %3A %23 %3F"
_PORT: Final = 6379
_PORTS: Final = {Form.SENTINEL: 26379}


class RedisUrl(NamedTuple):
    """The parts of a URL of Redis."""

    form: Form
    nodes: tuple[tuple[str, int], ...]
    service: str
    options: dict[str, Any]

    @property
    def name(self) -> str:
        """A name that tells this Redis from others, the same for any user, password and order of nodes."""
        nodes = ",".join(sorted(f"{host}:{port}" for host, port in self.nodes))
        return "/".join([nodes, self.form.value, self.service, str(self.options.get("db", ""))])


def parse_url(url: str) -> RedisUrl:
    """Read the URL of a server, of a Cluster, or of a service known to Sentinels.

    `redis://[user:password@]host[:port][/db]`, `redis+cluster://[user:password@]host:port,host:port`,
    `redis+sentinel://[user:password@]host:port,host:port/service[/db]`; with `rediss` for TLS.

    Raises:
        ValueError: it is none of these.
    """
    # By hand, as `urlsplit` refuses an authority with several addresses in brackets, in some versions of Python.
    start, separator, rest = url.strip().partition("://")
    scheme, plus, form_name = start.lower().partition("+")
    known = scheme in {"redis", "rediss"} and form_name in {form.value for form in Form}
    if not separator or not known or (plus and not form_name):
        raise ValueError("it must start with redis://, rediss://, redis+cluster:// or redis+sentinel://")
    if "?" in rest or "#" in rest:
        raise ValueError("it has no options after ? or #; write these signs of a password as %3F or %23")
    form = Form(form_name)
    authority, _, place = rest.partition("/")
    credentials, _, hosts = authority.rpartition("@")
    _split(f"//{credentials}@")
    nodes = tuple(_node(host, _PORTS.get(form, _PORT)) for host in hosts.split(","))
    if form is Form.SERVER and len(nodes) > 1:
        raise ValueError("several hosts need redis+cluster:// or redis+sentinel://")
    path = [part for part in place.split("/") if part]
    service = path.pop(0) if form is Form.SENTINEL and path else ""
    if form is Form.SENTINEL and not service:
        raise ValueError("a Sentinel URL ends in the name of the service: redis+sentinel://host:26379/mymaster")
    user, _, password = credentials.partition(":")
    options: dict[str, Any] = {"username": unquote(user) or None, "password": unquote(password) or None}
    if form is not Form.CLUSTER:
        options["db"] = int(path.pop()) if path and _is_number(path[-1]) else 0
    if path:
        raise ValueError("its path must be the number of a database (a Cluster has none)")
    if scheme == "rediss":
        options["ssl"] = True
    return RedisUrl(form, nodes, service, options)


def _node(text: str, port: int) -> tuple[str, int]:
    parts = _split(f"//{text}")
    if not parts.hostname:
        raise ValueError("a host is missing")
    try:
        given = parts.port
    except ValueError:
        raise ValueError(_UNREADABLE) from None
    if given == 0:
        raise ValueError("a port must be at least 1")
    return parts.hostname, given or port


def _split(url: str) -> SplitResult:
    """The parts of a URL; the library's own errors would show the password."""
    try:
        return urlsplit(url)
    except ValueError:
        raise ValueError(_UNREADABLE) from None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
