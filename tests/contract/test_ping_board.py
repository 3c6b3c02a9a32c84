"""Tests of what processes tell one another of the sources of data, on each kind of store."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from structlog.testing import capture_logs

from apientreprise_gateway.pings.board import Answer, Status
from apientreprise_gateway.pings.evidence import Seen
from apientreprise_gateway.pings.monitor import BAD_SECONDS
from apientreprise_gateway.pings.redis import RedisBoard
from apientreprise_gateway.store.client import client
from apientreprise_gateway.store.url import parse_url
from contract.shared import empty, nodes_of
from support.stores import Cluster, Server
from unit.pings.lab import CACHE_SECONDS, NOON, PROBED, REFUSED, SILENT, Clock, Lab

PATIENCE = 60.0
ANSWER = Answer(status=Status.OK, at=NOON, ok_at=NOON, keep_until=NOON + 60, totals=(3, 1))
BAD = Answer(status=Status.BAD, at=NOON, ok_at=None, keep_until=NOON + 60)


@pytest.fixture(params=["redis7", "valkey", "cluster"])
def store(request: pytest.FixtureRequest) -> Server | Cluster:
    """Each kind of store, empty."""
    found: Server | Cluster = request.getfixturevalue(request.param)
    empty(found)
    return found


def board(store: Server | Cluster) -> RedisBoard:
    """The board of a process."""
    return RedisBoard(client(parse_url(store.url), timeout=PATIENCE))


async def play(
    store: Server | Cluster, scenario: Callable[[RedisBoard, RedisBoard], Coroutine[Any, Any, None]]
) -> list[dict[str, Any]]:
    """Let two processes play a scenario; what they logged."""

    one, two = board(store), board(store)
    with capture_logs() as logs:
        try:
            await scenario(one, two)
        finally:
            await one.close()
            await two.close()
    return [dict(line) for line in logs]


async def test_what_is_counted_is_added_up(store: Server | Cluster) -> None:
    """The numbers of processes are added up, and of the times the last one told counts."""

    async def scenario(one: RedisBoard, two: RedisBoard) -> None:
        assert await one.exchange({}) == {}
        assert await one.exchange({"a/b/c": Seen(2, 0, 5.5), "d/e": Seen(0, 1, 0.0, 6.25)}) == {
            "a/b/c": Seen(2, 0, 5.5),
            "d/e": Seen(0, 1, 0.0, 6.25),
        }
        assert await two.exchange({"a/b/c": Seen(1, 4, 7.0, 8.0, 9.0)}) == {
            "a/b/c": Seen(3, 4, 7.0, 8.0, 9.0),
            "d/e": Seen(0, 1, 0.0, 6.25),
        }

    assert await play(store, scenario) == []


async def test_the_first_answer_is_everybodys(store: Server | Cluster) -> None:
    """An answer is in force for all until it ends; another does not take its place unless it is known to be wrong."""

    async def scenario(one: RedisBoard, two: RedisBoard) -> None:
        assert await one.read("a/b") is None
        assert await one.publish("a/b", ANSWER, now=NOON, replace=False) == ANSWER
        assert await two.publish("a/b", BAD, now=NOON, replace=False) == ANSWER
        assert await two.read("a/b") == ANSWER
        assert await two.read("a/c") is None
        assert await two.publish("a/b", BAD, now=NOON, replace=True) == BAD
        assert await one.read("a/b") == BAD

    assert await play(store, scenario) == []


async def test_one_at_a_time_probes(store: Server | Cluster) -> None:
    """Only one process takes the turn to probe a source."""

    async def scenario(one: RedisBoard, two: RedisBoard) -> None:
        assert sorted([await one.take_turn("a/b"), await two.take_turn("a/b"), await one.take_turn("a/b")]) == [
            False,
            False,
            True,
        ]
        assert await two.take_turn("a/c") is True

    assert await play(store, scenario) == []


async def test_what_is_kept_ends(store: Server | Cluster) -> None:
    """Every key has an end, and there are no more of them than sources."""

    async def scenario(one: RedisBoard, _two: RedisBoard) -> None:
        for _ in range(50):
            await one.exchange({"a/b": Seen(1, 1, 1.0, 1.0, 1.0)})
            await one.publish("a/b", ANSWER, now=NOON, replace=True)
            await one.take_turn("a/b")

    await play(store, scenario)
    lives = {
        key.decode(): int(node.command("PTTL", key)) for node in nodes_of(store) for key in node.command("KEYS", "*")
    }
    assert lives.keys() == {"gw:{pings}:seen", "gw:{pings}:answer:a/b", "gw:{pings}:turn:a/b"}
    assert 59_000 < lives["gw:{pings}:answer:a/b"] <= 60_000
    assert all(life > 0 for life in lives.values())


async def test_what_another_version_has_written(valkey: Server) -> None:
    """What cannot be read is not there, and takes nothing else with it."""
    empty(valkey)
    for text in (
        b"?",
        b"{}",
        b'{"status":"fine","totals":[]}',
        b'{"status":"ok","totals":[1,2],"colour":"blue"}',
        b"[]",
    ):
        valkey.command("SET", "gw:{pings}:answer:a/b", text.decode())
        valkey.command("HSET", "gw:{pings}:seen", "a/b colour", "blue", "a/b good", "7", "a", "b")

        async def scenario(one: RedisBoard, _two: RedisBoard) -> None:
            assert await one.read("a/b") is None
            assert await one.publish("a/b", ANSWER, now=NOON, replace=False) == ANSWER
            assert await one.exchange({}) == {"a/b": Seen(7)}

        assert await play(valkey, scenario) == []


async def processes(store: Server | Cluster, scenario: Callable[[Lab, Lab], Coroutine[Any, Any, None]]) -> None:
    """Let the pings of two processes play a scenario, by one clock."""
    clock = Clock()
    one, two = Lab(board=board(store), clock=clock), Lab(board=board(store), clock=clock)
    try:
        await scenario(one, two)
    finally:
        await one.pings.close()
        await two.pings.close()


async def test_processes_give_one_answer(store: Server | Cluster) -> None:
    """Whoever is asked, the answer is the same to the second, and one probe was made for it."""

    async def scenario(one: Lab, two: Lab) -> None:
        answers = await asyncio.gather(*(lab.answer() for lab in (one, two) for _ in range(20)))
        assert set(answers) == {answers[0]}
        assert one.probes + two.probes == 1
        one.clock.now += 30
        assert await one.answer() == await two.answer() == answers[0]

    await processes(store, scenario)


async def test_calls_through_one_process_tell_all(store: Server | Cluster) -> None:
    """What the callers of one process have met, another knows without a call or a probe of its own."""

    async def scenario(one: Lab, two: Lab) -> None:
        await two.pings.refresh()
        one.calls(SILENT, good=2)
        one.calls(PROBED, bad=2)
        await one.passes(1)
        await two.passes(1)
        assert (await two.status(SILENT), await two.status(PROBED)) == ("ok", "bad_gateway")
        assert await one.answer(SILENT) == await two.answer(SILENT)
        assert await one.answer(PROBED) == await two.answer(PROBED)
        assert one.probes + two.probes == 0

    await processes(store, scenario)


async def test_a_good_answer_that_another_contradicts(store: Server | Cluster) -> None:
    """Calls that fail through one process end the good answer of all."""

    async def scenario(one: Lab, two: Lab) -> None:
        await two.pings.refresh()
        assert await one.status() == await two.status() == "ok"
        one.calls(bad=3)
        await one.passes(1)
        assert await one.status() == "bad_gateway"
        await two.passes(1)
        assert await two.answer() == await one.answer()
        assert one.probes + two.probes == 1

    await processes(store, scenario)


async def test_a_process_that_starts_later(store: Server | Cluster) -> None:
    """It knows when a source last worked, although it has seen none of it."""

    async def scenario(one: Lab, two: Lab) -> None:
        one.calls(good=1)
        await one.passes(1)
        seen_at = one.clock.now
        two.finding = REFUSED
        two.clock.now += CACHE_SECONDS
        await two.pings.refresh()
        answer = await two.answer()
        assert (answer.status, answer.ok_at) == (Status.BAD, seen_at)

    await processes(store, scenario)


async def test_without_its_store_a_process_goes_on(valkey: Server) -> None:
    """While the store is away each process answers by what it knows; two lines of the log say so."""
    empty(valkey)
    with capture_logs() as logs:
        shared = board(valkey)
        patient, hasty = shared._client, client(parse_url(valkey.url), timeout=0.05)
        lab = Lab(board=shared)
        try:
            assert await lab.status() == "ok"
            valkey.freeze()
            shared._client = hasty
            lab.calls(bad=3)
            await lab.passes(2)
            assert await lab.status() == "bad_gateway"
            assert await lab.status(SILENT) == "unknown"
            lab.clock.now += BAD_SECONDS
            assert await lab.status() == "ok", "its own probe"
            valkey.thaw()
            shared._client = patient
            await lab.passes(3)
        finally:
            valkey.thaw()
            await lab.pings.close()
            await hasty.close()
    assert [line["event"] for line in logs] == ["pings_not_shared", "pings_shared"]
