"""Threads that several owners of work share, so that none of them waits for the work of another.

Work is short: a part of a file is read, decoded or written. Each owner has a queue, and the queues take turns, whatever
their length; while there are two threads or more, no owner holds them all. An owner with much to do is thus slowed down
by its own work alone. Work that nobody waits for any more is not begun.
"""

import asyncio
import threading
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final, NamedTuple, TypeVar

_T = TypeVar("_T")


class _Work(NamedTuple):
    owner: str
    what: Callable[[], Any]
    outcome: "Future[Any]"


class FairThreads:
    """A few threads, and the queues of work for them."""

    def __init__(self, count: int, name: str) -> None:
        """Start no thread yet.

        Args:
            count: how many threads there are at most.
            name: what the names of the threads begin with.
        """
        self.name: Final = name
        self._count = count
        self._most = max(1, count - 1)
        """Threads that one owner may hold."""
        self._lines: dict[str, deque[_Work]] = {}
        """Work that waits, by owner; the owner whose turn is the longest ago comes first."""
        self._held: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._started = 0
        self._idle = 0
        self._closed = False

    @property
    def waiting(self) -> int:
        """Pieces of work that wait for a thread."""
        with self._changed:
            return sum(map(len, self._lines.values()))

    async def run(self, owner: str, what: Callable[[], _T]) -> _T:
        """Do a piece of work in a thread and return its result; cancelled before its turn, it is not begun."""
        return await asyncio.wrap_future(self.submit(owner, what))

    def submit(self, owner: str, what: Callable[[], _T]) -> "Future[_T]":
        """Queue a piece of work.

        Raises:
            RuntimeError: the threads have been told to end.
        """
        outcome: Future[_T] = Future()
        with self._changed:
            if self._closed:
                raise RuntimeError(f"the threads {self.name} have ended")
            self._lines.setdefault(owner, deque()).append(_Work(owner, what, outcome))
            if self._idle:
                self._wake()
            elif self._started < self._count:
                self._started += 1
                # A daemon: a disk that hangs must not hold up the end of the process.
                threading.Thread(target=self._work, name=f"{self.name}-{self._started}", daemon=True).start()
        return outcome

    def close(self) -> None:
        """End the threads once all queued work is done."""
        with self._changed:
            self._closed = True
            self._idle = 0
            self._changed.notify_all()

    def _wake(self) -> None:
        self._idle -= 1
        self._changed.notify()

    # In the threads.

    def _work(self) -> None:
        while (work := self._next()) is not None:
            _do(work)
            owner = work.owner
            del work  # nothing keeps its arguments alive while this waits for the next
            with self._changed:
                self._held[owner] -= 1
                if not self._held[owner]:
                    del self._held[owner]
                if self._idle and self._lines:
                    self._wake()  # its owner may have one more thread now

    def _next(self) -> _Work | None:
        """The next piece of work; None at the end."""
        with self._changed:
            while True:
                owner = next((each for each in self._lines if self._held[each] < self._most), None)
                if owner is not None:
                    return self._take(owner)
                if self._closed and not self._lines:
                    return None
                self._idle += 1
                self._changed.wait()  # whoever wakes it has taken it off `_idle`

    def _take(self, owner: str) -> _Work:
        line = self._lines.pop(owner)
        work = line.popleft()
        if line:
            self._lines[owner] = line  # behind the others
        self._held[owner] += 1
        return work


def _do(work: _Work) -> None:
    if not work.outcome.set_running_or_notify_cancel():
        return
    try:
        found = work.what()
    except BaseException as error:
        work.outcome.set_exception(error)
    else:
        work.outcome.set_result(found)
