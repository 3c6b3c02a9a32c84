"""The limits of connections: duration, number and memory, and the reasons for closing one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from apientreprise_gateway.server.buffers import Budget
from apientreprise_gateway.server.gate import Gate


class Closing(StrEnum):
    """Why the server closes a connection that its client would have kept."""

    FULL = "full"
    """There is no room for it, or for the bytes that it holds."""
    EVICTED = "evicted"
    """It makes room for others."""
    SLOW_REQUEST = "slow_request"
    """Its client takes too long to send a request."""
    SLOW_READER = "slow_reader"
    """Its client takes too little of its answers."""
    HANDSHAKE = "handshake"
    """The TLS handshake failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """The limits of the connections of a process."""

    keep_alive: float = 75
    """Seconds that a connection may wait for its next request. Longer than the usual 60 s of load balancers, so that
    they close first."""
    client_timeout: float = 10
    """Seconds within which a client must send a whole head, the first one after its handshake, and must have taken
    something of its answers."""
    max_connections: int = 4096
    """Connections of a process. For one more, connections are closed that take longer than a second for a request, then
    those that have been idle longest; if there are none, the new one is closed."""
    on_closed: Callable[[Closing], None] = lambda _reason: None
    """Called for each connection that the server closes for one of these reasons."""
    untaken: Budget = field(default_factory=Budget)
    """The budget of answers that clients have not taken, of all connections together."""
    unanswered: Budget = field(default_factory=Budget)
    """The budget of requests that are not answered yet, of all connections together."""
    gate: Gate = field(default_factory=Gate)
    """Where the calls of all connections wait for the processor."""
