"""Maintenance that is announced on the status page, as the portal writes it to Redis and the gateways read it.

The portal writes all of it anew at each change, an empty list where nothing is announced. A key that is missing says
nothing: Redis has lost its data.
"""

import math
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import orjson

KEY: Final = "gw:maintenance"
MOST: Final = 200
"""Windows that are written and read."""
MOST_BYTES: Final = 1 << 20


class Announced(NamedTuple):
    """A window in which providers are not asked; Unix times in seconds."""

    providers: tuple[str, ...]
    """Their keys."""
    start: float
    end: float


def written(windows: Iterable[Announced]) -> str:
    """The value of the key."""
    first = sorted(windows, key=lambda window: window.start)[:MOST]
    return orjson.dumps({"windows": [window._asdict() for window in first]}).decode()


def read(value: bytes) -> tuple[Announced, ...]:
    """The windows of a value.

    Raises:
        ValueError: it is no list of windows.
    """
    if len(value) > MOST_BYTES:
        raise ValueError("it is too long")
    try:
        return tuple(_window(each) for each in orjson.loads(value)["windows"][:MOST])
    except (KeyError, TypeError, orjson.JSONDecodeError) as error:
        raise ValueError(f"it is no list of windows ({type(error).__name__})") from None


def _window(said: Any) -> Announced:
    start, end = float(said["start"]), float(said["end"])
    providers = tuple(str(each) for each in said["providers"])
    if not (math.isfinite(start) and math.isfinite(end) and 0 <= start < end < 1e11):
        raise ValueError("a window has no times")
    return Announced(providers, start, end)
