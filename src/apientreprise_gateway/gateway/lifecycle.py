"""Starts the components of a gateway in one order, hands them on at a reload, and closes them in the opposite order.

A component is listed after those that its start needs. The order of `assembly.Assembly.in_order`, and why:

- The recorder of spans and the access log come first, as everything later may have to be recorded. They are flushed
  last, each with a time of its own, so that calls that closing cuts off still leave their lines.
- The limiter follows, as the bans that are read later are given to it. It is closed before all others, out of order:
  the bans that this process has made must reach the index, and the others could use up the time that all share.
- Documents, upstreams, keys and revocations follow, each needed by some calls. The cache comes after them, as every
  call can do without it.
- What takes over from a predecessor comes last: following the keys, and the access-log file. If the start of a
  successor fails, both stay with the gateway that goes on serving.

Background work begins once all components have started.
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
"""Share of the seconds for closing that all components have together, without their flushes."""
_log = structlog.get_logger(__name__)
S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Work = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flush:
    """What a component still has to write out once the others are closed."""

    work: Callable[[float], Awaitable[None]]
    """Called with the seconds that it may take."""
    share: float
    """Share of the seconds for closing that it may take."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Component(Generic[S_co, T_co]):
    """A part of a gateway with its start, its close and its background work."""

    name: str
    part: T_co
    made_of: S_co
    """All settings that it depends on; a successor with equal settings keeps it."""
    start: Work | None = None
    """Called once, not again by a successor that keeps it; if it raises, the gateway does not serve."""
    background: Mapping[str, Work] = field(default_factory=dict)
    """Tasks that run while the gateway serves, by their names in the metric; also for a component that was kept."""
    close: Work | None = None
    """Called once neither this gateway nor a successor needs it."""
    closes_first: bool = False
    """Whether it is closed before all others, out of order."""
    flush: Flush | None = None
    discard: Callable[[], None] | None = None
    """Called instead of start and close if the gateway will not serve: closes what making it has opened."""


AnyComponent = Component[object, object]


def inherited(former: Component[S, T] | None, settings: S, make: Callable[[S], Component[S, T]]) -> Component[S, T]:
    """The predecessor's component, if the settings that it depends on are equal; else a new one."""
    return former if former is not None and former.made_of == settings else make(settings)


class Lifecycle:
    """Starts and closes the components of one gateway, except those that a predecessor started or a successor needs."""

    def __init__(
        self,
        components: Iterable[AnyComponent],
        *,
        background: Background,
        closing_seconds: float,
        predecessor: "Lifecycle | None" = None,
    ) -> None:
        """Configure it; nothing is started before `start`.

        Args:
            components: in the order in which they start.
            background: runs their background tasks.
            closing_seconds: seconds that closing may take.
            predecessor: the lifecycle before; those of its components that are among these have been started.
        """
        self.components = tuple(components)
        self._background = background
        self._seconds = closing_seconds
        self._waiting = list(self.components) if predecessor is None else _others(self.components, predecessor)
        """The components that are still to be started."""
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start the new components, then all background tasks.

        Raises:
            Exception: raised by a component; those started before it are closed, the others discarded.
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
        """Discard the components that were made and will not be started."""
        for component in self._waiting:
            if component.discard is not None:
                component.discard()
        self._waiting = []

    def stop_background(self) -> None:
        """End the background tasks."""
        for task in self._tasks:
            task.cancel()

    async def close(self, *, successor: "Lifecycle | None" = None) -> None:
        """Close the components that a successor does not keep; failures and timeouts are logged, the rest is closed."""
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
    """Close one component; an error is logged, so that the others are closed as well."""
    try:
        await close()
    except Exception as error:
        _log.error("close_failed", component=name, reason=words(error), at=place(error))


def _others(components: Iterable[AnyComponent], lifecycle: Lifecycle) -> list[AnyComponent]:
    """The components that a lifecycle does not have."""
    return [component for component in components if component not in lifecycle.components]


def _in_closing_order(components: Iterable[AnyComponent]) -> Iterator[AnyComponent]:
    backwards = list(components)[::-1]
    yield from (component for component in backwards if component.closes_first)
    yield from (component for component in backwards if not component.closes_first)
