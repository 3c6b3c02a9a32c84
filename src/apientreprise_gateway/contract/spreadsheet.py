"""Cells of CSV files that people open with a spreadsheet."""

from typing import Any, Final

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def cell(value: Any) -> str:
    """A value as a cell; a text that a spreadsheet would take for a formula begins with an apostrophe (OWASP)."""
    text = as_text(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def as_text(value: Any) -> str:
    """A value as JSON or a person would write it: nothing for None, lists with blanks between their members."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return "" if value is None else str(value)
