"""Threads that owners of work share: turns, and no work for nobody."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from apientreprise_gateway.net.threads import FairThreads
from support.site import LONG, wait_until


@contextmanager
def threads(count: int) -> Iterator[FairThreads]:
    """Threads until the end of the block."""
    made = FairThreads(count, f"tests-{count}")
    try:
        yield made
    finally:
        made.close()
        wait_until(lambda: not any(each.name.startswith(f"{made.name}-") for each in threading.enumerate()))


async def test_work_is_done_elsewhere() -> None:
    """What a piece of work returns or raises is its outcome, and it runs in one of the threads."""
    with threads(2) as pool:
        assert (await pool.run("a", lambda: threading.current_thread().name)).startswith(pool.name)
        with pytest.raises(ZeroDivisionError):
            await pool.run("a", lambda: 1 // 0)
        assert await pool.run("a", lambda: 3) == 3


def test_owners_take_turns() -> None:
    """Whoever has little to do is next, however much another owner has waiting."""
    done: list[str] = []
    begin = threading.Event()
    with threads(1) as pool:
        first = pool.submit("many", lambda: begin.wait(LONG))
        for _ in range(100):
            pool.submit("many", lambda: done.append("many"))
        few = [pool.submit(owner, lambda owner=owner: done.append(owner)) for owner in ("b", "c", "b")]  # type: ignore[misc]
        assert pool.waiting == 103 - first.running() + 1
        begin.set()
        for each in few:
            each.result(LONG)
        assert done[:5] in (["many", "b", "c", "many", "b"], ["b", "c", "many", "b", "many"])
        wait_until(lambda: len(done) == 103)


def test_no_owner_holds_all_threads() -> None:
    """While one owner's work hangs in as many threads as it may have, another's is done."""
    hang = threading.Event()
    with threads(3) as pool:
        hanging = [pool.submit("slow", lambda: hang.wait(LONG)) for _ in range(5)]
        assert pool.submit("quick", lambda: 1).result(LONG) == 1
        wait_until(lambda: sum(each.running() for each in hanging) == 2)
        assert pool.submit("quick", lambda: 2).result(LONG) == 2
        hang.set()
        assert all(each.result(LONG) for each in hanging)


async def test_what_is_given_up_is_not_begun() -> None:
    """Work whose deadline passes before its turn is never done."""
    done: list[int] = []
    hang = threading.Event()

    async def main(pool: FairThreads) -> None:
        held = pool.submit("a", lambda: hang.wait(LONG))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await pool.run("a", lambda: done.append(1))
        hang.set()
        assert await asyncio.wrap_future(held)
        await pool.run("a", lambda: None)

    with threads(1) as pool:
        await main(pool)
        assert done == []


def test_the_end() -> None:
    """What was told is done before the threads end; then nothing more is taken."""
    hang = threading.Event()
    pool = FairThreads(1, "tests-end")
    held, last = pool.submit("a", lambda: hang.wait(LONG)), pool.submit("b", lambda: 5)
    pool.close()
    with pytest.raises(RuntimeError):
        pool.submit("a", lambda: 1)
    hang.set()
    assert (held.result(LONG), last.result(LONG)) == (True, 5)
    wait_until(lambda: not any(each.name.startswith("tests-end") for each in threading.enumerate()))
