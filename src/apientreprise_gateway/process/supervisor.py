"""Supervises worker processes: starts them, replaces those that die or hang, passes on signals, stops them together."""

import math
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Final

import structlog

from apientreprise_gateway.process import ending, signals

BEAT_SECONDS: Final = 1.0
"""Seconds between two messages by which a worker shows that its event loop runs."""
HUNG_SECONDS: Final = 30.0
"""Seconds without a message after which a worker is killed and replaced; long, as a busy machine slows workers down."""
START_SECONDS: Final = 60.0
"""Seconds that a worker may take to start."""
PAUSE_SECONDS: Final = 1.0
"""Seconds before another worker is started after one that could not start; doubled each time."""
LONGEST_PAUSE_SECONDS: Final = 30.0
_TICK_SECONDS: Final = 1.0
_KILL_SECONDS: Final = 1.0
"""Seconds after the stop timeout at which a worker that still runs is killed."""
_log = structlog.get_logger(__name__)

Work = Callable[[int, Connection], None]
"""What a worker runs, given its number, from 1 on, and its heart, a pipe to the supervisor.

Signals are held when it begins: it must call `signals.obey`, then serve until SIGTERM. Through its heart it sends a
first message once it serves, and another at least every `BEAT_SECONDS` until it ends."""


@dataclass(eq=False)
class _Worker:
    number: int
    process: SpawnProcess
    heart: Connection
    heard: float = field(default_factory=time.monotonic)
    ready: bool = False

    @property
    def pid(self) -> int:
        return self.process.pid or 0

    def listen(self) -> None:
        """Read the messages that have come through its heart."""
        with suppress(EOFError, OSError):
            while self.heart.poll():
                self.heart.recv_bytes()
                self.heard, self.ready = time.monotonic(), True

    def is_silent(self) -> bool:
        return time.monotonic() - self.heard > (HUNG_SECONDS if self.ready else START_SECONDS)

    def signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)


class Supervisor:
    """The workers of one gateway."""

    def __init__(
        self,
        work: Work,
        *,
        count: int,
        on_death: Callable[[int], None] = lambda _pid: None,
        on_stop: Callable[[], None] = lambda: None,
        stop_seconds: Callable[[], float] = lambda: 60.0,
    ) -> None:
        """Configure it; nothing is started before `run`.

        Args:
            work: what each worker does; it is run in a fresh interpreter, so it must be picklable.
            count: number of workers.
            on_death: called with the process id of each worker that has ended.
            on_stop: called once, when the workers are about to stop; none is started after that.
            stop_seconds: called then: seconds that the workers may take to stop; those left after that are killed.
        """
        self._work = work
        self._count = count
        self._on_death = on_death
        self._on_stop = on_stop
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []
        self._ever_ready = False
        self._failures = 0
        self._stopping = False
        self._pause = PAUSE_SECONDS
        self._not_before = 0.0
        self._signals: list[int] = []
        self._stop_seconds = stop_seconds
        self._kill_at = math.inf

    def run(self) -> bool:
        """Serve until SIGTERM or SIGINT; False if no worker could be started. Afterwards the process must exit."""
        awake, waker = socket.socketpair()
        awake.setblocking(False)
        waker.setblocking(False)
        for number in (*signals.STOP, signals.RELOAD, signals.REOPEN):
            signal.signal(number, lambda received, _frame: self._signals.append(received))
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        with signals.held():
            # Otherwise multiprocessing starts its tracker with the first worker, and unblocks the signals that are held
            # for that worker; the tracker would also die of a SIGHUP sent to all.
            resource_tracker.ensure_running()
        try:
            return self._run(awake)
        except BaseException:
            self._stop()  # else the interpreter would wait at its exit for workers that no one stops
            raise
        finally:
            signals.hold()  # the interpreter removes its handlers when it ends
            signal.set_wakeup_fd(-1)
            awake.close()
            waker.close()

    def _run(self, awake: socket.socket) -> bool:
        hopeless = False
        while True:
            self._obey()
            if not self._stopping and not self._replenish():
                hopeless = True
                self._stop()
            if self._stopping and not self._workers:
                return not hopeless
            ends = [worker.process.sentinel for worker in self._workers]
            wait([awake, *ends, *(worker.heart for worker in self._workers)], timeout=_TICK_SECONDS)
            with suppress(BlockingIOError):
                awake.recv(4096)
            self._look_after()

    def _obey(self) -> None:
        """Handle the signals received: pass them on to the workers, or stop."""
        while self._signals:
            number = self._signals.pop(0)
            if number in (signals.RELOAD, signals.REOPEN):
                for worker in self._workers:
                    worker.signal(signal.Signals(number))  # one that is starting holds it until it can obey
            else:
                self._stop()

    def _stop(self) -> None:
        """Tell the workers to stop; a second call shortens the time that they have."""
        if not self._stopping:
            self._on_stop()
        seconds = ending.HURRIED_SECONDS if self._stopping else self._stop_seconds()
        self._kill_at = min(self._kill_at, time.monotonic() + seconds + _KILL_SECONDS)
        self._stopping = True
        for worker in self._workers:
            worker.signal(signal.SIGTERM)

    def _replenish(self) -> bool:
        """Start the missing workers; False if as many starts as there are workers have failed and none succeeded."""
        if self._failures >= self._count and not self._ever_ready:
            return False
        if time.monotonic() < self._not_before:
            return True
        while len(self._workers) < self._count:
            try:
                self._workers.append(self._start())
            except OSError as error:  # no more processes, or no more open files
                _log.error("worker_not_started", reason=str(error))
                self._postpone()
                break
        return True

    def _start(self) -> _Worker:
        heart, ours = self._context.Pipe(duplex=False)
        number = min(set(range(1, self._count + 1)) - {worker.number for worker in self._workers})
        with ours, signals.held():
            process = self._context.Process(target=self._work, args=(number, ours))
            process.start()
        return _Worker(number, process, heart)

    def _postpone(self) -> None:
        """Count a failed start, and wait before the next one, twice as long each time."""
        self._failures += 1
        self._not_before = time.monotonic() + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)

    def _look_after(self) -> None:
        for worker in list(self._workers):
            worker.listen()
            if worker.ready and not self._ever_ready:
                self._ever_ready, self._pause = True, PAUSE_SECONDS
            overdue = time.monotonic() > self._kill_at
            if (overdue or worker.is_silent()) and worker.process.is_alive():
                event = "worker_overdue" if overdue else "worker_hung"
                _log.error(event, pid=worker.pid, ready=worker.ready)
                worker.signal(signal.SIGKILL)
                worker.process.join()
            if not worker.process.is_alive():
                self._remove(worker)

    def _remove(self, worker: _Worker) -> None:
        pid, status = worker.pid, worker.process.exitcode
        worker.process.close()
        worker.heart.close()
        self._workers.remove(worker)
        try:
            self._on_death(pid)
        except OSError as error:
            _log.error("worker_not_cleared_away", pid=pid, reason=str(error))
        if self._stopping:
            return
        _log.error("worker_died", pid=pid, status=status, ready=worker.ready)
        if worker.ready:
            self._pause = PAUSE_SECONDS
        else:
            self._postpone()
