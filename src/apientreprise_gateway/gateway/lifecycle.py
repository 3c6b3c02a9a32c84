"""The life of a gateway's components: started in one order, inherited at a reload, closed in the opposite order.

A component is listed after those that its start needs. The order of `assembly.Parts.in_order`, and why:

- The recorder of spans and the access log come first, as whatever happens later may have to be recorded. They are
  flushed last, each with a time of its own: what closing ends, such as calls that are cut off, still leaves its line.
- The limiter follows: the revocations and bans that are read later are handed to it. It is closed before all others,
  out of its turn: the bans that this process has made must reach the index, and what closes before it could use up the
  time that all share.
- Documents, the ways to providers, keys and revocations follow, each needed by some calls. The cache comes after them:
  every call can do without.
- What takes the place of a predecessor comes last: whoever follows the keys, and the file of the access lines. A
  successor whose start fails leaves both to the gateway that stays in force.

Work that is done besides answering calls begins once all have started.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Generic, TypeVar

import structlog

from apientreprise_gateway.observability.background import Background
from apientreprise_gateway.observability.faults import place, words

COMMON_SHARE: Final = 1 / 4
"""Of the seconds for closing: what all components have together, but for what they flush."""
_log = structlog.get_logger(__name__)
S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Work = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flush:
    """What a component still has to hand on once the others are closed."""

    work: Callable[[float], Awaitable[None]]
    """Given the seconds that it may take."""
    share: float
    """Of the seconds for closing."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Component(Generic[S_co, T_co]):
    """A part of a gateway that has to be started, closed, or to be kept at work."""

    name: str
    part: T_co
    made_of: S_co
    """The settings that it depends on, all of them: one made of equal settings may take its place."""
    start: Work | None = None
    """Called once, not again where a successor inherits it. What fails in it is a reason not to serve."""
    background: Mapping[str, Work] = field(default_factory=dict)
    """What must go on as long as the gateway is in force, by the names of the metric; for inherited ones as well."""
    close: Work | None = None
    """Called once a component is not needed any more by this gateway or a successor."""
    closes_first: bool = False
    flush: Flush | None = None
    discard: Callable[[], None] | None = None
    """Lets go of what its making has opened, in the place of start and close."""


AnyComponent = Component[object, object]


def inherited(former: Component[S, T] | None, settings: S, make: Callable[[S], Component[S, T]]) -> Component[S, T]:
    """The component of a predecessor, if the settings that it depends on are the same; else a new one."""
    return former if former is not None and former.made_of == settings else make(settings)


class Lifecycle:
    """Starts and closes the components of one gateway, but for those that others have started or still need."""

    def __init__(
        self,
        components: Iterable[AnyComponent],
        *,
        background: Background,
        closing_seconds: float,
        predecessor: "Lifecycle | None" = None,
    ) -> None:
        """Start nothing yet.

        Args:
            components: in the order of their starts.
            background: keeps their work going.
            closing_seconds: how long closing may take.
            predecessor: whose components have been started, if they are among these.
        """
        self.components = tuple(components)
        self._background = background
        self._seconds = closing_seconds
        self._waiting = list(self.components) if predecessor is None else _others(self.components, predecessor)
        """What is still to be started."""
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start what is new, then the work in the background.

        Raises:
            Exception: what a component has raised; those started before it are closed, the others discarded.
        """
        started: list[AnyComponent] = []
        try:
            while self._waiting:
                component = self._waiting[0]
                if component.start is not None:
                    await component.start()
                started.append(self._waiting.pop(0))
        except BaseException:
            self.discard()
            await self._close(started)
            raise
        self._tasks = [
            self._background.keep(name, work)
            for component in self.components
            for name, work in component.background.items()
        ]

    def discard(self) -> None:
        """Let go of what was made and is not to be started."""
        for component in self._waiting:
            if component.discard is not None:
                component.discard()
        self._waiting = []

    def stop_background(self) -> None:
        """End the work in the background."""
        for task in self._tasks:
            task.cancel()

    async def close(self, *, successor: "Lifecycle | None" = None) -> None:
        """Close what a successor does not go on with. What fails, or takes too long, is told; the rest is closed."""
        self.stop_background()
        await self._close(self.components if successor is None else _others(self.components, successor))

    async def _close(self, components: Iterable[AnyComponent]) -> None:
        closing = list(_in_closing_order(components))
        try:
            async with asyncio.timeout(self._seconds * COMMON_SHARE):
                for component in closing:
                    if component.close is not None:
                        await _attempt(component.name, component.close)
        except TimeoutError:
            _log.error("close_overdue", effect="the process ends without")
        for component in closing:
            if component.flush is not None:
                work, seconds = component.flush.work, self._seconds * component.flush.share
                await _attempt(component.name, partial(work, seconds))


async def _attempt(name: str, close: Work) -> None:
    """Close one; whatever it raises keeps no other from being closed."""
    try:
        await close()
    except Exception as error:
        _log.error("close_failed", component=name, reason=words(error), at=place(error))


def _others(components: Iterable[AnyComponent], lifecycle: Lifecycle) -> list[AnyComponent]:
    """The components that are not a lifecycle's as well."""
    return [component for component in components if component not in lifecycle.components]


def _in_closing_order(components: Iterable[AnyComponent]) -> Iterator[AnyComponent]:
    backwards = list(components)[::-1]
    yield from (component for component in backwards if component.closes_first)
    yield from (component for component in backwards if not component.closes_first)
