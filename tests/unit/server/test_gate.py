"""Tests of the gate: who begins, who waits, who is refused, in which order."""

from collections import deque
from collections.abc import Callable
from typing import Any

from apientreprise_gateway.server.gate import BEGUN_PER_TURN, LASTING, RECEIVED, REFUSED_PER_TURN, TOO_MANY, Gate

MOST = 50
UNWATCHED = Gate().unwatched
FIRST = [f"first {number}" for number in range(UNWATCHED + BEGUN_PER_TURN)]
"""Calls that begin in one turn, if there were none before."""


class Asked:
    """A call."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.scope: Any = {}


class Hall:
    """A gate, the turns of an event loop, and what has become of calls."""

    def __init__(self) -> None:
        self.now = 100.0
        self.due: deque[Callable[[], None]] = deque()
        self.gate = Gate(most=MOST, clock=lambda: self.now, soon=self.due.append)
        self.begun: list[str] = []
        self.refused: list[str] = []

    def ask(self, name: str) -> Asked:
        """A call comes."""
        asked = Asked(name)
        if self.gate.unwatched:
            self.gate.unwatched -= 1
            self.begin(asked)
        else:
            self.gate.enter(asked, self.begin)
        return asked

    def crowd(self, count: int) -> list[str]:
        """As many calls as begin in a turn, then more; returns the names of these."""
        waiting = [str(number) for number in range(count)]
        for name in (*FIRST, *waiting):
            self.ask(name)
        return waiting

    def begin(self, asked: Asked) -> None:
        """Note what becomes of a call."""
        (self.refused if TOO_MANY in asked.scope else self.begun).append(asked.name)

    def turn(self, *, seconds: float = 0.0) -> None:
        """Have the next turn of the event loop come, some time later."""
        self.now += seconds
        for _ in range(len(self.due)):
            self.due.popleft()()

    def settle(self) -> None:
        """Have turns come until nothing is to be done."""
        while self.due:
            self.turn()


def test_few_calls_pass() -> None:
    """Calls that come one by one begin at once, however many, and few of them need a look at the turns."""
    hall = Hall()
    looks = 0
    for number in range(1000):
        hall.ask(str(number))
        looks += len(hall.due)
        hall.turn()
    assert (len(hall.begun), hall.gate.waiting, looks) == (1000, 0, 1000 // (UNWATCHED + 1))


def test_a_turn_begins_only_so_many() -> None:
    """The others wait for the next turns, in their order, and those that come later wait behind them."""
    hall = Hall()
    waiting = hall.crowd(2 * BEGUN_PER_TURN)
    assert (hall.begun, hall.gate.waiting) == (FIRST, 2 * BEGUN_PER_TURN)
    hall.turn()
    assert len(hall.begun) == len(FIRST) + BEGUN_PER_TURN
    hall.ask("late")
    hall.settle()
    assert hall.begun == [*FIRST, *waiting, "late"]
    assert (hall.gate.waiting, hall.refused) == (0, [])


def test_a_crowd_that_comes_at_once_is_answered() -> None:
    """More calls than may wait for long are all answered, if that takes less than half a second."""
    hall = Hall()
    waiting = hall.crowd(20 * MOST)
    turns = len(waiting) // BEGUN_PER_TURN + 1
    while hall.due:
        hall.turn(seconds=LASTING / (turns + 1))
    assert hall.begun == [*FIRST, *waiting]
    assert not hall.refused


def test_in_a_crowd_that_lasts_the_longest_waiting_are_refused() -> None:
    """A few in each turn, beside those that begin, while more wait than may."""
    hall = Hall()
    waiting = hall.crowd(3 * BEGUN_PER_TURN)
    hall.turn(seconds=LASTING + 0.1)
    assert hall.refused == waiting[:REFUSED_PER_TURN]
    assert hall.begun == [*FIRST, *waiting[REFUSED_PER_TURN : BEGUN_PER_TURN + REFUSED_PER_TURN]]
    for number in range(2 * BEGUN_PER_TURN):
        hall.ask(f"more {number}")
    hall.turn()
    assert len(hall.refused) == 2 * REFUSED_PER_TURN == hall.gate.refused


def test_as_many_as_may_wait_are_left() -> None:
    """None is refused that need not be."""
    hall = Hall()
    waiting = hall.crowd(MOST + 1)
    hall.turn(seconds=LASTING + 0.1)
    hall.settle()
    assert hall.refused == waiting[:1]
    assert hall.begun == [*FIRST, *waiting[1:]]


def test_it_recovers_at_once() -> None:
    """Once nobody waits, the next crowd is a new one."""
    hall = Hall()
    hall.crowd(2 * MOST)
    hall.turn(seconds=LASTING + 0.1)
    hall.settle()
    assert hall.refused
    hall.refused.clear()
    hall.begun.clear()
    waiting = hall.crowd(2 * MOST)
    hall.settle()
    assert (hall.begun, hall.refused) == ([*FIRST, *waiting], [])


def test_a_client_that_has_gone() -> None:
    """Its call is neither begun nor refused, and takes nobody's place."""
    hall = Hall()
    hall.crowd(0)
    gone = hall.ask("gone")
    hall.ask("here")
    hall.gate.leave(gone)
    hall.settle()
    assert hall.begun == [*FIRST, "here"]
    assert (hall.gate.waiting, hall.refused) == (0, [])


def test_calls_of_clients_that_have_gone_are_not_counted() -> None:
    """However many of them there were, nobody is refused who would not be without them."""
    hall = Hall()
    hall.crowd(0)
    hall.ask("here")
    gone = [hall.ask(f"gone {number}") for number in range(2 * MOST)]
    for each in gone:
        hall.gate.leave(each)
        hall.gate.leave(each)
    assert hall.gate.waiting == 1
    hall.turn(seconds=LASTING + 0.1)
    hall.settle()
    assert (hall.begun, hall.refused) == ([*FIRST, "here"], [])


def test_a_wait_is_part_of_the_call() -> None:
    """When a call came is told to who answers it."""
    hall = Hall()
    hall.crowd(0)
    assert hall.ask("late").scope[RECEIVED] == 100.0
