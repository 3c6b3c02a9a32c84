"""Formats that commands write to standard output: tables and dates."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime


def print_table(rows: Sequence[Mapping[str, object]], names: Sequence[str]) -> None:
    """Print the columns with these names, each as wide as its widest cell."""
    table = [
        {name: ", ".join(value) if isinstance(value := row[name], list) else str(value) for name in names}
        for row in rows
    ]
    widths = {name: max(len(name), *(len(row[name]) for row in table)) for name in names}
    print("  ".join(name.ljust(widths[name]) for name in names).rstrip())
    for row in table:
        print("  ".join(row[name].ljust(widths[name]) for name in names).rstrip())


def iso_instant(value: object) -> str | None:
    """A Unix time in seconds as ISO 8601; None if the value is not a time."""
    try:
        return datetime.fromtimestamp(value, UTC).isoformat() if isinstance(value, int | float) else None
    except (OverflowError, OSError, ValueError):
        return None
