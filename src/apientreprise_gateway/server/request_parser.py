"""Parses requests from the bytes of a connection, within limits; without socket, event loop or clock.

A request is refused as soon as it exceeds a limit, or if a proxy could read it differently (`heads.py`). An offer to
upgrade to another protocol is ignored.

Clients repeat themselves: on a connection most heads differ in nothing but the target. So the last head is remembered,
from behind its target on, and a read that is a plain target followed by the same bytes is not parsed again: the parser
would have found the same in it.
"""

import re
from typing import Any, Final, NamedTuple, Protocol

import httptools
from msgspec import Struct

from apientreprise_gateway.net.asgi import Header
from apientreprise_gateway.server import heads

LAST_OF_BLANK: Final = b"\r"
"""The highest byte that an empty line consists of; no request line begins with this byte or a lower one."""
_NOT_HTTP: Final = "00401"
_TARGET_TOO_LONG: Final = "00406"
_HEAD_TOO_LONG: Final = "00407"
_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding"})
_KNOWN_BYTES: Final = 4 * 1024
"""Bytes of the longest request whose head is remembered."""
_GET: Final = b"GET "
_plain_get: Final = re.compile(
    rb"GET (/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)(?:\?([A-Za-z0-9._~!$&'()*+,;=:@%/?-]*))?"
).fullmatch
"""Matches GET and a target, as path and query, in which nothing can be refused or read in another way."""

_ABSOLUTE: Final = re.compile(
    rb"""(?i:https?)://
    (?P<host>[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])
    (?::0*(?P<port>[0-9]{0,5}))?
    (?P<path>/[^?\#]*)?(?:\?(?P<query>[^\#]*))?(?:\#.*)?""",
    re.DOTALL | re.VERBOSE,
)
_MAX_PORT: Final = 65535


class Target(Struct, frozen=True, gc=False):
    """The parsed target of a request."""

    path: bytes
    """The path, still encoded; `*` for a request about the server as a whole."""
    query: bytes
    """The query, still encoded."""
    host: bytes | None = None
    """Host and port, if the target has them; they then replace `Host` (RFC 9112, section 3.2.2)."""


class BadRequestError(Exception):
    """The received bytes are no acceptable request, and nothing after them can be read."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
        """The error code to answer with."""


class EndlessRequestError(BadRequestError):
    """A request has too many bytes besides its body."""


class Listener(Protocol):
    """Receives the requests that were parsed."""

    def request_begun(self, method: str, target: Target, headers: list[Header], *, keep_alive: bool) -> None:
        """The head of a request is complete; the list of its headers is the listener's from now on."""

    def body_received(self, data: bytes) -> None:
        """A part of its body has come."""

    def request_ended(self) -> None:
        """The request is complete."""


class _Head(NamedTuple):
    """The head of a GET without a body, on a connection that stays open."""

    rest: bytes
    """What it has behind its target."""
    headers: tuple[Header, ...]


class RequestParser:
    """Parses the requests of a connection, one after the other."""

    __slots__ = (
        "_begun",
        "_code",
        "_has_host",
        "_header_bytes",
        "_header_count",
        "_headers",
        "_is_framed",
        "_known",
        "_listener",
        "_parser",
        "_target",
        "_target_bytes",
        "_told",
        "blank",
        "framing_bytes",
        "reads_head",
        "reads_request",
    )

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._parser: Any = httptools.HttpRequestParser(self)
        # So that pipelined requests before one with `Connection: close` are answered.
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.reads_head = False
        """Whether the head of a request has begun, and not ended."""
        self.reads_request = False
        """Whether a request has begun, and not ended."""
        self.blank = b""
        """Empty lines that came before a request."""
        self.framing_bytes = 0
        """Bytes of the current request without its body."""
        self._code = _NOT_HTTP
        self._target = b""
        self._target_bytes = 0
        self._headers: list[Header] = []
        self._header_bytes = self._header_count = 0
        self._has_host = self._is_framed = False
        self._begun = 0
        """Requests that began in the bytes being parsed."""
        self._told: list[Header] | None = None
        """Headers of a head that ended in these bytes, if it has no body and leaves the connection open."""
        self._known: _Head | None = None
        """The last head, if nothing has begun since: the parser then waits for a request as it did before that one."""

    @property
    def head_bytes(self) -> int:
        """Weight in bytes of the head of the last request."""
        return self._header_bytes + self._target_bytes

    @property
    def http_version(self) -> str:
        """Version of the request that was read last."""
        version: str = self._parser.get_http_version()
        return version

    def close(self) -> None:
        """Release the parser and the listener, which refer to each other."""
        self._parser = self._listener = None  # type: ignore[assignment]  # nothing is parsed after that
        self._known = self._told = None

    def forget(self) -> None:
        """Forget the last head."""
        self._known = None

    def pass_over_blank(self, data: bytes) -> bytes:
        """The data without the empty lines before a request.

        Raises:
            BadRequestError: there are too many of them.
        """
        passed = heads.blank_before(self.blank, data)
        if passed is None:
            raise BadRequestError(self._code)
        self.blank, data = passed
        return data

    def feed(self, data: bytes) -> None:
        """Parse received bytes, and pass the requests to the listener.

        Raises:
            BadRequestError: a request is refused.
        """
        if self._known is not None and self._repeats(self._known, data):
            return
        self._begun = 0
        rest = data
        try:
            while rest:
                try:
                    self._parser.feed_data(rest)
                except httptools.HttpParserUpgrade as offered:
                    # The upgrade is ignored: the connection stays HTTP/1.1. But the parser skips the body of such a
                    # request, which would then be parsed as another request.
                    if self._is_framed:
                        raise BadRequestError(self._code) from None
                    rest = rest[offered.args[0] :]
                else:
                    break
        except httptools.HttpParserError as error:
            raise BadRequestError(self._code_of(error, rest)) from error
        told, self._told = self._told, None
        if self.reads_request:
            self._bound(rest, len(data))
        elif told is not None and self._begun == 1 and rest is data:
            self._remember(data, told)

    def _repeats(self, known: _Head, data: bytes) -> bool:
        """Whether data is one request with the known head, but for its target; it is then passed to the listener."""
        rest, headers = known
        if len(data) > _KNOWN_BYTES or not data.endswith(rest):
            return False
        end = len(data) - len(rest)
        plain = _plain_get(data, 0, end)
        if plain is None:
            return False
        self.blank = b""
        self._target_bytes = end - len(_GET)
        path, query = plain.groups(b"")
        listener = self._listener
        listener.request_begun("GET", Target(path, query), list(headers), keep_alive=True)
        listener.request_ended()
        return True

    def _remember(self, data: bytes, headers: list[Header]) -> None:
        """Remember the head of the only request in the data, if it is an ordinary one."""
        if len(data) <= _KNOWN_BYTES and data.startswith(_GET + b"/"):
            rest = data[data.index(b" ", len(_GET)) :]
            if rest.startswith(b" HTTP/1.1\r\n"):
                self._known = _Head(rest, tuple(headers))

    def _code_of(self, error: httptools.HttpParserError, data: bytes) -> str:
        if self.reads_head and self._code == _NOT_HTTP:
            return heads.code_of(str(error), self._target, data)
        return self._code

    def _bound(self, data: bytes, count: int) -> None:
        """Refuse an unfinished request that is too long already, or has no version."""
        parser = self._parser
        if self.reads_head and heads.lacks_version(parser.get_http_version(), parser.get_method(), self._target, data):
            raise BadRequestError(self._code)
        self.framing_bytes += count
        if self.framing_bytes > heads.MAX_FRAMING_BYTES:
            raise EndlessRequestError(_HEAD_TOO_LONG)

    def _refuse(self, code: str) -> None:
        self._code = code
        raise BadRequestError(code)  # the parser turns it into the error that `feed` meets

    # Called by the parser, under its names.

    def on_message_begin(self) -> None:
        self.reads_head = self.reads_request = True
        self._known = None
        self._begun += 1
        self.blank = b""
        self.framing_bytes = self._header_bytes = self._header_count = 0
        self._has_host = self._is_framed = False

    def on_url(self, url: bytes) -> None:
        self._target += url
        self._target_bytes = count = len(self._target)
        if count > heads.MAX_TARGET_BYTES:
            self._refuse(_TARGET_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value) + heads.HEADER_WEIGHT
        self._header_count += 1
        if self._header_bytes > heads.MAX_HEADER_BYTES or self._header_count > heads.MAX_HEADERS:
            self._refuse(_HEAD_TOO_LONG)
        if not self.reads_head:
            return  # a trailer must not authenticate a call or give its client's address
        name = name.lower()
        if name == b"host":
            if self._has_host:
                self._refuse(_NOT_HTTP)  # RFC 9112, section 3.2: a proxy may have used the other one
            self._has_host = True
        elif name in _FRAMING:
            self._is_framed = True
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        parser = self._parser
        self.reads_head = False
        version = parser.get_http_version()
        if version not in heads.VERSIONS:
            self._refuse(_NOT_HTTP)
        method = str(parser.get_method(), "ascii")
        target = split_target(self._target, method)
        headers = self._headers
        if target.host is not None:
            headers = with_host(headers, target.host)
        # Release them: the listener has them now.
        self._target, self._headers = b"", []
        keep_alive = parser.should_keep_alive() and version != "1.0"
        if keep_alive and not self._is_framed:
            self._told = headers
        self._listener.request_begun(method, target, headers, keep_alive=keep_alive)

    def on_body(self, body: bytes) -> None:
        self.framing_bytes -= len(body)
        self._listener.body_received(body)

    def on_message_complete(self) -> None:
        self.reads_request = False
        self._listener.request_ended()


def split_target(target: bytes, method: str = "GET") -> Target:
    """Read the target of a request.

    Raises:
        httptools.HttpParserInvalidURLError: it is not a valid target of a request to a server.
    """
    if target[:1] == b"/":
        if b"#" not in target:
            path, _, query = target.partition(b"?")
            return Target(path, query)
        parsed = httptools.parse_url(target)
        return Target(parsed.path, parsed.query or b"")
    if target == b"*" and method == "OPTIONS":
        return Target(target, b"")
    return _absolute(target, method)


def _absolute(target: bytes, method: str) -> Target:
    """Read a target in absolute form, with scheme and host."""
    match = _ABSOLUTE.fullmatch(target)
    if match is None:
        raise httptools.HttpParserInvalidURLError("neither a path nor the address of one")
    host, port, path, query = match["host"], match["port"], match["path"], match["query"]
    if port is not None and match.end("port") > match.start("port"):
        if int(port) > _MAX_PORT:
            raise httptools.HttpParserInvalidURLError("a port that there is not")
        host += b":" + port
    elif target[match.end("host") :].startswith(b":0"):
        raise httptools.HttpParserInvalidURLError("a port that there is not")
    if path is None:
        path = b"*" if method == "OPTIONS" and query is None else b"/"
    return Target(path, query or b"", host)


def with_host(headers: list[tuple[bytes, bytes]], host: bytes) -> list[tuple[bytes, bytes]]:
    """The headers of a request with `Host` replaced by the host in its target."""
    return [(b"host", host), *(header for header in headers if header[0] != b"host")]
