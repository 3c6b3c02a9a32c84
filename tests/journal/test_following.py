"""What a follower stores, whatever becomes of its files; on both kinds of database."""

import gzip
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, func, select, text

from apientreprise_gateway.database.engine import DatabaseError, connect, reading, writing
from apientreprise_gateway.database.tables import calls, calls_by_day, files, imported_days, rejects
from apientreprise_gateway.journal.follower import Follower
from apientreprise_gateway.journal.importing import import_lines
from apientreprise_gateway.journal.line import Row
from apientreprise_gateway.journal.metrics import JournalMetrics
from apientreprise_gateway.journal.seals import make_seals
from apientreprise_gateway.journal.storing import Sorted
from support.lines import BEGAN, line, lines


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The path that is followed."""
    folder = tmp_path / "logs"
    folder.mkdir()
    return folder / "access.log"


@pytest.fixture
def follower(engine: Engine, log: Path) -> Iterator[Callable[[], Follower]]:
    """Starts followers; the one before is dead by then."""
    started: list[Follower] = []

    def start() -> Follower:
        for each in started:
            each.stop()
            each.run()  # gives its lock up
        started.append(Follower(engine, [log], host="test", metrics=JournalMetrics(), clock=_Clock()))
        return started[-1]

    yield start
    for each in started:
        each.stop()
        each.run()


class _Clock:
    """A clock that goes on by a tenth of a second at each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.1
        return self.now


def _drain(follower: Follower, *, rounds: int = 3) -> None:
    for _ in range(rounds):
        while follower.round():
            pass


def _numbers(engine: Engine) -> list[int]:
    with reading(engine) as connection:
        return sorted(int(name.split("-")[1]) for name in connection.scalars(select(calls.c.request_id)))


def _append(path: Path, text: bytes) -> None:
    with path.open("ab") as file:
        file.write(text)


def test_lines_are_stored_as_they_come(engine: Engine, log: Path, follower: Callable[[], Follower]) -> None:
    """From the first byte on; a line without its end waits for it."""
    running = follower()
    _drain(running)  # the file is not there yet
    log.write_bytes(lines(0, 3) + line(3)[:20])
    _drain(running)
    assert _numbers(engine) == [0, 1, 2]
    _append(log, line(3)[20:] + b"\n")
    _drain(running)
    assert _numbers(engine) == [0, 1, 2, 3]


def test_the_rows_and_the_position_are_of_one_transaction(
    engine: Engine, log: Path, follower: Callable[[], Follower]
) -> None:
    """After a kill another follower goes on from there."""
    log.write_bytes(lines(0, 3))
    _drain(follower())
    with reading(engine) as connection:
        assert connection.execute(select(files.c.position, files.c.lines).where(files.c.lines > 0)).one() == (
            len(lines(0, 3)),
            3,
        )
    _append(log, lines(3, 5))
    _drain(follower())
    assert _numbers(engine) == [0, 1, 2, 3, 4]


def test_a_renamed_file_is_read_to_its_end(engine: Engine, log: Path, follower: Callable[[], Follower]) -> None:
    """Lines that the gateway writes to it after the new one is there, too."""
    log.write_bytes(lines(0, 2))
    running = follower()
    _drain(running)
    old = log.rename(log.with_name("access.log.1"))
    _append(old, lines(2, 3))
    log.write_bytes(lines(3, 4))
    _drain(running)
    _append(old, lines(4, 5))
    _append(log, lines(5, 6))
    _drain(running)
    assert _numbers(engine) == list(range(6))


@pytest.mark.parametrize("is_packed", [False, True])
def test_files_renamed_while_no_follower_ran_are_found(
    engine: Engine, log: Path, follower: Callable[[], Follower], is_packed: bool
) -> None:
    """The rest of the one that was followed, and those that came and went meanwhile, compressed or not."""
    log.with_name("access.log.9").write_bytes(lines(900, 901))  # older than the first follower: not asked for
    os.utime(log.with_name("access.log.9"), (1, 1))
    log.write_bytes(lines(0, 2))
    _drain(follower())
    _append(log, lines(2, 3))
    rested = log.rename(log.with_name("access.log.2"))
    missed = log.with_name("access.log.1")
    missed.write_bytes(lines(3, 5))
    if is_packed:
        for path in (rested, missed):
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()
    log.write_bytes(lines(5, 6))
    _drain(follower())
    assert _numbers(engine) == list(range(6))
    _drain(follower())
    assert _numbers(engine) == list(range(6))


def test_a_truncated_file_is_read_from_its_first_byte(
    engine: Engine, log: Path, follower: Callable[[], Follower]
) -> None:
    """And the rest of what it was from its copy."""
    log.write_bytes(lines(0, 2))
    running = follower()
    _drain(running)
    _append(log, lines(2, 4))
    shutil.copy(log, log.with_name("access.log.1"))
    with log.open("rb+") as file:
        file.truncate(0)
    _append(log, lines(4, 9))  # longer than what is stored of the file before
    _drain(running)
    assert _numbers(engine) == list(range(9))


def test_two_followers_do_not_store_a_line_twice(engine: Engine, log: Path) -> None:
    """The second waits, and goes on when the first has ended."""
    log.write_bytes(lines(0, 2))
    first = Follower(engine, [log], host="test", metrics=JournalMetrics())
    metrics = JournalMetrics()
    second = Follower(engine, [log], host="test", metrics=metrics)
    _drain(first)
    _drain(second)
    assert metrics.registry.get_sample_value("journal_waiting_files") == 1
    first.stop()
    first.run()
    _append(log, lines(2, 3))
    _drain(second)
    assert _numbers(engine) == [0, 1, 2]
    second.stop()
    second.run()


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(st.just("follow"), st.tuples(st.integers(0, 30), st.integers(0, 30))), max_size=6))
@example([(5, 20), "follow"])
def test_what_was_imported_is_not_stored_again(
    engine: Engine, log: Path, follower: Callable[[], Follower], steps: list[str | tuple[int, int]]
) -> None:
    """Whichever lines of a followed file are imported, and when; rejects and counts neither."""
    for path in log.parent.iterdir():
        path.unlink()
    with writing(engine) as connection:
        for table in (calls, files, rejects, imported_days, calls_by_day):
            connection.execute(delete(table))
    day = timedelta(days=1)
    whole = [line(number, time=(BEGAN + number // 10 * day).isoformat()) + b"\n" for number in range(30)]
    whole[7:7] = [b"no line\n"]
    running, written = follower(), 0
    for step in steps:
        if isinstance(step, str):
            end = min(len(whole), written + 9)
            _append(log, b"".join(whole[written:end]))
            written = end
            _drain(running)
        else:
            list(import_lines(engine, BytesIO(b"".join(whole[slice(*step)])), "test"))
    _append(log, b"".join(whole[written:]))
    _drain(running)
    assert _numbers(engine) == list(range(30))
    with reading(engine) as connection:
        assert connection.scalar(select(func.sum(calls_by_day.c.calls))) == 30
        kept = connection.scalars(select(rejects.c.position)).all()
    assert len(kept) == 1


def test_followers_and_imports_at_once_store_each_line_once(
    engine: Engine, log: Path, follower: Callable[[], Follower]
) -> None:
    """Neither can miss what the other is storing."""
    log.write_bytes(lines(0, 4000))
    running, done = follower(), threading.Event()

    def imports() -> None:
        for first in range(0, 4000, 500):
            list(import_lines(engine, BytesIO(lines(first, first + 500)), "test"))
        done.set()

    thread = threading.Thread(target=imports)
    thread.start()
    while not done.is_set():
        running.round()
    thread.join()
    _drain(running)
    assert _numbers(engine) == list(range(4000))


def test_rejects_are_kept_with_their_place(engine: Engine, log: Path, follower: Callable[[], Follower]) -> None:
    """Lines of the operators' log are left out, and lines of any length do not stop it."""
    long = b"x" * 5_000_000
    log.write_bytes(
        lines(0, 1) + b'no\x00\n{"event":"e","level":"info","timestamp":"t"}\n' + long + b"\n" + lines(1, 2)
    )
    _drain(follower())
    assert _numbers(engine) == [0, 1]
    with reading(engine) as connection:
        kept = connection.execute(
            select(rejects.c.position, func.length(rejects.c.line), rejects.c.size).order_by(rejects.c.id)
        ).all()
        assert connection.execute(select(files.c.lines, files.c.skipped).where(files.c.lines > 0)).one() == (2, 1)
    assert kept[0] == (len(lines(0, 1)), 3, 3)
    assert sum(size for _, _, size in kept[1:]) == len(long)


def test_batches_grow_with_the_backlog(engine: Engine, log: Path, follower: Callable[[], Follower]) -> None:
    """A long file is stored in fewer transactions than pieces of the least size."""
    log.write_bytes(lines(0, 3000))
    running, rounds = follower(), 0
    while running.round():
        rounds += 1
    assert len(_numbers(engine)) == 3000
    assert rounds < len(lines(0, 3000)) / (64 * 1024)


def test_a_row_that_the_database_refuses_stops_no_other(
    engine: Engine, log: Path, follower: Callable[[], Follower], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """It becomes a reject: else no line after it would ever be stored."""
    if kind == "sqlite":
        pytest.skip("SQLite takes any value")
    monkeypatch.setattr("apientreprise_gateway.journal.line._clean", lambda value: value)  # lets U+0000 through
    log.write_bytes(lines(0, 2) + line(2, context="a\0") + b"\n" + lines(3, 4))
    _drain(follower())
    assert _numbers(engine) == [0, 1, 3]
    with reading(engine) as connection:
        assert list(connection.scalars(select(rejects.c.reason))) == ["the database refuses it"]


def test_a_follower_that_is_stopped_amid_a_piece_stores_none_of_it(
    engine: Engine, log: Path, follower: Callable[[], Follower], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It need not finish a long one to stop; the next follower stores it, once."""
    log.write_bytes(lines(0, 20))
    running, read = follower(), []
    row_of = Sorted.row_of

    def stop_at_the_tenth(batch: Sorted, line: bytes, position: int | None = None) -> Row | None:
        read.append(line)
        if len(read) == 10:
            running.stop()
        return row_of(batch, line, position)

    with monkeypatch.context() as patch:
        patch.setattr(Sorted, "row_of", stop_at_the_tenth)
        running.round()
    assert len(read) == 10
    assert _numbers(engine) == []
    _drain(follower())
    assert _numbers(engine) == list(range(20))


_EVENTS = st.lists(st.sampled_from(["write", "rename", "copy", "look", "restart", "pack"]), max_size=14)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_EVENTS)
@example(["rename", "restart", "look", "write", "rename"])
@example(["copy", "look", "write", "copy"])
def test_any_order_of_rotations_loses_and_repeats_nothing(
    engine: Engine, log: Path, follower: Callable[[], Follower], events: list[str]
) -> None:
    """Renamed, copied and truncated, compressed, with a follower that dies now and then."""
    for path in log.parent.iterdir():
        path.unlink()
    with writing(engine) as connection:
        connection.execute(delete(calls))
        connection.execute(delete(files))
    running, written, rotated = follower(), 1, 0
    log.write_bytes(lines(0, 1))
    _drain(running)
    for event in events:
        if event == "write":
            _append(log, lines(written, written + 2))
            written += 2
        elif event == "look":
            _drain(running)
        elif event == "restart":
            running = follower()
        elif event in ("rename", "copy") and log.exists():
            rotated += 1
            other = log.with_name(f"access.log.{rotated}")
            if event == "rename":
                log.rename(other)
            else:
                shutil.copy2(log, other)
                log.write_bytes(b"")
        elif event == "pack":
            for path in log.parent.glob("access.log.*[0-9]"):
                stat = path.stat()
                packed = path.with_name(f"{path.name}.gz")
                packed.write_bytes(gzip.compress(path.read_bytes()))
                os.utime(packed, ns=(stat.st_atime_ns, stat.st_mtime_ns))
                path.unlink()
    _append(log, lines(written, written + 1))
    _drain(running, rounds=60)  # it looks for what lies beside the path each five seconds
    assert _numbers(engine) == list(range(written + 1))


def test_the_disk_gets_back_what_is_stored(
    engine: Engine, log: Path, follower: Callable[[], Follower], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Where nobody rotates the file; it is followed on, also by the next follower."""
    if kind == "postgresql":
        pytest.skip("SQLite will do")
    monkeypatch.setattr("apientreprise_gateway.journal.freeing.LEAST_BYTES", 256 * 1024)
    log.write_bytes(lines(0, 3000))
    before = log.stat()
    running = Follower(engine, [log], host="test", metrics=JournalMetrics(), frees=True)
    _drain(running)
    running.stop()
    running.run()
    after = log.stat()
    if after.st_blocks == before.st_blocks:
        pytest.skip("the disk of this folder gives nothing back")
    assert (after.st_size, after.st_blocks * 512 < 600_000) == (before.st_size, True)
    _append(log, lines(3000, 3010))
    _drain(follower())
    assert _numbers(engine) == list(range(3010))
    with reading(engine) as connection:
        assert connection.scalar(select(func.count()).select_from(rejects)) == 0


def test_days_are_sealed_once_all_lines_are_stored(engine: Engine, log: Path) -> None:
    """Not before: lines of the same day that wait in the file would need a seal of their own."""
    log.write_bytes(lines(0, 1000))
    stored: list[int] = []
    running = Follower(
        engine, [log], host="test", metrics=JournalMetrics(), chores=lambda: stored.append(len(_numbers(engine)))
    )
    _drain(running)
    running.stop()
    running.run()
    assert set(stored) == {1000}


def test_a_follower_needs_no_right_to_change_rows(
    engine: Engine, log: Path, kind: str, pytestconfig: pytest.Config
) -> None:
    """The grants of the documentation are enough, for seals and partitions too."""
    if kind == "sqlite":
        pytest.skip("SQLite has no roles")
    page = Path(pytestconfig.rootpath, "docs", "journal.md").read_text()
    grants = page.split("```sql\n")[1].split("```")[0].replace("CREATE ROLE journal_follower LOGIN;", "")
    with writing(engine) as connection:
        connection.execute(text("DROP ROLE IF EXISTS journal_follower"))
        connection.execute(text("CREATE ROLE journal_follower LOGIN"))
        connection.execute(text(grants))
    weak = connect(
        engine.url.set(drivername="postgresql", username="journal_follower").render_as_string(hide_password=False)
    )
    list(import_lines(engine, BytesIO(lines(0, 1)), "test"))
    log.write_bytes(lines(0, 2))
    running = Follower(weak, [log], host="test", metrics=JournalMetrics())
    _drain(running)
    assert _numbers(engine) == [0, 1]
    assert len(make_seals(weak, now=datetime(2026, 12, 24, tzinfo=UTC))) == 1
    with pytest.raises(DatabaseError, match="permission denied"), writing(weak) as connection:
        connection.execute(delete(calls))
    running.stop()
    running.run()
    weak.dispose()
    with writing(engine) as connection:
        connection.execute(text("DROP OWNED BY journal_follower; DROP ROLE journal_follower"))
