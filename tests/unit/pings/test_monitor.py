"""Tests of the answers to pings, with a clock that is told the time."""

import asyncio

import pytest
from structlog.testing import capture_logs

from apientreprise_gateway.pings.board import Status
from apientreprise_gateway.pings.monitor import BAD_SECONDS, CALL_SECONDS
from apientreprise_gateway.pings.probe import Finding
from unit.pings.lab import CACHE_SECONDS, NOON, PROBED, REFUSED, SILENT, Clock, Lab


async def test_calls_tell_without_a_probe() -> None:
    """A source that answers its callers is ok, and is not asked."""
    lab = Lab()
    lab.calls(good=3)
    answer = await lab.answer(after=5)
    assert (answer.status, answer.at, answer.ok_at) == (Status.OK, NOON + 5, NOON + 5)
    assert answer.keep_until == NOON + 5 + CACHE_SECONDS
    assert lab.probes == 0


async def test_a_probe_tells_where_there_are_no_calls() -> None:
    """A source that nobody calls is asked once, and its answer stands for the catalogue's seconds."""
    lab = Lab()
    first = await lab.answer()
    assert first.status is Status.OK
    assert await lab.answer(after=CACHE_SECONDS - 1) == first
    assert lab.probes == 1
    second = await lab.answer(after=1)
    assert (second.at, lab.probes) == (NOON + CACHE_SECONDS, 2)
    assert lab.outcomes == ["ok", "ok"]


async def test_a_failed_probe() -> None:
    """A source that does not answer a probe is bad; that is looked into again after ten seconds, and logged."""
    lab = Lab()
    await lab.answer()
    lab.finding = REFUSED
    with capture_logs() as logs:
        bad = await lab.answer(after=CACHE_SECONDS)
    assert (bad.status, bad.ok_at) == (Status.BAD, NOON)
    assert [(line["event"], line["code"], line["cause"]) for line in logs] == [
        ("ping_failed", "97001", "the connection was refused")
    ]
    lab.finding = Lab().finding
    assert await lab.status(after=BAD_SECONDS - 1) == "bad_gateway"
    assert await lab.status(after=1) == "ok"
    assert lab.probes == 3


@pytest.mark.parametrize(("code", "status"), [("97003", 404), ("97005", 451), ("97422", 422)])
async def test_an_example_that_is_not_known(code: str, status: int) -> None:
    """A provider that does not know the example works all the same."""
    lab = Lab()
    lab.finding = Finding(code, status, 0.1)
    assert await lab.status() == "ok"


async def test_calls_contradict_a_good_answer() -> None:
    """A good answer does not outlive the calls that fail, however long it should stand."""
    lab = Lab()
    assert await lab.status() == "ok"
    lab.calls(bad=1)
    assert await lab.status(after=1) == "bad_gateway"
    assert lab.probes == 1, "the failure is news: no need to ask"


async def test_some_failures_do_not_contradict_a_good_answer() -> None:
    """A few failures among many good calls leave the answer as it is."""
    lab = Lab()
    lab.calls(good=95)
    first = await lab.answer(after=1)
    lab.calls(bad=5)
    assert await lab.answer(after=1) is first
    lab.calls(bad=50)
    assert await lab.status(after=1) == "bad_gateway"


async def test_back_after_failures_without_calls() -> None:
    """When calls have failed and then stopped, a probe tells that the source is back; old failures do not come back."""
    lab = Lab()
    lab.calls(bad=20)
    assert await lab.status(after=1) == "bad_gateway"
    assert await lab.status(after=BAD_SECONDS) == "ok"
    assert lab.probes == 1
    for _ in range(60):
        assert await lab.status(after=1) == "ok"
    assert lab.probes == 1


async def test_back_with_calls() -> None:
    """Under steady calls a source is bad while they fail, and ok within a minute and ten seconds after."""
    lab = Lab()
    await lab.passes(30, lambda: lab.calls(good=5))
    await lab.passes(30, lambda: lab.calls(bad=5))
    assert await lab.status() == "bad_gateway"
    await lab.passes(int(60 + BAD_SECONDS), lambda: lab.calls(good=5))
    assert await lab.status() == "ok"
    assert lab.probes == 0


async def test_a_source_that_is_not_probed() -> None:
    """Without calls it is unknown; its last call speaks for it for ten minutes."""
    lab = Lab()
    unknown = await lab.answer(SILENT)
    assert (unknown.status, unknown.ok_at) == (Status.UNKNOWN, None)
    lab.calls(SILENT, good=1)
    called = await lab.answer(SILENT, after=1)
    assert called.status is Status.OK
    assert await lab.status(SILENT, after=CALL_SECONDS - 1) == "ok"
    late = await lab.answer(SILENT, after=1)
    assert (late.status, late.ok_at) == (Status.UNKNOWN, called.at)
    lab.calls(SILENT, bad=1)
    assert await lab.status(SILENT, after=1) == "bad_gateway"
    assert await lab.status(SILENT, after=CALL_SECONDS - 1) == "bad_gateway"
    assert await lab.status(SILENT, after=BAD_SECONDS) == "unknown"
    assert lab.probes == 0


async def test_maintenance() -> None:
    """Planned maintenance comes before everything else, and asks nobody."""
    lab = Lab()
    lab.calls(good=5)
    assert await lab.status(after=1) == "ok"
    lab.until = NOON + 100
    answer = await lab.answer(after=1)
    assert (answer.status, answer.until, answer.ok_at) == (Status.MAINTENANCE, NOON + 100, NOON + 1)
    lab.until = None
    assert await lab.status(after=99) == "ok"
    assert lab.probes == 0


async def test_many_ask_and_one_probe_is_made() -> None:
    """However many ask at once, there is one probe, and all get its answer, also if the first goes away."""
    lab = Lab()
    lab.gate = asyncio.Event()
    asking = [asyncio.create_task(lab.pings.answer(PROBED)) for _ in range(200)]
    await asyncio.sleep(0)
    asking[0].cancel()
    await asyncio.sleep(0)
    lab.gate.set()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert len({id(answer) for answer in answers[1:]}) == 1
    assert lab.probes == 1


async def test_no_such_ping() -> None:
    """There are the pings of the catalogue, and no others."""
    lab = Lab()
    assert [ping.key for ping in lab.pings.index()] == [PROBED, SILENT]
    for key in ("", "essai", "essai/", "essai/ouvert/", "Essai/ouvert"):
        assert await lab.pings.answer(key) is None


async def test_what_is_known_is_told_each_second() -> None:
    """Metrics are told of the sources of which it is known whether they work, and of no other."""
    lab = Lab()
    await lab.passes(1)
    assert lab.told == []
    lab.calls(SILENT, bad=1)
    await lab.passes(1)
    assert lab.told == [(SILENT, False)]
    assert await lab.status() == "ok"
    await lab.passes(1)
    assert lab.told[1:] == [(PROBED, True), (SILENT, False)]
    lab.until = NOON + 100
    await lab.passes(1)
    assert lab.told[3:] == [(PROBED, False), (SILENT, False)]


async def test_closing_while_a_probe_is_under_way() -> None:
    """A process that stops does not wait for a probe."""
    lab = Lab()
    lab.gate = asyncio.Event()
    asking = asyncio.create_task(lab.pings.answer(PROBED))
    await asyncio.sleep(0)
    await lab.pings.close()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await lab.pings.watch()  # ends at once


async def test_what_a_predecessor_knows() -> None:
    """What is known is taken over, calls that are still counted there included; not of a provider that has changed."""
    old, new, other = Lab(), Lab(), Lab()
    assert await old.status() == "ok"
    old.calls(SILENT, good=1)
    new.pings.inherit(old.pings, keeps=lambda _provider: True)
    other.pings.inherit(old.pings, keeps=lambda _provider: False)
    assert await new.answer() == await old.answer()
    assert await new.status(SILENT) == "ok"
    old.calls(bad=2)
    new.calls(bad=1)
    assert await new.status(after=1) == "bad_gateway"
    assert (new.probes, await other.status(SILENT)) == (0, "unknown")


@pytest.mark.parametrize("set_back", [CACHE_SECONDS / 2, 3600.0, 30 * 86_400.0])
async def test_no_answer_outlives_its_length(set_back: float) -> None:
    """However far the clock is set back, a source is asked again when the length of its answer is over."""
    steady = Clock()
    lab = Lab(steady=steady)
    await lab.answer()
    lab.clock.now -= set_back
    steady.now += CACHE_SECONDS
    lab.finding = REFUSED
    assert await lab.status(after=CACHE_SECONDS) == "bad_gateway"
    assert lab.probes == 2
