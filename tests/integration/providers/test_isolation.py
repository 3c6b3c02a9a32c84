"""One provider's trouble is not another's: caps, circuit breakers and maintenance of a started gateway."""

import asyncio
import json
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from support.site import (
    ENTREPRISE_V2,
    EXTRAIT_RCS,
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
from support.stub import Handler, always, answer
from support.wire import Wire, request, wire

CAP = 100
CALLS = 500
EAGER = ROOMY | {"duplicates": "count", "limit_json": "1000000"}
"""Settings under which one token makes many calls at once."""


class Split:
    """A provider of which INSEE's part can be told what to do, while the others are in good health."""

    def __init__(self, insee: Handler = GOOD) -> None:
        self.insee = insee
        self.asked = 0
        """Calls to INSEE that have come."""

    async def __call__(self, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one call."""
        if "insee" not in target and "entreprises" not in target:
            await GOOD(target, reader, writer)
            return
        self.asked += 1
        await self.insee(target, reader, writer)


async def _close(_target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


def insee(**settings: object) -> dict[str, str]:
    """Settings of INSEE alone."""
    return {f"providers__insee__{name}": str(value) for name, value in settings.items()}


def states(site: Site, provider: str = "insee") -> list[str]:
    """The changes of a provider's breaker that are in the operators' log."""
    site.program.all_logged()
    return [line["state"] for line in site.program.logged("breaker") if line["provider"] == provider]


def outcome(site: Site, name: str, provider: str = "insee") -> float:
    """How many calls to a provider ended so."""
    return site.metric(f'gateway_provider_calls_total{{outcome="{name}",provider="{provider}"}}')


def state(site: Site, name: str, provider: str = "insee") -> float:
    """How many processes have a provider's breaker in a state."""
    return site.metric(f'gateway_breaker_state{{provider="{provider}",state="{name}"}}')


# A provider that hangs.


def test_a_full_provider_answers_at_once(tmp_path: Path) -> None:
    """Of 500 calls together to a provider that hangs, as many as allowed wait; the rest do not."""
    gate = Gate()
    settings = EAGER | insee(max_calls=CAP) | {"upstream_timeout": "60"}
    with started(tmp_path, Split(gate), **settings) as site, ExitStack() as stack:
        token = fresh()
        lines = [stack.enter_context(wire(site.program.port)) for _ in range(CALLS)]
        for line in lines:
            line.send(request(token=token))
        # The provider answers nobody yet: whoever has an answer did not wait for it.
        wait_until(lambda: sum(line.is_readable() for line in lines) >= CALLS - CAP)
        wait_until(lambda: site.provider.connections >= CAP)
        refused = [line for line in lines if line.is_readable()]
        answers = [line.answer() for line in refused]
        assert {(each.status, *each.codes) for each in answers} == {(502, "01001")}
        assert all(each.json["errors"][0]["meta"] == {"provider": "INSEE", "retry_in": 10} for each in answers)
        assert len(refused) == CALLS - CAP
        assert site.provider.connections == CAP
        for _ in range(5):
            assert codes(site.call(token=fresh())) == ["01001"]
            assert site.call(EXTRAIT_RCS, token=fresh()).status_code == 200
        assert site.provider.connections == CAP + 1, "those of the other provider are its own"
        assert outcome(site, "busy") == CALLS - CAP + 5
        assert state(site, "closed") == 1, "what we did not ask says nothing about the provider"
        gate.opened.set()
        served = [line.answer() for line in lines if line not in refused]
        assert [(each.status, each.body) for each in served] == [(200, GOOD_BODY)] * CAP
        assert site.call(token=fresh()).status_code == 200


def test_a_hanging_provider_is_left_alone(tmp_path: Path) -> None:
    """Calls that time out, one after the other, open the breaker: from then on they are answered without asking."""
    provider = Split(hang)
    settings = EAGER | insee(timeout=0.1, breaker__silent=3, breaker__wait=3000, breaker__longest_wait=3000)
    with started(tmp_path, provider, **settings) as site:
        token = fresh()
        assert [codes(site.call(token=token)) for _ in range(3)] == [["01002"]] * 3
        for _ in range(5):
            response = site.call(token=token)
            assert (response.status_code, codes(response)) == (502, ["01001"])
            meta = response.json()["errors"][0]["meta"]
            assert meta["provider"] == "INSEE"
            assert 2900 < meta["retry_in"] <= 3000, "the seconds until the probe"
        assert provider.asked == 3
        assert site.call(EXTRAIT_RCS, token=token).status_code == 200
        assert (state(site, "open"), state(site, "closed"), state(site, "closed", "infogreffe")) == (1, 0, 1)
        assert (outcome(site, "002"), outcome(site, "open")) == (3, 5)
        assert site.metric('gateway_provider_seconds_count{provider="insee"}') == 3, (
            "calls that were not made took none"
        )
        assert [line["provider_seconds"] for line in site.lines() if line["codes"] == ["01001"]] == [None] * 5
        assert states(site) == ["open"], "one line, however many calls"
        flat = site.call(ENTREPRISE_V2, token=token)
        assert (flat.status_code, flat.json()["gateway_error"]) == (502, True)


def test_callers_who_wait_for_less_long_than_we_do(tmp_path: Path) -> None:
    """Callers who give up, one after the other, after most of the time let us know that a provider hangs."""
    provider = Split(hang)
    settings = EAGER | insee(timeout=1, breaker__silent=2, breaker__wait=3000, breaker__longest_wait=3000)
    with (
        started(tmp_path, provider, **settings) as site,
        httpx.Client(timeout=httpx.Timeout(LONG, read=0.7)) as hasty,
    ):
        for number in (1, 2):
            with pytest.raises(httpx.ReadTimeout):
                site.call(token=fresh(), client=hasty)
            wait_until(lambda number=number: outcome(site, "abandoned") + outcome(site, "002") == number)  # type: ignore[misc]
        assert codes(site.call(token=fresh())) == ["01001"]
        assert provider.asked == 2


def test_callers_who_go_away_at_once(tmp_path: Path) -> None:
    """Callers who do not wait say nothing about a provider."""
    provider = Split(hang)
    with started(tmp_path, provider, **EAGER, **insee(timeout=60, breaker__silent=1)) as site:
        for number in range(1, 6):
            with wire(site.program.port) as line:
                line.send(request(token=fresh()))
                wait_until(lambda number=number: provider.asked == number)  # type: ignore[misc]
            wait_until(lambda number=number: outcome(site, "abandoned") == number)  # type: ignore[misc]
        assert (state(site, "closed"), states(site)) == (1, [])


# A provider that is broken, and recovers.


@pytest.mark.parametrize(
    ("handler", "code", "calls"),
    [
        (_close, "00501", {"breaker__silent": 4}),
        (always(answer(b"{}", status=500)), "01000", {"breaker__calls": 4}),
        (always(answer(b"{}", status=503)), "01001", {"breaker__calls": 4}),
    ],
    ids=["connections that end", "500", "503"],
)
def test_a_broken_provider_recovers(tmp_path: Path, handler: Handler, code: str, calls: dict[str, int]) -> None:
    """The breaker opens on failures, stays open while its probes fail, and closes once one is answered."""
    provider = Split(handler)
    with started(tmp_path, provider, **EAGER, **insee(**calls, breaker__wait=0.1, breaker__longest_wait=0.1)) as site:
        token = fresh()
        assert [codes(site.call(token=token)) for _ in range(4)] == [[code]] * 4
        wait_until(lambda: states(site)[:1] == ["open"])  # lines are written beside the calls
        wait_until(lambda: site.call(token=token).status_code >= 500 and len(states(site)) > 2)
        assert states(site)[:3] == ["open", "half_open", "open"]
        provider.insee = GOOD
        wait_until(lambda: site.call(token=token).status_code == 200)
        wait_until(lambda: states(site)[-2:] == ["half_open", "closed"])
        assert [site.call(token=token).status_code for _ in range(5)] == [200] * 5
        assert state(site, "closed") == 1


def test_one_probe_at_a_time(tmp_path: Path) -> None:
    """While a probe is under way, all other calls are answered at once."""
    gate = Gate()
    provider = Split(_close)
    with started(tmp_path, provider, **EAGER, **insee(breaker__silent=1, breaker__wait=0.1)) as site:
        token = fresh()
        assert codes(site.call(token=token)) == ["00501"]
        provider.insee = gate
        before = provider.asked
        with wire(site.program.port) as probe:
            wait_until(lambda: _probes(probe, token, gate))
            assert [codes(site.call(token=token)) for _ in range(20)] == [["01001"]] * 20
            assert provider.asked == before + 1
            gate.opened.set()
            assert probe.answer().status == 200
        assert states(site) == ["open", "half_open", "closed"]


def _probes(line: Wire, token: str, gate: Gate) -> bool:
    """Call until a call reaches the provider."""
    line.send(request(token=token))
    wait_until(lambda: gate.arrived.is_set() or line.is_readable())
    if gate.arrived.is_set():
        return True
    line.answer()
    return False


OWN_FORM = b'{"errors":[{"code":"%b","title":"Titre","detail":"Un texte.","meta":{}}]}'


@pytest.mark.parametrize(
    "raw",
    [
        answer(b"{}", status=404),
        answer(b"{}", status=429),
        answer(b"{}", status=401),
        answer(b"{}", status=451),
        answer(b"<html>", content_type="text/html"),
        answer(OWN_FORM % b"04501", status=502),
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
    ],
    ids=["404", "429", "401", "451", "HTML", "an error about the entity", "not HTTP"],
)
def test_answers_that_are_no_trouble(tmp_path: Path, raw: bytes) -> None:
    """Whoever answers is there: what is wrong with an answer is told by its own code, as often as it comes."""
    provider = Split(always(raw))
    with started(
        tmp_path, provider, **EAGER, **insee(breaker__silent=1, breaker__calls=1, breaker__share=0.01)
    ) as site:
        token = fresh()
        found = [codes(site.call(token=token)) for _ in range(10)]
        assert found == [found[0]] * 10
        assert found[0] != ["01001"]
        assert (provider.asked, states(site)) == (10, [])


def test_trouble_that_the_provider_words_itself(tmp_path: Path) -> None:
    """An error in our own form that says the provider is down counts as one."""
    provider = Split(always(answer(OWN_FORM % b"01002", status=504)))
    with started(
        tmp_path, provider, **EAGER, **insee(breaker__calls=2, breaker__wait=3000, breaker__longest_wait=3000)
    ) as site:
        assert [codes(site.call(token=fresh())) for _ in range(3)] == [["01002"], ["01002"], ["01001"]]


def test_without_breakers(tmp_path: Path) -> None:
    """GATEWAY_BREAKER=off asks a provider in trouble all the same."""
    provider = Split(_close)
    with started(tmp_path, provider, breaker="off", **EAGER, **insee(breaker__silent=1)) as site:
        assert [codes(site.call(token=fresh())) for _ in range(10)] == [["00501"]] * 10


# Planned maintenance.


def test_maintenance(tmp_path: Path) -> None:
    """During planned maintenance a provider is not asked; callers learn in how many seconds it ends."""
    now = datetime.now(UTC)
    window = {"start": (now - timedelta(hours=1)).isoformat(), "end": (now + timedelta(hours=1)).isoformat()}
    provider = Split()
    with started(tmp_path, provider, **EAGER, **insee(maintenance=json.dumps([window]))) as site:
        token = fresh()
        response = site.call(token=token)
        assert (response.status_code, codes(response)) == (503, ["01020"])
        (error,) = response.json()["errors"]
        assert error["title"] == "Maintenance du fournisseur de données"
        assert error["meta"]["provider"] == "INSEE"
        left = (now + timedelta(hours=1) - datetime.now(UTC)).total_seconds()
        assert left <= error["meta"]["retry_in"] <= 3600
        assert isinstance(error["meta"]["retry_in"], int)
        flat = site.call(ENTREPRISE_V2, token=token)
        assert (flat.status_code, flat.json()) == (
            503,
            {"errors": ["Le service du fournisseur INSEE est en maintenance."], "gateway_error": True},
        )
        assert site.call(EXTRAIT_RCS, token=token).status_code == 200
        assert provider.asked == 0
        assert (outcome(site, "020"), state(site, "closed")) == (2, 1)
        line = site.line(response.headers["x-request-id"])
        assert (line["status"], line["codes"], line["provider_seconds"]) == (503, ["01020"], None)


def test_maintenance_that_is_over(tmp_path: Path) -> None:
    """Windows that are over, and those to come, refuse nothing; a gateway need not be restarted as one ends."""
    now = datetime.now(UTC)
    ending = now + timedelta(seconds=3)
    windows = [
        {"start": "2020-01-01T00:00:00Z", "end": "2020-01-02T00:00:00Z"},
        {"start": now.isoformat(), "end": ending.isoformat()},
        {"start": "2100-01-01T00:00:00Z", "end": "2100-01-02T00:00:00Z"},
    ]
    with started(tmp_path, Split(), **EAGER, **insee(maintenance=json.dumps(windows))) as site:
        wait_until(lambda: site.call(UNITE_LEGALE, token=fresh()).status_code == 200)
        assert datetime.now(UTC) >= ending


def test_weekly_maintenance(tmp_path: Path) -> None:
    """A window on every day of the week is in force on any day."""
    days = "monday,tuesday,wednesday,thursday,friday,saturday,sunday"
    window = {"days": days, "from": "00:00", "to": "00:00"}
    with started(tmp_path, Split(), **EAGER, **insee(maintenance=json.dumps([window]))) as site:
        assert codes(site.call(token=fresh())) == ["01020"]
