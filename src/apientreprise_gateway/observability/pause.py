"""Waiting in threads that must not end."""

import threading
from typing import Final

_NEVER: Final = threading.Event()


def pause(seconds: float) -> None:
    """Have a thread wait. `time.sleep` fails in it where a library sets the clock (libfaketime), and would end it."""
    _NEVER.wait(seconds)
