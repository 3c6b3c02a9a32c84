"""What the connections of a server share."""

from uvicorn.protocols.http.httptools_impl import STATUS_LINE
from uvicorn.server import ServerState

from apientreprise_gateway.net.asgi import Header
from apientreprise_gateway.net.header_lines import lines_of
from apientreprise_gateway.server.eviction import Eviction


class State(ServerState):
    """uvicorn's, and ours."""

    def __init__(self) -> None:
        super().__init__()
        self.draining = False
        """Whether each connection is to be closed with its next answer, since the server is about to stop."""
        self.eviction = Eviction()
        self._default_headers: list[Header] | None = None
        self._default_lines = b""

    def head(self, status: int, lines: bytes, length: int, *, keep_alive: bool) -> bytes:
        """The head of an answer whose body has a length, with the headers that all answers have."""
        headers = self.default_headers
        if self._default_headers is not headers:  # uvicorn makes a new list of them every second
            self._default_headers, self._default_lines = headers, lines_of(headers)
        return b"%b%b%bcontent-length: %d\r\n%b" % (
            STATUS_LINE[status],
            self._default_lines,
            lines,
            length,
            b"\r\n" if keep_alive else b"connection: close\r\n\r\n",
        )
