"""One call: what is known of it before it is made, and what becomes known of it on its way through the pipeline."""

import os
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from apientreprise_gateway.auth.token import Token
from apientreprise_gateway.contract import traceability
from apientreprise_gateway.contract.endpoint import Group
from apientreprise_gateway.contract.routes import Route
from apientreprise_gateway.net.asgi import Scope
from apientreprise_gateway.observability.metrics import NO_OPERATION
from apientreprise_gateway.observability.tracing import Trace
from apientreprise_gateway.ratelimit.policy import Policy
from apientreprise_gateway.ratelimit.port import Verdict
from apientreprise_gateway.server.application import CONNECTION, Connection
from apientreprise_gateway.upstream.source import Source

MAX_LOGGED_CHARACTERS: Final = 256
"""Longest value of a traceability parameter that an access line keeps."""
_CUT: Final = ("identifier", "context", "recipient", "object", "user_id")
PRODUCT: Final = "api_entreprise"

_IDS: Final = 256
"""Request ids that are made at once, with one system call. They share their first 74 random bits; 48 are each one's."""
_ids: Final[list[bytes]] = []
os.register_at_fork(after_in_child=_ids.clear)
_COMMON_LINES: Final = b"x-request-id: %b\r\ncache-control: no-store\r\n"
_LIMITED_LINES: Final = _COMMON_LINES + b"ratelimit-limit: %d\r\nratelimit-remaining: %d\r\nratelimit-reset: %d\r\n"
_JSON: Final = b"content-type: application/json\r\n"
_JSON_API: Final = b"content-type: application/vnd.api+json\r\n"


class Plan(NamedTuple):
    """What is known of the calls of an endpoint before they are made."""

    route: Route
    scopes: frozenset[str]
    limit: int
    group: Group
    required: tuple[str, ...]
    wanted: frozenset[str]
    target: str
    spellings: tuple[tuple[int, Callable[[str], str]], ...]
    """How the provider spells parameters that it spells otherwise, by position."""
    identifier: int | None
    """Position of the parameter that names the entity; None where none does."""
    source: Source | None
    """What answers; None for what the gateway answers itself."""
    content_type: bytes
    """A header line, like those of `head_lines`."""


def plan_of(route: Route, *, policy: Policy, user_id_required: bool, source: Source | None) -> Plan:
    """What is known of the calls of an endpoint."""
    endpoint = route.endpoint
    own = {parameter.name for parameter in endpoint.query}
    target = endpoint.path
    for parameter in endpoint.parameters:
        target = target.replace("{" + parameter.name + "}", "{}")
    entities = [place for place, parameter in enumerate(endpoint.parameters) if parameter.kind.names_entity]
    return Plan(
        route=route,
        scopes=frozenset(endpoint.scopes),
        limit=policy.limit_of(endpoint),
        group=endpoint.group,
        required=traceability.required_of(endpoint, user_id_required=user_id_required),
        wanted=frozenset({*traceability.CODES, "token"} | own),
        target=target,
        spellings=tuple(
            (place, parameter.kind.sent_as)
            for place, parameter in enumerate(endpoint.parameters)
            if parameter.kind.sent_as is not None
        ),
        identifier=entities[0] if entities else None,
        source=source,
        content_type=_JSON if endpoint.flat else _JSON_API,
    )


class Call:
    """One call, and what becomes known of it for its access line."""

    __slots__ = (
        "address",
        "asked",
        "cached",
        "client",
        "codes",
        "connection",
        "documents",
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
        self.outcome_without_line: str | None = None
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
        self.codes: tuple[str, ...] = ()
        self.shadowed: tuple[str, ...] = ()
        """The checks that would have refused the call if limits were enforced."""


def part_of(whole: Call, plan: Plan, values: list[str]) -> Call:
    """A call that is a part of another: the same caller, token and request, another endpoint."""
    part = Call(whole.scope)
    part.connection = None  # its client is told of the whole
    part.client, part.address, part.request_id = whole.client, whole.address, whole.request_id
    part.token, part.parameters, part.trace = whole.token, whole.parameters, whole.trace
    part.part_of = whole.operation
    part.plan = plan
    part.operation = plan.route.endpoint.operation
    part.identifier = None if plan.identifier is None else values[plan.identifier]
    return part


def new_request_id() -> bytes:
    """A request id for a call that brings none: a random UUID (version 4)."""
    if not _ids:
        start = str(uuid.uuid4())[:-12].encode("ascii")
        ends = os.urandom(6 * _IDS).hex().encode("ascii")
        _ids.extend(start + ends[place : place + 12] for place in range(0, 12 * _IDS, 12))
    return _ids.pop()


def head_lines(call: Call) -> bytes:
    """The header lines of every answer in JSON, each with its CRLF.

    The type is as published: what comes of a provider has the endpoint's, errors included; other errors are plain JSON.
    """
    return (_JSON if call.plan is None or not call.asked else call.plan.content_type) + common_lines(call)


def common_lines(call: Call) -> bytes:
    """The header lines that do not depend on what is answered; those of the rate limits once the store was asked."""
    verdict = call.verdict
    if verdict is None:
        return _COMMON_LINES % call.request_id
    return _LIMITED_LINES % (call.request_id, verdict.limit, verdict.remaining, verdict.reset)


def access_line(call: Call, event: str, status: int | None, seconds: float) -> dict[str, Any]:
    """The fields of an access line; `docs/access-log.md` explains each."""
    scope, parameters, trace = call.scope, call.parameters, call.trace
    fields: dict[str, Any] = {
        "event": event,
        "time": datetime.now(UTC),
        "request_id": call.request_id.decode("latin-1"),
        "trace_id": None if trace is None else trace.trace_id,
        "span_id": None if trace is None else trace.span_id,
        "product": PRODUCT,
        "operation": call.operation,
        "part_of": call.part_of,
        "identifier": call.identifier,
        "jti": None if call.token is None else call.token.jti,
        "client_ip": call.client,
        "context": parameters.get("context"),
        "recipient": parameters.get("recipient"),
        "object": parameters.get("object"),
        "user_id": parameters.get("user_id"),
        "status": status,
        "codes": call.codes,
        "shadow": call.shadowed,
        "cached": call.cached,
        "stale": call.stale,
        "documents": call.documents,
        "provider_seconds": None if call.provider_seconds is None else round(call.provider_seconds, 6),
        "seconds": round(seconds, 6),
    }
    # No part of a target that is short enough is too long; what is decoded is never longer than it was.
    if len(scope.get("raw_path", b"")) + len(scope.get("query_string", b"")) > MAX_LOGGED_CHARACTERS:
        for name in _CUT:
            text = fields[name]
            if text is not None and len(text) > MAX_LOGGED_CHARACTERS:
                fields[name] = text[: MAX_LOGGED_CHARACTERS - 1] + "…"
    return fields
