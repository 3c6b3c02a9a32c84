"""Tests of the files that are watched."""

import os
import shutil
from pathlib import Path

import pytest

from apientreprise_gateway.config.watched import SETTLING_SECONDS, WatchedFile


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


class Watched:
    """A file that is watched and has settled."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = Clock()
        self.file = WatchedFile(path, clock=self.clock)
        assert self.take() is not None
        self.settle()

    def take(self) -> bytes | None:
        """What has changed, accepted at once."""
        content = self.file.changed()
        if content is not None:
            self.file.accept()
        return content

    def settle(self) -> None:
        """Let so much time pass that the file is not read without a reason."""
        self.clock.now += SETTLING_SECONDS
        assert self.take() is None
        self.clock.now += SETTLING_SECONDS


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    """A file with a content."""
    (tmp_path / "file").write_bytes(b"one")
    return Watched(tmp_path / "file")


def with_the_date_of(path: Path, content: bytes, like: Path) -> Path:
    """Another file of the same date."""
    path.write_bytes(content)
    stat = like.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    return path


def test_nothing_has_changed(watched: Watched) -> None:
    """A file that is left alone has not changed, and is not read."""
    watched.path.chmod(0o600)
    assert watched.take() is None, "other rights are not another content"
    assert watched.file.modified == pytest.approx(watched.path.stat().st_mtime)


def test_replaced_by_one_of_the_same_size_and_date(watched: Watched) -> None:
    """A file renamed into the place of another of its size and date is read."""
    with_the_date_of(watched.path.with_name("new"), b"two", watched.path).replace(watched.path)
    assert watched.take() == b"two"


def test_rewritten_in_place_with_the_same_size_and_date(watched: Watched) -> None:
    """A file that keeps its inode, size and date is read all the same: that it was written to has a date of its own."""
    with_the_date_of(watched.path, b"two", watched.path)
    assert watched.take() == b"two"


def test_copied_over_with_its_date(watched: Watched, tmp_path: Path) -> None:
    """What `cp --preserve` does to a file is seen."""
    shutil.copy2(with_the_date_of(tmp_path / "new", b"two", watched.path), watched.path)
    assert watched.take() == b"two"


def test_a_link_that_is_turned(tmp_path: Path) -> None:
    """A file behind two links, as Kubernetes mounts them, is read when the first of them is turned."""
    for name, content in (("..1", b"one"), ("..2", b"two")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(content)
        os.utime(tmp_path / name / "file", (1_700_000_000, 1_700_000_000))
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "file").symlink_to("..data/file")
    watched = Watched(tmp_path / "file")
    (tmp_path / "..data_tmp").symlink_to("..2")
    (tmp_path / "..data_tmp").replace(tmp_path / "..data")
    assert watched.take() == b"two"


def test_gone_and_back(watched: Watched) -> None:
    """A file that is away cannot be read; when it is back with another content of the same size, it is read."""
    kept = with_the_date_of(watched.path.with_name("kept"), b"two", watched.path)
    watched.path.unlink()
    with pytest.raises(FileNotFoundError):
        watched.take()
    kept.rename(watched.path)
    assert watched.take() == b"two"


def test_what_is_not_accepted_is_read_again(watched: Watched) -> None:
    """A content that could not be used is given each time that it is asked for, until another one is accepted."""
    watched.path.write_bytes(b"")
    assert watched.file.changed() == b""
    assert watched.file.changed() == b""
    watched.path.write_bytes(b"two")
    assert watched.take() == b"two"
    assert watched.take() is None


def test_a_second_change_within_one_tick(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that changes twice while the system's clock stands still is read twice."""
    watched.path.write_bytes(b"two")
    stamp = watched.path.stat()
    monkeypatch.setattr("apientreprise_gateway.config.watched._stamp", lambda _stat: stamp)
    assert watched.take() == b"two"
    watched.path.write_bytes(b"six")
    assert watched.take() == b"six"
    watched.clock.now += SETTLING_SECONDS + 1
    watched.path.write_bytes(b"ten")
    assert watched.take() is None, "by then any change has another date"


def test_touched(watched: Watched) -> None:
    """A file of a new date and the same content has not changed; its date is known."""
    os.utime(watched.path, (1_800_000_000, 1_800_000_000))
    assert watched.take() is None
    assert watched.file.modified == 1_800_000_000


def test_a_pipe_in_its_place(watched: Watched) -> None:
    """What is no file is not opened: nobody knows for how long that would take."""
    watched.path.unlink()
    os.mkfifo(watched.path)
    with pytest.raises(OSError, match="no regular file"):
        watched.take()


def test_what_a_parser_makes_of_it(watched: Watched) -> None:
    """A content that is not what was accepted is parsed; it is accepted once that has worked, and not before."""
    watched.path.write_bytes(b"12x")
    for _ in range(2):
        with pytest.raises(ValueError, match="12x"):
            watched.file.read_changed(int)
    watched.path.write_bytes(b"12")
    assert watched.file.read_changed(int) == 12
    watched.settle()
    assert watched.file.read_changed(int) is None
