"""Tests of the background tasks."""

import asyncio
import gc
import threading
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from structlog.testing import capture_logs

from apientreprise_gateway.observability import background as module
from apientreprise_gateway.observability.background import Background


class Counts:
    """What is counted."""

    def __init__(self) -> None:
        self.by_name: Counter[str] = Counter()

    def of(self, name: str) -> module.Count:
        """The counter of a name."""
        counts = self.by_name
        counts[name] += 0

        class _Count:
            def inc(self) -> None:
                counts[name] += 1

        return _Count()


class PanicError(BaseException):
    """What libraries in Rust raise."""


async def _raise(error: BaseException) -> None:
    raise error


async def _end() -> None:
    pass


async def _wait_for_what_is_cancelled() -> None:
    other = asyncio.ensure_future(asyncio.sleep(1000))
    asyncio.get_running_loop().call_soon(other.cancel)
    await other


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow each other at once."""
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.004)


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    ("fail", "reason"),
    [
        (lambda: _raise(ValueError("one\ntwo")), "ValueError: one two"),
        (lambda: _raise(KeyError("k")), "KeyError: 'k'"),
        (lambda: _raise(PanicError("boom")), "PanicError: boom"),
        (lambda: _raise(asyncio.CancelledError()), "EndedError: something that it waited for was cancelled"),
        (lambda: _raise(TimeoutError()), "TimeoutError"),
        (_wait_for_what_is_cancelled, "EndedError: something that it waited for was cancelled"),
        (_end, "EndedError: it ended by itself"),
    ],
)
async def test_whatever_happens_it_goes_on(fail: Callable[[], Awaitable[None]], reason: str) -> None:
    """Work that raises anything, or ends, is counted, told of once, and begun again."""
    counts, tries = Counts(), 0

    async def work() -> None:
        nonlocal tries
        tries += 1
        if tries <= 4:
            await fail()
            return
        await asyncio.sleep(1000)

    with capture_logs() as logs:
        task = Background(counts.of).keep("work", work)
        assert counts.by_name == {"work": 0}, "it is shown before anything happens"
        await _until(lambda: tries == 5)
        assert not task.done()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
    assert counts.by_name == {"work": 4}
    assert [(line["event"], line["task"], line["reason"]) for line in logs] == [("background_failed", "work", reason)]
    assert "exc_info" not in logs[0]


async def test_its_owner_ends_it() -> None:
    """A task that is cancelled ends, also where a library swallows that."""
    counts = Counts()

    async def deaf() -> None:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            return

    task = Background(counts.of).keep("work", deaf)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task], timeout=20)
    assert task.cancelled()
    assert counts.by_name == {"work": 0}


async def test_the_pauses_grow_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pause is twice the one before, up to the longest."""
    pauses: list[float] = []

    async def note(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 5:
            raise asyncio.CancelledError

    monkeypatch.setattr("apientreprise_gateway.observability.background.asyncio.sleep", note)
    await asyncio.wait([Background().keep("work", _end)])
    assert pauses == [0.001, 0.002, 0.004, 0.004, 0.004]


async def test_an_attempt() -> None:
    """What fails once at the start is told and counted, and whoever waited for it goes on."""
    counts = Counts()
    with capture_logs() as logs:
        await Background(counts.of).attempt("work", lambda: _raise(OSError("no room")))
    assert counts.by_name == {"work": 1}
    assert [line["reason"] for line in logs] == ["OSError: no room"]


async def test_what_fails_in_the_loop_unseen() -> None:
    """A callback that raises, and a task that nobody waits for, are counted and told of in a line each."""
    counts = Counts()
    with capture_logs() as logs:
        loop = asyncio.get_running_loop()
        Background(counts.of).guard(loop)
        for _ in range(3):
            loop.call_soon(_fail)
        task = asyncio.ensure_future(_raise(LookupError()))
        await asyncio.sleep(0.01)
        del task
        gc.collect()
        await asyncio.sleep(0)
    assert counts.by_name == {"callbacks": 4}
    assert [line["reason"] for line in logs] == ["ZeroDivisionError", "LookupError"]


def _fail() -> None:
    raise ZeroDivisionError


def test_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that ends with an exception is counted, and told of by its name."""
    counts = Counts()
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    Background(counts.of).guard_threads()
    with capture_logs() as logs:
        thread = threading.Thread(target=_fail, name="writer")
        thread.start()
        thread.join()
    assert counts.by_name == {"threads": 1}
    assert [(line["task"], line["thread"]) for line in logs] == [("threads", "writer")]
