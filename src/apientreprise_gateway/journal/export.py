"""Calls as CSV, a line at a time."""

import csv
from collections.abc import Iterable, Iterator
from io import StringIO

from apientreprise_gateway.contract.spreadsheet import cell
from apientreprise_gateway.journal.line import FIELDS
from apientreprise_gateway.journal.search import Found


def csv_lines(rows: Iterable[Found]) -> Iterator[str]:
    """The head, then a line for each call; the columns are the fields of access lines."""
    buffer = StringIO()
    writer = csv.writer(buffer)
    writer.writerow(FIELDS)
    for row in rows:
        yield _taken(buffer)
        writer.writerow([cell(row[name]) for name in FIELDS])
    yield _taken(buffer)


def _taken(buffer: StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
