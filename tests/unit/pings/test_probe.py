"""Tests of the calls that nobody made."""

import asyncio
from functools import partial
from urllib.parse import parse_qsl

import pytest
from structlog.testing import capture_logs

from apientreprise_gateway.contract.errors import network_error, provider_error
from apientreprise_gateway.contract.identification import CallMode
from apientreprise_gateway.contract.routes import Route, Routes
from apientreprise_gateway.gateway.components import pings
from apientreprise_gateway.gateway.settings import PingProbes
from apientreprise_gateway.pings.check import ask_all
from apientreprise_gateway.pings.probe import Finding, example_of, probe
from apientreprise_gateway.providers.entreprise.product import PROVIDERS
from apientreprise_gateway.providers.particulier.product import PARTICULIER
from apientreprise_gateway.upstream.faults import CallError, Fault
from apientreprise_gateway.upstream.reading import ProviderAnswer
from apientreprise_gateway.upstream.source import ProviderRequest, Timed
from unit.pings.lab import PROVIDER

ROUTE = Route(PROVIDER.endpoints[0], PROVIDER)


@pytest.mark.parametrize("route", [*Routes(PROVIDERS)], ids=lambda route: route.endpoint.operation)
def test_every_endpoint_has_an_example(route: Route) -> None:
    """The example of an endpoint is one that its own checks let pass, and names whoever must be named."""
    request = example_of(route)
    path, _, query = request.target.partition("?")
    found = Routes((route.provider,)).find(path.encode("ascii"))
    assert found is not None
    assert found.values == request.values
    for parameter, value in zip(route.endpoint.parameters, request.values, strict=True):
        assert parameter.kind.accepts(value)
    assert ("user_id=" in query) is route.endpoint.user_id
    assert request.request_id != example_of(route).request_id


@pytest.mark.parametrize("route", [*Routes(PARTICULIER.providers)], ids=lambda route: route.endpoint.operation)
def test_the_example_of_a_person(route: Route) -> None:
    """An endpoint about a person is asked for that of its examples, or for nobody if FranceConnect says who it is."""
    person = route.endpoint.person
    assert person is not None
    request = example_of(route)
    path, _, text = request.target.partition("?")
    assert path == route.endpoint.path
    given = [name for name, _ in parse_qsl(text)]
    shown = {parameter.name for parameter in person.parameters if parameter.example}
    assert set(given) == ({"ine"} if person.mode is CallMode.QUERY and "ine" in shown else shown)
    assert request.request_id.startswith("ping-")


async def test_nobody_is_made_up() -> None:
    """An operator's check leaves out what only an invented person could show, and says so."""
    asked = []

    async def ask(route: Route) -> Finding:
        asked.append(route.endpoint.operation)
        return Finding("ok", 200, 0.01)

    provider = PARTICULIER.providers[0]
    told: list[tuple[int, int]] = []
    for probes, status in ((PingProbes.ALLOWED, "unknown"), (PingProbes.ALL, "ok")):
        may_ask = partial(pings.may_ask, probes=probes)
        (found,) = await ask_all([provider], ask, may_ask=may_ask, on_progress=lambda *how: told.append(how))
        assert found.status == status
        assert bool(asked) is (probes is PingProbes.ALL)
    assert told == [(1, 1), (1, 1)]


async def test_a_good_answer() -> None:
    """An answer is ok; one with errors has the code of the first."""

    async def source(request: ProviderRequest, _timed: Timed) -> ProviderAnswer:
        assert request.target == "/v3/essai/ouvert/130025265"
        return ProviderAnswer(200, b"{}")

    async def unknown(_asked: ProviderRequest, _timed: Timed) -> ProviderAnswer:
        return ProviderAnswer(404, b"{}", ("97003",))

    assert (await probe(ROUTE, source))[:2] == ("ok", 200)
    assert (await probe(ROUTE, unknown))[:2] == ("97003", 404)


async def test_a_failure() -> None:
    """A failure has its code, its words, and what the connection says of it."""

    async def refused(_asked: ProviderRequest, _timed: Timed) -> ProviderAnswer:
        refusal = provider_error("001", prefix="97", name="Essai")
        raise refusal from CallError(Fault.REFUSED)

    async def broken(_asked: ProviderRequest, _timed: Timed) -> ProviderAnswer:
        raise network_error()

    finding = await probe(ROUTE, refused)
    assert (finding.outcome, finding.status, finding.cause) == ("97001", 502, Fault.REFUSED.value)
    assert finding.detail == "Le service du fournisseur Essai est indisponible."
    assert (await probe(ROUTE, broken))[:2] == ("00501", 502)


async def test_a_source_that_does_not_answer() -> None:
    """A probe does not wait longer than it is told to."""

    async def hangs(_asked: ProviderRequest, _timed: Timed) -> ProviderAnswer:
        await asyncio.Event().wait()
        raise AssertionError

    finding = await probe(ROUTE, hangs, seconds=0.01)
    assert (finding.outcome, finding.status, finding.cause) == ("97002", 504, "no answer within 0.01 s")


async def test_a_translation_that_is_wrong() -> None:
    """A mistake of ours is a failed probe, not one that is made again for each who asks; it is logged."""

    async def mistaken(_asked: ProviderRequest, _timed: Timed) -> ProviderAnswer:
        raise KeyError("uniteLegale")

    with capture_logs() as logs:
        finding = await probe(ROUTE, mistaken)
    assert (finding.outcome, finding.status, finding.cause) == ("97999", 502, "KeyError")
    assert [line["event"] for line in logs] == ["probe_failed"]
