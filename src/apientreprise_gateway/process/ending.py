"""The end of a serving process: it exits within GATEWAY_STOP_TIMEOUT, even if something hangs.

Most of that time is for the calls in flight; the rest is for closing, above all for log lines that are not written yet.
What is not finished by then is cut off.
"""

import os
import threading
import time
from typing import Final, NoReturn

import structlog

from apientreprise_gateway.observability import logs

HURRIED_SECONDS: Final = 2.0
"""Seconds that a stop may still take once it is asked for a second time."""
_LOG_SECONDS: Final = 0.5
"""Seconds that the last lines of the operators' log may take to be written."""
_LONGEST_CLOSING_SECONDS: Final = 10.0
_log = structlog.get_logger(__name__)


def closing_seconds(stop_timeout: float) -> float:
    """Seconds of the stop timeout that are reserved for closing, after the calls in flight."""
    return min(stop_timeout / 2, max(1.0, stop_timeout / 5), _LONGEST_CLOSING_SECONDS)


def leave(status: int) -> NoReturn:
    """Exit with this status now, after at most half a second for the last log lines; no exit handler runs."""
    logs.drain(_LOG_SECONDS)
    os._exit(status)


class Deadline:
    """Ends the process when its time is over."""

    def __init__(self, seconds: float) -> None:
        """Start the countdown, in a thread of its own, as the event loop may hang."""
        self._at = time.monotonic() + seconds
        self._sooner = threading.Event()
        threading.Thread(target=self._watch, name="deadline", daemon=True).start()

    def shorten(self, seconds: float) -> None:
        """End the process in at most so many seconds from now."""
        self._at = min(self._at, time.monotonic() + seconds)
        self._sooner.set()

    def _watch(self) -> None:
        while (left := self._at - time.monotonic()) > 0:
            self._sooner.wait(left)
            self._sooner.clear()
        _log.error("stop_overdue", effect="what is not over is cut off")
        leave(1)
