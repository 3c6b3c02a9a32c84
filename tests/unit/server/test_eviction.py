"""Tests of the decision who makes room for a new connection."""

from dataclasses import dataclass

from apientreprise_gateway.server.eviction import Eviction, Wait

NOW = 1000.0


@dataclass(eq=False)
class Connected:
    """A connection."""

    wait: Wait | None = None
    closing: bool = False


def idle(seconds: float) -> Connected:
    """One that has waited so long for its next request."""
    return Connected(Wait(is_idle=True, since=NOW - seconds))


def slow(seconds: float) -> Connected:
    """One whose request has been coming in for so long."""
    return Connected(Wait(is_idle=False, since=NOW - seconds))


def test_there_is_room() -> None:
    """Nobody has to go while there are as many as there may be, those that are closing aside."""
    connections = [idle(100), idle(50), Connected(closing=True)]
    assert Eviction().choose(connections, 2, NOW) == []


def test_the_one_that_was_idle_longest_goes() -> None:
    """Of those that wait for their next request the one goes that has waited longest."""
    connections = [idle(1), idle(100), idle(50)]
    assert Eviction().choose(connections, 2, NOW) == [connections[1]]


def test_slow_requests_go_first() -> None:
    """Who takes longer than a second for a request goes before all that are idle; who has just begun does not."""
    connections = [idle(100), slow(0.5), slow(2), slow(3)]
    assert Eviction().choose(connections, 3, NOW) == [connections[3]]
    assert Eviction().choose([connections[0], connections[1]], 1, NOW) == [connections[0]]


def test_one_in_twenty_goes() -> None:
    """With many connections more room is made than is needed, so that not each new one looks for it."""
    connections = [idle(seconds) for seconds in range(101)]
    chosen = Eviction().choose(connections, 100, NOW)
    assert chosen == connections[-1:-6:-1]


def test_nobody_can_go() -> None:
    """Connections that have something to do, or are closing, make no room."""
    connections = [Connected(), slow(0.5), Connected(Wait(is_idle=True, since=0), closing=True)]
    assert Eviction().choose(connections, 1, NOW) is None


def test_no_room_is_not_looked_for_all_the_time() -> None:
    """After a look that found nobody there is none for a moment, even if somebody could go by then."""
    eviction = Eviction()
    assert eviction.choose([Connected(), Connected()], 1, NOW) is None
    connections = [idle(10), Connected()]
    assert eviction.choose(connections, 1, NOW + 0.04) is None
    assert eviction.choose(connections, 1, NOW + 0.06) == [connections[0]]
