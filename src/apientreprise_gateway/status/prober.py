"""Asks from outside whether the gateways, the sources and the account side work.

Each gateway is asked for the list of its pings, one that answers for the ping of each source. What an answer says holds
as long as its `Cache-Control` allows, so that short "minutes" do not ask more often than the gateway likes.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import httpx
import structlog

from apientreprise_gateway.status.components import Component, Kind
from apientreprise_gateway.status.judging import State

LONGEST_ASK: Final = 10.0
"""Seconds that an answer may take."""
MOST_AT_ONCE: Final = 8
MOST_BYTES: Final = 1 << 20
_LONGEST_KEPT: Final = 10.0
"""Seconds that an answer holds at most beyond its own minute."""
_OF_STATUS: Final = {"ok": State.GOOD, "bad_gateway": State.BAD, "maintenance": State.MAINTENANCE}
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of a component; times are seconds of the steady clock."""

    state: State
    at: float
    until: float
    """Until when it need not be asked again."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: object
    seconds: float
    """For which it may be kept."""


class Prober:
    """Knows how to ask; keeps what was found last."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        components: Iterable[Component],
        *,
        gateways: Sequence[str],
        account: str | None,
        seconds: float,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """Ask nobody yet.

        Args:
            client: asks.
            components: all of them.
            gateways: the address of each gateway.
            account: the address of the account side; None if it is not asked.
            seconds: the length of a minute.
            steady: seconds of a clock that only goes forward.
        """
        self._client = client
        self._components = tuple(components)
        self._gateways = [address.rstrip("/") for address in gateways]
        self._account = None if account is None else account.rstrip("/")
        self._round = min(LONGEST_ASK, 0.8 * seconds)
        # In short minutes a slow answer belongs to a later one than its question.
        self._late = _LONGEST_KEPT if seconds <= _LONGEST_KEPT else 0.0
        self._steady = steady
        self._found: dict[str, Finding] = {}
        self._asked: dict[str, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(MOST_AT_ONCE)

    async def ask(self) -> dict[str, State]:
        """The state of each component that is asked about."""
        began = self._steady()
        works = await self._ask_gateways()
        now = self._steady()
        for component in self._components:
            if component.kind is Kind.SOURCE and works and not self._holds(component.id, now):
                self._begin(component.id, partial(self._ask_source, component, works[0]))
        if self._account is not None:
            self._begin("account", partial(self._ask_account, self._account))
        waiting = [task for task in self._asked.values() if not task.done()]
        if waiting:
            await asyncio.wait(waiting, timeout=self._round)
        return self._states(began)

    async def close(self) -> None:
        """Give up what is being asked."""
        for task in self._asked.values():
            task.cancel()
        await asyncio.gather(*self._asked.values(), return_exceptions=True)
        await self._client.aclose()

    def _states(self, began: float) -> dict[str, State]:
        """What is known of each component; a source that nobody could be asked about is unknown."""
        now = self._steady()
        states = {}
        for component in self._components:
            found = self._found.get(component.id)
            asked = bool(self._gateways) if component.kind is not Kind.ACCOUNT else self._account is not None
            if asked:
                holds = found is not None and (found.at >= began or now < found.until + self._late)
                states[component.id] = found.state if found is not None and holds else State.UNKNOWN
        return states

    def _holds(self, id_: str, now: float) -> bool:
        found = self._found.get(id_)
        return found is not None and now < found.until

    def _begin(self, id_: str, ask: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Ask, unless an earlier question waits for its answer still."""
        running = self._asked.get(id_)
        if running is None or running.done():
            self._asked[id_] = asyncio.create_task(ask())

    def _keep(self, id_: str, state: State, *, seconds: float = 0.0) -> None:
        now = self._steady()
        self._found[id_] = Finding(state, now, now + seconds)

    async def _ask_gateways(self) -> list[str]:
        """Ask each gateway about each API; returns the addresses of those that answer.

        An API fails where at least half of the gateways fail. Where none of them serves it, nothing is known of it.
        """
        apis = [component for component in self._components if component.kind is Kind.API]
        asked = [(component, address) for component in apis for address in self._gateways]
        answers = await asyncio.gather(*(self._get(address + (api.path or "")) for api, address in asked))
        works: list[str] = []
        for api in apis:
            said = [_of_index(answer) for (each, _), answer in zip(asked, answers, strict=True) if each.id == api.id]
            bad = said.count(State.BAD)
            known = bad + said.count(State.GOOD)
            state = State.UNKNOWN if not known else State.BAD if 2 * bad >= known else State.GOOD
            self._keep(api.id, state)
        for (_, address), answer in zip(asked, answers, strict=True):
            if _of_index(answer) is State.GOOD and address not in works:
                works.append(address)
            elif _of_index(answer) is State.BAD:
                _log.warning("status_probe_failed", gateway=address, status=answer and answer.status)
        return works

    async def _ask_source(self, component: Component, gateway: str) -> None:
        answer = await self._get(gateway + (component.path or ""))
        state = State.UNKNOWN
        if answer is not None and answer.status in (200, 502) and isinstance(answer.body, dict):
            state = _OF_STATUS.get(str(answer.body.get("status")), State.UNKNOWN)
        kept = 0.0 if answer is None else min(answer.seconds, _LONGEST_KEPT)
        self._keep(component.id, state, seconds=kept)

    async def _ask_account(self, address: str) -> None:
        answer = await self._get(f"{address}")
        state = State.GOOD if answer is not None and answer.status == 200 else State.BAD
        for component in self._components:
            if component.kind is Kind.ACCOUNT:
                self._keep(component.id, state)

    async def _get(self, address: str) -> _Answer | None:
        """The answer of an address; None if there is none in time, or one that is too long."""
        try:
            async with self._slots, asyncio.timeout(LONGEST_ASK), self._client.stream("GET", address) as response:
                content = b""
                async for part in response.aiter_bytes():
                    content += part
                    if len(content) > MOST_BYTES:
                        return None
                return _Answer(response.status_code, _json(response, content), _max_age(response))
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError):
            return None


def _of_index(answer: _Answer | None) -> State:
    """What an answer to the list of pings says of the API; one that asks to wait, or has no such page, says nothing."""
    if answer is not None and answer.status in (404, 429):
        return State.UNKNOWN
    good = answer is not None and answer.status == 200 and isinstance(answer.body, list)
    return State.GOOD if good else State.BAD


def _json(response: httpx.Response, content: bytes) -> object:
    try:
        return httpx.Response(response.status_code, content=content).json()
    except ValueError:
        return None


def _max_age(response: httpx.Response) -> float:
    for part in response.headers.get("Cache-Control", "").split(","):
        name, _, value = part.strip().partition("=")
        if name == "max-age" and value.isdecimal():
            return float(value[:6])
    return 0.0
