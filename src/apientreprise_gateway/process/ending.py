"""The end of a process that serves: in time, whatever stands still.

GATEWAY_STOP_TIMEOUT is for all of it. Most is for the calls in flight; the rest is for closing, above all for lines
that are not written yet. What is not over by then is cut off.
"""

import os
import threading
import time
from typing import Final, NoReturn

import structlog

from apientreprise_gateway.observability import logs

HURRIED_SECONDS: Final = 2.0
"""What is left of a stop that was asked for twice."""
_LOG_SECONDS: Final = 0.5
"""How long the last lines of the operators' log may take to be written."""
_LONGEST_CLOSING_SECONDS: Final = 10.0
_log = structlog.get_logger(__name__)


def closing_seconds(stop_timeout: float) -> float:
    """Seconds of a stop that are left for closing, once the calls have had theirs."""
    return min(stop_timeout / 2, max(1.0, stop_timeout / 5), _LONGEST_CLOSING_SECONDS)


def leave(status: int) -> NoReturn:
    """End the process now, once its last lines are written or cannot be: nothing at its end may wait for anybody."""
    logs.drain(_LOG_SECONDS)
    os._exit(status)


class Deadline:
    """Ends the process when its time is over."""

    def __init__(self, seconds: float) -> None:
        """Begin to watch, in a thread of its own: the event loop may be what stands still."""
        self._at = time.monotonic() + seconds
        self._sooner = threading.Event()
        threading.Thread(target=self._watch, name="deadline", daemon=True).start()

    def shorten(self, seconds: float) -> None:
        """Leave so many seconds from now at the latest."""
        self._at = min(self._at, time.monotonic() + seconds)
        self._sooner.set()

    def _watch(self) -> None:
        while (left := self._at - time.monotonic()) > 0:
            self._sooner.wait(left)
            self._sooner.clear()
        _log.error("stop_overdue", effect="what is not over is cut off")
        leave(1)
