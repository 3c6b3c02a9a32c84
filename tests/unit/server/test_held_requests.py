"""Tests of what connections hold of requests."""

from apientreprise_gateway.server.buffers import SMALL_BYTES, Budget
from apientreprise_gateway.server.held_requests import HeldRequests
from apientreprise_gateway.server.limits import Closing
from support.fake_connection import ManualClock


class Sender:
    """A connection by which a request comes in."""

    def __init__(self, count: int = 0, since: float | None = None) -> None:
        self.count = count
        self.since = since
        self.closed: list[Closing] = []

    def unanswered(self) -> int:
        """How many bytes of it there are."""
        return self.count

    def reads_head_since(self) -> float | None:
        """When its head began."""
        return self.since


def held(sender: Sender, budget: Budget, clock: ManualClock | None = None) -> HeldRequests:
    """What it holds."""
    return HeldRequests(sender, budget, clock or ManualClock(), close=sender.closed.append)


def test_an_ordinary_request_weighs_nothing() -> None:
    """What is small is in no budget."""
    budget = Budget(SMALL_BYTES)
    one = held(Sender(SMALL_BYTES), budget)
    one.enter()
    assert (one.weighs, budget.total) == (False, 0)


def test_a_large_request_is_held_until_it_is_answered() -> None:
    """It is entered as it grows, and gone once it is small again."""
    budget, sender = Budget(), Sender(SMALL_BYTES + 1)
    one = held(sender, budget)
    one.enter()
    sender.count = 3 * SMALL_BYTES
    one.enter()
    assert (one.weighs, budget.total) == (True, 3 * SMALL_BYTES)
    sender.count = 0
    one.enter()
    assert (one.weighs, budget.total) == (False, 0)


def test_no_room() -> None:
    """A connection whose request finds no room is closed, and holds nothing."""
    budget, sender = Budget(SMALL_BYTES), Sender(2 * SMALL_BYTES)
    held(sender, budget).enter()
    assert (sender.closed, budget.total) == ([Closing.FULL], 0)


def test_a_slow_head_makes_room() -> None:
    """A head that has been coming in for more than a second goes, one that has just begun does not."""
    clock = ManualClock()
    budget = Budget(4 * SMALL_BYTES)
    slow, quick = Sender(2 * SMALL_BYTES, since=clock.time()), Sender(2 * SMALL_BYTES, since=clock.time() + 4.5)
    ones = [held(each, budget, clock) for each in (slow, quick)]
    clock.advance(5)
    for one in ones:
        one.enter()
    assert ones[0].pace() == 2 * SMALL_BYTES / 5
    assert ones[1].pace() is None
    other = Sender(2 * SMALL_BYTES)
    held(other, budget, clock).enter()
    assert (slow.closed, quick.closed, other.closed) == ([Closing.SLOW_REQUEST], [], [])


def test_a_body_is_nobody_s_fault() -> None:
    """Who is not sending a head is not asked to make room."""
    assert held(Sender(3 * SMALL_BYTES), Budget()).pace() is None


def test_a_connection_that_is_lost() -> None:
    """It holds nothing any more."""
    budget = Budget()
    one = held(Sender(2 * SMALL_BYTES), budget)
    one.enter()
    one.end()
    one.end()
    assert budget.total == 0
