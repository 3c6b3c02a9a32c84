"""The log of faults: exceptions that nothing in the code expects, in short lines.

Whoever has found a fault can cause it with every call. So it is logged in one line without a traceback, and each kind
once a minute at most, with the number of those left out since the line before.
"""

import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import structlog

EVERY_SECONDS: Final = 60.0
"""Seconds between two lines about the same fault."""
MAX_KINDS: Final = 256
"""Kinds of fault that are remembered; with one more, all are forgotten, and may be logged again within the minute."""
_PACKAGE: Final = str(Path(__file__).resolve().parents[1])
_LONGEST: Final = 200
_FRAMES: Final = 4
_log = structlog.get_logger(__name__)


class FaultLog:
    """Logs faults, each kind of them once a minute at most."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: dict[tuple[str, str, str], tuple[float, int]] = {}

    def tell(self, event: str, error: BaseException, *, worded: bool = True, **fields: Any) -> None:
        """Log a fault, unless one of its kind was logged within the last minute.

        Args:
            event: what failed.
            error: why; its text is cut, and its traceback to a few frames of this program.
            worded: whether to show the text, which may repeat what was sent.
            fields: further fields of the line.
        """
        kind = event, type(error).__name__, place(error)
        now = self._clock()
        told = self._told.get(kind)
        if told is not None and now - told[0] < EVERY_SECONDS:
            self._told[kind] = told[0], told[1] + 1
            return
        if told is None and len(self._told) >= MAX_KINDS:
            self._told.clear()
        self._told[kind] = now, 0
        if told is not None and told[1]:
            fields["untold"] = told[1]
        _log.error(event, reason=words(error) if worded else kind[1], at=kind[2], **fields)


def words(error: BaseException) -> str:
    """An exception as one short line: its type, and the beginning of its text."""
    text = " ".join(str(error).split())
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def place(error: BaseException) -> str:
    """Where an exception was raised: the last frames in this program, the outermost first."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(_PACKAGE)]
    return " > ".join(
        f"{Path(frame.filename).relative_to(_PACKAGE)}:{frame.lineno} {frame.name}" for frame in frames[-_FRAMES:]
    )
