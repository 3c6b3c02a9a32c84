"""Tests of the bans."""

from apientreprise_gateway.contract.bans import DURATION, Ban, Reason
from apientreprise_gateway.ratelimit.bans import Bans
from apientreprise_gateway.ratelimit.windows import SECOND


def ban(address: str = "192.0.2.1", *, start: int = 0, reason: Reason = Reason.CEILING) -> Ban:
    """A ban."""
    return Ban(address=address, reason=reason, count=1001, start=start)


def test_twelve_hours() -> None:
    """A ban lasts 12 hours."""
    assert DURATION == 12 * 60 * 60 * SECOND
    assert ban(start=5).end == 5 + DURATION


def test_in_force_until_its_end() -> None:
    """A ban is in force up to the microsecond before its end, and forgotten at its end."""
    bans = Bans()
    given = bans.add(ban())
    assert bans.get("192.0.2.1", DURATION - 1) == given
    assert bans.get("192.0.2.1", DURATION) is None
    assert len(bans) == 0


def test_unknown_address() -> None:
    """An address without a ban has none."""
    bans = Bans()
    bans.add(ban())
    assert bans.get("192.0.2.2", 0) is None


def test_a_second_ban_changes_nothing() -> None:
    """While a ban is in force another one neither extends it nor replaces its reason."""
    bans = Bans()
    first = bans.add(ban())
    assert bans.add(ban(start=DURATION - 1, reason=Reason.IGNORED_429)) == first
    assert bans.get("192.0.2.1", 0) == first


def test_a_new_ban_after_the_end() -> None:
    """Once a ban has ended the same address can be banned again."""
    bans = Bans()
    bans.add(ban())
    again = ban(start=DURATION, reason=Reason.IGNORED_429)
    assert bans.add(again) == again
    assert bans.get("192.0.2.1", 2 * DURATION - 1) == again


def test_listed_oldest_first() -> None:
    """The bans in force are listed oldest first, without those that have ended."""
    bans = Bans()
    for number in range(4):
        bans.add(ban(f"192.0.2.{number}", start=number))
    assert [each.address for each in bans.in_force(DURATION + 1)] == ["192.0.2.2", "192.0.2.3"]
    assert len(bans) == 2


def test_ended_bans_are_forgotten() -> None:
    """Asking for the bans in force clears the memory of those that have ended."""
    bans = Bans()
    for number in range(1000):
        bans.add(ban(f"192.0.2.{number}", start=number))
    bans.add(ban("198.51.100.1", start=2 * DURATION))
    assert len(bans.in_force(2 * DURATION)) == 1
    assert len(bans) == 1


def test_no_clock_prolongs_a_ban() -> None:
    """A ban ends 12 hours after it was learnt at the latest, also if the clock was set back by a month meanwhile."""
    steady = [0.0]
    bans = Bans(steady=lambda: steady[0])
    bans.add(ban(start=30 * 24 * 3600 * SECOND))
    steady[0] = 12 * 3600 - 1
    assert bans.get("192.0.2.1", 0) is not None
    assert len(bans.in_force(0)) == 1
    steady[0] = 12 * 3600
    assert bans.in_force(0) == []
    assert bans.get("192.0.2.1", 0) is None
    assert bans.add(ban(start=5)).start == 5
