"""The pipeline of the data plane: takes a call through all checks, and answers and records it.

`Pipeline._checked`, then `Pipeline.ask`, run the checks of `docs/contract.md`, in its order, one line each; the first
that fails raises the refusal that becomes the answer. What does not depend on the call is computed once per endpoint,
in its `Plan`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Final

from apientreprise_gateway.auth.france_connect.service import UnavailableError
from apientreprise_gateway.auth.records import TokenRecord
from apientreprise_gateway.auth.registry import TokenRegistry
from apientreprise_gateway.auth.token import Token, TokenVerifier, UnknownKeyError
from apientreprise_gateway.contract.errors import ConnectionDropped, Refusal, refuse, refuse_for_now
from apientreprise_gateway.contract.routes import Routes
from apientreprise_gateway.dataplane.admission import Admission
from apientreprise_gateway.dataplane.call import Call, head_lines
from apientreprise_gateway.dataplane.checks import Checks, InFlight, authorize, limits_of, require_traceability
from apientreprise_gateway.dataplane.dossier import Dossier
from apientreprise_gateway.dataplane.introspection import Introspection
from apientreprise_gateway.dataplane.options import Options
from apientreprise_gateway.dataplane.persons import Persons, masked
from apientreprise_gateway.dataplane.plan import Plan
from apientreprise_gateway.dataplane.recording import Recording
from apientreprise_gateway.dataplane.refusals import Answered, Refusals
from apientreprise_gateway.documents.origin import Origin
from apientreprise_gateway.net.asgi import Receive, Scope, Send
from apientreprise_gateway.net.header_lines import headers_of, lines_of
from apientreprise_gateway.observability import tracing
from apientreprise_gateway.observability.access_log import AccessLog
from apientreprise_gateway.observability.faults import FaultLog
from apientreprise_gateway.observability.metrics import Metrics
from apientreprise_gateway.providers.product import Product, providers_of
from apientreprise_gateway.ratelimit.port import COMMON, AddressRule, Limiter, StoreUnavailableError
from apientreprise_gateway.server.application import ClientGoneError, Respond
from apientreprise_gateway.server.buffers import SMALL_BYTES
from apientreprise_gateway.server.gate import TOO_MANY
from apientreprise_gateway.upstream.reading import ProviderAnswer
from apientreprise_gateway.upstream.source import Source

_TRACED_BY_TOKEN: Final = ("recipient",)
"""The traceability parameters that calls with an access token of FranceConnect require, whatever their version."""
_UNJUDGED: Final = frozenset({"00506", "00904"})
"""Codes of a token that may be valid: there are no keys yet, or nobody knows yet what is revoked."""
OwnAnswer = Callable[[Call, Plan, Token, list[str]], Awaitable[ProviderAnswer]]
"""Answers an endpoint of the gateway itself, from the call, its plan, its token and its path parameters."""


class Pipeline:
    """The data plane: an ASGI application that the server can call directly as well (`ConnectionHooks.answer`)."""

    def __init__(
        self,
        *,
        products: tuple[Product, ...],
        plans: Mapping[str, Plan],
        tokens: TokenVerifier,
        renew_keys: Callable[[], Awaitable[None]],
        registry: TokenRegistry,
        limiter: Limiter,
        admission: Admission,
        refusals: Refusals,
        origin: Origin,
        persons: Persons,
        options: Options,
        metrics: Metrics,
        access_log: AccessLog,
        recording: Recording,
    ) -> None:
        """Put the data plane together.

        Args:
            products: the products that are served.
            plans: the plans of all endpoints, by operation.
            tokens: verifies tokens.
            renew_keys: looks for newer public keys.
            registry: records and revocations of single tokens.
            limiter: decides whether a call may pass.
            admission: the first check.
            refusals: make the answers to refused calls.
            origin: finds the base URL of the gateway.
            persons: reads whom calls are about.
            options: settings of the deployment.
            metrics: where calls are counted.
            access_log: calls wait for it while it is full.
            recording: records each call that has ended.
        """
        self._renew_keys = renew_keys
        self._access_tokens = persons.access_tokens
        self._registry = registry
        self._limiter = limiter
        self._admission = admission
        self._refusals = refusals
        self._metrics = metrics
        self._access_log = access_log
        self._faults = FaultLog()
        self._in_flight = InFlight(metrics=metrics, refuses=options.refuse_duplicates)
        self._recording = recording
        self._checks = Checks(
            routes=Routes(providers_of(products)),
            plans=plans,
            tokens=tokens,
            registry=registry,
            admission=admission,
            origin=origin,
            metrics=metrics,
            persons=persons,
            gone=(path for product in products for path in product.gone),
        )
        self._own = dict(self._own_answers(products, plans, seconds=options.dossier_seconds))

    def _own_answers(
        self, products: Iterable[Product], plans: Mapping[str, Plan], *, seconds: float
    ) -> Iterator[tuple[str, OwnAnswer]]:
        """The functions that answer the endpoints of the gateway itself, by operation."""
        introspection = Introspection(admission=self._admission, registry=self._registry)
        for product in products:
            if product.introspection is not None:
                yield product.introspection.operation, introspection.answer
            if product.dossier is not None:
                dossier = Dossier(
                    resources=product.dossier.resources_of(product.endpoints),
                    plans=plans,
                    checks=self._checks,
                    way=self,
                    recording=self._recording,
                    seconds=seconds,
                )
                yield product.dossier.endpoint.operation, dossier.answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call from any ASGI server."""
        del receive  # a GET has no body, and the connection reports that the client has gone away

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
            connection.cancels = True  # a client that goes away cancels the call, whatever it waits for
        try:
            status, body, lines = await self.conclude(call, self._checked(call))
            if len(body) > SMALL_BYTES and connection is not None and not connection.has_room(len(body)):
                status, body, lines = self._refusals(call, refuse_for_now())
            await respond(status, lines, body)
        except ConnectionDropped:
            self._admission.drop(call)
            return
        except ClientGoneError:
            self._recording.abandoned(call)
            return
        except asyncio.CancelledError:
            self._recording.abandoned(call)
            if connection is None or not connection.lost:
                raise
            return
        finally:
            self._metrics.in_flight.dec()
            if connection is not None:
                connection.cancels = False
                if call.token is None or call.pivot is not None:
                    connection.forget_head()  # whatever is in it, a person's token perhaps
            if call.trace is not None:
                tracing.leave()
        self._recording.answered(call, status, body)

    # The checks of the contract, in their order.

    async def _checked(self, call: Call) -> ProviderAnswer:
        """The checks up to the third; the others are in `ask`, or in the answer of the gateway's own endpoints."""
        if TOO_MANY in call.scope:
            self._admission.turn_away(call)
        if self._access_log.is_full:
            await self._admission.admit_late(call, self._counts_apart)
        else:
            self._admission.admit(call)
        try:
            plan, values = self._checks.find_endpoint(call)
            access_token = None if plan.by_token is None else self._access_tokens.given(call, plan, plan.by_token)
            try:
                if access_token is None:
                    token = self._checks.authenticate(call, plan)
                else:
                    token = await self._access_tokens.authenticate(call, plan, access_token)
            except UnknownKeyError:
                await self._renew_keys()
                token = self._checks.authenticate(call, plan)
        except UnavailableError:  # nobody can say whether the token is good, so the caller is not taken for a bad one
            raise
        except Exception as error:  # a bug counts like a refusal, so that whoever has found one cannot go on using it
            await self._admission.count_unknown(call, _rule_of_unknown(call, error))
            raise
        if plan.source is not None:
            return await self.ask(plan.source, call, plan, token, values)
        return await self._own[call.operation](call, plan, token, values)

    def _counts_apart(self, call: Call) -> bool:
        """Whether a call may have a valid token, and its product has a ceiling of its own."""
        try:
            plan, _ = self._checks.find_endpoint(call)
            if plan.by_token is None or self._access_tokens.given(call, plan, plan.by_token) is None:
                self._checks.authenticate(call, plan)
        except Exception:  # the same check finds it again once the call has waited
            return False
        return plan.address_rule.ceiling is not None

    async def ask(self, source: Source, call: Call, plan: Plan, token: Token, values: list[str]) -> ProviderAnswer:
        """The checks from the fourth on, then the endpoint's source: documents, cache, provider; last the mask."""
        record = await self.enforce_limit(call, plan, token)
        authorize(call, plan, token, record)
        required = plan.required if call.pivot is None else _TRACED_BY_TOKEN
        require_traceability(call.parameters, required=required, siret_recipient=plan.siret_recipient)
        request = self._checks.parameters(call, plan, values)
        flight = self._in_flight.enter(token.jti, request.target)
        call.asked = True
        try:
            answer = await source(request, call)
        finally:
            self._in_flight.leave(flight)
        call.documents = answer.documents
        return answer if plan.masks is None else masked(call, plan, plan.masks, token, answer)

    async def enforce_limit(self, call: Call, plan: Plan, token: Token) -> TokenRecord | None:
        """Count a call, and refuse it if its address or token has made too many; returns the record of the token."""
        record = self._registry.records.get(token.jti)
        limit, minute = (plan.limit, None) if record is None else limits_of(plan, record)
        verdict = await self._limiter.admit(
            call.address,
            (token.jti, plan.group.name),
            limit,
            plan.group.seconds,
            minute=minute,
            rule=plan.address_rule,
        )
        self._checks.enforce_limit(call, plan, verdict)
        return record

    async def conclude(self, call: Call, answer: Awaitable[ProviderAnswer]) -> Answered:
        """Status, body and header lines for a call: its answer, or that of the error that it raised.

        Raises:
            ConnectionDropped: there is no answer; the connection is to be closed.
        """
        try:
            found = await answer
        except Refusal as refusal:
            return self._refusals(call, refusal)
        except StoreUnavailableError:
            return self._refusals(call, refuse("00505"))
        except ConnectionDropped:
            raise
        except Exception as error:
            about_a_person = call.plan is None or call.plan.person is not None
            fields = {"operation": call.operation, "request_id": call.request_id.decode()}
            self._faults.tell("call_failed", error, worded=not about_a_person, **fields)
            return self._refusals(call, refuse("00500"))
        call.codes = found.codes
        call.cached, call.stale = found.cached, found.stale
        lines = head_lines(call)
        if found.headers:
            lines += lines_of(found.headers)
        if found.moved_to:
            # The caller's query is kept, with the token if it is in there.
            location = found.moved_to.encode("ascii") + b"?" + call.scope["query_string"]
            lines += lines_of([(b"location", location)])
        return found.status, found.body, lines

    # Requests that cannot be read.

    async def on_bad_request(self, peer: str | None, code: str) -> tuple[int, bytes] | None:
        """Status and body of the answer to an unacceptable HTTP request; None to close the connection without one."""
        call = Call({"method": "", "raw_path": b""})
        try:
            self._admission.admit_unreadable(call, peer)
            await self._admission.count_unknown(call)
            refusal = refuse(code)
        except ConnectionDropped:
            self._metrics.dropped.inc()
            return None
        except Refusal as banned:
            refusal = banned
        except asyncio.CancelledError:
            self._recording.abandoned(call)
            raise
        status, body, _ = self._refusals(call, refusal)
        self._recording.answered(call, status, body)
        return status, body


def _rule_of_unknown(call: Call, error: Exception) -> AddressRule:
    """How a call counts that has failed a check before its limit; if we could not judge its token, it may be valid."""
    is_unjudged = isinstance(error, Refusal) and error.errors[0].code in _UNJUDGED
    return call.plan.address_rule if is_unjudged and call.plan is not None else COMMON
