"""Waiting in threads that must not end."""

import threading
from typing import Final

_NEVER: Final = threading.Event()


def pause(seconds: float) -> None:
    """Wait in a thread. `time.sleep` raises where a library sets the clock (libfaketime), and would end the thread."""
    _NEVER.wait(seconds)
