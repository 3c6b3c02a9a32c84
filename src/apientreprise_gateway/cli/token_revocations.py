"""The commands `token revoke`, `token unrevoke` and `token revocations`, on the revocations in the shared Redis."""

import argparse
import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from apientreprise_gateway.cli import arguments
from apientreprise_gateway.cli.outcome import FAILURE, refuse
from apientreprise_gateway.cli.output import print_table
from apientreprise_gateway.cli.redis_access import ask_redis

if TYPE_CHECKING:
    from apientreprise_gateway.auth.revocation import Revocation

_COLUMNS: Final = ("jti", "state", "from", "changed")


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands to the parser."""
    revoke = commands.add_parser("revoke", help="revoke a token, for every gateway on GATEWAY_REDIS_URL")
    revoke.add_argument("jti", type=arguments.jti)
    revoke.add_argument(
        "--at", type=arguments.date, metavar="DATE", help="from when, YYYY-MM-DD[THH:MM] UTC (default: now)"
    )
    revoke.add_argument("--force", action="store_true", help="also if that is later than the date it is revoked from")
    revoke.set_defaults(command=_revoke)
    unrevoke = commands.add_parser("unrevoke", help="take a revocation back, for every gateway on GATEWAY_REDIS_URL")
    unrevoke.add_argument("jti", type=arguments.jti)
    unrevoke.add_argument("--yes", action="store_true", help="do not ask first")
    unrevoke.add_argument("--force", action="store_true", help="also if Redis does not know that it is revoked")
    unrevoke.set_defaults(command=_unrevoke)
    revoked = commands.add_parser("revocations", help="the tokens revoked in the Redis of GATEWAY_REDIS_URL")
    revoked.add_argument("--json", action="store_true", help="as JSON")
    revoked.set_defaults(command=_revocations)


def _revoke(options: argparse.Namespace) -> int:
    """Revoke a token, unless it is revoked from an earlier date."""
    from apientreprise_gateway.auth import revocation

    at = options.at or datetime.now(UTC)
    earlier = ask_redis(lambda client: revocation.revoke(client, options.jti, at.timestamp(), force=options.force))
    if earlier is None:
        print(f"{options.jti} is revoked from {at.isoformat(timespec='seconds')} on.")
        return 0
    since = _date(earlier)
    if options.at is not None and earlier < at.timestamp():
        return refuse(
            f"--at: {options.jti} is revoked from {since} on already, and would be "
            "valid again until then. --force does that; `token unrevoke` ends the revocation."
        )
    print(f"{options.jti} is revoked from {since} on already.")
    return 0


def _unrevoke(options: argparse.Namespace) -> int:
    """End a revocation, after the operator has confirmed."""
    from apientreprise_gateway.auth import revocation
    from apientreprise_gateway.gateway.components.auth import token_registry
    from apientreprise_gateway.gateway.settings import load

    entry = ask_redis(revocation.revocations).get(options.jti)
    if (entry is None or not entry.in_force) and not options.force:
        return refuse(
            f"{options.jti} is not revoked in Redis. --force takes back what a gateway may know that is not there now."
        )
    since = "" if entry is None or not entry.in_force else f", revoked from {_date(entry.at)} on"
    if not options.yes and not _is_confirmed(f"Make {options.jti}{since}, valid again? [y/N] "):
        print("Nothing was changed.", file=sys.stderr)
        return FAILURE
    ask_redis(lambda client: revocation.lift(client, options.jti))
    print(f"{options.jti} is not revoked any more.")
    record = token_registry(load()).records.get(options.jti)
    if record is not None and record.revoked_at is not None:
        print(f"GATEWAY_TOKENS: the file revokes it as well, from {_date(record.revoked_at)} on.", file=sys.stderr)
    return 0


def _is_confirmed(question: str) -> bool:
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes", "o", "oui")


def _revocations(options: argparse.Namespace) -> None:
    """Show the revoked tokens, in the order of their dates."""
    from apientreprise_gateway.auth import revocation

    entries = ask_redis(revocation.revocations)
    rows = [_row(jti, entry) for jti, entry in sorted(entries.items(), key=_by_date) if entry.in_force]
    if options.json:
        print(json.dumps(rows, indent=2))
    elif rows:
        print_table([{**row, "changed": row["changed"] or "unknown"} for row in rows], _COLUMNS)
    else:
        print("No token is revoked.")


def _by_date(item: "tuple[str, Revocation]") -> tuple[float, str]:
    jti, entry = item
    return entry.at, jti


def _row(jti: str, entry: "Revocation") -> dict[str, str | None]:
    state = "revoked" if entry.at <= datetime.now(UTC).timestamp() else "to come"
    return {
        "jti": jti,
        "state": state,
        "from": _date(entry.at),
        "changed": _date(entry.changed) if entry.changed else None,
    }


def _date(instant: float) -> str:
    """A Unix time in seconds as a date; the number itself if it is out of range."""
    try:
        return datetime.fromtimestamp(instant, UTC).isoformat(timespec="seconds")
    except (OverflowError, OSError, ValueError):
        return str(instant)
