"""What an error that Redis answers is about: the whole store, what lies under one key, or one command alone.

Only the first makes a store count as away. What one key or one command meets is that call's trouble: nobody else's
calls may be decided otherwise because of it.
"""

import re
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Final

import structlog
from redis.exceptions import ResponseError

_log = structlog.get_logger(__name__)


class About(StrEnum):
    """What an error is about."""

    STORE = "store"
    """Nothing can be written, or asked at all."""
    KEY = "key"
    """What lies under a key of the command is not what should be there."""
    COMMAND = "command"
    """The command could not be carried out, and why is not known to be any other's trouble."""


CODES: Final = {
    "BUSY": About.STORE,  # a script runs and does not end
    "CLUSTERDOWN": About.STORE,
    "LOADING": About.STORE,
    "MASTERDOWN": About.STORE,
    "MISCONF": About.STORE,  # it cannot save, and takes no writes until it can
    "NOAUTH": About.STORE,
    "NOPERM": About.STORE,
    "NOREPLICAS": About.STORE,
    "OOM": About.STORE,
    "READONLY": About.STORE,
    "WRONGPASS": About.STORE,
    "WRONGTYPE": About.KEY,
    "ASK": About.COMMAND,
    "CROSSSLOT": About.COMMAND,
    "MOVED": About.COMMAND,
    "NOSCRIPT": About.COMMAND,
    "TRYAGAIN": About.COMMAND,
}
"""By the first word of the error."""
TEXTS: Final = (
    # Of servers before 7.0, which put the error of a script's command behind words of their own, and of all of them.
    ("ACL failure", About.STORE),
    ("max number of clients", About.STORE),
    ("unknown command", About.STORE),
    *[(code, about) for code, about in CODES.items() if about is not About.COMMAND],
    ("not an integer", About.KEY),
    ("not a valid float", About.KEY),
    ("not a float", About.KEY),
    ("would overflow", About.KEY),
    ("user_script", About.KEY),  # a script met a value that it can do nothing with
)
"""By what an error without a code of the table has in its text; the first that is found counts."""
_TELL_SECONDS: Final = 60.0
_SHOWN: Final = 200


def about(error: ResponseError) -> About:
    """What an error is about; one that is not in the tables is nobody's trouble but its command's."""
    text = str(error)
    code = error.status_code or text.partition(" ")[0]
    found = CODES.get(code)
    if found is not None:
        return found
    for words, meaning in TEXTS:
        if re.search(rf"\b{words}\b", text):
            return meaning
    return About.COMMAND


class Faults:
    """Tells of errors that are about one key or command: counts each, and writes a line a minute of each sort."""

    def __init__(
        self, part: str, *, on_fault: Callable[[About], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Tell of nothing yet.

        Args:
            part: what meets them, for the log.
            on_fault: told of each.
            clock: seconds that only go forward.
        """
        self._part = part
        self._on_fault = on_fault
        self._clock = clock
        self._told: dict[About, float] = {}

    def tell(self, error: ResponseError, meaning: About, key: str) -> None:
        """An error came of a command about a key."""
        self._on_fault(meaning)
        now = self._clock()
        if now - self._told.get(meaning, now - _TELL_SECONDS) < _TELL_SECONDS:
            return
        self._told[meaning] = now
        effect = "removed, and asked again" if meaning is About.KEY else "decided without the store"
        _log.error(
            "store_fault", part=self._part, about=meaning.value, key=key, reason=str(error)[:_SHOWN], effect=effect
        )
