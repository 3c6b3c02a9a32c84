"""Blocks the signals of a serving process while it has no handlers for them.

Before handlers are set, and after they are removed, a signal would kill the process at once, in the middle of its work.
So the system holds signals back (`pthread_sigmask`). A signal that is held when handlers are set is handled then; one
that is held at the end is lost. Processes and threads started while signals are held inherit the mask.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

STOP: Final = (signal.SIGTERM, signal.SIGINT)
RELOAD: Final = signal.SIGHUP
REOPEN: Final = signal.SIGUSR1
"""Asks to reopen the file of the access log, and for nothing else of a reload."""
_ALL: Final = (*STOP, RELOAD, REOPEN)


def hold() -> None:
    """Hold these signals back from now on."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ALL)


def obey() -> None:
    """Deliver these signals from now on, held ones first; call it once handlers are set."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ALL)


@contextmanager
def held() -> Iterator[None]:
    """Hold these signals back in a block; a process started in it keeps holding them until it calls `obey`."""
    hold()
    try:
        yield
    finally:
        obey()
