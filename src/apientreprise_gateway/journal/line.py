"""Reads an access line: which fields it has, and what makes a line that is none.

Text that a database cannot hold (U+0000, half a surrogate pair) is kept as its escape, `\\u0000`.
"""

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import Enum, auto
from hashlib import blake2b
from typing import Any, Final

import orjson

from apientreprise_gateway.database.types import instant_text

EVENTS: Final = frozenset({"access", "abandoned", "download"})
MAX_INDEXED: Final = 256
"""Characters of a value that is searched for; the gateway cuts longer ones."""
MAX_TEXT: Final = 8192
"""Characters of any other value."""
_INDEXED: Final = frozenset({"identifier", "jti", "user_id", "recipient", "operation"})
_MOST_INDEXED_BYTES: Final = 4 * MAX_INDEXED
"""Two of them go into an entry of an index, which PostgreSQL bounds at 2704 bytes."""
_MOST_WHOLE: Final = 2**63 - 1
_MOST_STATUS: Final = 999
KEY_BYTES: Final = 16
_TIME_LENGTH: Final = len("2026-11-28T20:00:00.000000+00:00")
_FIRST_YEAR: Final = 1000

Row = tuple[Any, ...]
"""The values of `COLUMNS`, as both databases take them."""


class NoLineError(Exception):
    """The text is no access line; the message names what is wrong, without a value."""


class Outcome(Enum):
    """What else a line may be."""

    SKIPPED = auto()
    """A line of the operators' log, or an empty one."""


def _text(name: str, value: Any, *, unclean: bool) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise NoLineError(f"`{name}` is no text")
    if len(value) > (MAX_INDEXED if name in _INDEXED else MAX_TEXT):
        raise NoLineError(f"`{name}` is too long")
    if not unclean:
        return value
    clean = _clean(value)
    if name in _INDEXED and len(clean.encode()) > _MOST_INDEXED_BYTES:
        raise NoLineError(f"`{name}` is too long")
    return clean


def _clean(value: str) -> str:
    return value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\u0000")


def _list(name: str, value: Any, *, unclean: bool) -> str | None:
    if value is None or isinstance(value, list):
        return None if value is None else _json(value)
    raise NoLineError(f"`{name}` is no list")


def _whole(name: str, value: Any, *, unclean: bool) -> int | None:
    if value is None or (type(value) is int and 0 <= value <= (_MOST_STATUS if name == "status" else _MOST_WHOLE)):
        return value
    raise NoLineError(f"`{name}` is no number that it can be")


def _number(name: str, value: Any, *, unclean: bool) -> float | None:
    if value is None:
        return None
    if type(value) not in (int, float):
        raise NoLineError(f"`{name}` is no number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise NoLineError(f"`{name}` is no number that it can be")
    return number


def _flag(name: str, value: Any, *, unclean: bool) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise NoLineError(f"`{name}` is neither true nor false")


_READERS: Final[Mapping[str, Callable[..., Any]]] = {
    **dict.fromkeys(("trace_id", "span_id", "product", "operation", "part_of", "identifier", "jti"), _text),
    **dict.fromkeys(("client_ip", "context", "recipient", "object", "user_id"), _text),
    "status": _whole,
    "codes": _list,
    "shadow": _list,
    "cached": _flag,
    "stale": _flag,
    "documents": _list,
    "provider_seconds": _number,
    "seconds": _number,
    "document": _text,
    "bytes": _whole,
    "complete": _flag,
}
FIELDS: Final = ("event", "time", "request_id", *_READERS)
"""The fields of access lines, in the order of the columns."""
COLUMNS: Final = (*FIELDS, "extra", "line_key")
LISTS: Final = frozenset(name for name, reader in _READERS.items() if reader is _list)
_KNOWN: Final = frozenset(FIELDS)
_NAMES: Final = tuple(_READERS)
_LIST_PLACES: Final = tuple(_NAMES.index(name) for name in _NAMES if name in LISTS)
_INDEXED_PLACES: Final = tuple(_NAMES.index(name) for name in _NAMES if name in _INDEXED)
_STATUS_PLACE: Final = _NAMES.index("status")
_BYTES_PLACE: Final = _NAMES.index("bytes")
_MOST_TYPES: Final = 256
_SHORT_LINE: Final = 4096
"""Bytes of a line that holds no text which is too long but for those that are searched for, and no endless number."""
_known_types: set[tuple[type, ...]] = set()
"""The types of the values of lines that were read in full; the types alone say whether such a line is one."""


def key_of(line: bytes) -> bytes:
    """What tells a line from every other."""
    return blake2b(line, digest_size=KEY_BYTES).digest()


def parse(line: bytes) -> Row | Outcome:
    """The row of an access line.

    Raises:
        NoLineError: it is no access line.
    """
    line = line.strip(b" \t\r\n")
    if not line:
        return Outcome.SKIPPED
    fields, is_plain = _loads(line)
    event = fields.get("event")
    if not isinstance(event, str) or event not in EVENTS:
        if "level" in fields and "timestamp" in fields:
            return Outcome.SKIPPED
        raise NoLineError("`event` is none of an access line")
    unclean = not is_plain or b"\\u" in line
    request_id = _text("request_id", fields.get("request_id"), unclean=unclean)
    if not request_id:
        raise NoLineError("`request_id` is missing")
    extra = None
    if not fields.keys() <= _KNOWN:
        extra = _json({name: value for name, value in fields.items() if name not in _KNOWN})
    return event, _time(fields.get("time")), request_id, *_values(fields, line, unclean=unclean), extra, key_of(line)


def _values(fields: dict[str, Any], line: bytes, *, unclean: bool) -> list[Any]:
    """The values of the other fields.

    Nearly all lines have values of the same few types. Once a line of such types was read in full, only what differs
    within a type is looked at: lists are written, and short lines hold no long text.
    """
    values = list(map(fields.get, _NAMES))
    types = tuple(map(type, values))
    if unclean or len(line) > _SHORT_LINE or types not in _known_types or not _in_range(values):
        values = [
            reader(name, value, unclean=unclean) for (name, reader), value in zip(_READERS.items(), values, strict=True)
        ]
        if len(_known_types) < _MOST_TYPES:
            _known_types.add(types)
        return values
    for place in _LIST_PLACES:
        value = values[place]
        if value is not None:
            values[place] = _json(value) if value else "[]"
    return values


def _in_range(values: list[Any]) -> bool:
    status, size = values[_STATUS_PLACE], values[_BYTES_PLACE]
    if (status is not None and not 0 <= status <= _MOST_STATUS) or (size is not None and not 0 <= size <= _MOST_WHOLE):
        return False
    for place in _INDEXED_PLACES:
        text = values[place]
        if text is not None and len(text) > MAX_INDEXED:
            return False
    return True


def _loads(line: bytes) -> tuple[dict[str, Any], bool]:
    """The fields of a line, and whether its text and numbers are such as any reader takes."""
    is_plain = True
    try:
        fields = orjson.loads(line)
    except orjson.JSONDecodeError:  # half a surrogate pair is JSON all the same, and the gateway may write it
        fields, is_plain = _loads_slowly(line), False
    if not isinstance(fields, dict):
        raise NoLineError("it is no JSON object")
    return fields, is_plain


def _loads_slowly(line: bytes) -> Any:
    try:
        return json.loads(line.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise NoLineError("it is no JSON") from None


def _refuse_constant(_text: str) -> None:
    raise ValueError


def _time(value: Any) -> str:
    try:
        moment = datetime.fromisoformat(value)
        if len(value) == _TIME_LENGTH and value.endswith("+00:00") and value[10] == "T" and moment.year >= _FIRST_YEAR:
            return f"{value[:26]}Z"  # as the gateway writes it
        if moment.tzinfo is None:
            raise NoLineError("`time` has no time zone")
        return instant_text(moment.astimezone(UTC))
    except (TypeError, ValueError, OverflowError):
        raise NoLineError("`time` is no time") from None


def _json(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return json.dumps(value, separators=(",", ":"))
