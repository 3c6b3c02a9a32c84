"""The commands `journal import`, which stores the lines of a stream or of files, and `journal rejects`."""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, cast

from apientreprise_gateway.cli.outcome import refuse, tell
from apientreprise_gateway.cli.output import print_table

if TYPE_CHECKING:
    from apientreprise_gateway.journal.importing import Imported, Readable

_SHOWN_CHARACTERS: Final = 100
_COLUMNS: Final = ("id", "at", "source", "position", "size", "reason", "line")


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands to the parser."""
    imported = commands.add_parser(
        "import",
        help="store the access lines of standard input, or of files (.gz too), in PORTAL_DATABASE_URL",
        description="Stores access lines; one that is there already is not stored again. What container engines put "
        "around lines is taken off; lines of the operators' log are left out. Ends with 0 although lines are rejected: "
        "they are kept, and `journal rejects` lists them.",
    )
    imported.add_argument("files", nargs="*", type=Path, metavar="FILE", help="instead of standard input")
    imported.add_argument(
        "--confirm",
        action="store_true",
        help="confirm each line of standard input on standard output, as rsyslog's omprog asks for (confirmMessages)",
    )
    imported.set_defaults(command=_import)
    rejects = commands.add_parser("rejects", help="the lines that were no access lines")
    rejects.add_argument("--json", action="store_true", help="as JSON, with the whole line")
    rejects.set_defaults(command=_rejects)


def _import(options: argparse.Namespace) -> int:
    import gzip
    import zlib
    from functools import partial

    from apientreprise_gateway.cli.database_access import use_database
    from apientreprise_gateway.journal.importing import Pipe, import_confirmed, import_lines
    from apientreprise_gateway.journal.partitions import make_partitions

    missing = next((path for path in options.files if not path.is_file()), None)
    if missing is not None:
        return refuse(f"{missing}: there is no such file")
    if options.confirm and options.files:
        return refuse("--confirm: it is for standard input, not for files")
    with use_database() as engine:
        make_partitions(engine)
        if options.confirm:
            import_confirmed(engine, _standard_input(), "standard input", partial(print, flush=True))
            return 0
        for path in options.files or [None]:
            done = None
            with _opened(path) as stream:
                source = "standard input" if path is None else str(path.absolute())
                pauses = stream.pauses if isinstance(stream, Pipe) else lambda: False
                try:
                    for done in import_lines(engine, stream, source, pauses=pauses):
                        _show(done, end="\r")
                except (EOFError, zlib.error, gzip.BadGzipFile):
                    return refuse(f"{source}: its packed data breaks off; import it again once it is whole")
            _say(path, done)
        make_partitions(engine)
    return 0


@contextmanager
def _opened(path: Path | None) -> "Iterator[Readable]":
    import gzip

    from apientreprise_gateway.journal.importing import Pipe

    if path is None:
        stream = _standard_input()
        if isinstance(stream, Pipe) and stream.is_packed():
            with gzip.open(cast("IO[bytes]", stream)) as unpacked:
                yield unpacked
        else:
            yield stream
        return
    with path.open("rb") as file:
        is_packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if is_packed:
            with gzip.open(file) as unpacked:
                yield unpacked
        else:
            yield file


def _standard_input() -> "Readable":
    from apientreprise_gateway.journal.importing import Pipe

    try:
        return Pipe(sys.stdin.fileno())
    except (OSError, ValueError):  # it is no file of the system
        return sys.stdin.buffer


def _show(done: "Imported", *, end: str) -> None:
    if sys.stderr.isatty():
        print(f"{done.read} lines read", end=f"\033[K{end}", file=sys.stderr, flush=True)


def _say(path: Path | None, done: "Imported | None") -> None:
    name = "" if path is None else f"{path}: "
    if done is None:
        tell(f"{name}no lines")
        return
    print(
        f"{name}{done.read} lines read: {done.stored} stored, {done.known} known already, "
        f"{done.rejected + done.rejects_known} rejected, {done.skipped} skipped"
    )


def _rejects(options: argparse.Namespace) -> int:
    from sqlalchemy import select

    from apientreprise_gateway.cli.database_access import use_database
    from apientreprise_gateway.database.engine import reading
    from apientreprise_gateway.database.tables import rejects

    with use_database() as engine, reading(engine) as connection:
        found = connection.execution_options(yield_per=500).execute(select(rejects).order_by(rejects.c.id))
        rows: Iterator[dict[str, object]] = (_row(dict(row._mapping)) for row in found)
        if options.json:
            print(json.dumps(list(rows), indent=2))
            return 0
        table = [{**row, "line": ascii(str(row["line"])[:_SHOWN_CHARACTERS])[1:-1]} for row in rows]
    if table:
        print_table(table, _COLUMNS)
    print(f"{len(table)} rejects.", file=sys.stderr)
    return 0


def _row(row: dict[str, object]) -> dict[str, object]:
    line, at = row["line"], row["at"]
    text = bytes(line).decode("utf-8", "backslashreplace") if isinstance(line, bytes | memoryview) else line
    shown = {**row, "line": text, "at": str(at.isoformat()) if hasattr(at, "isoformat") else at}
    return {name: shown[name] for name in _COLUMNS}
