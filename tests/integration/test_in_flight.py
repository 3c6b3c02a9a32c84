"""Calls in flight: clients that go away, duplicates."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.site import (
    GOOD,
    GOOD_BODY,
    LONG,
    ROOMY,
    UNITE_LEGALE,
    Gate,
    Site,
    codes,
    fresh,
    hang,
    wait_until,
)
from support.site import site as started
from support.stub import always, answer
from support.wire import request, wire


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A gateway that lets duplicates pass."""
    with started(tmp_path_factory.mktemp("counting"), duplicates="count", **ROOMY) as counting:
        yield counting


def _go_away(site: Site, request_id: str) -> None:
    """Make a call, and close the connection once the provider has it."""
    with wire(site.program.port) as line:
        line.send(request(token=fresh(), headers={"X-Request-Id": request_id}))
        wait_until(lambda: bool(site.provider.requests))


def test_a_client_that_goes_away_takes_its_call_along(tmp_path: Path) -> None:
    """When the client closes, the connection to the provider is closed too, long before the deadline."""
    with started(tmp_path, hang, upstream_timeout="60") as own:
        _go_away(own, "goes-away")
        assert own.provider.closed.wait(LONG / 3)


def test_an_abandoned_call_is_traced_as_such(tmp_path: Path) -> None:
    """A call whose client went away is counted and traced as abandoned, not as answered, and the gateway goes on."""
    with started(tmp_path, hang) as own:
        _go_away(own, "goes-away")
        wait_until(lambda: own.metric("gateway_abandoned_total") == 1)
        own.provider.handler = GOOD
        assert own.call(token=fresh()).status_code == 200
        assert "goes-away" not in [line["request_id"] for line in own.lines()]
        assert [line["request_id"] for line in own.lines(event="abandoned")] == ["goes-away"]
        assert own.metric("gateway_in_flight") == 0
        assert "Traceback" not in own.program.all_logged()


def test_an_abandoned_call_is_no_longer_in_flight(site: Site) -> None:
    """A client that goes away and comes back is not told that its call is in flight."""
    token = fresh()
    site.provider.handler = hang
    with wire(site.program.port) as line:
        line.send(request(token=token))
        wait_until(lambda: bool(site.provider.requests))
    site.provider.handler = GOOD
    wait_until(lambda: site.call(token=token).status_code == 200)


def test_a_duplicate_is_refused_until_the_first_is_answered(site: Site) -> None:
    """The same call of the same token is refused while it is in flight, and passes afterwards."""
    token, gate = fresh(), Gate()
    site.provider.handler = gate
    with site.in_background(lambda: site.call(token=token)) as first:
        assert gate.arrived.wait(LONG)
        second = site.call(token=token, context="another context")
        gate.opened.set()
    assert (second.status_code, codes(second)) == (409, ["00015"])
    assert (first.result().status_code, first.result().content) == (200, GOOD_BODY)
    assert site.call(token=token).status_code == 200


def test_another_token_or_entity_is_no_duplicate(site: Site) -> None:
    """What differs in token, entity or parameters is not the same call."""
    token, gate = fresh(), Gate()
    site.provider.handler = gate
    with site.in_background(lambda: site.call(token=token)) as first:
        assert gate.arrived.wait(LONG)
        site.provider.handler = GOOD
        assert site.call(token=fresh()).status_code == 200
        assert site.call("/v4/insee/sirene/unites_legales/552032534", token=token).status_code == 200
        assert site.call(UNITE_LEGALE.replace("v4", "v3"), token=token).status_code == 200
        gate.opened.set()
    assert first.result().status_code == 200


def test_a_failed_call_is_no_longer_in_flight(site: Site) -> None:
    """After a failure of the provider the same call may be made again."""
    token = fresh()
    site.provider.handler = always(answer(b"", status=500))
    assert [site.call(token=token).status_code for _ in range(2)] == [502, 502]


def test_duplicates_may_be_counted_only(counting: Site) -> None:
    """With `GATEWAY_DUPLICATES=count` both calls are answered, and the metric counts one."""
    token, gate = fresh(), Gate()
    counting.provider.handler = gate
    with counting.in_background(lambda: counting.call(token=token)) as first:
        assert gate.arrived.wait(LONG)
        counting.provider.handler = GOOD
        assert counting.call(token=token).status_code == 200
        gate.opened.set()
    assert first.result().status_code == 200
    assert counting.metric("gateway_duplicates_total") == 1
