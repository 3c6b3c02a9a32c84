"""The errors that this room raises, and what an error reply of Redis is about.

redis-py's own errors do not leave the room. An error reply is about the whole store, about the value of one key, or
about one command alone. Only the first makes the store count as away: an error about one key or one command fails that
call, and must not change how other calls are decided.
"""

import re
from enum import StrEnum
from typing import Final

from redis.exceptions import RedisClusterException, RedisError, ResponseError

FAILURES: Final = (RedisError, RedisClusterException, OSError)
"""All that redis-py raises where Redis cannot be reached, or answers with an error."""


class About(StrEnum):
    """What an error reply is about."""

    STORE = "store"
    """Redis as a whole: it takes no writes, or no commands at all."""
    KEY = "key"
    """A key of the command, whose value has not the type or form that it should."""
    COMMAND = "command"
    """The command alone, as far as is known."""


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
"""What an error is about, by its first word."""
TEXTS: Final = (
    # Servers before 7.0 put the error of a script's command behind words of their own; some errors have no code at all.
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
"""What an error without a code of the table is about, by words in its text; the first that are found count."""


def about(error: ResponseError) -> About:
    """What an error is about; its command alone if it is not in the tables."""
    text = str(error)
    code = error.status_code or text.partition(" ")[0]
    found = CODES.get(code)
    if found is not None:
        return found
    for words, meaning in TEXTS:
        if re.search(rf"\b{words}\b", text):
            return meaning
    return About.COMMAND


class StoreError(Exception):
    """Redis has not carried out a command."""


class UnreachableError(StoreError):
    """Redis cannot be reached: no connection, no reply, or no way to find it."""


class ReplyError(StoreError):
    """Redis has answered with an error."""

    def __init__(self, text: str, about: About) -> None:
        super().__init__(text)
        self.about = about


def own_error(error: Exception) -> StoreError:
    """The error to raise instead of one of `FAILURES`, with the same text, or its type's name where it has none."""
    text = str(error) or type(error).__name__
    return ReplyError(text, about(error)) if isinstance(error, ResponseError) else UnreachableError(text)
