"""One call: what becomes known of it on its way through the checks, for its answer and its access line."""

import time
from enum import StrEnum
from typing import Final

from apientreprise_gateway.auth.token import Token
from apientreprise_gateway.dataplane.plan import JSON, Plan
from apientreprise_gateway.net.asgi import Scope
from apientreprise_gateway.observability.metrics import NO_OPERATION
from apientreprise_gateway.observability.tracing import Trace
from apientreprise_gateway.ratelimit.port import Verdict
from apientreprise_gateway.server.application import CONNECTION, Connection

_COMMON_LINES: Final = b"x-request-id: %b\r\ncache-control: no-store\r\n"
_LIMITED_LINES: Final = _COMMON_LINES + b"ratelimit-limit: %d\r\nratelimit-remaining: %d\r\nratelimit-reset: %d\r\n"


class Unlogged(StrEnum):
    """What became of a call that leaves no access line, since these cannot be written."""

    REFUSED = "refused"
    """It was refused for that."""
    ABANDONED = "abandoned"
    """Its client went away while it waited."""


class Check(StrEnum):
    """What would have refused a call if limits were enforced."""

    LIMIT = "limit"
    """The limit of its token."""
    BAN = "ban"
    """A ban of its address."""


class Call:
    """One call, and what becomes known of it."""

    __slots__ = (
        "address",
        "asked",
        "cached",
        "client",
        "codes",
        "connection",
        "documents",
        "headers",
        "identifier",
        "operation",
        "outcome_without_line",
        "parameters",
        "part_of",
        "plan",
        "provider_seconds",
        "request_id",
        "scope",
        "shadowed",
        "stale",
        "started",
        "token",
        "trace",
        "verdict",
    )

    def __init__(self, scope: Scope) -> None:
        self.started = time.perf_counter()
        self.scope = scope
        self.connection: Connection | None = scope.get(CONNECTION)
        self.headers: dict[bytes, bytes] = {}
        """Of the request, names in lower case; the last of each name."""
        self.client = ""
        self.address: str | None = None
        """What the client is counted by; None if it is exempt."""
        self.request_id = b""
        self.operation = NO_OPERATION
        self.plan: Plan | None = None
        self.identifier: str | None = None
        self.parameters: dict[str, str] = {}
        self.token: Token | None = None
        self.trace: Trace | None = None
        self.verdict: Verdict | None = None
        self.asked = False
        """Whether the checks were passed: the answer is the endpoint's, whatever it is."""
        self.outcome_without_line: Unlogged | None = None
        """What became of it if it leaves no access line, since these cannot be written."""
        self.part_of: str | None = None
        """The operation that this call is a part of."""
        self.cached = False
        """Whether the answer was kept from an earlier call."""
        self.stale = False
        """Whether it was kept longer than it should be given, as the provider is down."""
        self.documents: tuple[str, ...] = ()
        """How logs call the documents of the answer."""
        self.provider_seconds: float | None = None
        """How long the provider took, whatever came of it; None if it was not asked for this call."""
        self.codes: tuple[str, ...] = ()
        self.shadowed: tuple[Check, ...] = ()
        """The checks that would have refused the call if limits were enforced."""

    def part(self, plan: Plan, values: list[str]) -> "Call":
        """A call that is a part of this one: the same caller, token and request, another endpoint.

        Args:
            plan: of the other endpoint.
            values: its path parameters.
        """
        part = Call(self.scope)
        part.connection = None  # its client is told of the whole
        part.headers = self.headers
        part.client, part.address, part.request_id = self.client, self.address, self.request_id
        part.token, part.parameters, part.trace = self.token, self.parameters, self.trace
        part.part_of = self.operation
        part.plan = plan
        part.operation = plan.route.endpoint.operation
        part.identifier = None if plan.identifier is None else values[plan.identifier]
        return part


def head_lines(call: Call) -> bytes:
    """The header lines of every answer in JSON, each with its CRLF.

    The type is as published: what comes of a provider has the endpoint's, errors included; other errors are plain JSON.
    """
    return (JSON if call.plan is None or not call.asked else call.plan.content_type) + common_lines(call)


def common_lines(call: Call) -> bytes:
    """The header lines that do not depend on what is answered; those of the rate limits once the store was asked."""
    verdict = call.verdict
    if verdict is None:
        return _COMMON_LINES % call.request_id
    return _LIMITED_LINES % (call.request_id, verdict.limit, verdict.remaining, verdict.reset)
