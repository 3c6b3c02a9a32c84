"""The error of settings that cannot be used, and suggestions for misspelt names."""

import difflib
from collections.abc import Iterable


class SettingsError(Exception):
    """The configuration cannot be used; the text names the setting and the remedy, a line for each problem."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is closest to a misspelt one; None if none is close."""
    return next(iter(difflib.get_close_matches(name, list(known), n=1)), None)
