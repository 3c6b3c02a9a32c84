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
_INDEXED: Final = frozenset({"identifier", "jti", "user_id", "recipient"})
_MOST_WHOLE: Final = 2**63 - 1
_MOST_STATUS: Final = 999
KEY_BYTES: Final = 16

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
    return _clean(value) if unclean else value


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
    fields = _loads(line)
    event = fields.get("event")
    if not isinstance(event, str) or event not in EVENTS:
        if "level" in fields and "timestamp" in fields:
            return Outcome.SKIPPED
        raise NoLineError("`event` is none of an access line")
    unclean = b"\\u" in line or b"\\U" in line
    request_id = _text("request_id", fields.get("request_id"), unclean=unclean)
    if not request_id:
        raise NoLineError("`request_id` is missing")
    values = [reader(name, fields.get(name), unclean=unclean) for name, reader in _READERS.items()]
    extra = {name: value for name, value in fields.items() if name not in _KNOWN}
    return event, _time(fields.get("time")), request_id, *values, _json(extra) if extra else None, key_of(line)


def _loads(line: bytes) -> dict[str, Any]:
    try:
        fields = orjson.loads(line)
    except orjson.JSONDecodeError:  # half a surrogate pair is JSON all the same, and the gateway may write it
        fields = _loads_slowly(line)
    if not isinstance(fields, dict):
        raise NoLineError("it is no JSON object")
    return fields


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
