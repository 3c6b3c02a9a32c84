"""Tests of single checks."""

import json
from contextlib import nullcontext
from typing import Any

import pytest
from msgspec.structs import replace

from apientreprise_gateway.auth.records import TokenRecord
from apientreprise_gateway.auth.token import Token
from apientreprise_gateway.contract.errors import ConnectionDropped, Refusal
from apientreprise_gateway.dataplane.admission import Admission
from apientreprise_gateway.dataplane.call import Call
from apientreprise_gateway.dataplane.checks import MAX_TARGET_BYTES, Checks, authorize, limits_of
from apientreprise_gateway.dataplane.persons import Persons
from apientreprise_gateway.documents.origin import Origin
from apientreprise_gateway.net.addresses import networks
from apientreprise_gateway.net.client_ip import ClientIp
from apientreprise_gateway.observability.metrics import Metrics
from apientreprise_gateway.upstream.source import ProviderRequest
from support.tokens import JTI
from unit.dataplane.rig import (
    ADMITTED,
    BAN,
    CLIENT,
    LIMIT,
    OPERATION,
    PATH,
    REFUSED,
    SIREN,
    TRACE,
    FakeLimiter,
    Lines,
    Rig,
    call_of,
    plan,
)

KEPT = "api_entreprise_v4_insee_unites_legales"
DOCUMENT = "api_entreprise_v4_acoss_attestations_sociales"
CUSTOMS = "api_entreprise_v3_dgddi_eori"


class Bench:
    """The checks, and what they tell of themselves."""

    def __init__(self, *, shadow: bool = False, public_url: str | None = None) -> None:
        rig = Rig()
        self.metrics = Metrics()
        admission = Admission(
            client_ip=ClientIp(),
            limiter=FakeLimiter(),
            metrics=self.metrics,
            access_log=Lines(),
            shadow=shadow,
        )
        self.checks = Checks(
            routes=rig.pipeline._checks._routes,
            plans=rig.pipeline._checks._plans,
            tokens=rig.verifier,
            registry=rig.registry,
            admission=admission,
            origin=Origin(public_url=public_url, is_trusted=lambda _peer: False),
            metrics=self.metrics,
            persons=Persons(None),
        )

    def enforce(self, call: Call, verdict: Any) -> None:
        """Do as a limiter has decided."""
        self.checks.enforce_limit(call, plan(), verdict)

    def near(self) -> float | None:
        """How many calls were near their limit."""
        return self.metrics.registry.get_sample_value("gateway_near_limit_total", {"group": "json"})


def codes(refusal: Refusal) -> list[str]:
    """The codes of a refusal."""
    return [error.code for error in refusal.errors]


def asked(operation: str, values: list[str], query: str = TRACE, **given: Any) -> ProviderRequest:
    """What is asked of a provider for a call."""
    call = call_of(f"{PATH}?{query}", **given)
    call.headers = dict(call.scope["headers"])
    call.request_id = b"mine"
    call.parameters = dict(part.split("=") for part in query.split("&"))
    return Bench().checks.parameters(call, plan(operation), values)


@pytest.mark.parametrize(
    ("target", "method", "code"),
    [
        ("/v4/nothing", "GET", "00404"),
        (f"/v9{PATH[3:]}", "GET", "00402"),
        (PATH, "POST", "00405"),
        (PATH + "?" + "a" * MAX_TARGET_BYTES, "GET", "00406"),
    ],
)
def test_what_names_no_endpoint(target: str, method: str, code: str) -> None:
    """A path that names no endpoint, another version, another method or a target too long is refused as such."""
    with pytest.raises(Refusal) as refused:
        Bench().checks.find_endpoint(call_of(target, method=method))
    assert codes(refused.value) == [code]


def test_an_endpoint_is_found_with_its_parameters() -> None:
    """What the path and the query say is known from then on; what nobody reads is left out."""
    call = call_of(f"{PATH}?{TRACE}&nobody=reads+it")
    found, values = Bench().checks.find_endpoint(call)

    assert found.route.endpoint.operation == OPERATION == call.operation
    assert values == [SIREN]
    assert call.identifier == SIREN
    assert call.parameters == {"context": "essai", "recipient": "13002526500013", "object": "essai"}


@pytest.mark.parametrize(("remaining", "near"), [(LIMIT // 5 + 1, 0), (LIMIT // 5, 1), (0, 1)])
def test_calls_near_their_limit_are_told_of(remaining: int, near: int) -> None:
    """A call that leaves a fifth of its limit or less is counted as near it."""
    bench = Bench()
    bench.enforce(call_of(), replace(ADMITTED, remaining=remaining))
    assert (bench.near() or 0) == near


@pytest.mark.parametrize(("remaining", "near"), [(101, 0), (100, 1)])
def test_calls_near_the_limit_of_the_other_window(remaining: int, near: int) -> None:
    """A call is near its limit by the window that its headers do not show as well."""
    bench = Bench()
    bench.enforce(call_of(), replace(ADMITTED, limit=20, remaining=19, beside=(500, remaining)))
    assert (bench.near() or 0) == near


def test_a_call_over_its_limit_is_told_when_to_come_back() -> None:
    """A refused call has the seconds to wait, and the call keeps the verdict for its headers."""
    call = call_of()
    with pytest.raises(Refusal) as refused:
        Bench().enforce(call, REFUSED)

    assert codes(refused.value) == ["00429"]
    assert refused.value.headers == ((b"retry-after", b"17"),)
    assert call.verdict == REFUSED


def test_a_call_that_bans_gets_no_answer() -> None:
    """A call for which its address is banned is dropped."""
    with pytest.raises(ConnectionDropped):
        Bench().enforce(call_of(), replace(ADMITTED, ban=BAN))


def test_limits_in_shadow_refuse_nothing() -> None:
    """In shadow the call goes on, and both refusals are reported, each once."""
    bench, call = Bench(shadow=True), call_of()
    for _ in range(2):
        bench.enforce(call, replace(REFUSED, ban=BAN))

    assert call.shadowed == ("ban", "limit")


@pytest.mark.parametrize(
    ("scopes", "allowed", "code"),
    [(["other"], [], "00100"), (None, ["198.51.100.0/24"], "00107"), (None, ["192.0.2.0/24"], None), (None, [], None)],
)
def test_what_a_token_opens(scopes: list[str] | None, allowed: list[str], code: str | None) -> None:
    """A token opens an endpoint by one of its scopes, from the addresses that it may be used from."""
    call, given = call_of(), plan()
    call.client = CLIENT
    token = Token(
        jti=JTI, uid=JTI, scopes=given.scopes if scopes is None else frozenset(scopes), subject="", expires_at=None
    )
    expected = nullcontext() if code is None else pytest.raises(Refusal, match=f"code=.{code}")
    with expected:
        authorize(call, given, token, TokenRecord(allowed=networks(allowed) or None))


def test_a_token_may_have_a_limit_of_its_own() -> None:
    """A limit of the token's own takes the place of the group's; without one the group's holds."""
    assert limits_of(plan(), TokenRecord(limit_per_minute=7)) == (7, None)
    assert limits_of(plan(), TokenRecord()) == limits_of(plan(), None) == (LIMIT, None)


def test_what_is_asked_has_no_trace_of_the_caller() -> None:
    """The request has the path with its parameters, and of the query what the endpoint passes on."""
    request = asked(OPERATION, [SIREN])

    assert (request.target, list(request.values), request.query) == (PATH, [SIREN], {})
    assert (request.request_id, request.base_url) == ("mine", "")


def test_all_wrong_parameters_are_told_of() -> None:
    """Every wrong parameter has an error of its own, which names it."""
    with pytest.raises(Refusal) as refused:
        asked("api_entreprise_v3_gip_mds_effectifs_mensuels_etablissement", ["1", "13", "1800"], TRACE)

    assert refused.value.status == 422
    assert len({json.dumps(error.source) for error in refused.value.errors}) == 3


def test_a_provider_s_spelling_is_sent() -> None:
    """A parameter that its provider spells otherwise is asked for in that spelling."""
    request = asked(CUSTOMS, ["13002526500013"])

    assert list(request.values) == ["FR13002526500013"]
    assert "/FR13002526500013" in request.target


@pytest.mark.parametrize(
    ("headers", "fresh", "unkept"),
    [
        ([], False, False),
        ([(b"cache-control", b"no-cache")], True, False),
        ([(b"cache-control", b"no-store"), (b"cache-control", b"max-age=60")], True, True),
    ],
)
def test_callers_say_what_the_cache_may_do(headers: list[tuple[bytes, bytes]], fresh: bool, unkept: bool) -> None:
    """`Cache-Control` is read where answers may be kept, in however many headers it comes."""
    made = asked(KEPT, [SIREN], headers=headers)
    assert (made.fresh, made.unkept) == (fresh, unkept)


def test_links_begin_with_the_host_of_the_call() -> None:
    """What answers with documents is told what its caller reaches the gateway at, and nobody else."""
    host = [(b"host", b"gateway.example")]

    assert asked(DOCUMENT, [SIREN], headers=host).base_url == "http://gateway.example"
    assert asked(KEPT, [SIREN], headers=host).base_url == ""
