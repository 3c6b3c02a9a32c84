"""Log and count of the errors of Redis that are about one key or one command."""

import time
from collections.abc import Callable
from typing import Final

import structlog

from apientreprise_gateway.store.errors import About

_TELL_SECONDS: Final = 60.0
_SHOWN: Final = 200
_log = structlog.get_logger(__name__)


class Faults:
    """Counts each error, and logs one line a minute about each kind of them."""

    def __init__(
        self, part: str, *, on_fault: Callable[[About], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Prepare to report.

        Args:
            part: the part of the gateway that meets them, for the log.
            on_fault: called for each error.
            clock: seconds that only go forward.
        """
        self._part = part
        self._on_fault = on_fault
        self._clock = clock
        self._told: dict[About, float] = {}

    def tell(self, error: Exception, meaning: About, key: str) -> None:
        """Report the error with which a command about a key was answered."""
        self._on_fault(meaning)
        now = self._clock()
        if now - self._told.get(meaning, now - _TELL_SECONDS) < _TELL_SECONDS:
            return
        self._told[meaning] = now
        effect = "removed, and asked again" if meaning is About.KEY else "decided without the store"
        _log.error(
            "store_fault", part=self._part, about=meaning.value, key=key, reason=str(error)[:_SHOWN], effect=effect
        )
