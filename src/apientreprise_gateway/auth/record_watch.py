"""Records of single tokens in Redis (`gw:tokens`), each the JSON that `records.py` describes, by `jti`.

They are a ledger (`ledger.py`): a record that was taken away stays there as `{}`. One that cannot be read is left out,
and told; a former record of that token that is known stays in force. Keys that are not known are told, and the others
of that record are in force.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple

import orjson
import structlog

from apientreprise_gateway.auth.ledger import Ledger, LedgerWatch, read_all, tell_of_unreadable
from apientreprise_gateway.auth.records import NOTHING, TokenRecord, read_record, shown, stricter
from apientreprise_gateway.auth.registry import TokenRegistry
from apientreprise_gateway.store.client import Client

OWNER: Final = "portal"
"""The key of a record that lists which of its keys the portal has written; gateways ignore it."""
GONE: Final = "{}"
"""The value of a record that was taken away."""
_log = structlog.get_logger(__name__)


class PublishedRecord(NamedTuple):
    """The record of one token in Redis."""

    text: str
    """The JSON."""
    record: TokenRecord
    """What it means; `NOTHING` itself where it was taken away."""
    changed: float = 0.0
    """Unix time in seconds at which it was written; 0 if unknown."""


KnownRecords = Mapping[str, PublishedRecord]
"""Records, by `jti`."""


def published_record(text: str, changed: float, known: PublishedRecord | None = None) -> PublishedRecord:
    """The record in a JSON text; if that is the text of the one known before, it is not read anew.

    Raises:
        ValueError: it holds no such record.
    """
    return _unchanged(text, changed, known) or _parsed(text, changed)[0]


def _unchanged(text: str, changed: float, known: PublishedRecord | None) -> PublishedRecord | None:
    if known is None or known.text != text:
        return None
    return known if known.changed == changed else known._replace(changed=changed)


def _parsed(text: str, changed: float) -> tuple[PublishedRecord, frozenset[str]]:
    """The record in a JSON text, and the keys in it that are not known."""
    record, unknown = read_record(text)
    return PublishedRecord(text, NOTHING if record == NOTHING else record, changed), unknown - {OWNER}


def _read(jti: str, value: bytes, changed: float, known: PublishedRecord | None) -> PublishedRecord:
    text = value.decode()
    entry = _unchanged(text, changed, known)  # to read a hundred thousand anew takes seconds
    if entry is None:
        entry, unknown = _parsed(text, changed)
        if unknown:
            _log.warning("token_record_keys_unknown", jti=jti, keys=sorted(unknown), effect="they are ignored")
    return entry


def _both(one: PublishedRecord, other: PublishedRecord) -> PublishedRecord:
    """The stricter of two records that one token has in different spellings."""
    record = stricter(one.record, other.record)
    return published_record(orjson.dumps(shown(record)).decode(), max(one.changed, other.changed))


RECORDS: Final[Ledger[PublishedRecord]] = Ledger(
    key="gw:tokens",
    name="token_records",
    read=_read,
    write=lambda entry: entry.text,
    both=_both,
    order=lambda entry: (entry.changed, entry.text),
    unreadable="token_record_unreadable",
    effect="it is left out; a former record of that token stays in force",
)


async def published_records(client: Client) -> dict[str, PublishedRecord]:
    """Every record that Redis has, also those taken away, by `jti`.

    Raises:
        StoreError: Redis cannot be reached, or a key holds another type.
    """
    found = await read_all(client, RECORDS)
    tell_of_unreadable(RECORDS, found)
    return found.entries


class RecordWatch(LedgerWatch[PublishedRecord]):
    """Keeps a registry up to date with the records in Redis."""

    def __init__(
        self,
        client: Client,
        registry: TokenRegistry,
        *,
        known: KnownRecords | None = None,
        on_read: Callable[[float], None] = lambda _at: None,
        keep: Callable[[KnownRecords], Awaitable[None]] | None = None,
    ) -> None:
        """Configure it; `registry` is given the records. The others are those of `LedgerWatch`."""

        def use(entries: KnownRecords) -> int:
            registry.publish({jti: each.record for jti, each in entries.items() if each.record is not NOTHING})
            return len(registry.published)

        super().__init__(client, RECORDS, use=use, known=known, on_read=on_read, keep=keep)
