"""Raw HTTP on a socket, to send and see what no HTTP client would."""

import json
import select
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple
from urllib.parse import urlencode

from support.programs import TRACE
from support.site import LONG, UNITE_LEGALE


class Answer(NamedTuple):
    """An HTTP answer as it was received."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed as JSON."""
        return json.loads(self.body)

    @property
    def codes(self) -> list[str]:
        """The error codes of a body in the v3 shape; none of an answer without errors."""
        return [error["code"] for error in self.json.get("errors", ())]


class Wire:
    """One connection."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._file = connected.makefile("rb")

    def send(self, data: bytes) -> None:
        """Send bytes; no error if the peer has closed, as its answer can still be read."""
        with suppress(ConnectionResetError, BrokenPipeError):
            self._socket.sendall(data)

    def answer(self, *, method: str = "GET") -> Answer:
        """Read one whole answer."""
        status = int(self._file.readline().split(b" ")[1])
        headers: dict[str, str] = {}
        while line := self._file.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = b"" if method == "HEAD" or status == 100 else self._file.read(int(headers.get("content-length", "0")))
        return Answer(status, headers, body)

    def is_readable(self) -> bool:
        """Whether bytes have come that were not read yet."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))

    def is_at_end(self) -> bool:
        """Whether the other side has closed; waits for what comes next, and leaves it to be read."""
        try:
            return self._file.peek(1) == b""
        except ConnectionResetError:
            return True

    def some(self) -> bytes:
        """The next bytes that come; none if the other side closes without any."""
        try:
            return self._file.read1()
        except ConnectionResetError:
            return b""

    def rest(self) -> bytes:
        """All bytes until the other side closes."""
        return self._file.read()

    def close(self) -> None:
        """Close the connection."""
        self._file.close()
        self._socket.close()


@contextmanager
def wire(port: int, *, source: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> Iterator[Wire]:
    """Connect from a given loopback address, with TLS if a context is given."""
    connected = socket.create_connection(("127.0.0.1", port), timeout=LONG, source_address=(source, 0))
    try:
        opened = Wire(connected if tls is None else tls.wrap_socket(connected, server_hostname="localhost"))
    except OSError:
        connected.close()
        raise
    try:
        yield opened
    finally:
        opened.close()


def request(
    *,
    token: str | None = None,
    path: str = UNITE_LEGALE,
    method: str = "GET",
    version: str = "1.1",
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] = TRACE,
) -> bytes:
    """The bytes of a request without a body."""
    given = {"Host": "test"} | ({} if token is None else {"Authorization": f"Bearer {token}"}) | dict(headers or {})
    lines = [f"{method} {path}?{urlencode(query)} HTTP/{version}", *(f"{k}: {v}" for k, v in given.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")
