"""Types of command-line arguments: each parses a text, or refuses it in one line that says what to give instead."""

import argparse
import difflib
import math
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

LAST_PORT: Final = 65535
LONGEST_LATENCY_MS: Final = 3_600_000
MOST_WORKERS: Final = 512


def add_address(parser: argparse.ArgumentParser, *, default_port: int) -> None:
    """Add the options of a command that listens: `--host` and `--port`."""
    parser.add_argument("--host", type=host, default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument(
        "--port", type=port, default=default_port, help=f"port to listen on, 0 for any (default: {default_port})"
    )


def port(text: str) -> int:
    """A port number, 0 for any free port."""
    if not text.isascii() or not text.isdigit() or len(text) > len(str(LAST_PORT)) or int(text) > LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text} is no port: give a number from 0 to {LAST_PORT}")
    return int(text)


def host(text: str) -> str:
    """An address or host name to listen on; whether this machine has it shows only when it is bound."""
    plain = text.removeprefix("[").removesuffix("]")  # IPv6 addresses have brackets in a URL
    if not plain or not plain.isprintable() or any(sign in plain for sign in " /@"):
        raise argparse.ArgumentTypeError(f"{text!r} is no address: give one of this machine, such as 127.0.0.1 or ::1")
    return plain


def workers(text: str) -> int:
    """A number of processes; one below 1 is refused later, by `serve`."""
    try:
        number = int(text)
    except ValueError:
        number = None
    if number is None or number > MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"{text} is no number of processes: give one from 1 to {MOST_WORKERS}")
    return number


def milliseconds(text: str) -> float:
    """A delay in milliseconds."""
    value = _number(text)
    if value is None or not 0 <= value <= LONGEST_LATENCY_MS:
        raise argparse.ArgumentTypeError(
            f"{text} is no delay: give milliseconds from 0 to {LONGEST_LATENCY_MS}, such as 250"
        )
    return value


def share(text: str) -> float:
    """A share of calls, from 0 to 1."""
    value = _number(text)
    if value is None or not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is no share: give a number between 0 and 1, such as 0.1")
    return value


def add_cases(parser: argparse.ArgumentParser) -> None:
    """Add the option that names a folder of cases."""
    parser.add_argument(
        "--cases", type=folder, metavar="FOLDER", help="YAML files of calls with their answers, read again on change"
    )


def folder(text: str) -> Path:
    """A folder that is there."""
    if not os.path.isdir(text):
        raise argparse.ArgumentTypeError(f"{text} is no folder: give one with files of cases (*.yaml)")
    return Path(text)


def built_site(text: str) -> Path:
    """A folder with a documentation site."""
    if not Path(text, "index.html").is_file():
        raise argparse.ArgumentTypeError(f"{text} has no index.html: give the folder that `make site` made")
    return Path(text)


def fault(text: str) -> str:
    """The name of a fault of the sandbox."""
    from apientreprise_gateway.sandbox.faults import FAULTS

    if text not in FAULTS:
        near = difflib.get_close_matches(text, FAULTS, n=1)
        remedy = f": did you mean {near[0]}?" if near else ""
        raise argparse.ArgumentTypeError(f"{text} is none of {', '.join(FAULTS)}{remedy}")
    return text


def date(text: str) -> datetime:
    """A date or date-time in ISO 8601; in UTC if it has no time zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no date; write YYYY-MM-DD") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def jti(text: str) -> str:
    """The `jti` of a token, a UUID, in lower case with hyphens."""
    from uuid import UUID

    try:
        return str(UUID(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no jti; `token inspect` shows the one of a token") from None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
