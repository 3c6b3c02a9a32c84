"""The Lua scripts that count calls in Redis, and what each expects under the names that it is given.

Each kind of window has key names of its own, with a version in them: two gateways that differ in their kind, or in the
form of what they keep, share a Redis without meeting each other's keys.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from typing import Final, NamedTuple

from apientreprise_gateway.store.link import Command

_REMEMBERED: Final = 4096
"""Commands that are kept packed; about half a kilobyte each, and a call has two, of its token and of its address."""


class Holds(StrEnum):
    """What a key of ours holds, as `repair.lua` checks it."""

    BAN = "ban"
    INSTANTS = "instants"
    PERIOD = "period"


class Script(NamedTuple):
    """A Lua script, the name that Redis knows it by, and what its keys hold."""

    text: str
    sha: str
    keys: tuple[Holds, ...]

    @classmethod
    def load(cls, name: str, *keys: Holds) -> "Script":
        """Read a script of this package."""
        text = (files(__package__) / "scripts" / f"{name}.lua").read_text()
        return cls(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest(), keys)

    def call(self, *keys: str, arguments: tuple[str | int, ...]) -> Command:
        """The command that runs it."""
        return _evalsha(self.sha, keys, arguments)


@lru_cache(_REMEMBERED)
def _evalsha(sha: str, keys: tuple[str, ...], arguments: tuple[str | int, ...]) -> Command:
    """The same callers come again, with the same commands."""
    return Command(keys[0], ("EVALSHA", sha, len(keys), *keys, *arguments))


@dataclass(frozen=True, slots=True)
class WindowScripts:
    """The scripts of one kind of window, and what the names of its keys end in."""

    form: str
    admit: Script
    forget: Script


SLIDING_FORM: Final = "s1"
"""Ends the names of lists of instants."""
FIRST_CALL_FORM: Final = "f1"
"""Ends the names of hashes of a period."""


def sliding() -> WindowScripts:
    """The scripts of `windows.SlidingWindow`."""
    return _scripts(SLIDING_FORM, "sliding", Holds.INSTANTS)


def first_call() -> WindowScripts:
    """The scripts of `windows.FirstCallWindow`."""
    return _scripts(FIRST_CALL_FORM, "first_call", Holds.PERIOD)


def address() -> Script:
    """The script that counts by address; its window is a list of instants whatever the tokens' kind is."""
    return Script.load("address", Holds.BAN, Holds.INSTANTS)


def _scripts(form: str, name: str, holds: Holds) -> WindowScripts:
    return WindowScripts(form, Script.load(name, holds), Script.load(f"forget_{name}", holds))


class Scripts:
    """The scripts of a limiter, by the names that Redis knows them by."""

    def __init__(self, *scripts: Script) -> None:
        self._by_sha = {script.sha: script for script in scripts}
        self._repair = Script.load("repair").text
        self.texts = {script.sha: script.text for script in scripts}

    def repair(self, command: Command) -> Command:
        """The command that removes, of the keys of another one, those that do not hold what they should."""
        if command.words[0] != "EVALSHA":  # of the index of bans, which is made anew
            return Command(command.key, ("DEL", command.key))
        _, sha, count, *rest = command.words
        keys = rest[: int(count)]
        return Command(command.key, ("EVAL", self._repair, len(keys), *keys, *self._by_sha[str(sha)].keys))
