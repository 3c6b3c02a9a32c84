"""Tests of the watch whether a client is still there."""

from apientreprise_gateway.server.presence import PresenceWatch, has_gone
from support.fake_connection import FakeTransport, ManualClock


class Watched:
    """A connection."""

    def __init__(self) -> None:
        self.reads_nothing = True
        self.gone = False
        self.looks = 0
        self.left = 0

    def client_has_gone(self) -> bool:
        """Whether it has."""
        self.looks += 1
        return self.gone

    def leave(self) -> None:
        """Close."""
        self.left += 1


def test_a_client_that_goes() -> None:
    """It is noticed within a quarter of a second, and told once."""
    clock, connection = ManualClock(), Watched()
    PresenceWatch(connection, clock).start()
    clock.advance(10)
    assert connection.left == 0
    connection.gone = True
    clock.advance(0.25)
    assert connection.left == 1
    clock.advance(10)
    assert connection.left == 1


def test_a_connection_that_is_read_again() -> None:
    """The watch ends where reading would tell, and can begin anew."""
    clock, connection = ManualClock(), Watched()
    watch = PresenceWatch(connection, clock)
    watch.start()
    watch.start()
    assert clock.pending == 1
    connection.reads_nothing = False
    clock.advance(10)
    assert (connection.looks, clock.pending) == (0, 0)
    connection.reads_nothing = True
    watch.start()
    clock.advance(1)
    assert connection.looks == 4


def test_a_watch_that_is_stopped() -> None:
    """Nothing is looked for after that."""
    clock, connection = ManualClock(), Watched()
    watch = PresenceWatch(connection, clock)
    watch.start()
    watch.stop()
    watch.stop()
    clock.advance(10)
    assert connection.looks == 0


def test_a_connection_without_a_socket() -> None:
    """A connection whose socket is gone has no client any more."""
    assert has_gone(FakeTransport())
