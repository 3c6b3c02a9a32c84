"""Tests of the life of components, with components that only note what becomes of them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from structlog.testing import capture_logs

from apientreprise_gateway.gateway.lifecycle import AnyComponent, Component, Flush, Lifecycle, inherited
from apientreprise_gateway.observability.background import Background

CLOSING_SECONDS = 0.4


@dataclass(frozen=True)
class PartSettings:
    """What a part is made of."""

    size: int = 1


class Notes:
    """Makes components, and notes what becomes of them."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.made = 0

    def component(
        self,
        name: str,
        *,
        settings: PartSettings = PartSettings(),
        start: Exception | None = None,
        close: Exception | None = None,
        closes_first: bool = False,
    ) -> Component[PartSettings, int]:
        """A component that raises what it is told to."""
        self.made += 1

        async def starts() -> None:
            if start is not None:
                raise start
            self.told.append(f"start {name}")

        async def closes() -> None:
            self.told.append(f"close {name}")
            if close is not None:
                raise close

        return Component(
            name=name,
            part=self.made,
            made_of=settings,
            start=starts,
            close=closes,
            closes_first=closes_first,
            discard=lambda: self.told.append(f"discard {name}"),
        )

    def flushed(self, name: str, share: float) -> Component[PartSettings, int]:
        """A component that is flushed instead of closed."""

        async def flush(seconds: float) -> None:
            self.told.append(f"flush {name} within {seconds:g} s")

        return replace(self.component(name), close=None, flush=Flush(work=flush, share=share))


@pytest.fixture
def notes() -> Notes:
    """Nothing noted yet."""
    return Notes()


def life(*components: AnyComponent, predecessor: Lifecycle | None = None) -> Lifecycle:
    """The life of components."""
    return Lifecycle(components, background=Background(), closing_seconds=CLOSING_SECONDS, predecessor=predecessor)


async def test_the_order_of_starts(notes: Notes) -> None:
    """Components start in the order in which they are listed."""
    await life(*map(notes.component, "abc")).start()
    assert notes.told == ["start a", "start b", "start c"]


async def test_the_order_of_closing(notes: Notes) -> None:
    """They are closed from the last to the first, but for those that close first; what is flushed comes after all."""
    lived = life(
        notes.flushed("spans", 0.25),
        notes.flushed("lines", 0.5),
        notes.component("limits", closes_first=True),
        notes.component("a"),
        notes.component("b"),
    )
    await lived.start()
    notes.told.clear()
    await lived.close()
    assert notes.told == [
        "close limits",
        "close b",
        "close a",
        "flush lines within 0.2 s",
        "flush spans within 0.1 s",
    ]


async def test_a_start_that_fails(notes: Notes) -> None:
    """What had started is closed, what had not is discarded, and the reason is raised."""
    failing = notes.component("b", start=OSError("no room"))
    lived = life(notes.component("a"), failing, notes.component("c"))
    with pytest.raises(OSError, match="no room"):
        await lived.start()
    assert notes.told == ["start a", "discard b", "discard c", "close a"]


async def test_a_start_that_fails_after_a_reload(notes: Notes) -> None:
    """What is inherited stays as it is: the gateway in force goes on with it."""
    kept = notes.component("kept")
    first = life(kept)
    await first.start()
    notes.told.clear()
    with pytest.raises(OSError, match="no room"):
        await life(kept, notes.component("b", start=OSError("no room")), predecessor=first).start()
    assert notes.told == ["discard b"]


async def test_a_start_that_is_cancelled(notes: Notes) -> None:
    """What had started is closed as well where whoever starts gives up."""

    async def wait() -> None:
        await asyncio.Event().wait()

    lived = life(notes.component("a"), replace(notes.component("b"), start=wait))
    starting = asyncio.create_task(lived.start())
    while not notes.told:
        await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert notes.told == ["start a", "discard b", "close a"]


def test_what_is_not_put_in_force(notes: Notes) -> None:
    """What was made for a gateway that never starts is discarded once, and what it would inherit is left alone."""
    kept = notes.component("kept")
    first = life(kept)
    second = life(kept, notes.component("new"), predecessor=first)
    second.discard()
    second.discard()
    assert notes.told == ["discard new"]


# Inheritance.


@pytest.mark.parametrize(("size", "made"), [(1, 1), (2, 2)])
def test_what_is_inherited(notes: Notes, size: int, made: int) -> None:
    """A component takes the place of another if its settings are equal, and only then."""
    former = notes.component("a", settings=PartSettings(1))
    now = inherited(former, PartSettings(size), lambda settings: notes.component("a", settings=settings))
    assert (now is former) == (size == 1)
    assert (now.made_of, notes.made) == (PartSettings(size), made)


def test_nothing_to_inherit(notes: Notes) -> None:
    """Without a predecessor a component is made."""
    now = inherited(None, PartSettings(3), lambda settings: notes.component("a", settings=settings))
    assert (now.made_of, notes.made) == (PartSettings(3), 1)


async def test_a_reload(notes: Notes) -> None:
    """What is inherited is not started again, nor closed with the gateway before; what is not, is."""
    kept, old, new = notes.component("kept"), notes.component("old"), notes.component("new")
    first = life(kept, old)
    await first.start()
    second = life(kept, new, predecessor=first)
    await second.start()
    await first.close(successor=second)
    await second.close()
    assert notes.told == ["start kept", "start old", "start new", "close old", "close new", "close kept"]


async def test_equal_components_are_not_one(notes: Notes) -> None:
    """Two components of the same settings are told apart: the one that a successor does not have is closed."""
    first = life(notes.component("a"))
    second = life(notes.component("a"), predecessor=first)
    await first.start()
    await second.start()
    await first.close(successor=second)
    assert notes.told == ["start a", "start a", "close a"]


# Closing.


async def test_closing_that_fails(notes: Notes) -> None:
    """A component that cannot be closed is told of, and keeps no other from being closed."""
    lived = life(notes.flushed("lines", 0.5), notes.component("a"), notes.component("b", close=OSError("gone")))
    await lived.start()
    with capture_logs() as logs:
        await lived.close()
    assert notes.told[-3:] == ["close b", "close a", "flush lines within 0.2 s"]
    assert [(line["event"], line["component"], line["reason"]) for line in logs] == [
        ("close_failed", "b", "OSError: gone")
    ]


async def test_closing_that_takes_too_long(notes: Notes) -> None:
    """Once the time that all have together is over, the rest is left open, but what has to be flushed is."""

    async def hang() -> None:
        await asyncio.Event().wait()

    hanging = replace(notes.component("b"), close=hang)
    lived = life(notes.flushed("lines", 0.5), notes.component("a"), hanging)
    await lived.start()
    with capture_logs() as logs:
        await lived.close()
    assert notes.told[-2:] == ["start b", "flush lines within 0.2 s"]
    assert [line["event"] for line in logs] == ["close_overdue"]


# Background.


def at_work(notes: Notes, component: Component[PartSettings, int]) -> Component[PartSettings, int]:
    """A component with work in the background, which notes its beginning and its end."""

    async def work() -> None:
        notes.told.append(f"work {component.name}")
        try:
            await asyncio.Event().wait()
        finally:
            notes.told.append(f"end {component.name}")

    return replace(component, background={component.name: work})


async def settled(condition: Callable[[], bool]) -> None:
    """Wait until tasks have come as far as they can."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0)


async def test_work_in_the_background(notes: Notes) -> None:
    """Work begins once all components have started, and ends before the first of them is closed."""
    lived = life(at_work(notes, notes.component("a")), notes.component("b"))
    await lived.start()
    await settled(lambda: "work a" in notes.told)
    lived.stop_background()
    await settled(lambda: "end a" in notes.told)
    await lived.close()
    assert notes.told == ["start a", "start b", "work a", "end a", "close b", "close a"]


async def test_work_of_what_is_inherited(notes: Notes) -> None:
    """The gateway in force has the work of inherited components done as well."""
    kept = at_work(notes, notes.component("kept"))
    first = life(kept)
    await first.start()
    await settled(lambda: notes.told.count("work kept") == 1)
    second = life(kept, predecessor=first)
    await second.start()
    first.stop_background()
    await settled(lambda: notes.told.count("work kept") == 2 and notes.told.count("end kept") == 1)
    await second.close()
    await settled(lambda: notes.told.count("end kept") == 2)
