"""The data plane: what happens to a call, check by check.

`Pipeline._answer` is the contract's list of checks, in its order, one line each; the first that fails raises the
refusal that is the answer. All that does not depend on the call is computed once per endpoint, in its `Plan`.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from apientreprise_gateway.auth.access import authenticate, bearer
from apientreprise_gateway.auth.registry import TokenRecord, TokenRegistry
from apientreprise_gateway.auth.token import Token, TokenVerifier, UnknownKeyError
from apientreprise_gateway.cache import directives
from apientreprise_gateway.contract import query, traceability
from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.errors import (
    FLAT_VERSION,
    ConnectionDropped,
    Refusal,
    gateway_error,
    is_flagged,
    provider_error,
    refuse,
    refuse_for_now,
    render,
)
from apientreprise_gateway.contract.routes import Route, Routes, version_of
from apientreprise_gateway.dataplane import dossier, introspection
from apientreprise_gateway.dataplane.call import Call, Plan, access_line, head_lines, new_request_id, part_of, plan_of
from apientreprise_gateway.dataplane.validation import AnswerValidator
from apientreprise_gateway.documents.origin import Origin
from apientreprise_gateway.net.asgi import Header, Receive, Scope, Send
from apientreprise_gateway.net.client_ip import ClientIp, counted
from apientreprise_gateway.net.header_lines import headers_of, lines_of
from apientreprise_gateway.observability import tracing
from apientreprise_gateway.observability.access_log import AccessLog, LogFullError
from apientreprise_gateway.observability.faults import FaultLog
from apientreprise_gateway.observability.metrics import Metrics
from apientreprise_gateway.providers.dossier import (
    DOSSIER,
    GATEWAY,
    RESOURCES,
    Resource,
    choose,
    parameters_of,
    resources_of,
)
from apientreprise_gateway.providers.introspection import INTROSPECTION
from apientreprise_gateway.ratelimit.policy import Policy, own_limit
from apientreprise_gateway.ratelimit.port import Limiter, StoreUnavailableError, Verdict
from apientreprise_gateway.server.application import ClientGoneError, Respond
from apientreprise_gateway.server.buffers import SMALL_BYTES
from apientreprise_gateway.upstream.reading import ProviderAnswer
from apientreprise_gateway.upstream.source import ProviderRequest, Source

MAX_TARGET_BYTES: Final = 16 * 1024
"""Longest path and query that is read; the longest honest one carries a token of 8 kB."""

_NEAR_LIMIT: Final = 5
"""A call that leaves no more than one in so many is told of as near its limit: 80 % of it are used."""
_LATEST_SHAPE: Final = 3
"""The version whose error bodies a path without a version gets."""
_METHODS: Final = frozenset({"GET", "HEAD"})
_ALLOW: Final[tuple[Header, ...]] = ((b"allow", b"GET, HEAD"),)
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._:+/=-]{1,128}")
_RETRY_WHEN_WRITTEN: Final[tuple[Header, ...]] = ((b"retry-after", b"10"),)
_GATHERING_SECONDS: Final = 0.5
"""What a dossier has beyond its parts: one whose provider hangs may still be answered by what was kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Choices of the deployment that the pipeline makes itself."""

    user_id_required: Callable[[Endpoint], bool]
    forbid_banned: bool = False
    """Whether a banned address gets 403 instead of a closed connection."""
    shadow: bool = False
    """Whether limits and bans are counted and reported, and refuse nothing."""
    dossier_seconds: float = 10
    """Seconds that the provider calls of a dossier may take; then it is answered with the parts that are there."""
    refuse_duplicates: bool = True
    """Whether a call already in flight is refused; it is counted either way."""


def _size_of(scope: Scope) -> int:
    """The bytes of a request that are kept while it is answered."""
    headers: list[Header] = scope["headers"]
    return len(scope["raw_path"]) + len(scope["query_string"]) + sum(len(name) + len(value) for name, value in headers)


def _limit_of(plan: Plan, record: TokenRecord | None) -> int:
    return plan.limit if record is None else own_limit(plan.limit, plan.group, record.limit_per_minute)


class Pipeline:
    """The data plane: an ASGI application that the server can call directly as well (`ConnectionHooks.answer`)."""

    def __init__(
        self,
        *,
        routes: Routes,
        source_of: Callable[[Route], Source],
        tokens: TokenVerifier,
        renew_keys: Callable[[], Awaitable[None]],
        registry: TokenRegistry,
        limiter: Limiter,
        validator: AnswerValidator | None,
        policy: Policy,
        client_ip: ClientIp,
        origin: Origin,
        options: Options,
        metrics: Metrics,
        access_log: AccessLog,
        recorder: tracing.Recorder | None = None,
    ) -> None:
        """Take the parts; `source_of` makes what answers an endpoint, a validator may be missing."""
        self._routes = routes
        self._tokens = tokens
        self._renew_keys = renew_keys
        self._registry = registry
        self._limiter = limiter
        self._validator = validator
        self._client_ip = client_ip
        self._origin = origin
        self._options = options
        self._metrics = metrics
        self._access_log = access_log
        self._recorder = recorder
        self._faults = FaultLog()
        self._in_flight: set[tuple[str, str]] = set()
        self._plans = {
            route.endpoint.operation: plan_of(
                route,
                policy=policy,
                user_id_required=options.user_id_required(route.endpoint),
                source=None if route.provider is GATEWAY else source_of(route),
            )
            for route in routes
        }
        self._resources = resources_of(route.endpoint for route in routes)
        for operation, plan in self._plans.items():
            if plan.route.endpoint is DOSSIER:
                wanted = plan.wanted | {RESOURCES} | parameters_of(self._resources.values())
                self._plans[operation] = plan._replace(wanted=wanted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call from any ASGI server."""
        del receive  # a GET has no body, and the server tells when the client goes away

        async def respond(status: int, lines: bytes, body: bytes) -> None:
            headers = [*headers_of(lines), (b"content-length", b"%d" % len(body))]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

        await self.answer(scope, respond)

    async def answer(self, scope: Scope, respond: Respond) -> None:
        """Answer a call, then record it."""
        call = Call(scope)
        connection = call.connection
        self._metrics.in_flight.inc()
        if connection is not None:
            connection.cancels = True  # whatever the call waits for: the store, a key, another call, the provider
        try:
            status, body, lines = await self._try(call, self._answer(call))
            if len(body) > SMALL_BYTES and connection is not None and not connection.has_room(len(body)):
                status, body, lines = self.refused(call, refuse_for_now())
            await respond(status, lines, body)
        except ConnectionDropped:
            self.drop(call)
            return
        except ClientGoneError:
            self._record_abandoned(call)
            return
        except asyncio.CancelledError:
            self._record_abandoned(call)
            if connection is None or not connection.lost:
                raise
            return
        finally:
            self._metrics.in_flight.dec()
            if connection is not None:
                connection.cancels = False
            if call.trace is not None:
                tracing.leave()
        self._record(call, status)
        self._compare(call, status, body)

    async def on_bad_request(self, peer: str | None, code: str) -> tuple[int, bytes] | None:
        """Status and body of the answer to what is not an acceptable HTTP request; None if its peer is banned."""
        call = Call({"method": "", "raw_path": b""})
        self._find_client(call, peer, ())
        call.request_id = new_request_id()
        if self._access_log.is_full:
            call.outcome_without_line = "refused"  # with its own answer: nobody waits to be told that
        try:
            self._refuse_banned(call)
            await self.count_unknown(call)
            refusal = refuse(code)
        except ConnectionDropped:
            self._metrics.dropped.inc()
            return None
        except Refusal as banned:
            refusal = banned
        except asyncio.CancelledError:
            self._record_abandoned(call)
            raise
        status, body, _ = self.refused(call, refusal)
        self._record(call, status)
        return status, body

    def drops_peer(self, peer: str) -> bool:
        """Whether to close a new connection at once, because its peer is banned."""
        if self._options.shadow or self._options.forbid_banned:
            return False
        client = self._client_ip.of_direct(peer)
        if client is None or self._client_ip.is_exempt(client) or self._limiter.known_ban(counted(client)) is None:
            return False
        self._metrics.dropped.inc()
        return True

    async def _try(self, call: Call, answer: Awaitable[ProviderAnswer]) -> tuple[int, bytes, bytes]:
        """Status, body and header lines of the answer to a call, whatever happens."""
        try:
            reading = await answer
        except Refusal as refusal:
            return self.refused(call, refusal)
        except StoreUnavailableError:
            return self.refused(call, refuse("00505"))
        except ConnectionDropped:
            raise
        except Exception as error:
            self._faults.tell("call_failed", error, operation=call.operation, request_id=call.request_id.decode())
            return self.refused(call, refuse("00500"))
        call.codes = reading.codes
        call.cached, call.stale = reading.cached, reading.stale
        lines = head_lines(call)
        if reading.headers:
            lines += lines_of(reading.headers)
        if reading.moved_to:
            # The caller's own query goes with it, the token too where it is there.
            location = reading.moved_to.encode("ascii") + b"?" + call.scope["query_string"]
            lines += lines_of([(b"location", location)])
        return reading.status, reading.body, lines

    async def _answer(self, call: Call) -> ProviderAnswer:
        """The checks of the contract (design, section 2), in their order."""
        headers = await self.admit_late(call) if self._access_log.is_full else self.admit(call)
        try:
            plan, values = self._find_endpoint(call)
            try:
                token = self._authenticate(call, headers)
            except UnknownKeyError:
                await self._renew_keys()
                token = self._authenticate(call, headers)
        except Exception:  # a fault counts like a refusal: whoever has found one must not be able to go on with it
            await self.count_unknown(call)
            raise
        if plan.source is not None:
            return await self._answer_from(plan.source, call, plan, token, values)
        if plan.route.endpoint is INTROSPECTION:
            return await self._introspect(call, plan, token)
        return await self._open_dossier(call, plan, token, values[0])

    async def _answer_from(
        self, source: Source, call: Call, plan: Plan, token: Token, values: list[str]
    ) -> ProviderAnswer:
        """The checks from the fourth on."""
        record = self._registry.of(token.jti)
        limit = _limit_of(plan, record)
        self._judge(call, plan, limit, await self._limiter.admit(call.address, (token.jti, plan.group.name), limit))
        self._authorize(call, plan, token, record)
        self._check_traceability(call, plan)
        request = self._check_parameters(call, plan, values)
        flight = self._take_off(call, token, request.target)
        try:
            return await source(request)
        finally:
            self._land(call, flight, request)

    async def _introspect(self, call: Call, plan: Plan, token: Token) -> ProviderAnswer:
        """What a token is: in no window, but counted for its address as any call."""
        await self.count_unknown(call)
        record = self._registry.of(token.jti)
        self._authorize(call, plan, token, record)
        return ProviderAnswer(200, introspection.render(token, record))

    # 1. The address.

    def admit(self, call: Call) -> dict[bytes, bytes]:
        """Find who calls, and refuse whom is banned; the headers that matter."""
        headers = self._identify_client(call)
        self._refuse_banned(call)
        return headers

    async def admit_late(self, call: Call) -> dict[bytes, bytes]:
        """Admit a call while access lines cannot be written: it is counted, then waits, if not too many do."""
        call.outcome_without_line = "refused"
        try:
            headers = self.admit(call)
            await self.count_unknown(call)
            call.address = None  # counted
            await self._access_log.room(_size_of(call.scope))
        except LogFullError:
            raise refuse("00906", headers=_RETRY_WHEN_WRITTEN) from None
        except asyncio.CancelledError:
            call.outcome_without_line = "abandoned"
            raise
        call.outcome_without_line = None
        return headers

    def _identify_client(self, call: Call) -> dict[bytes, bytes]:
        """Find who calls; return the headers that matter."""
        scope = call.scope
        headers: dict[bytes, bytes] = dict(scope["headers"])
        peer = scope["client"]
        self._find_client(call, None if peer is None else peer[0], scope["headers"])
        given = headers.get(b"x-request-id")
        call.request_id = given if given is not None and _REQUEST_ID.fullmatch(given) else new_request_id()
        if b"traceparent" in headers or self._recorder is not None:
            call.trace = tracing.enter(scope["headers"], recorder=self._recorder)
        return headers

    def _find_client(self, call: Call, peer: str | None, headers: Iterable[Header]) -> None:
        call.client = self._client_ip.of(peer, headers)
        call.address = None if self._client_ip.is_exempt(call.client) else counted(call.client)

    def _refuse_banned(self, call: Call) -> None:
        if call.address is not None and self._limiter.known_ban(call.address) is not None:
            self._refuse_as_banned(call)

    def _refuse_as_banned(self, call: Call) -> None:
        if self._options.shadow:
            self._shadow(call, "ban")
            return
        raise refuse("00901") if self._options.forbid_banned else ConnectionDropped()

    def _shadow(self, call: Call, check: str) -> None:
        """Report a refusal that is not made, once per call and check."""
        if check not in call.shadowed:
            call.shadowed = (*call.shadowed, check)
            self._metrics.shadowed(check).inc()

    # 2. Route, version, method.

    def _find_endpoint(self, call: Call) -> tuple[Plan, list[str]]:
        scope = call.scope
        raw_path: bytes = scope["raw_path"]
        if len(raw_path) + len(scope["query_string"]) > MAX_TARGET_BYTES:
            raise refuse("00406")
        match = self._routes.find(raw_path)
        if match is None:
            raise refuse("00405", headers=_ALLOW) if raw_path == b"*" else refuse("00404")
        if match.route is None:
            raise refuse("00402")
        plan = call.plan = self._plans[match.route.endpoint.operation]
        call.operation = match.route.endpoint.operation
        call.identifier = None if plan.identifier is None else match.values[plan.identifier]
        call.parameters = query.read(scope["query_string"], plan.wanted)
        if scope["method"] not in _METHODS:
            raise refuse("00405", headers=_ALLOW)
        return plan, match.values

    # 3. The token.

    def _authenticate(self, call: Call, headers: dict[bytes, bytes]) -> Token:
        text = bearer(headers.get(b"authorization")) or call.parameters.get("token")
        call.token = authenticate(text, verifier=self._tokens, registry=self._registry)
        return call.token

    async def count_unknown(self, call: Call) -> None:
        """Count a call that is in no window, most often a refused one: the ceiling of an address is over everything."""
        if call.address is not None:
            ban = await self._limiter.count_address(call.address)
            if ban is not None:
                self._refuse_as_banned(call)

    # 4. The store.

    def _judge(self, call: Call, plan: Plan, limit: int, verdict: Verdict) -> None:
        if verdict.ban is not None:
            self._refuse_as_banned(call)
        call.verdict = verdict
        self._metrics.decisions(plan.group.name, "admitted" if verdict.admitted else "refused").inc()
        if verdict.admitted:
            if verdict.remaining * _NEAR_LIMIT <= limit:
                self._metrics.near_limit(plan.group.name).inc()
            return
        if not self._options.shadow:
            raise refuse("00429", headers=((b"retry-after", b"%d" % verdict.retry_after),))
        self._shadow(call, "limit")

    # 5. What the token opens, and from where.

    def _authorize(self, call: Call, plan: Plan, token: Token, record: TokenRecord | None) -> None:
        if plan.scopes and plan.scopes.isdisjoint(token.scopes):
            raise refuse("00100")
        if record is not None and not record.allows(call.client):
            raise refuse("00107")

    # 6. Traceability.

    def _check_traceability(self, call: Call, plan: Plan) -> None:
        traceability.check(
            call.parameters, required=plan.required, siret_recipient=plan.route.endpoint.version != FLAT_VERSION
        )

    # 7. Identifiers.

    def _check_parameters(self, call: Call, plan: Plan, values: list[str]) -> ProviderRequest:
        """Check the parameters; return what is asked of the provider."""
        endpoint = plan.route.endpoint
        wrong = [
            (parameter.kind.code_of(value), parameter.kind.source or parameter.name)
            for parameter, value in zip(endpoint.parameters, values, strict=True)
            if not parameter.kind.accepts(value)
        ]
        passed_on: dict[str, str] = {}
        for parameter in endpoint.query:
            value = call.parameters.get(parameter.name)
            if value is None:
                continue
            if parameter.kind.accepts(value):
                passed_on[parameter.name] = value
            else:
                wrong.append((parameter.kind.code_of(value), parameter.name))
        if wrong:
            raise Refusal(422, *(gateway_error(code, source={"parameter": name}) for code, name in wrong))
        if endpoint.user_id and "user_id" in call.parameters:
            passed_on["user_id"] = call.parameters["user_id"]
        for place, spelling in plan.spellings:
            values[place] = spelling(values[place])
        target = plan.target.format(*values)
        wish = directives.NOTHING if endpoint.cache is None else directives.wish(call.scope["headers"])
        return ProviderRequest(
            plan.route,
            target=f"{target}?{urlencode(passed_on)}" if passed_on else target,
            values=values,
            query=passed_on,
            request_id=call.request_id.decode("latin-1"),
            fresh=wish.fresh,
            unkept=wish.unkept,
            # Other answers may be kept for all callers: nobody's `Host` belongs in them.
            base_url=self._origin.configured if endpoint.document is None else self._origin.of(call.scope),
        )

    # 8. The same call, already in flight. What is left then is the cache, the documents, the provider: its source.

    def _take_off(self, call: Call, token: Token, target: str) -> tuple[str, str] | None:
        flight = (token.jti, target)
        known = flight in self._in_flight
        if known:
            self._metrics.duplicates.inc()
            if self._options.refuse_duplicates:
                raise refuse("00015")
        self._in_flight.add(flight)
        call.asked = True
        return None if known else flight

    def _land(self, call: Call, flight: tuple[str, str] | None, request: ProviderRequest) -> None:
        if flight is not None:
            self._in_flight.discard(flight)
        call.provider_seconds = request.provider_seconds
        call.documents = request.documents

    # The dossier: one call for several, each of which is checked, counted and traced as if it had come alone.

    async def _open_dossier(self, call: Call, plan: Plan, token: Token, siret: str) -> ProviderAnswer:
        try:
            self._check_traceability(call, plan)
            self._check_parameters(call, plan, [siret])
            resources = choose(self._resources, call.parameters.get(RESOURCES))
        except Refusal:
            # Refused as a whole, it counts as one call.
            limit = _limit_of(plan, self._registry.of(token.jti))
            self._judge(call, plan, limit, await self._limiter.admit(call.address, (token.jti, plan.group.name), limit))
            raise
        call.asked = True
        deadline = asyncio.get_running_loop().time() + self._options.dossier_seconds + _GATHERING_SECONDS
        tasks = [asyncio.create_task(self._answer_part(call, each, siret, token, deadline)) for each in resources]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            parts = [task.result() for task in tasks if task.done()]  # raises what made the dossier end early
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        verdicts = [part.call.verdict for part in parts if part.call.verdict is not None]
        call.verdict = min(verdicts, key=lambda verdict: verdict.remaining, default=None)
        return ProviderAnswer(200, dossier.render(siret, parts))

    async def _answer_part(
        self, whole: Call, resource: Resource, siret: str, token: Token, deadline: float
    ) -> dossier.Part:
        plan = self._plans[resource.endpoint.operation]
        values = resource.values(siret, whole.parameters)
        call = part_of(whole, plan, values)
        assert plan.source is not None  # noqa: S101 - no dossier is part of another
        answer = self._answer_from(plan.source, call, plan, token, values)
        try:
            status, body, lines = await self._try(call, self._in_time(answer, plan, deadline))
        except asyncio.CancelledError:
            self._record_abandoned(call)
            raise
        self._record(call, status)
        self._compare(call, status, body)
        return dossier.Part(resource.name, call, status, body, headers_of(lines))

    async def _in_time(self, answer: Awaitable[ProviderAnswer], plan: Plan, deadline: float) -> ProviderAnswer:
        provider = plan.route.provider
        try:
            async with asyncio.timeout_at(deadline):
                reading = await answer
        except TimeoutError:
            raise provider_error("002", prefix=provider.prefix, name=provider.name) from None
        if not dossier.fits(reading.body):
            raise provider_error("999", prefix=provider.prefix, name=provider.name)
        return reading

    # Answers and records.

    def refused(self, call: Call, refusal: Refusal) -> tuple[int, bytes, bytes]:
        """Status, body and header lines of a refusal."""
        call.codes = tuple(error.code for error in refusal.errors)
        flagged = call.plan is not None and call.plan.route.endpoint.gateway_error and is_flagged(refusal)
        version = version_of(call.scope["raw_path"]) or _LATEST_SHAPE
        body = render(refusal.errors, version=version, gateway_error=flagged)
        return refusal.status, body, head_lines(call) + lines_of(refusal.headers)

    def drop(self, call: Call) -> None:
        """Close the connection of a call without an answer."""
        self._metrics.dropped.inc()
        if call.connection is None:
            raise RuntimeError("the server cannot close connections: run the gateway with its own protocol class")
        call.connection.drop()

    def _compare(self, call: Call, status: int, body: bytes) -> None:
        """Compare a success with its schema; the parts of a dossier, and what was kept, have been already."""
        if self._validator is None or status != 200 or call.cached:
            return
        if call.plan is not None and call.plan.source is not None:
            self._validator.compare(call.operation, body)

    def _record(self, call: Call, status: int) -> None:
        seconds = time.perf_counter() - call.started
        metrics = self._metrics
        metrics.answers(call.operation, status).inc()
        metrics.seconds(call.operation).observe(seconds)
        for code in call.codes:
            metrics.errors(code).inc()
        if call.outcome_without_line is None:
            self._access_log.write(access_line(call, "access", status, seconds))
        else:
            metrics.unlogged(call.outcome_without_line).inc()
        if self._recorder is not None and call.trace is not None and call.trace.sampled and call.part_of is None:
            self._record_span(self._recorder, call, call.trace, status, seconds)

    def _record_span(
        self, recorder: tracing.Recorder, call: Call, trace: tracing.Trace, status: int, seconds: float
    ) -> None:
        attributes = {
            "http.request.method": call.scope["method"],
            "http.response.status_code": status,
            "gateway.request_id": call.request_id.decode("latin-1"),
            "gateway.codes": ",".join(call.codes),
            "gateway.cached": call.cached,
        }
        if call.plan is not None:
            attributes["http.route"] = call.plan.route.endpoint.path
        recorder.served(trace, call.operation, seconds, attributes, failed=status >= 500)

    def _record_abandoned(self, call: Call) -> None:
        """Trace a call that the provider may have answered although nobody got the answer."""
        self._metrics.abandoned.inc()
        if call.outcome_without_line is not None:
            self._metrics.unlogged(call.outcome_without_line).inc()
            return
        self._access_log.write(access_line(call, "abandoned", None, time.perf_counter() - call.started))
