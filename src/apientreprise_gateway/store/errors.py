"""The errors of this room, and what an error that Redis answers is about.

redis-py's own errors do not leave the room. An error reply is about the whole store, about what lies under one key, or
about one command alone. Only the first makes a store count as away: what one key or one command meets is that call's
trouble, and nobody else's calls may be decided otherwise because of it.
"""

import re
from enum import StrEnum
from typing import Final

from redis.exceptions import RedisClusterException, RedisError, ResponseError

FAILURES: Final = (RedisError, RedisClusterException, OSError)
"""All that redis-py raises where Redis cannot be asked, or answers with an error."""


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


class StoreError(Exception):
    """Redis has not done what it was asked to do."""


class UnreachableError(StoreError):
    """Redis cannot be asked: no connection, no reply, or no way to find it."""


class ReplyError(StoreError):
    """Redis has answered with an error."""

    def __init__(self, text: str, about: About) -> None:
        super().__init__(text)
        self.about = about


def own_error(error: Exception) -> StoreError:
    """What to raise in the place of one of `FAILURES`; its text is the same, or its name where it has none."""
    text = str(error) or type(error).__name__
    return ReplyError(text, about(error)) if isinstance(error, ResponseError) else UnreachableError(text)
