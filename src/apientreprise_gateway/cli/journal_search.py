"""The command `journal search`: which calls were made, as a table, JSON or CSV; who searches, and why, is recorded."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, Final

from apientreprise_gateway.cli import arguments
from apientreprise_gateway.cli.outcome import refuse

_COLUMNS: Final = ("time", "request_id", "operation", "identifier", "jti", "user_id", "recipient", "status", "codes")
_MEASURED_ROWS: Final = 500
"""Rows by which the columns of a table are made as wide as they need."""
_TEXTS: Final = ("request_id", "jti", "identifier", "user_id", "recipient", "operation")


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    search = commands.add_parser(
        "search",
        help="calls by request, token, identifier, agent, recipient, operation, status and period",
        description="Shows all calls that have all that is given, in the order of their time. Who searches, for what, "
        "why, and how many rows were found is recorded. A person is searched for by the digest that `journal digest` "
        "prints.",
    )
    search.add_argument("--request-id", metavar="X", help="as in X-Request-Id")
    search.add_argument("--jti", metavar="X", help="of the token")
    search.add_argument("--identifier", metavar="X", help="SIREN, SIRET, RNA, or the digest of a person")
    search.add_argument("--user-id", metavar="X", help="the agent")
    search.add_argument("--recipient", metavar="X", help="SIRET of the body that asked")
    search.add_argument("--operation", metavar="X", help="name of the endpoint")
    search.add_argument("--status", type=int, metavar="N", help="of the answer")
    search.add_argument(
        "--from", dest="since", type=arguments.date, metavar="T", help="first moment, YYYY-MM-DD[THH:MM] UTC"
    )
    search.add_argument("--to", dest="until", type=arguments.date, metavar="T", help="the moment after the last")
    search.add_argument("--reason", metavar="TEXT", help="why it is searched for; recorded")
    form = search.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON")
    form.add_argument("--csv", action="store_true", help="as CSV")
    search.set_defaults(command=_search)


def _search(options: argparse.Namespace) -> int:
    from apientreprise_gateway.cli.database_access import use_database, user_name
    from apientreprise_gateway.journal.search import Criteria, begin_search

    reason = (options.reason or "").strip()
    if not reason:
        return refuse("--reason: say why these calls are searched for; it is recorded with who searched for what")
    given = {name: getattr(options, name) for name in (*_TEXTS, "status", "since", "until")}
    criteria = Criteria(**given)
    with use_database() as engine:
        search = begin_search(engine, criteria, who=user_name(), reason=reason)
        if options.json:
            _print_json(search.found())
        elif options.csv:
            _print_csv(search.found())
        else:
            _print_table(search.found())
        print(f"{search.rows} calls.", file=sys.stderr)
    return 0


def _print_json(rows: Iterable[dict[str, Any]]) -> None:
    """Print an array, a call on each line, as the calls come."""
    separator = "["
    for row in rows:
        print(f"{separator}\n{json.dumps(row)}", end="")
        separator = ","
    print("[]" if separator == "[" else "\n]")


def _print_csv(rows: Iterable[dict[str, Any]]) -> None:
    from apientreprise_gateway.journal.export import csv_lines

    for line in csv_lines(rows):
        sys.stdout.write(line)


def _print_table(rows: Iterator[dict[str, Any]]) -> None:
    first = [_cells(row) for row in islice(rows, _MEASURED_ROWS)]
    if not first:
        return
    widths = [max(map(len, column)) for column in zip(_COLUMNS, *first, strict=True)]
    for cells in chain([_COLUMNS], first, map(_cells, rows)):
        print(_line(cells, widths))


def _cells(row: dict[str, Any]) -> Sequence[str]:
    from apientreprise_gateway.contract.spreadsheet import as_text

    return [_printable(as_text(row[name])) for name in _COLUMNS]


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
