"""The checks on a call after its admission: each lets it pass, or raises the refusal that is its answer."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode

from apientreprise_gateway.auth.records import TokenRecord
from apientreprise_gateway.auth.registry import TokenRegistry
from apientreprise_gateway.auth.token import Token, TokenVerifier, authenticate
from apientreprise_gateway.cache import directives
from apientreprise_gateway.contract import query
from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.errors import Refusal, gateway_error, refuse
from apientreprise_gateway.contract.identifiers import is_recipient
from apientreprise_gateway.contract.query import UNDECODABLE
from apientreprise_gateway.contract.routes import Routes
from apientreprise_gateway.contract.traceability import CODES, NOT_A_SIRET
from apientreprise_gateway.dataplane.admission import Admission
from apientreprise_gateway.dataplane.call import Call, Check
from apientreprise_gateway.dataplane.persons import Persons, read_query
from apientreprise_gateway.dataplane.plan import Plan
from apientreprise_gateway.documents.origin import Origin
from apientreprise_gateway.net.asgi import Header
from apientreprise_gateway.observability.metrics import Metrics
from apientreprise_gateway.ratelimit.policy import own_limits
from apientreprise_gateway.ratelimit.port import Verdict
from apientreprise_gateway.upstream.source import ProviderRequest

MAX_TARGET_BYTES: Final = 16 * 1024
"""Bytes of the longest path and query that is read; the longest legitimate one carries a token of 8 kB."""
_NEAR_LIMIT: Final = 5
"""A call is counted as near its limit if at most one fifth of the limit is left."""
Flight = tuple[str, str]
"""What identifies a call in flight: the token's `jti`, and the encoded target."""
_NO_QUERY: Final[Mapping[str, str]] = MappingProxyType({})
_METHODS: Final = frozenset({"GET", "HEAD"})
_ALLOW: Final[tuple[Header, ...]] = ((b"allow", b"GET, HEAD"),)


class Checks:
    """The checks of the contract, from the second to the seventh."""

    def __init__(
        self,
        *,
        routes: Routes,
        plans: Mapping[str, Plan],
        tokens: TokenVerifier,
        registry: TokenRegistry,
        admission: Admission,
        origin: Origin,
        metrics: Metrics,
        persons: Persons,
        gone: Iterable[str] = (),
    ) -> None:
        """Configure them.

        Args:
            routes: finds endpoints by path.
            plans: the plans of the endpoints, by operation.
            tokens: verifies tokens.
            registry: records and revocations of single tokens.
            admission: refuses banned addresses.
            origin: finds the base URL of the gateway.
            metrics: where decisions are counted.
            persons: reads whom calls are about.
            gone: paths that led somewhere once.
        """
        self._routes = routes
        self._plans = plans
        self._tokens = tokens
        self._registry = registry
        self._admission = admission
        self._origin = origin
        self._metrics = metrics
        self._gone = frozenset(path.encode("ascii") for path in gone)
        self._persons = persons

    def find_endpoint(self, call: Call) -> tuple[Plan, list[str]]:
        """The plan of the called endpoint, and the path parameters; the query is read into the call.

        Raises:
            Refusal: 414 `00406`, 404 `00404` or `00402`, 410 `00910`, 405 `00405`.
        """
        scope = call.scope
        if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_TARGET_BYTES:
            raise refuse("00406")
        match = self._routes.find(scope["raw_path"])
        if match is None:
            raise self._no_such_path(scope["raw_path"])
        if match.route is None:
            raise refuse("00402")
        plan = call.plan = self._plans[match.route.endpoint.operation]
        call.operation = match.route.endpoint.operation
        call.identifier = None if plan.identifier is None else match.values[plan.identifier]
        if plan.person is not None:
            read_query(call, plan)
        else:
            call.parameters = query.read(scope["query_string"], plan.wanted)
        if scope["method"] not in _METHODS:
            raise refuse("00405", headers=_ALLOW)
        return plan, match.values

    def _no_such_path(self, raw_path: bytes) -> Refusal:
        if raw_path in self._gone:
            return refuse("00910")
        return refuse("00405", headers=_ALLOW) if raw_path == b"*" else refuse("00404")

    def authenticate(self, call: Call, plan: Plan) -> Token:
        """The verified token of a call.

        Raises:
            UnknownKeyError: no known key verifies it, but a newer one may.
            Refusal: as `auth.token.authenticate`.
        """
        given = plan.token(call.headers, call.parameters)
        call.token = authenticate(given, verifier=self._tokens, registry=self._registry)
        return call.token

    def enforce_limit(self, call: Call, plan: Plan, verdict: Verdict) -> None:
        """Apply the limiter's verdict; in shadow mode only report a refusal.

        Raises:
            ConnectionDropped: the address is banned, and its connection is to be closed.
            Refusal: 429 `00429`, or 403 `00901` for a banned address that gets an answer.
        """
        if verdict.ban is not None:
            self._admission.refuse_banned(call)
        call.verdict = verdict
        self._metrics.decisions(plan.group.name, "admitted" if verdict.admitted else "refused").inc()
        if verdict.admitted:
            other = verdict.beside
            if verdict.remaining * _NEAR_LIMIT <= verdict.limit or (other and other[1] * _NEAR_LIMIT <= other[0]):
                self._metrics.near_limit(plan.group.name).inc()
            return
        if not self._admission.is_shadow:
            raise refuse("00429", headers=((b"retry-after", b"%d" % verdict.retry_after),))
        self._admission.report_shadow(call, Check.LIMIT)

    def parameters(self, call: Call, plan: Plan, values: list[str]) -> ProviderRequest:
        """Check every parameter, and make the request to the provider.

        Args:
            call: the call.
            plan: the plan of its endpoint.
            values: its path parameters; they are changed in place into the provider's spelling.

        Raises:
            Refusal: 422, with one error per wrong parameter.
        """
        endpoint = plan.route.endpoint
        if plan.person is not None:
            return self._request(call, plan, self._persons.target(call, plan, plan.person), (), _NO_QUERY)
        wrong: list[tuple[str, str]] = []
        for parameter, value in zip(endpoint.parameters, values, strict=True):
            if not parameter.kind.accepts(value):
                wrong.append((parameter.kind.code_of(value), parameter.kind.source or parameter.name))
        passed_on = self._passed_on(call, endpoint, wrong) if endpoint.query or endpoint.user_id else _NO_QUERY
        if wrong:
            raise Refusal(422, *(gateway_error(code, source={"parameter": name}) for code, name in wrong))
        for place, spelling in plan.spellings:
            values[place] = spelling(values[place])
        target = plan.target.format(*values)
        if passed_on:
            target = f"{target}?{urlencode(passed_on)}"
        return self._request(call, plan, target, values, passed_on)

    def _passed_on(self, call: Call, endpoint: Endpoint, wrong: list[tuple[str, str]]) -> Mapping[str, str]:
        """The query parameters that are passed on; code and name of each that is refused are added to `wrong`."""
        passed_on: dict[str, str] = {}
        for parameter in endpoint.query:
            value = call.parameters.get(parameter.name)
            if value is None:
                continue
            if parameter.kind.accepts(value):
                passed_on[parameter.name] = value
            else:
                wrong.append((parameter.kind.code_of(value), parameter.name))
        if endpoint.user_id and "user_id" in call.parameters:
            passed_on["user_id"] = call.parameters["user_id"]
        return passed_on

    def _request(
        self, call: Call, plan: Plan, target: str, values: Sequence[str], passed_on: Mapping[str, str]
    ) -> ProviderRequest:
        endpoint = plan.route.endpoint
        wish = directives.NOTHING
        if endpoint.cache is not None and b"cache-control" in call.headers:
            wish = directives.wish(call.scope["headers"])
        return ProviderRequest(
            plan.route,
            target,
            values,
            passed_on,
            call.request_id.decode(),
            wish.fresh,
            wish.unkept,
            # Answers without documents may be cached for all callers, so no caller's `Host` may be in them.
            self._origin.configured if endpoint.document is None else self._origin.of(call.scope),
            plan.masks is not None and call.token is not None and plan.masks.hides_from(call.token.scopes),
        )


class InFlight:
    """The calls under way in this process."""

    def __init__(self, *, metrics: Metrics, refuses: bool) -> None:
        """Configure it; `refuses` is whether a call already in flight is refused. It is counted either way."""
        self._flights: set[Flight | None] = set()
        self.leave: Final = self._flights.discard
        """Removes a call that has ended; takes what `enter` returned."""
        self._metrics = metrics
        self._refuses = refuses

    def __len__(self) -> int:
        return len(self._flights)

    def enter(self, jti: str, target: str) -> Flight | None:
        """Add a call that is under way.

        Returns:
            What to pass to `leave` when it ends; None for a duplicate that is let pass, as only the first call counts.

        Raises:
            Refusal: 409 `00015`, the same call is in flight.
        """
        flight = (jti, target)
        if flight not in self._flights:
            self._flights.add(flight)
            return flight
        self._metrics.duplicates.inc()
        if self._refuses:
            raise refuse("00015")
        return None


def authorize(call: Call, plan: Plan, token: Token, record: TokenRecord | None) -> None:
    """Check that the token has a scope of the endpoint, and may be used from the client's address.

    Raises:
        Refusal: 403, `00100` for a token with none of the endpoint's scopes, `00107` for an address not allowed.
    """
    if plan.scopes and plan.scopes.isdisjoint(token.scopes):
        raise refuse("00100")
    if record is not None and not record.allows(call.client):
        raise refuse("00107")


def require_traceability(parameters: Mapping[str, str], *, required: tuple[str, ...], siret_recipient: bool) -> None:
    """Refuse a call whose traceability parameters are missing or blank.

    Args:
        parameters: the decoded query.
        required: their names, from `traceability.required_of`.
        siret_recipient: whether `recipient` must be a SIRET where it is given.

    Raises:
        Refusal: 422 with one error per missing parameter, else `00210` for a recipient that is no SIRET.
    """
    for name in required:
        value = parameters.get(name)
        if value is None or not value.strip() or UNDECODABLE in value:
            missing = (each for each in required if not _is_given(parameters.get(each)))
            raise Refusal(422, *(gateway_error(CODES[each]) for each in missing))
    if siret_recipient and (recipient := parameters.get("recipient")) and not is_recipient(recipient):
        raise refuse(NOT_A_SIRET)


def _is_given(value: str | None) -> bool:
    return value is not None and UNDECODABLE not in value and bool(value.strip())


def limits_of(plan: Plan, record: TokenRecord | None) -> tuple[int, int | None]:
    """Calls that a token may make to an endpoint's group: within its window, and within a minute beside it, if limited.

    `record` is the record of that token.
    """
    if record is None:
        return plan.limit, None
    return own_limits(plan.limit, plan.group, record.limit_per_minute, record.cap_per_minute)
