"""The data plane without sockets: what it asks of others is faked, and what it does is looked at."""

import asyncio
import json
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from msgspec import Struct, structs

from apientreprise_gateway.auth.keys import KeyRing, secret_keys
from apientreprise_gateway.auth.registry import TokenRegistry
from apientreprise_gateway.auth.token import TokenVerifier
from apientreprise_gateway.contract.bans import Ban, Reason
from apientreprise_gateway.contract.routes import Route, Routes
from apientreprise_gateway.dataplane.admission import Admission
from apientreprise_gateway.dataplane.call import Call
from apientreprise_gateway.dataplane.options import Options
from apientreprise_gateway.dataplane.persons import Persons
from apientreprise_gateway.dataplane.pipeline import Pipeline
from apientreprise_gateway.dataplane.plan import Plan, plan_of, plans_of
from apientreprise_gateway.dataplane.recording import Recording
from apientreprise_gateway.dataplane.refusals import Refusals
from apientreprise_gateway.dataplane.validation import AnswerValidator
from apientreprise_gateway.documents.origin import Origin
from apientreprise_gateway.net.addresses import networks
from apientreprise_gateway.net.asgi import Header, Scope
from apientreprise_gateway.net.client_ip import ClientIp
from apientreprise_gateway.net.header_lines import headers_of
from apientreprise_gateway.observability.access_log import AccessLog, Fields, LogFullError
from apientreprise_gateway.observability.metrics import Metrics
from apientreprise_gateway.observability.tracing import Recorder
from apientreprise_gateway.providers.entreprise.product import ENTREPRISE, PROVIDERS
from apientreprise_gateway.providers.particulier.groups import CEILING
from apientreprise_gateway.providers.product import Product, Versions
from apientreprise_gateway.providers.products import PRODUCTS
from apientreprise_gateway.ratelimit.policy import Policy
from apientreprise_gateway.ratelimit.port import COMMON, AddressRule, Limiter, TokenKey, Verdict
from apientreprise_gateway.server.application import CONNECTION
from apientreprise_gateway.server.limits import Closing
from apientreprise_gateway.upstream.reading import ProviderAnswer
from apientreprise_gateway.upstream.source import ProviderRequest, Source, Timed
from support.tokens import SECRET, token

CLIENT, EXEMPT = "192.0.2.7", "198.51.100.1"
SIREN, SIRET = "130025265", "13002526500013"
OPERATION = "api_entreprise_v4_insee_unites_legales"
PATH = f"/v4/insee/sirene/unites_legales/{SIREN}"
TRACE = f"context=essai&recipient={SIRET}&object=essai"
BODY = b'{"data":{},"links":{},"meta":{}}'
ROUTES = Routes((*PROVIDERS, ENTREPRISE.itself))
VERSIONS = Versions(PRODUCTS)
LIMIT = 250
GROUPS = tuple(group for product in PRODUCTS for group in product.groups)
POLICY = Policy(GROUPS, {CEILING.setting: 30} | {group.limit.setting: LIMIT for group in GROUPS})
APART = replace(ENTREPRISE, ceiling=CEILING, refusals_by_token=True)
"""API Entreprise, if its calls had a ceiling of their own."""
BAN = Ban(address=CLIENT, reason=Reason.CEILING, count=1001, start=0)
ADMITTED = Verdict(admitted=True, limit=LIMIT, remaining=200, reset=1_800_000_000, retry_after=0)
REFUSED = structs.replace(ADMITTED, admitted=False, remaining=0, retry_after=17)


def route_of(operation: str) -> Route:
    """The endpoint of an operation."""
    return next(route for route in ROUTES if route.endpoint.operation == operation)


def plan(operation: str = OPERATION, source: Source | None = None) -> Plan:
    """The plan of an endpoint."""
    return plan_of(route_of(operation), product=ENTREPRISE, policy=POLICY, user_id_required=True, source=source)


def scope_of(
    target: str = f"{PATH}?{TRACE}", *, headers: Iterable[Header] = (), method: str = "GET", client: str = CLIENT
) -> Scope:
    """A request as the server hands it over."""
    path, _, query = target.partition("?")
    return {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "headers": list(headers),
        "client": (client, 40_000),
        "server": ("127.0.0.1", 8080),
        "scheme": "http",
    }


def call_of(target: str = f"{PATH}?{TRACE}", **given: Any) -> Call:
    """A call that nothing is known of yet."""
    return Call(scope_of(target, **given))


class Line:
    """The connection of a call."""

    def __init__(self) -> None:
        self.cancels = False
        self.lost = False
        self.closing = False
        self.dropped = False
        self.room = True
        self.forgotten = 0

    def forget_head(self) -> None:
        self.forgotten += 1

    def has_room(self, _count: int) -> bool:
        return self.room

    def drop(self) -> None:
        self.dropped = True

    def cut(self, reason: Closing) -> None:
        raise AssertionError(f"cut since {reason}")


class FakeLimiter:
    """A limiter that decides as it is told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.verdict: Verdict | Exception = ADMITTED
        self.banned: set[str] = set()
        self.bans_on_count = False
        self.admitted: list[tuple[str | None, TokenKey, int, int]] = []
        self.minutes: list[int | None] = []
        self.rules: list[AddressRule] = []
        self.counted: list[str] = []
        self.counted_by: list[AddressRule] = []

    async def admit(
        self,
        address: str | None,
        key: TokenKey,
        limit: int,
        seconds: int = 60,
        *,
        minute: int | None = None,
        rule: AddressRule = COMMON,
    ) -> Verdict:
        self.admitted.append((address, key, limit, seconds))
        self.minutes.append(minute)
        self.rules.append(rule)
        if isinstance(self.verdict, Exception):
            raise self.verdict
        return self.verdict

    async def count_address(self, address: str, rule: AddressRule = COMMON) -> Ban | None:
        self.counted.append(address)
        self.counted_by.append(rule)
        return BAN if self.bans_on_count else None

    def known_ban(self, address: str) -> Ban | None:
        return BAN if address in self.banned else None

    def bans_in_force(self) -> list[Ban]:
        return []

    async def start(self) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError


class Lines(AccessLog):
    """An access log in memory; while it is full, calls wait for `emptied`."""

    def __init__(self) -> None:
        self.is_full = False
        self.takes_waiting = True
        self.emptied = asyncio.Event()
        self.lines: list[dict[str, Any]] = []
        self.sizes: list[int] = []

    def write(self, fields: Fields) -> None:
        self.lines.append(structs.asdict(fields) if isinstance(fields, Struct) else fields)

    async def room(self, size: int = 0) -> None:
        if not self.takes_waiting:
            raise LogFullError
        self.sizes.append(size)
        await self.emptied.wait()


class FakeSource:
    """What answers endpoints: as it is told, once its gate is open."""

    def __init__(self) -> None:
        self.answer: ProviderAnswer | Exception = ProviderAnswer(200, BODY)
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked: deque[ProviderRequest] = deque()

    async def __call__(self, request: ProviderRequest, timed: Timed) -> ProviderAnswer:
        self.asked.append(request)
        try:
            await self.gate.wait()
        finally:
            timed.provider_seconds = 0.25
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Reply:
    """What went out."""

    def __init__(self, status: int, lines: bytes, body: bytes) -> None:
        self.status = status
        self.headers = {name.decode(): value.decode() for name, value in headers_of(lines)}
        self.body = body

    @property
    def codes(self) -> list[str]:
        """The codes of its errors."""
        return [error["code"] for error in json.loads(self.body)["errors"]]


class Rig:
    """A pipeline, and all that it works with."""

    def __init__(
        self,
        *,
        products: tuple[Product, ...] = PRODUCTS,
        recorder: Recorder | None = None,
        validator: AnswerValidator | None = None,
        persons: Persons | None = None,
        policy: Policy = POLICY,
        store: Limiter | None = None,
        **options: Any,
    ) -> None:
        """Put it together; `store` decides on limits in place of the fake."""
        self.metrics = Metrics()
        self.lines = Lines()
        self.limiter = FakeLimiter()
        self.source = FakeSource()
        self.line = Line()
        self.renewals = 0
        self.verifier = TokenVerifier(KeyRing(secret_keys([SECRET]), renewable=True))
        self.registry = TokenRegistry()
        given = Options(user_id_required=lambda _endpoint: True, **{"dossier_seconds": 0.0, **options})
        limiter: Limiter = store or self.limiter
        self.admission = Admission(
            client_ip=ClientIp(allowlist=networks([EXEMPT])),
            limiter=limiter,
            metrics=self.metrics,
            access_log=self.lines,
            recorder=recorder,
            forbid_banned=given.forbid_banned,
            shadow=given.shadow,
        )
        self.pipeline = Pipeline(
            products=products,
            plans=plans_of(
                products,
                source_of=lambda _route: self.source,
                policy=policy,
                user_id_required=given.user_id_required,
            ),
            tokens=self.verifier,
            renew_keys=self._renew,
            registry=self.registry,
            limiter=limiter,
            admission=self.admission,
            refusals=Refusals(VERSIONS),
            origin=Origin(public_url=None, is_trusted=lambda _peer: False),
            persons=persons or Persons(None),
            recording=Recording(
                metrics=self.metrics,
                access_log=self.lines,
                versions=VERSIONS,
                recorder=recorder,
                validator=validator,
            ),
            options=given,
            metrics=self.metrics,
            access_log=self.lines,
        )

    async def _renew(self) -> None:
        self.renewals += 1

    async def call(
        self, target: str = f"{PATH}?{TRACE}", *, bearer: str | None = "", headers: Iterable[Header] = (), **given: Any
    ) -> Reply | None:
        """Make a call, with an ordinary token unless another is given; None if it got no answer."""
        text = token() if bearer == "" else bearer
        authorization = [] if text is None else [(b"authorization", b"Bearer " + text.encode())]
        scope = scope_of(target, headers=[*authorization, *headers], **given)
        scope[CONNECTION] = self.line
        replies: list[Reply] = []

        async def respond(status: int, lines: bytes, body: bytes) -> None:
            replies.append(Reply(status, lines, body))

        await self.pipeline.answer(scope, respond)
        return replies[0] if replies else None

    async def answered(self, target: str = f"{PATH}?{TRACE}", **given: Any) -> Reply:
        """Make a call that gets an answer."""
        reply = await self.call(target, **given)
        assert reply is not None
        return reply

    def count(self, sample: str, **labels: str) -> float:
        """The value of a metric; 0 if it is not there."""
        return self.metrics.registry.get_sample_value(sample, labels) or 0
