"""The board on Redis.

Three kinds of keys, all of one hash tag and none more numerous than the sources: the numbers of all processes together,
the answers in force, and whose turn it is to probe. Whatever fails, the process goes on by itself, and one line of the
log says so.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

import orjson
import structlog
from redis.exceptions import RedisClusterException, RedisError, ResponseError

from apientreprise_gateway.pings.board import Answer, Status
from apientreprise_gateway.pings.evidence import Seen
from apientreprise_gateway.pings.probe import PROBE_SECONDS
from apientreprise_gateway.store.faults import About, Faults, about
from apientreprise_gateway.store.link import close
from apientreprise_gateway.store.words import redis_words

_SEEN: Final = "gw:{pings}:seen"
_SEEN_SECONDS: Final = 86_400
_COUNTS: Final = ("good", "bad")
_TURN_MILLISECONDS: Final = int(PROBE_SECONDS * 1000) + 1000
"""Longer than a probe takes; the answer that it brings is then in force for longer still."""
_FAILURES: Final = (RedisError, RedisClusterException, OSError)
_T = TypeVar("_T")
_log = structlog.get_logger(__name__)


class RedisBoard:
    """See `Board`."""

    def __init__(self, client: Any, *, on_fault: Callable[[About], None] = lambda _about: None) -> None:
        """Take a client of redis-py, for a server or for a Cluster, and what is told of errors about one key."""
        self._client = client
        self._faults = Faults("pings", on_fault=on_fault)
        self._away = False

    async def exchange(self, told: Mapping[str, Seen]) -> Mapping[str, Seen] | None:
        """See `Board.exchange`."""
        replies = await self._try(_SEEN, partial(self._add, told))
        return None if replies is None else _read(replies[-1])

    async def _add(self, told: Mapping[str, Seen]) -> list[Any]:
        pipeline = self._client.pipeline(transaction=False)
        for key, seen in told.items():
            for name, value in seen._asdict().items():
                if not value:
                    continue
                if name in _COUNTS:
                    pipeline.hincrby(_SEEN, f"{key} {name}", value)
                else:
                    pipeline.hset(_SEEN, f"{key} {name}", repr(value))
        if told:
            pipeline.expire(_SEEN, _SEEN_SECONDS)
        pipeline.hgetall(_SEEN)
        replies: list[Any] = await pipeline.execute()
        return replies

    async def read(self, key: str) -> Answer | None:
        """See `Board.read`."""
        return _answer(await self._ask("get", _answer_key(key)))

    async def publish(self, key: str, answer: Answer, *, now: float, replace: bool) -> Answer:
        """See `Board.publish`."""
        lives = max(1, round((answer.keep_until - now) * 1000))
        await self._ask("set", _answer_key(key), orjson.dumps(answer), px=lives, nx=not replace)
        return answer if replace else await self.read(key) or answer

    async def take_turn(self, key: str) -> bool:
        """See `Board.take_turn`."""
        taken = await self._ask("set", f"gw:{{pings}}:turn:{key}", "1", px=_TURN_MILLISECONDS, nx=True)
        return bool(taken) or self._away

    async def close(self) -> None:
        """See `Board.close`."""
        await close(self._client)

    async def _ask(self, command: str, *words: str | bytes, **options: Any) -> Any:
        """What Redis says for a ping; while it is away none waits for it, until `exchange` finds it again."""
        if self._away:
            return None
        return await self._try(str(words[0]), partial(getattr(self._client, command), *words, **options))

    async def _try(self, key: str, ask: Callable[[], Awaitable[_T]]) -> _T | None:
        """What Redis says; None if it cannot be asked, or not about this key."""
        try:
            try:
                reply = await ask()
            except ResponseError as error:
                reply = await self._repaired(key, ask, error)
        except _FAILURES as error:
            if isinstance(error, ResponseError) and about(error) is not About.STORE:
                return None
            if not self._away:
                _log.error(
                    "pings_not_shared", reason=redis_words(error), effect="each process answers by what it knows"
                )
            self._away = True
            return None
        if self._away:
            _log.info("pings_shared")
        self._away = False
        return reply

    async def _repaired(self, key: str, ask: Callable[[], Awaitable[_T]], error: ResponseError) -> _T:
        """What Redis says once what is not ours has been removed from a key; the error if it is not about that.

        All of a key goes, also what was added to it just now: nothing is counted twice.
        """
        meaning = about(error)
        if meaning is About.STORE:
            raise error
        self._faults.tell(error, meaning, key)
        if meaning is not About.KEY:
            raise error
        await self._client.unlink(key)
        return await ask()


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
    """Whether all of an answer can be reckoned with."""
    instants = (answer.at, answer.keep_until)
    told = tuple(time for time in (answer.ok_at, answer.until) if time is not None)
    return (
        all(type(time) in (int, float) for time in instants + told)
        and len(answer.totals) == len(_COUNTS)
        and all(type(total) is int for total in answer.totals)
    )


def _read(fields: Mapping[bytes, bytes]) -> dict[str, Seen]:
    """The numbers by source; what another version of this program may add to them is left out."""
    read: dict[str, dict[str, float]] = {}
    for field, value in fields.items():
        key, _, name = field.decode("utf-8", "replace").partition(" ")
        if name in Seen._fields:
            with suppress(ValueError):
                read.setdefault(key, {})[name] = int(value) if name in _COUNTS else float(value)
    return {key: Seen(**values) for key, values in read.items()}  # type: ignore[arg-type]  # counts are whole numbers
