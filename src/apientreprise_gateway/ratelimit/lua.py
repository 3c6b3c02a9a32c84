"""The Lua scripts that count calls in Redis, and the types of the keys that each uses.

Each kind of window has key names of its own, with a version in them: two gateways with different kinds of window, or
different formats of their values, can share a Redis without using each other's keys.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Final, NamedTuple

from apientreprise_gateway.store.link import Command

REMEMBERED: Final = 4096
"""Packed commands of a kind that are cached; each has about half a kilobyte."""


class Holds(StrEnum):
    """The type of the value of a key, as `repair.lua` checks it."""

    BAN = "ban"
    INSTANTS = "instants"
    PERIOD = "period"


class Script(NamedTuple):
    """A Lua script, its SHA-1, by which Redis knows it, and the types of its keys."""

    text: str
    sha: str
    keys: tuple[Holds, ...]

    @classmethod
    def load(cls, name: str, *keys: Holds) -> "Script":
        """Read a script of this package."""
        text = (files(__package__) / "scripts" / f"{name}.lua").read_text()
        return cls(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest(), keys)

    def call(self, *keys: str, arguments: tuple[str | int, ...]) -> Command:
        """The command that runs it on these keys."""
        return Command(keys[0], ("EVALSHA", self.sha, len(keys), *keys, *arguments))

    def call_in_full(self, *keys: str, arguments: tuple[str | int, ...]) -> Command:
        """The same with its text, for what is run so seldom that the server may not know it.

        What a server does not know is sent again, and by then commands that were sent after it have been carried out.
        """
        return Command(keys[0], ("EVAL", self.text, len(keys), *keys, *arguments))


@dataclass(frozen=True, slots=True)
class WindowScripts:
    """The scripts of one kind of window, and the ending of the names of its keys."""

    form: str
    admit: Script
    forget: Script


SLIDING_FORM: Final = "s1"
"""Ending of the names of keys that hold a list of instants."""
FIRST_CALL_FORM: Final = "f1"
"""Ending of the names of keys that hold the hash of a period."""


def sliding() -> WindowScripts:
    """The scripts of `windows.SlidingWindow`."""
    return _scripts(SLIDING_FORM, "sliding", Holds.INSTANTS)


def first_call() -> WindowScripts:
    """The scripts of `windows.FirstCallWindow`."""
    return _scripts(FIRST_CALL_FORM, "first_call", Holds.PERIOD)


def address() -> Script:
    """The script that counts by address; its window is a list of instants, whatever kind the tokens have."""
    return Script.load("address", Holds.BAN, Holds.INSTANTS)


def _scripts(form: str, name: str, holds: Holds) -> WindowScripts:
    # A call is in one window or in two, of the same kind.
    return WindowScripts(form, Script.load(name, holds, holds), Script.load(f"forget_{name}", holds, holds))


class Scripts:
    """The scripts of a limiter."""

    def __init__(self, *scripts: Script) -> None:
        self._keys = {name: script.keys for script in scripts for name in (script.sha, script.text)}
        self._repair = Script.load("repair").text
        self.texts = {script.sha: script.text for script in scripts}
        """Their texts by their SHA-1."""

    def repair(self, command: Command) -> Command:
        """The command that removes those keys of another command that hold a wrong type."""
        if command.words[0] not in {"EVALSHA", "EVAL"}:  # it is about the index of bans, which is made again
            return Command(command.key, ("DEL", command.key))
        _, script, count, *rest = command.words
        keys = rest[: int(count)]
        return Command(command.key, ("EVAL", self._repair, len(keys), *keys, *self._keys[str(script)]))
