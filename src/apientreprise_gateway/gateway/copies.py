"""Copies of revocations, records of tokens and bans in files, for processes that start while Redis cannot be reached.

The shared copy lives as long as the gateway, and each worker follows what the others write to it. The kept copy
outlives the gateway, and is read only at a start. A copy names its Redis, and is ignored for any other.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from apientreprise_gateway.auth.record_watch import RECORDS, KnownRecords, published_record
from apientreprise_gateway.auth.revocation import LIFTED, Known, Revocation, merged
from apientreprise_gateway.config.private import ONLY_OURS, own_folder, replace_file, takes_lock
from apientreprise_gateway.config.watched import Stamp, read_regular, stamp_of
from apientreprise_gateway.contract.bans import Ban, read_ban, written_ban
from apientreprise_gateway.observability.pause import pause

_LOCK_SECONDS: Final = 1.0
"""Seconds to wait for another process that writes; then both write, and each reads later what it has missed."""
_LOCK_PAUSE_SECONDS: Final = 0.02


class Snapshot(NamedTuple):
    """The revocations, records of tokens and bans that a process knows at one moment."""

    revoked: Known
    """Revocations, lifted ones included."""
    records: KnownRecords
    """Records, those taken away included."""
    bans: tuple[Ban, ...]
    is_whole: bool
    """Whether it has had all revocations and records of Redis at some moment."""


class CopyError(Exception):
    """A copy cannot be used; the text says why."""


class Copy:
    """One copy. Its methods access the disk: after the start, call them in threads."""

    def __init__(self, path: Path, *, of: str, is_shared: bool = False, is_private: bool = False) -> None:
        """Configure it; the disk is not accessed yet.

        Args:
            path: the file; its lock file is beside it.
            of: the name of its Redis.
            is_shared: whether the processes of one gateway share their bans through it.
            is_private: whether its folder must be accessible to this user alone.
        """
        self.path = path
        self.is_shared = is_shared
        self._of = of
        self._is_private = is_private
        self._seen: Stamp | None = None
        """The stamp of the file when its content was last read or written here."""
        self._records: KnownRecords = {}
        """The records that it held then."""

    def is_news(self) -> bool:
        """Whether another process has written it since it was last read or written here."""
        return stamp_of(self.path) not in (self._seen, None)

    def read(self) -> Snapshot | None:
        """The content; None if the file does not exist yet, or is of another Redis.

        Raises:
            CopyError: it cannot be read, or holds something else.
        """
        try:
            self._prepare()
            self._seen = stamp_of(self.path)
            content = read_regular(self.path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CopyError(f"{self.path}: {error.strerror or error}") from error
        try:
            found = _decode(content, self._of, self._records)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise CopyError(f"{self.path} is no copy of revocations, records and bans ({error})") from error
        if found is not None:
            self._records = found.records
        return found

    def write(self, snapshot: Snapshot) -> Snapshot:
        """Add what this process knows; return all that the copy holds then.

        Raises:
            CopyError: it cannot be written; its old content stays.
        """
        try:
            self._prepare()
            with _locked(self.path.with_name(self.path.name + ".lock")):
                there = self._news()
                whole = snapshot if there is None else self._joined(snapshot, there)
                if whole != there:
                    replace_file(self.path, _encode(whole, self._of), outlives_crash=not self.is_shared)
                    self._seen = stamp_of(self.path)
                self._records = whole.records
        except OSError as error:
            raise CopyError(f"{self.path}: {error.strerror or error}") from error
        return whole

    def _news(self) -> Snapshot | None:
        """What others have written since it was last read or written here; None for nothing."""
        try:
            return self.read() if self.is_news() else None
        except CopyError:
            return None  # it was reported when it was read, and is about to be replaced

    def _joined(self, snapshot: Snapshot, there: Snapshot) -> Snapshot:
        own = {ban.address for ban in snapshot.bans}
        others = (ban for ban in there.bans if ban.address not in own) if self.is_shared else ()
        return Snapshot(
            merged(there.revoked, snapshot.revoked),
            RECORDS.merged(there.records, snapshot.records),
            (*snapshot.bans, *others),
            snapshot.is_whole or there.is_whole,
        )

    def _prepare(self) -> None:
        if self._is_private:
            own_folder(self.path.parent)
        else:
            self.path.parent.mkdir(mode=ONLY_OURS, parents=True, exist_ok=True)


def _encode(snapshot: Snapshot, of: str) -> bytes:
    revoked = {jti: [entry.at if entry.in_force else None, entry.changed] for jti, entry in snapshot.revoked.items()}
    records = {jti: [entry.text, entry.changed] for jti, entry in snapshot.records.items()}
    bans = [[ban.address, written_ban(ban)] for ban in snapshot.bans]
    return orjson.dumps({"redis": of, "whole": snapshot.is_whole, "revoked": revoked, "records": records, "bans": bans})


def _decode(content: bytes, of: str, known: KnownRecords) -> Snapshot | None:
    """The content of a copy, with the same objects for records known before; None if it is of another Redis."""
    found = orjson.loads(content)
    if found["redis"] != of:
        return None
    now = time.time() * 1e6
    bans = (read_ban(str(address), str(value).encode()) for address, value in found["bans"])
    revoked = {
        str(jti): Revocation(LIFTED if at is None else _number(at), _number(changed))
        for jti, (at, changed) in found["revoked"].items()
    }
    records = {
        str(jti): published_record(str(text), _number(changed), known.get(str(jti)))
        for jti, (text, changed) in found.get("records", {}).items()  # older versions wrote none
    }
    return Snapshot(revoked, records, tuple(ban for ban in bans if now < ban.end), found["whole"] is True)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("a date is no number")
    return float(value)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock during the block; go on without it if another process does not release it in time."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        end = time.monotonic() + _LOCK_SECONDS
        while not takes_lock(descriptor) and time.monotonic() < end:
            pause(_LOCK_PAUSE_SECONDS)
        yield
    finally:
        os.close(descriptor)
