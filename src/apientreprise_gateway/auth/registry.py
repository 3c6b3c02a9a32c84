"""What is recorded about single tokens: a revocation, the addresses they may be used from, a rate limit of their own.

Kept in a JSON file (`GATEWAY_TOKENS`), by `jti`:

    {"4a0c…": {"revoked_at": "2026-03-01T00:00:00Z", "allowed_addresses": ["192.0.2.0/24"], "limit_per_minute": 500}}

Every key is optional; a revocation may lie in the future. The file is read again at most a second after it changes; if
it cannot be read, the records read before stay in force. Revocations may come from Redis as well (`revocation.py`); a
token is revoked at the earlier of both dates.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import structlog

from apientreprise_gateway.config.watched import WatchedFile
from apientreprise_gateway.net.addresses import Network, is_in, networks
from apientreprise_gateway.net.client_ip import parse

POLL_SECONDS: Final = 1.0
_KNOWN_KEYS: Final = {"revoked_at", "allowed_addresses", "limit_per_minute"}
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """What is recorded about one token."""

    revoked_at: float | None = None
    """Unix time in seconds from which it is refused; None if it is not revoked."""
    allowed: tuple[Network, ...] = ()
    """Networks that it may be used from; empty for any."""
    limit_per_minute: int | None = None
    """Calls per minute that it is allowed, see `policy.own_limits`; None for the usual limits."""

    def is_revoked(self, now: float) -> bool:
        """Whether the token is revoked at `now`, Unix time in seconds."""
        return self.revoked_at is not None and self.revoked_at <= now

    def allows(self, client: str) -> bool:
        """Whether the token may be used from an address."""
        if not self.allowed:
            return True
        address = parse(client)
        return address is not None and is_in(address, self.allowed)


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
        """The records of the file, by `jti`; most tokens have none."""
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

    def refresh(self) -> None:
        """Read the file again if it has changed; keep the records if that fails."""
        try:
            has_changed = self._read_changes()
        except ValueError as error:
            self._complain(str(error))
            return
        is_repaired, self._trouble = self._trouble is not None, None
        if has_changed or is_repaired:
            _log.info("tokens_file_read", records=len(self.records))

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
            self.records = records
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
        entries = json.loads(content, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} cannot be read ({error})") from error
    if not isinstance(entries, dict):
        raise ValueError(f"{path} must hold an object, by jti")
    records = {jti.lower(): _record(path, jti, entry) for jti, entry in entries.items()}
    if len(records) < len(entries):
        raise ValueError(f"{path} names a jti twice, in upper and in lower case")
    return records


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object as a dict; ValueError for a duplicate key, since the first entry (a revocation?) would be lost."""
    entries = dict(pairs)
    if len(entries) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)} stands twice in one object")
    return entries


def _record(path: Path, jti: str, entry: Any) -> TokenRecord:
    if not isinstance(entry, dict) or not entry.keys() <= _KNOWN_KEYS:
        raise ValueError(f"{path}: {jti} must hold an object with some of {sorted(_KNOWN_KEYS)}")
    try:
        revoked_at = entry.get("revoked_at")
        return TokenRecord(
            revoked_at=None if revoked_at is None else _instant(revoked_at),
            allowed=networks(entry.get("allowed_addresses", [])),
            limit_per_minute=_limit(entry.get("limit_per_minute")),
        )
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ValueError(f"{path}: {jti} is wrong ({error})") from error


def _limit(value: object) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    raise ValueError("limit_per_minute must be a number of calls, at least 1")


def _instant(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
