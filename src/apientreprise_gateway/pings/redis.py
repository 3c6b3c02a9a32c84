"""The board on Redis.

Three kinds of keys, all of one hash tag and none more numerous than the sources: the numbers of all processes together,
the answers in force, and whose turn it is to probe. Whatever fails, the process goes on by itself, and one line of the
log says so.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final, TypeVar

import orjson
import structlog
from redis.exceptions import RedisClusterException, RedisError

from apientreprise_gateway.pings.board import Answer, Status
from apientreprise_gateway.pings.evidence import Seen
from apientreprise_gateway.pings.probe import PROBE_SECONDS
from apientreprise_gateway.ratelimit.link import close

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

    def __init__(self, client: Any) -> None:
        """Take a client of redis-py, for a server or for a Cluster."""
        self._client = client
        self._away = False

    async def exchange(self, told: Mapping[str, Seen]) -> Mapping[str, Seen] | None:
        """See `Board.exchange`."""
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
        replies = await self._try(pipeline.execute)
        return None if replies is None else _read(replies[-1])

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
        return None if self._away else await self._try(partial(getattr(self._client, command), *words, **options))

    async def _try(self, ask: Callable[[], Awaitable[_T]]) -> _T | None:
        """What Redis says; None if it cannot be asked."""
        try:
            reply = await ask()
        except _FAILURES as error:
            if not self._away:
                _log.error("pings_not_shared", reason=str(error), effect="each process answers by what it knows")
            self._away = True
            return None
        if self._away:
            _log.info("pings_shared")
        self._away = False
        return reply


def _answer_key(key: str) -> str:
    return f"gw:{{pings}}:answer:{key}"


def _answer(text: bytes | None) -> Answer | None:
    if text is None:
        return None
    try:
        fields = orjson.loads(text)
        return Answer(**{**fields, "status": Status(fields["status"]), "totals": tuple(fields["totals"])})
    except (ValueError, KeyError, TypeError):  # of another version of this program
        return None


def _read(fields: Mapping[bytes, bytes]) -> dict[str, Seen]:
    """The numbers by source; what another version of this program may add to them is left out."""
    read: dict[str, dict[str, float]] = {}
    for field, value in fields.items():
        key, _, name = field.decode().partition(" ")
        if name in Seen._fields:
            read.setdefault(key, {})[name] = int(value) if name in _COUNTS else float(value)
    return {key: Seen(**values) for key, values in read.items()}  # type: ignore[arg-type]  # counts are whole numbers
