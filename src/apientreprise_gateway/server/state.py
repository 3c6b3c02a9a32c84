"""The state that the connections of a server share."""

from uvicorn.server import ServerState

from apientreprise_gateway.net.asgi import Header
from apientreprise_gateway.net.header_lines import lines_of
from apientreprise_gateway.server.eviction import Eviction


class State(ServerState):
    """uvicorn's state, with additions."""

    def __init__(self) -> None:
        self.default_lines = b""
        """The headers that all answers have, as lines."""
        super().__init__()
        self.draining = False
        """Whether each connection is closed after its next answer, as the server is about to stop."""
        self.eviction = Eviction()

    @property
    def default_headers(self) -> list[Header]:
        """The headers that all answers have; uvicorn sets them again every second."""
        return self._default_headers

    @default_headers.setter
    def default_headers(self, headers: list[Header]) -> None:
        self._default_headers = headers
        self.default_lines = lines_of(headers)
