"""The board on Redis: how processes share counts and answers to pings.

Keys of three kinds, with one hash tag: one hash with the counts of all processes together and, for each source, the
answer in force and the process's turn to probe. If Redis fails, the process goes on alone, and one log line says so.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

import orjson
import structlog

from apientreprise_gateway.pings.board import Answer, Status
from apientreprise_gateway.pings.evidence import Seen
from apientreprise_gateway.pings.probe import PROBE_SECONDS
from apientreprise_gateway.store.client import Client, Word, repaired
from apientreprise_gateway.store.errors import About, ReplyError, StoreError
from apientreprise_gateway.store.faults import Faults
from apientreprise_gateway.store.outage import Outage
from apientreprise_gateway.store.words import redis_words

_SEEN: Final = "gw:{pings}:seen"
_SEEN_SECONDS: Final = 86_400
_COUNTS: Final = ("good", "bad")
_TURN_MILLISECONDS: Final = int(PROBE_SECONDS * 1000) + 1000
"""Milliseconds of a turn: longer than a probe may take; its answer is in force before the turn ends."""
_T = TypeVar("_T")
_log = structlog.get_logger(__name__)


class RedisBoard:
    """A `Board` in Redis."""

    def __init__(self, client: Client, *, on_fault: Callable[[About], None] = lambda _about: None) -> None:
        """Configure it; nothing is sent yet.

        Args:
            client: the Redis client.
            on_fault: called for each error that is about one key or one command.
        """
        self._client = client
        self._faults = Faults("pings", on_fault=on_fault)
        self._outage = Outage(_tell_of_change)

    async def exchange(self, told: Mapping[str, Seen]) -> Mapping[str, Seen] | None:
        """See `Board.exchange`."""
        replies = await self._try(_SEEN, partial(self._client.ask_all, _added(told)))
        return None if replies is None else _read(replies[-1])

    async def read(self, key: str) -> Answer | None:
        """See `Board.read`."""
        return _answer(await self._ask("GET", _answer_key(key)))

    async def publish(self, key: str, answer: Answer, *, now: float, replace: bool) -> Answer:
        """See `Board.publish`."""
        lives = max(1, round((answer.keep_until - now) * 1000))
        unless_there = () if replace else ("NX",)
        await self._ask("SET", _answer_key(key), orjson.dumps(answer), "PX", lives, *unless_there)
        return answer if replace else await self.read(key) or answer

    async def take_turn(self, key: str) -> bool:
        """See `Board.take_turn`."""
        taken = await self._ask("SET", f"gw:{{pings}}:turn:{key}", "1", "PX", _TURN_MILLISECONDS, "NX")
        return bool(taken) or self._outage.is_away

    async def close(self) -> None:
        """See `Board.close`."""
        await self._client.close()

    async def _ask(self, command: str, key: str, *words: Word) -> Any:
        """The reply to a command; None at once while Redis is away, until `exchange` reaches it again."""
        if self._outage.is_away:
            return None
        return await self._try(key, partial(self._client.ask, command, key, *words))

    async def _try(self, key: str, ask: Callable[[], Awaitable[_T]]) -> _T | None:
        """The reply of Redis; None if it cannot be reached, or refuses this command or key."""

        async def remove(error: ReplyError) -> None:
            """Delete the whole key, with what was just added to it, so that a retry counts nothing twice."""
            self._faults.tell(error, error.about, key)
            await self._client.ask("UNLINK", key)

        try:
            reply = await repaired(ask, remove)
        except StoreError as error:
            if isinstance(error, ReplyError) and error.about is not About.STORE:
                if error.about is About.COMMAND:
                    self._faults.tell(error, error.about, key)
                return None
            self._outage.begin(redis_words(error))
            return None
        self._outage.end("it answers again")
        return reply


def _tell_of_change(is_there: bool, reason: str) -> None:
    if is_there:
        _log.info("pings_shared")
    else:
        _log.error("pings_not_shared", reason=reason, effect="each process answers by what it knows")


def _added(told: Mapping[str, Seen]) -> list[tuple[Word, ...]]:
    """The commands that add this process's counts to the shared ones, then read them."""
    commands: list[tuple[Word, ...]] = []
    for key, seen in told.items():
        for name, value in seen._asdict().items():
            if value and name in _COUNTS:
                commands.append(("HINCRBY", _SEEN, f"{key} {name}", value))
            elif value:
                commands.append(("HSET", _SEEN, f"{key} {name}", repr(value)))
    if told:
        commands.append(("EXPIRE", _SEEN, _SEEN_SECONDS))
    return [*commands, ("HGETALL", _SEEN)]


def _answer_key(key: str) -> str:
    return f"gw:{{pings}}:answer:{key}"


def _answer(text: bytes | None) -> Answer | None:
    if text is None:
        return None
    try:
        fields = orjson.loads(text)
        answer = Answer(**{**fields, "status": Status(fields["status"]), "totals": tuple(fields["totals"])})
    except (ValueError, KeyError, TypeError):  # of another version of this program
        return None
    return answer if _is_sound(answer) else None


def _is_sound(answer: Answer) -> bool:
    """Whether the numbers of a stored answer have the right types."""
    instants = (answer.at, answer.keep_until)
    told = tuple(time for time in (answer.ok_at, answer.until) if time is not None)
    return (
        all(type(time) in (int, float) for time in instants + told)
        and len(answer.totals) == len(_COUNTS)
        and all(type(total) is int for total in answer.totals)
    )


def _read(fields: Mapping[bytes, bytes]) -> dict[str, Seen]:
    """The counts by source; fields that another version of this program may have added are left out."""
    read: dict[str, dict[str, float]] = {}
    for field, value in fields.items():
        key, _, name = field.decode("utf-8", "replace").partition(" ")
        if name in Seen._fields:
            with suppress(ValueError):
                read.setdefault(key, {})[name] = int(value) if name in _COUNTS else float(value)
    return {key: Seen(**values) for key, values in read.items()}  # type: ignore[arg-type]  # counts are whole numbers
