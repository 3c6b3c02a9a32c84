"""Tests of the watch of clients that take too little of their answers, without a socket."""

import asyncio
from collections.abc import Callable

import pytest
from uvicorn.protocols.http.flow_control import FlowControl

from apientreprise_gateway.server.buffers import Budget
from apientreprise_gateway.server.stalls import StallWatch
from support.fake_connection import FakeTransport, ManualClock

SECONDS = 10


class Lab:
    """A watch with all that it needs, and what it has told."""

    def __init__(self, *, buffered: int, budget: Budget | None = None) -> None:
        self.clock = ManualClock()
        self.transport = FakeTransport(buffered=buffered)
        self.budget = budget or Budget()
        self.stalled = 0
        self.taken = 0
        self.watch = StallWatch(
            self.transport,
            self.clock,
            seconds=SECONDS,
            budget=self.budget,
            on_stalled=self._stalls,
            on_taken=self._takes,
        )

    def _stalls(self) -> None:
        self.stalled += 1

    def _takes(self) -> None:
        self.taken += 1

    def pass_time(self, seconds: float, take: Callable[[int], int]) -> None:
        """Let time pass; each second as much is left as is said of what was there."""
        for _ in range(int(seconds)):
            self.transport.buffered = take(self.transport.buffered)
            self.clock.advance(1)


def test_a_client_that_takes_nothing() -> None:
    """It is let go after its time, once."""
    lab = Lab(buffered=100_000)
    lab.watch.watch()
    lab.clock.advance(SECONDS - 1)
    assert lab.stalled == 0
    lab.clock.advance(2)
    assert lab.stalled == 1
    lab.clock.advance(100)
    assert lab.stalled == 1


@pytest.mark.parametrize(("per_second", "stalls"), [(1023, True), (1024, False)])
def test_a_client_that_takes_little(per_second: int, stalls: bool) -> None:
    """A kilobyte a second is enough."""
    lab = Lab(buffered=100_000)
    lab.watch.watch()
    lab.pass_time(SECONDS, lambda left: left - per_second)
    assert bool(lab.stalled) is stalls


def test_a_client_that_takes_all() -> None:
    """It is told so, holds nothing any more, and is watched no longer."""
    lab = Lab(buffered=100_000)
    lab.watch.watch()
    assert lab.budget.total == 100_000
    lab.pass_time(SECONDS, lambda left: max(0, left - 20_000))
    assert (lab.stalled, lab.taken, lab.budget.total, lab.clock.pending) == (0, 1, 0, 0)


def test_more_that_is_written_gives_no_more_time() -> None:
    """A watch that runs goes on; what is written meanwhile does not count as not taken."""
    lab = Lab(buffered=10_000)
    lab.watch.watch()
    lab.clock.advance(5)
    lab.watch.watch()
    lab.clock.advance(5)
    assert lab.stalled == 1


def test_a_watch_that_begins_anew() -> None:
    """Where writing has to wait, the time begins then."""
    lab = Lab(buffered=10_000)
    lab.watch.watch()
    lab.clock.advance(5)
    lab.watch.watch_anew()
    lab.clock.advance(9)
    assert lab.stalled == 0
    lab.clock.advance(1)
    assert lab.stalled == 1


@pytest.mark.parametrize("last", [False, True])
def test_most_was_taken(last: bool) -> None:
    """What is left of the last answer is watched; that of another one is, once more is written."""
    lab = Lab(buffered=10_000)
    lab.watch.watch()
    lab.transport.buffered = 100
    lab.watch.resumed(last=last)
    assert (lab.budget.total, lab.clock.pending) == (100, int(last))


def test_tls_holds_bytes_as_well() -> None:
    """What waits in TLS and what waits below it are both not taken."""
    lab = Lab(buffered=100)
    lab.watch.secured(FakeTransport(buffered=1000))
    assert lab.watch.unsent() == 1100
    assert lab.watch.held() == 1100


async def test_an_answer_that_waits_is_held() -> None:
    """An answer that may not be written yet is in the budget until it may."""
    lab = Lab(buffered=100)
    flow = FlowControl(lab.transport)
    flow.pause_writing()
    waiting = asyncio.ensure_future(lab.watch.drain(flow, 5000))
    await asyncio.sleep(0)
    assert lab.budget.total == 5100
    flow.resume_writing()
    await waiting
    assert lab.budget.total == 100


def test_how_fast_a_client_is() -> None:
    """It is not known in the first second; then it is what was taken in a second, unless that is fair."""
    lab = Lab(buffered=1_000_000)
    assert lab.watch.pace() is None
    lab.watch.watch()
    lab.clock.advance(0.5)
    assert lab.watch.pace() is None
    lab.transport.buffered = 980_000
    lab.clock.advance(1.5)
    assert lab.watch.pace() == 10_000
    lab.transport.buffered = 100_000
    assert lab.watch.pace() is None


def test_a_stalled_client_makes_room() -> None:
    """Without room for others the client that takes nothing is let go before its time."""
    lab = Lab(buffered=900, budget=Budget(1000))
    lab.watch.watch()
    assert not lab.budget.has_room(500)
    lab = Lab(buffered=900, budget=Budget(1000))
    lab.watch.watch()
    lab.clock.advance(2)
    assert lab.budget.has_room(500)
    assert lab.stalled == 1


def test_a_connection_that_is_lost() -> None:
    """Nothing of it is watched or held any more."""
    lab = Lab(buffered=900)
    lab.watch.watch()
    lab.watch.stop()
    assert (lab.budget.total, lab.clock.pending) == (0, 0)
