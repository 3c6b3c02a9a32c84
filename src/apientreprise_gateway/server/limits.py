"""How long the connections of a process are kept, how many, and why one is closed before its time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from apientreprise_gateway.server.buffers import Budget


class Closing(StrEnum):
    """Why the server closes a connection that its client would have kept."""

    FULL = "full"
    """There is no room for it, nor for what it holds."""
    EVICTED = "evicted"
    """It makes room for others."""
    SLOW_REQUEST = "slow_request"
    """Its client takes too long to send a request."""
    SLOW_READER = "slow_reader"
    """Its client takes too little of its answers."""
    HANDSHAKE = "handshake"
    """The two ends do not agree about TLS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """How long connections are kept, how many, and what they may hold."""

    keep_alive: float = 75
    """Seconds that a connection may wait for its next request. Longer than the 60 s of the usual load balancers, which
    must be the ones that close."""
    client_timeout: float = 10
    """Seconds within which a client must send a whole head, the first one after its handshake, and must have taken
    something of its answers."""
    max_connections: int = 4096
    """Connections of a process. One more takes the place of those that take longer than a second for a request, then of
    those that have waited longest for their next one, or is closed if there are none."""
    on_closed: Callable[[Closing], None] = lambda _reason: None
    """Told of each connection that the server closes for one of the reasons."""
    untaken: Budget = field(default_factory=Budget)
    """What clients have not taken of their answers, all connections together."""
    unanswered: Budget = field(default_factory=Budget)
    """What they have sent of requests that are not answered yet."""
