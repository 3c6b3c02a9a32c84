"""Whether sources of data work: what a started gateway says of them, over real sockets."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from apientreprise_gateway.providers.entreprise.product import PROVIDERS
from support import programs
from support.site import ATTESTATION_FISCALE, GOOD, LONG, ROOMY, UNITE_LEGALE, Gate, Site, fresh, hang, wait_until
from support.site import site as started
from support.stub import Handler, answer

SIRENE = "/ping/insee/sirene"
FISCALE = "/ping/dgfip/attestation_fiscale"
PINGS = [ping for provider in PROVIDERS for ping in provider.pings]


def failing(status: int = 500) -> Handler:
    """A provider that is broken."""

    async def handler(_target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"{}", status=status))

    return handler


def ping(site: Site, path: str = SIRENE, *, method: str = "GET") -> httpx.Response:
    """The answer to a ping, of somebody without a token."""
    return site.client.request(method, site.program.url + path)


def status(site: Site, path: str = SIRENE) -> str:
    """What a ping says."""
    body: dict[str, Any] = ping(site, path).json()
    return str(body["status"])


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Site]:
    """A gateway of the test's own."""
    with started(tmp_path, **ROOMY) as own:
        yield own


def test_ok_by_calls(own: Site) -> None:
    """A source whose callers are answered is ok, and nobody asks it anything for that."""
    assert own.call(token=fresh()).status_code == 200
    asked = len(own.provider.requests)
    found = ping(own)
    assert (found.status_code, found.json()["status"]) == (200, "ok")
    assert found.json()["last_update"] == found.json()["last_ok_status"]
    assert found.json().keys() == {"status", "last_update", "last_ok_status"}
    assert len(own.provider.requests) == asked


def test_ok_by_a_probe(own: Site) -> None:
    """A source that nobody has called is asked for a well-known entity, outside of limits and of the access log."""
    assert status(own) == "ok"
    (request,) = own.provider.requests
    assert request.startswith("GET /v4/insee/sirene/etablissements/13002526500013 HTTP/1.1\r\n")
    assert "\r\nX-Request-Id: ping-" in request
    assert own.metric('gateway_provider_probes_total{outcome="ok",provider="insee",source="insee/sirene"}') == 1
    assert own.metric('gateway_provider_calls_total{outcome="ok",provider="insee"}') == 0
    assert own.lines() == []
    wait_until(lambda: own.metric('gateway_provider_up{provider="insee",source="insee/sirene"}') == 1)


def test_a_provider_that_dies_and_comes_back(own: Site) -> None:
    """Calls that fail make the ping a 502 with a body at once; a probe finds out when the source is back."""
    own.call(token=fresh())
    good = ping(own).json()
    own.provider.handler = failing()
    assert own.call(token=fresh()).status_code == 502
    assert own.call(token=fresh()).status_code == 502
    found = ping(own)
    assert (found.status_code, found.json()["status"]) == (502, "bad_gateway")
    assert found.json()["last_ok_status"] >= good["last_ok_status"]
    assert found.headers["content-type"] == "application/json"
    assert ping(own, method="HEAD").status_code == 502
    own.provider.handler = GOOD
    wait_until(lambda: status(own) == "ok")
    assert ping(own, method="HEAD").content == b""


def test_a_provider_that_refuses_the_gateway(own: Site) -> None:
    """A source that refuses the gateway's credentials does not work for anybody, however fast it answers."""
    own.provider.handler = failing(401)
    assert status(own) == "bad_gateway"
    assert own.metric('gateway_provider_probes_total{outcome="006",provider="insee",source="insee/sirene"}') == 1


def test_a_provider_that_does_not_know_the_entity(own: Site) -> None:
    """A source that answers 404 works."""
    own.provider.handler = failing(404)
    assert status(own) == "ok"


def test_a_provider_that_hangs(own: Site) -> None:
    """A probe waits for five seconds, not for the ten of a call."""
    own.provider.handler = hang
    found = ping(own)
    assert found.json()["status"] == "bad_gateway"
    assert 4.9 < found.elapsed.total_seconds() < 9.5
    assert own.provider.closed.wait(LONG), "the connection is not kept"


def test_a_source_that_may_not_be_probed(own: Site) -> None:
    """Of a source that is asked for its callers alone nothing is known until one of them calls."""
    found = ping(own, FISCALE)
    assert (found.status_code, found.json()["status"], found.json()["last_ok_status"]) == (200, "unknown", None)
    assert own.provider.requests == []
    assert own.call(ATTESTATION_FISCALE, token=fresh()).status_code == 200
    wait_until(lambda: status(own, FISCALE) == "ok")
    assert len(own.provider.requests) == 1


def test_probes_can_be_turned_off(tmp_path: Path) -> None:
    """With `GATEWAY_PING_PROBES=none` pings call nobody."""
    with started(tmp_path, ping_probes="none") as own:
        assert {status(own, f"/ping/{each.key}") for each in PINGS} == {"unknown"}
        assert own.provider.requests == []


def test_planned_maintenance(tmp_path: Path) -> None:
    """While a maintenance that was planned is in force the ping says so, until when, and the provider is left alone."""
    begins, ends = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(hours=1)
    window = {"start": begins.isoformat(), "end": ends.isoformat()}
    with started(tmp_path, providers__insee__maintenance=json.dumps([window])) as own:
        assert own.call(token=fresh()).status_code == 503
        found = ping(own)
        assert (found.status_code, found.json()["status"]) == (200, "maintenance")
        assert found.json()["until"] == ends.isoformat(timespec="seconds")
        assert found.json()["last_ok_status"] is None
        assert own.provider.requests == []
        assert status(own, "/ping/infogreffe/rcs") == "ok"
        wait_until(lambda: "gateway_provider_up" in own.client.get(own.program.url + "/metrics").text)
        wait_until(lambda: own.metric('gateway_provider_up{provider="infogreffe",source="infogreffe/rcs"}') == 1)
        assert own.metric('gateway_provider_up{provider="insee",source="insee/sirene"}') == 0


def test_an_open_breaker(tmp_path: Path) -> None:
    """While a circuit breaker keeps calls away a ping makes none; it finds out when one may pass again."""
    breaker = {"providers__insee__breaker__silent": "2", "providers__insee__breaker__wait": "4"}
    with started(tmp_path, upstream_timeout="0.2", **breaker) as own:
        own.provider.handler = hang
        while own.metric('gateway_breaker_state{provider="insee",state="open"}') == 0:
            assert own.call(token=fresh()).status_code in {502, 504}
        own.provider.handler = GOOD
        asked = len(own.provider.requests)
        assert ping(own).status_code == 502
        assert len(own.provider.requests) == asked
        wait_until(lambda: status(own) == "ok")
        assert own.metric('gateway_breaker_state{provider="insee",state="closed"}') == 1


def test_a_flood_of_pings_is_one_probe(own: Site) -> None:
    """However many pings come at once, the provider is asked once."""
    gate = Gate()
    own.provider.handler = gate
    with ThreadPoolExecutor(50) as pool, httpx.Client(timeout=LONG, limits=httpx.Limits(max_connections=50)) as client:
        asking = [pool.submit(client.get, own.program.url + SIRENE) for _ in range(200)]
        assert gate.arrived.wait(LONG)
        gate.opened.set()
        answers = [each.result() for each in asking]
    assert {each.status_code for each in answers} == {200}
    assert len({each.content for each in answers}) == 1
    assert len(own.provider.requests) == 1


def test_a_ping_whose_client_goes_away(own: Site) -> None:
    """A client that does not wait for a probe does not stop it: the next one gets its answer."""
    gate = Gate()
    own.provider.handler = gate
    with httpx.Client(timeout=0.3) as hasty, pytest.raises(httpx.ReadTimeout):
        hasty.get(own.program.url + SIRENE)
    gate.opened.set()
    assert status(own) == "ok"
    assert len(own.provider.requests) == 1


def test_a_provider_with_a_language_of_its_own(tmp_path: Path) -> None:
    """A probe speaks the language of the provider that it asks."""
    (folder := tmp_path / "sandbox").mkdir()
    with programs.sandbox(folder) as sandbox:
        spoken = {
            "providers__insee__dialect": "sirene-3.11",
            "providers__insee__base_url": f"{sandbox.url}/dialects/sirene-3.11",
            "providers__european_commission__dialect": "vies-rest",
            "providers__european_commission__base_url": f"{sandbox.url}/dialects/vies-rest",
        }
        with started(tmp_path, failing(), **spoken) as own:
            assert status(own) == status(own, "/ping/european_commission/numero_tva") == "ok"
            assert own.provider.requests == []


def test_the_list(site: Site) -> None:
    """Every ping of the catalogue is in the list, with an address that answers; no token is asked for."""
    rows = site.client.get(site.program.url + "/pings").json()
    assert rows == [{"name": each.name, "url": f"{site.program.url}/ping/{each.key}"} for each in PINGS]
    for row in rows:
        assert site.client.get(row["url"]).json()["status"] in {"ok", "unknown", "bad_gateway"}


@pytest.mark.parametrize(
    "path", ["/ping/insee", "/ping/insee/sirene/", "/ping/nope/nope", "/ping/%2e%2e/livez", "/ping/"]
)
def test_an_unknown_ping(site: Site, path: str) -> None:
    """A ping that does not exist is 404 with an empty object."""
    found = ping(site, path)
    assert (found.status_code, found.json()) == (404, {})


def test_liveness_by_version(site: Site) -> None:
    """`/v2/ping` and its successors are empty, and ask nobody; the data plane keeps what only looks like them."""
    for version in (2, 3, 4, 17):
        found = ping(site, f"/v{version}/ping")
        assert (found.status_code, found.content) == (200, b"")
    assert site.provider.requests == []
    assert site.call(UNITE_LEGALE.replace("130025265", "ping"), token=fresh()).status_code == 422
    assert ping(site, "/v0/ping").status_code == 404


def test_the_demo_is_well(tmp_path: Path) -> None:
    """In `demo` every source is ok from the first ping on, those included that are not probed elsewhere."""
    with programs.start(tmp_path, "demo") as demo, httpx.Client(timeout=LONG) as client:
        found = {each.key: client.get(f"{demo.url}/ping/{each.key}").json()["status"] for each in PINGS}
    assert found == dict.fromkeys(found, "ok")
