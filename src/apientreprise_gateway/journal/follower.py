"""Follows files of access lines: stores what comes, in one transaction with how far each file is stored.

A follower may be killed at any moment, and the database may go away: what was not committed is read again. While the
database is away nothing is read ahead, so memory stays as it is.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import Engine

from apientreprise_gateway.database.engine import DatabaseError, reading, writing
from apientreprise_gateway.journal.files import Counts, FileRecord, OvertakenError, advance, followed_since, records_of
from apientreprise_gateway.journal.follow_lock import FollowLock
from apientreprise_gateway.journal.line import Row
from apientreprise_gateway.journal.metrics import JournalMetrics
from apientreprise_gateway.journal.partitions import make_partitions, rows_in_default
from apientreprise_gateway.journal.rollups import Sums
from apientreprise_gateway.journal.storing import (
    Sorted,
    Unimported,
    next_batch,
    unimported_rejects,
    without_refused,
    write_new_rows,
    write_rejects,
    write_rows,
)
from apientreprise_gateway.journal.tail import Piece, Tail

LEAST_BYTES: Final = 64 * 1024
"""Bytes of a transaction while the follower keeps up."""
MOST_BYTES: Final = 2 * 1024 * 1024
"""Bytes of a transaction with any backlog; counts cost less the more rows share them."""
POLL_SECONDS: Final = 0.2
_RETRY_SECONDS: Final = 0.5
_CHORES_SECONDS: Final = 60.0
_LONG_LAG_SECONDS: Final = 6 * 3600.0
_LOCK_CHECK_SECONDS: Final = 5.0
_log = structlog.get_logger(__name__)


class _Stopped(Exception):  # noqa: N818 - no error: it undoes a transaction
    """The follower is to stop; what it was storing is stored by the next one."""


class _Followed:
    """One path, its lock and the size of its next transaction."""

    def __init__(self, tail: Tail, lock: FollowLock) -> None:
        self.tail = tail
        self.lock = lock
        self.is_begun = False
        self.is_waiting = False
        self.size = LEAST_BYTES

    def drop(self) -> None:
        """Forget what is known of the files; the database knows it."""
        self.is_begun = False
        self.tail.close()


class Follower:
    """Follows files until it is stopped."""

    def __init__(
        self,
        engine: Engine,
        paths: Sequence[Path],
        *,
        host: str,
        metrics: JournalMetrics,
        chores: Callable[[], None] = lambda: None,
        on_round: Callable[[JournalMetrics], None] = lambda _metrics: None,
        clock: Callable[[], float] = time.monotonic,
        since: datetime | None = None,
        frees: bool = False,
    ) -> None:
        """Configure it.

        Args:
            engine: the database.
            paths: the files.
            host: the machine whose files they are.
            metrics: what it counts.
            chores: called after each look that finds everything stored, and after hours in which none does.
            on_round: called after each look at all files.
            clock: seconds.
            since: when paths that nobody has followed are followed from; files beside them that ended before are left
                alone. Now by default.
            frees: whether the disk gets back what is stored.
        """
        self._engine = engine
        self._metrics = metrics
        self._chores = chores
        self._on_round = on_round
        self._clock = clock
        self._host = host
        self._since = since or datetime.now(UTC)
        self._stopped = threading.Event()
        self._followed = [
            _Followed(Tail(path, host=host, frees=frees, clock=clock), FollowLock(engine, f"{host}:{path}"))
            for path in dict.fromkeys(path.absolute() for path in paths)
        ]
        self._is_told_away = False
        self._chores_at = clock()
        self._check_at = clock()
        self._caught_up_at = clock()
        self._waiting_bytes = 0

    def stop(self) -> None:
        """Have `run` return; may be called by a signal handler or another thread."""
        self._stopped.set()

    def run(self) -> None:
        """Follow until `stop` is called."""
        while not self._stopped.is_set():
            try:
                is_busy = self.round()
            except DatabaseError as error:
                self._lose_database(error)
                self._stopped.wait(_RETRY_SECONDS)
                continue
            if not is_busy:
                self._stopped.wait(POLL_SECONDS)
        for each in self._followed:
            each.tail.close()
            each.lock.give_up()

    def round(self) -> bool:
        """Look at each file once; whether any had lines.

        Raises:
            DatabaseError: the database cannot be used.
        """
        self._look_after()
        is_busy = False
        for each in self._followed:
            if not self._stopped.is_set():
                is_busy = self._follow(each) or is_busy
        if self._is_told_away:
            self._is_told_away = False
            _log.info("journal_database_back")
        self._measure()
        lag = self._clock() - self._caught_up_at
        if not (is_busy or self._waiting_bytes) or lag > _LONG_LAG_SECONDS:
            self._chores()
        self._on_round(self._metrics)
        return is_busy

    def _look_after(self) -> None:
        now = self._clock()
        if now >= self._check_at:
            self._check_at = now + _LOCK_CHECK_SECONDS
            for each in self._followed:
                each.lock.check()
        if now >= self._chores_at:
            self._chores_at = now + _CHORES_SECONDS
            make_partitions(self._engine)
            with reading(self._engine) as connection:
                self._metrics.in_default.set(rows_in_default(connection))

    def _follow(self, each: _Followed) -> bool:
        if not each.is_begun and not self._begin(each):
            return False
        piece = each.tail.next_piece(each.size)
        if piece is None:
            each.size = max(LEAST_BYTES, each.size // 2)
            return False
        try:
            self._store(each.tail, piece)
        except _Stopped:
            return False
        except OvertakenError:
            _log.warning("journal_overtaken", file=str(each.tail.path), effect="goes on from what the database knows")
            each.drop()
        each.size = min(MOST_BYTES, each.size * 2) if piece.is_full else max(LEAST_BYTES, each.size // 2)
        return True

    def _begin(self, each: _Followed) -> bool:
        if not each.lock.take():
            if not each.is_waiting:
                _log.warning("journal_file_taken", file=str(each.tail.path), effect="another follower has it; waits")
            each.is_waiting = True
            return False
        if each.is_waiting:
            _log.info("journal_file_free", file=str(each.tail.path))
        each.is_waiting = False
        path = str(each.tail.path)
        with writing(self._engine) as connection:
            since = followed_since(connection, path, self._host, now=self._since)
            records = records_of(connection, path)
        each.tail.begin(records, since)
        each.is_begun = True
        return True

    def _store(self, tail: Tail, piece: Piece) -> None:
        batch = Sorted()
        try:
            record, counts = self._write(tail, piece, batch, self._rows(piece, batch))
        except DatabaseError as error:
            if not error.is_of_data:
                raise
            batch = Sorted()
            rows, refused = without_refused(self._engine, self._rows(piece, batch))
            batch.rejects += refused
            record, counts = self._write(tail, piece, batch, rows)
        tail.stored(piece, record)
        self._metrics.lines.inc(counts.stored)
        self._metrics.rejects.inc(counts.rejected)
        self._metrics.skipped.inc(counts.skipped)

    def _rows(self, piece: Piece, batch: Sorted) -> Iterator[Row]:
        lines, position = piece.data.split(b"\n"), piece.record.position
        if not lines[-1]:
            lines.pop()  # what follows the last end of line is no line
        for line in lines:
            if self._stopped.is_set():
                raise _Stopped
            row = batch.row_of(line, position)
            position += len(line) + 1
            if row is not None:
                yield row

    def _write(self, tail: Tail, piece: Piece, batch: Sorted, rows: Iterable[Row]) -> tuple[FileRecord, Counts]:
        sums = Sums()
        with writing(self._engine) as connection:
            number = next_batch(connection)
            unimported = Unimported(connection)
            write_rows(connection, sums.passing(unimported.passing(rows)), number)
            stored, known = sums.rows, len(unimported.others)
            if unimported.others:
                new = len(write_new_rows(connection, unimported.others, number))
                stored, known = stored + new, known - new
            rejects = unimported_rejects(connection, batch.rejects)
            known += len(batch.rejects) - len(rejects)
            counts = Counts(stored, len(rejects), batch.skipped + known)
            record = advance(connection, piece.record, piece.end, counts, piece.source.place)
            sums.write(connection)
            write_rejects(connection, rejects, str(tail.path))
        return record, counts

    def _measure(self) -> None:
        waiting = sum(each.tail.waiting_bytes() for each in self._followed if each.is_begun)
        now = self._clock()
        self._waiting_bytes = waiting
        if not waiting:
            self._caught_up_at = now
        self._metrics.lag_bytes.set(waiting)
        self._metrics.lag_seconds.set(now - self._caught_up_at)
        self._metrics.waiting.set(sum(each.is_waiting for each in self._followed))

    def _lose_database(self, error: DatabaseError) -> None:
        self._metrics.failures.inc()
        self._metrics.lag_seconds.set(self._clock() - self._caught_up_at)
        if not self._is_told_away:
            _log.error(
                "journal_database_away", reason=str(error), effect="lines stay in their files, and are read later"
            )
        self._is_told_away = True
        for each in self._followed:
            each.drop()
