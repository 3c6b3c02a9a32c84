"""Signals of a process that serves, from its first moment to its last.

Until a handler is there, and once it is gone again, a signal would end the process on the spot, halfway through what it
does: so it is held back by the system. What is held when handlers are set is obeyed then, what is held at the end is
void. Processes and threads that are started meanwhile hold them as well.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

STOP: Final = (signal.SIGTERM, signal.SIGINT)
RELOAD: Final = signal.SIGHUP
REOPEN: Final = signal.SIGUSR1
"""Asks to open the file of the access log anew, and for nothing else of a reload."""
_ALL: Final = (*STOP, RELOAD, REOPEN)


def hold() -> None:
    """Have the system hold these signals back from now on."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ALL)


def obey() -> None:
    """Let these signals come in, those that were held first: there are handlers for them now."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ALL)


@contextmanager
def held() -> Iterator[None]:
    """Hold them back in a block: a process that is started in it holds them until it can obey."""
    hold()
    try:
        yield
    finally:
        obey()
