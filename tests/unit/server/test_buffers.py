"""What the connections of a process may hold."""

from apientreprise_gateway.server.buffers import Budget


class Clock:
    """A clock that is set by hand, in seconds."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now


class Holding:
    """A connection that holds bytes."""

    def __init__(self, count: int, pace: float | None) -> None:
        self.count = count
        self.given = pace
        self.gone = False
        self.looks = 0

    def held(self) -> int:
        """How many it holds."""
        self.looks += 1
        return self.count

    def pace(self) -> float | None:
        """How fast it goes about it."""
        return self.given

    def let_go(self) -> None:
        """Close."""
        self.gone = True


def enter(budget: Budget, *holders: Holding) -> None:
    """Enter what connections hold."""
    for holder in holders:
        budget.hold(holder, holder.count)


def test_what_is_held_is_counted_once() -> None:
    """A connection's bytes replace what it held before; with none it is forgotten."""
    budget = Budget(100)
    one = Holding(60, None)
    enter(budget, one, one)
    assert budget.total == 60
    budget.hold(one, 10)
    assert budget.total == 10
    budget.hold(one, 0)
    budget.hold(one, 0)
    assert (budget.total, budget.measure()) == (0, 0)


def test_the_slowest_make_room() -> None:
    """Without room the slowest go first, and no more of them than are needed, with a little to spare."""
    budget = Budget(100)
    fast, slow, slowest = Holding(40, 50.0), Holding(40, 20.0), Holding(20, 1.0)
    enter(budget, fast, slow, slowest)
    assert not slowest.gone
    assert budget.has_room(10)
    assert (slowest.gone, slow.gone, fast.gone) == (True, False, False)
    assert budget.has_room(50)
    assert (slow.gone, fast.gone) == (True, False)
    assert budget.total == 40


def test_what_was_taken_meanwhile_is_room() -> None:
    """Nobody has to go if clients have taken enough since they were looked at."""
    budget = Budget(100)
    one, other = Holding(60, 1.0), Holding(40, 1.0)
    enter(budget, one, other)
    one.count = 10
    assert budget.has_room(50)
    assert not one.gone
    assert not other.gone


def test_who_is_not_to_blame_stays() -> None:
    """Connections that cannot be judged keep what they have; then there is no room, nor a look for it at once."""
    clock = Clock()
    budget = Budget(100, clock=clock)
    one = Holding(100, None)
    enter(budget, one)
    assert not budget.has_room(1)
    looks = one.looks
    assert not budget.has_room(1)
    assert one.looks == looks
    one.given = 1.0
    clock.now += 1
    assert budget.has_room(1)
    assert one.gone
