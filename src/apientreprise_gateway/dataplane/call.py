"""One call: what is found out about it during the checks, for its answer and its access line."""

import time
from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from apientreprise_gateway.auth.token import Token
from apientreprise_gateway.contract.person.identity import Identity
from apientreprise_gateway.contract.person.ordinary import Found
from apientreprise_gateway.dataplane.plan import JSON, Plan
from apientreprise_gateway.net.asgi import Scope
from apientreprise_gateway.observability.metrics import NO_OPERATION
from apientreprise_gateway.observability.tracing import Trace
from apientreprise_gateway.ratelimit.port import Verdict
from apientreprise_gateway.server.application import CONNECTION, Connection
from apientreprise_gateway.server.gate import RECEIVED

_NOTHING: Final[Mapping[str, Sequence[str]]] = MappingProxyType({})
_COMMON_LINES: Final = b"x-request-id: %b\r\ncache-control: no-store\r\n"
_LIMITED_LINES: Final = _COMMON_LINES + b"ratelimit-limit: %d\r\nratelimit-remaining: %d\r\nratelimit-reset: %d\r\n"


class Unlogged(StrEnum):
    """The outcome of a call without an access line, as access lines cannot be written."""

    REFUSED = "refused"
    """It was refused because access lines cannot be written."""
    ABANDONED = "abandoned"
    """Its client went away while it waited for the access log."""


class Check(StrEnum):
    """A check that only reports in shadow mode."""

    LIMIT = "limit"
    """The rate limit of the token."""
    BAN = "ban"
    """A ban of the address."""


class Call:
    """One call, and what is found out about it."""

    __slots__ = (
        "about",
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
        "ordinary",
        "outcome_without_line",
        "parameters",
        "part_of",
        "pivot",
        "plan",
        "provider_seconds",
        "request_id",
        "scope",
        "shadowed",
        "stale",
        "started",
        "token",
        "trace",
        "unmasked",
        "verdict",
    )

    def __init__(self, scope: Scope) -> None:
        self.started: float = scope.pop(RECEIVED, None) or time.perf_counter()  # a part of a dossier begins later
        self.scope = scope
        self.connection: Connection | None = scope.get(CONNECTION)
        self.headers: dict[bytes, bytes] = {}
        """Headers of the request, names in lower case; the last value of each name."""
        self.client = ""
        """IP address of the client."""
        self.address: str | None = None
        """The address that the call is counted under; None if it is exempt."""
        self.request_id = b""
        self.operation = NO_OPERATION
        self.plan: Plan | None = None
        self.identifier: str | None = None
        self.parameters: dict[str, str] = {}
        self.about: Mapping[str, Sequence[str]] = _NOTHING
        """All values of the parameters of a call about a person: they say who it is, and are not logged."""
        self.ordinary: Found | None = None
        """The same of an ordinary query, in place of `about`; None for any other."""
        self.pivot: Identity | None = None
        """Whom FranceConnect says that the call is about; None for a call that says so itself."""
        self.token: Token | None = None
        self.trace: Trace | None = None
        self.verdict: Verdict | None = None
        self.asked = False
        """Whether the call has passed all checks, so that its answer, even an error, is the endpoint's."""
        self.outcome_without_line: Unlogged | None = None
        """The outcome, if it leaves no access line as these cannot be written."""
        self.part_of: str | None = None
        """The operation of the dossier that this call is a part of."""
        self.cached = False
        """Whether the answer came from the cache."""
        self.stale = False
        """Whether the cached answer was older than it may be, as the provider is down."""
        self.documents: tuple[str, ...] = ()
        """The names in logs of the answer's documents."""
        self.provider_seconds: float | None = None
        """Seconds that the provider took, even to fail; None if it was not asked for this call."""
        self.unmasked: bytes | None = None
        """The body before a mask or a dossier left out some of it; None if nothing was left out."""
        self.codes: tuple[str, ...] = ()
        self.shadowed: tuple[Check, ...] = ()
        """The checks that would have refused the call if limits were enforced."""

    def part(self, plan: Plan, values: list[str]) -> "Call":
        """A call that is a part of this dossier: the same caller, token and request, another endpoint.

        Args:
            plan: the plan of that endpoint.
            values: its path parameters.
        """
        part = Call(self.scope)
        part.connection = None  # only the whole dossier is answered on the connection
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

    The content type is as in the published API: that of the endpoint once all checks are passed, also for errors;
    `application/json` for errors before.
    """
    return (JSON if call.plan is None or not call.asked else call.plan.content_type) + common_lines(call)


def common_lines(call: Call) -> bytes:
    """The header lines that do not depend on the answer; with those of the rate limit once it is known."""
    verdict = call.verdict
    if verdict is None:
        return _COMMON_LINES % call.request_id
    return _LIMITED_LINES % (call.request_id, verdict.limit, verdict.remaining, verdict.reset)
