"""Tests of what is told of an outage, and of how often Redis is looked for; no pause takes time here."""

import asyncio

import pytest

from apientreprise_gateway.store.outage import STEADY_SECONDS, Outage, Pace
from support.loops import complete_at_once


class Seeker:
    """Looks for a Redis that comes back when told to, and notes when."""

    def __init__(self) -> None:
        self.is_there = False
        self.looks: list[float] = []

    async def find(self) -> bool:
        """Whether it is there now."""
        self.looks.append(asyncio.get_running_loop().time())
        return self.is_there


def test_each_change_is_told_of_once() -> None:
    """However often it is found to be away, or there, that is told of when it changes."""
    told: list[tuple[bool, str]] = []
    outage = Outage(lambda is_there, reason: told.append((is_there, reason)))
    outage.end("first")
    for reason in ("second", "third"):
        outage.begin(reason)
    assert outage.is_away
    for reason in ("fourth", "fifth"):
        outage.end(reason)
    assert not outage.is_away
    assert told == [(False, "second"), (True, "fourth")]


def test_closing_tells_nobody() -> None:
    """Who closes knows that nothing can be asked any more."""
    told: list[bool] = []
    outage = Outage(lambda is_there, _reason: told.append(is_there))
    outage.close()
    assert outage.is_away
    assert told == []


def test_nobody_looks_for_a_redis_that_is_there() -> None:
    """The look-out rests until there is an outage."""
    seeker = Seeker()

    async def main() -> None:
        watching = asyncio.create_task(Outage(lambda _is_there, _reason: None).look_out(seeker.find, Pace(0.25, 2.0)))
        await asyncio.sleep(3600)
        watching.cancel()

    complete_at_once(main())
    assert seeker.looks == []


def test_it_is_looked_for_until_it_is_found() -> None:
    """While it is away for long, it is looked for at one pace, and found by the look after its return."""
    seeker, told = Seeker(), list[bool]()

    async def main() -> None:
        outage = Outage(lambda is_there, _reason: told.append(is_there))
        watching = asyncio.create_task(outage.look_out(seeker.find, Pace(0.25, 2.0)))
        outage.begin("the test says so")
        await asyncio.sleep(1.1)
        assert outage.is_away
        seeker.is_there = True
        await asyncio.sleep(3600)
        assert not outage.is_away
        watching.cancel()

    complete_at_once(main())
    assert seeker.looks == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.25])
    assert told == [False, True]


def test_one_that_comes_and_goes_is_looked_for_less_often() -> None:
    """Away again at once after each time that it was found, it is looked for after pauses that double to a bound."""
    seeker, pauses = Seeker(), list[float]()
    seeker.is_there = True

    async def main() -> None:
        loop = asyncio.get_running_loop()
        back = asyncio.Event()
        outage = Outage(lambda is_there, _reason: back.set() if is_there else None)
        watching = asyncio.create_task(outage.look_out(seeker.find, Pace(0.25, 2.0)))
        for rest in (0.0, 0.0, 0.0, 0.0, 0.0, STEADY_SECONDS):
            await asyncio.sleep(rest)
            began = loop.time()
            outage.begin("the test says so")
            back.clear()
            await back.wait()
            pauses.append(loop.time() - began)
        watching.cancel()

    complete_at_once(main())
    assert pauses == pytest.approx([0.25, 0.5, 1.0, 2.0, 2.0, 0.25])
