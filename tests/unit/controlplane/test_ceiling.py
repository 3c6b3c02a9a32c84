"""The ceiling of the control plane."""

import pytest

from apientreprise_gateway.controlplane.ceiling import Ceiling

SECOND = 1_000_000


class Clock:
    """A clock that is set by hand, in microseconds."""

    def __init__(self) -> None:
        self.now = 5 * SECOND

    def __call__(self) -> int:
        """The time."""
        return self.now


def test_so_many_calls_in_any_minute() -> None:
    """No more than the limit passes in any 60 s; refused calls count for nothing."""
    clock = Clock()
    ceiling = Ceiling(3, clock=clock)
    passed = []
    for _ in range(4000):
        if ceiling.hit("a") is None:
            passed.append(clock.now)
        clock.now += SECOND // 10
    assert len(passed) > 15
    assert all(later - earlier >= 60 * SECOND for earlier, later in zip(passed, passed[3:], strict=False))


@pytest.mark.parametrize("elapsed", [0, 1, SECOND // 2, 59 * SECOND, 60 * SECOND - 1])
def test_the_wait_is_enough_and_not_a_second_more(elapsed: int) -> None:
    """Who waits as told passes; a second less would not do."""
    clock = Clock()
    ceiling = Ceiling(1, clock=clock)
    assert ceiling.hit("a") is None
    clock.now += elapsed
    wait = ceiling.hit("a")
    assert wait is not None
    assert wait >= 1
    assert 0 <= elapsed + wait * SECOND - 60 * SECOND < SECOND
    clock.now += wait * SECOND
    assert ceiling.hit("a") is None


def test_addresses_are_counted_apart_and_few_are_remembered() -> None:
    """One address uses up nothing of another's; of too many, the one that was seen last longest ago is forgotten."""
    ceiling = Ceiling(1, addresses=2, clock=Clock())
    assert [ceiling.hit(address) for address in ("a", "b")] == [None, None]
    assert ceiling.hit("a") == 60
    assert ceiling.hit("c") is None
    assert len(ceiling) == 2
    assert ceiling.hit("a") == 60
    assert ceiling.hit("b") is None
