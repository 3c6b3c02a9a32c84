"""Documents in a folder."""

import asyncio
import errno
import os
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from apientreprise_gateway.documents.files import Disk, Memory, OpenFile
from apientreprise_gateway.documents.links import BUCKET_SECONDS, new_link
from apientreprise_gateway.documents.local import ABANDONED_SECONDS, LocalStore
from apientreprise_gateway.documents.store import StoreError
from support.site import wait_until

NOW = 1_800_000_000.0
BYTES = bytes(range(256)) * 2000
_T = TypeVar("_T")


async def run(folder: Path, work: Callable[[LocalStore], Awaitable[_T]]) -> _T:
    """Do something with the store of a folder."""

    store = LocalStore(folder, clock=lambda: NOW)
    try:
        return await work(store)
    finally:
        await store.close()


def key(*, ends: float = NOW) -> str:
    """A key that nobody has seen."""
    return new_link(ends=int(ends), name="a.pdf", secret=b"secret").key


async def put(folder: Path, wanted: str, content: Memory) -> None:
    """Keep a document."""
    await run(folder, lambda store: store.put(wanted, content))


async def read(store: LocalStore, wanted: str) -> bytes | None:
    """The whole document of a key."""
    kept = await store.open(wanted)
    if kept is None:
        return None
    parts = [await kept.read(start, kept.chunk) for start in range(0, kept.size, kept.chunk)]
    await kept.close()
    return b"".join(parts)


async def test_what_is_kept_is_read_by_all(tmp_path: Path) -> None:
    """What one process has put, another reads, also after the first has ended."""
    mine = key()
    await put(tmp_path / "d", mine, Memory(BYTES))
    assert await run(tmp_path / "d", lambda store: read(store, mine)) == BYTES
    assert await run(tmp_path / "d", lambda store: read(store, key())) is None


async def test_nobody_else_may_read(tmp_path: Path) -> None:
    """Folders and files are their user's alone."""
    await put(tmp_path / "a" / "d", key(), Memory(BYTES))
    modes = {stat.S_IMODE(each.stat().st_mode) for each in (tmp_path / "a" / "d").rglob("*") if each.is_file()}
    folders = {stat.S_IMODE(each.stat().st_mode) for each in (tmp_path / "a").rglob("*") if each.is_dir()}
    assert (modes, folders) == ({0o600}, {0o700})


def test_a_folder_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    """A folder that is open to others, or that is none, is not used."""
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "file").touch()
    (tmp_path / "own").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "own")
    for name, error in (("open", PermissionError), ("file", NotADirectoryError), ("link", NotADirectoryError)):
        with pytest.raises(error):
            LocalStore(tmp_path / name)


async def test_nothing_is_followed_out_of_the_folder(tmp_path: Path) -> None:
    """A symbolic link in the place of a document is not read."""
    mine = key()
    await put(tmp_path / "d", mine, Memory(BYTES))
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "d" / mine).unlink()
    (tmp_path / "d" / mine).symlink_to(tmp_path / "secret")
    with pytest.raises(StoreError):
        await run(tmp_path / "d", lambda store: read(store, mine))


class _Broken(Memory):
    def copy_to(self, fd: int, start: int, length: int) -> None:
        """Fail in the middle."""
        os.write(fd, self.read(0, 1000))
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize("refusal", [None, errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP])
async def test_a_file_is_copied_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: int | None) -> None:
    """A file is copied by the kernel, or by us where the kernel cannot."""
    if refusal is not None:

        def refuse(*_arguments: object) -> int:
            raise OSError(refusal, os.strerror(refusal))

        monkeypatch.setattr(os, "copy_file_range", refuse)
    (tmp_path / "file").write_bytes(BYTES)
    mine = key()
    await run(tmp_path / "d", lambda store: store.put(mine, Disk(OpenFile(os.open(tmp_path / "file", os.O_RDONLY)))))
    assert await run(tmp_path / "d", lambda store: read(store, mine)) == BYTES


async def test_a_disk_that_fails_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy that fails half way is not begun anew."""
    calls = []

    def fail(_source: int, target: int, _count: int, _start: int) -> int:
        calls.append(target)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return os.write(target, BYTES[:1000])

    monkeypatch.setattr(os, "copy_file_range", fail)
    (tmp_path / "file").write_bytes(BYTES)
    with pytest.raises(StoreError, match="No space left"):
        await run(
            tmp_path / "d", lambda store: store.put(key(), Disk(OpenFile(os.open(tmp_path / "file", os.O_RDONLY))))
        )
    wait_until(lambda: [each for each in (tmp_path / "d").rglob("*") if each.is_file()] == [])


async def test_a_document_is_whole_or_not_there(tmp_path: Path) -> None:
    """When writing fails, nothing is there and nothing is left."""
    mine = key()
    with pytest.raises(StoreError, match="Input/output"):
        await put(tmp_path / "d", mine, _Broken(BYTES))
    assert await run(tmp_path / "d", lambda store: read(store, mine)) is None
    wait_until(lambda: [each for each in (tmp_path / "d").rglob("*") if each.is_file()] == [])


async def test_what_has_ended_goes(tmp_path: Path) -> None:
    """Documents of hours that are over are removed, with their folders; others stay."""
    old, older, new = key(ends=NOW - BUCKET_SECONDS), key(ends=NOW - 9 * BUCKET_SECONDS), key()
    for each in (old, older, new):
        await put(tmp_path / "d", each, Memory(BYTES))
    assert await run(tmp_path / "d", lambda store: store.remove_ended(NOW, most=100)) == 2
    assert await run(tmp_path / "d", lambda store: store.remove_ended(NOW, most=100)) == 0
    assert await run(tmp_path / "d", lambda store: read(store, new)) == BYTES
    assert {each.name for each in (tmp_path / "d").iterdir()} == {"incoming", new.partition("/")[0]}


async def test_a_round_of_removal_is_bounded(tmp_path: Path) -> None:
    """A round removes no more than it is told; the next goes on."""
    for _ in range(5):
        await put(tmp_path / "d", key(ends=NOW - 9 * BUCKET_SECONDS), Memory(b"a"))
    counts = [await run(tmp_path / "d", lambda store: store.remove_ended(NOW, most=2)) for _ in range(4)]
    assert counts == [2, 2, 1, 0]


async def test_what_a_killed_process_left_goes(tmp_path: Path) -> None:
    """A document that nobody is writing any more is removed; one that may still be written stays."""
    store = LocalStore(tmp_path / "d", clock=lambda: NOW)
    for name, age in (("left", ABANDONED_SECONDS + 1), ("begun", ABANDONED_SECONDS - 1)):
        (store.incoming / name).write_bytes(b"part")
        os.utime(store.incoming / name, (NOW - age, NOW - age))
    assert await run(tmp_path / "d", lambda store: store.remove_ended(NOW, most=100)) == 1
    assert [each.name for each in store.incoming.iterdir()] == ["begun"]
    await store.close()


async def test_many_remove_at_once(tmp_path: Path) -> None:
    """Several processes that remove the same documents count each of them once, and none fails."""
    for place in range(40):
        ended = key(ends=NOW - (2 + place % 3) * BUCKET_SECONDS)
        await put(tmp_path / "d", ended, Memory(b"a"))
    stores = [LocalStore(tmp_path / "d", clock=lambda: NOW) for _ in range(4)]
    counts = await asyncio.gather(*(store.remove_ended(NOW, most=100) for store in stores))
    for store in stores:
        await store.close()
    assert (sum(counts)) == 40


async def test_a_folder_that_was_tidied_away_comes_back(tmp_path: Path) -> None:
    """If somebody removes the folders, the next round makes them again."""

    async def work(store: LocalStore) -> bytes | None:
        store.incoming.rmdir()
        with pytest.raises(StoreError):
            await store.put(key(), Memory(BYTES))
        await store.remove_ended(NOW, most=1)
        mine = key()
        await store.put(mine, Memory(BYTES))
        return await read(store, mine)

    assert await run(tmp_path / "d", work) == BYTES
