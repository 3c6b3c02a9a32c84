"""The registry of single tokens: which are revoked, and what is recorded about some (`records.py`).

It reads a JSON file (`GATEWAY_TOKENS`), by `jti`:

    {"4a0c…": {"revoked_at": "2026-03-01T00:00:00Z", "allowed_addresses": ["192.0.2.0/24"], "limit_per_minute": 500}}

Every key is optional; a revocation may lie in the future. The file is read again at most a second after it changes; if
it cannot be read, the records read before stay in force. Revocations and records may come from Redis as well
(`revocation.py`, `record_watch.py`): a token is revoked at the earlier of both dates, and held to both records.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import structlog

from apientreprise_gateway.auth.records import KEYS, NOTHING, TokenRecord, record_of, stricter, unique
from apientreprise_gateway.config.watched import WatchedFile

POLL_SECONDS: Final = 1.0
_KNOWN_KEYS: Final = KEYS | {"revoked_at"}
_log = structlog.get_logger(__name__)


class TokenRegistry:
    """The records, by `jti`, in memory."""

    def __init__(self, path: Path | None = None, *, now: Callable[[], float] = time.time) -> None:
        """Read the file, if there is one.

        Raises:
            ValueError: it cannot be read, or does not have the form described above.
        """
        self._file = None if path is None else WatchedFile(path)
        self._now = now
        self.records: Mapping[str, TokenRecord] = {}
        """The records in force, by `jti`, of the file and of Redis together; most tokens have none."""
        self.filed: Mapping[str, TokenRecord] = {}
        """The records of the file, by `jti`."""
        self.published: Mapping[str, TokenRecord] = {}
        """The records in Redis, by `jti`."""
        self.revoked: Mapping[str, float] = {}
        """The revocations in Redis: Unix times in seconds, by `jti`."""
        self.is_unsure = False
        """Whether revocations are kept in Redis but could not be read yet."""
        self._trouble: str | None = None
        self._read_changes()

    def is_revoked(self, jti: str) -> bool:
        """Whether a token is revoked now."""
        revoked_at = self.revoked.get(jti)
        if revoked_at is not None and revoked_at <= self._now():
            return True
        record = self.records.get(jti)
        return record is not None and record.is_revoked(self._now())

    def revoke(self, revoked: Mapping[str, float]) -> None:
        """Replace the revocations known from Redis: Unix times in seconds, by `jti`.

        A `jti` in upper case stands for the same in lower case: tokens have them in lower case only.
        """
        folded: dict[str, float] = {}
        for jti, at in revoked.items():
            name = jti.lower()
            folded[name] = min(at, folded.get(name, at))
        self.revoked = folded

    def publish(self, records: Mapping[str, TokenRecord]) -> None:
        """Replace the records known from Redis, by `jti` in lower case."""
        self.published = records
        self._join()

    def _join(self) -> None:
        joined = dict(self.published)
        for jti, record in self.filed.items():
            joined[jti] = stricter(record, joined.get(jti, NOTHING))
        self.records = joined

    def refresh(self) -> None:
        """Read the file again if it has changed; keep the records if that fails."""
        try:
            has_changed = self._read_changes()
        except ValueError as error:
            self._complain(str(error))
            return
        is_repaired, self._trouble = self._trouble is not None, None
        if has_changed or is_repaired:
            _log.info("tokens_file_read", records=len(self.filed))

    def _read_changes(self) -> bool:
        """Read the file if it has changed; return whether it has.

        Raises:
            ValueError: it cannot be read, or does not have the form described above.
        """
        if self._file is None:
            return False
        path = self._file.path
        try:
            records = self._file.read_changed(lambda content: read(path, content))
        except OSError as error:
            raise ValueError(f"{path} cannot be read ({error})") from error
        if records is not None:
            self.filed = records
            self._join()
        return records is not None

    def _complain(self, trouble: str) -> None:
        if trouble != self._trouble:  # log it once, not every second
            _log.error("tokens_file_unreadable", reason=trouble, effect="the records read before stay in force")
        self._trouble = trouble

    async def watch(self) -> None:
        """Refresh until cancelled."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            self.refresh()


def read(path: Path, content: bytes) -> dict[str, TokenRecord]:
    """The records in the content of a tokens file, by `jti` in lower case; messages name the path.

    Raises:
        ValueError: it does not have the form described above.
    """
    try:
        entries = json.loads(content, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} cannot be read ({error})") from error
    if not isinstance(entries, dict):
        raise ValueError(f"{path} must hold an object, by jti")
    records = {jti.lower(): _record(path, jti, entry) for jti, entry in entries.items()}
    if len(records) < len(entries):
        raise ValueError(f"{path} names a jti twice, in upper and in lower case")
    return records


def _record(path: Path, jti: str, entry: Any) -> TokenRecord:
    if not isinstance(entry, dict) or not entry.keys() <= _KNOWN_KEYS:
        raise ValueError(f"{path}: {jti} must hold an object with some of {sorted(_KNOWN_KEYS)}")
    try:
        revoked_at = entry.get("revoked_at")
        return replace(record_of(entry), revoked_at=None if revoked_at is None else _instant(revoked_at))
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ValueError(f"{path}: {jti} is wrong ({error})") from error


def _instant(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
