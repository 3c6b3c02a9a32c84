"""What every program says of settings that it cannot use."""

import difflib
from collections.abc import Iterable


class SettingsError(Exception):
    """The configuration cannot be used; the text names the setting and the remedy, a line for each problem."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that a misspelt one is most like, if any is like it."""
    return next(iter(difflib.get_close_matches(name, list(known), n=1)), None)
