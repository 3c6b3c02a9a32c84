"""The commands `journal purge`, which deletes months past their time, and `journal hold`, which keeps some calls."""

import argparse
import sys
from typing import Final

from apientreprise_gateway.cli import arguments
from apientreprise_gateway.cli.outcome import refuse
from apientreprise_gateway.cli.output import print_table

_COLUMNS: Final = ("month", "calls", "held", "rejects")
_HOLD_COLUMNS: Final = ("number", "kind", "value", "since", "until", "who", "reason")


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands to the parser."""
    purge = commands.add_parser(
        "purge",
        help="delete whole months past PORTAL_KEEP_CALLS_MONTHS, but for what a hold keeps",
        description="Deletes calls and rejects, month by month. Calls under a hold stay. Each month is noted.",
    )
    purge.add_argument("--dry-run", action="store_true", help="only say what would be deleted")
    purge.set_defaults(command=_purge)
    hold = commands.add_parser("hold", help="keep the calls of a token or a body beyond their time")
    of = hold.add_mutually_exclusive_group(required=True)
    of.add_argument("--jti", type=arguments.jti, help="of the token")
    of.add_argument("--recipient", metavar="SIRET", help="of the body")
    of.add_argument("--lift", type=int, metavar="NUMBER", help="end a hold; the next purge deletes what it kept")
    of.add_argument("--list", action="store_true", help="show all holds")
    hold.add_argument("--reason", metavar="TEXT", help="why the calls are kept; recorded")
    hold.set_defaults(command=_hold)


def _purge(options: argparse.Namespace) -> int:
    from apientreprise_gateway.cli.database_access import use_database, user_name
    from apientreprise_gateway.journal.purging import purge
    from apientreprise_gateway.observability import logs
    from apientreprise_gateway.portal.settings import load

    settings = load()
    logs.configure(level=settings.log_level)
    with use_database() as engine:
        done = purge(engine, keep_months=settings.keep_calls_months, who=user_name(), dry_run=options.dry_run)
    if done:
        print_table([{name: getattr(each, name) for name in _COLUMNS} for each in done], _COLUMNS)
    verb = "would be deleted" if options.dry_run else "were deleted"
    print(f"{len(done)} months {verb}.", file=sys.stderr)
    return 0


def _hold(options: argparse.Namespace) -> int:
    from apientreprise_gateway.cli.database_access import use_database, user_name
    from apientreprise_gateway.journal.holds import HoldKind, all_holds, hold, lift

    reason = (options.reason or "").strip()
    if not options.list and options.lift is None and not reason:
        return refuse("--reason: say why these calls are kept; it is recorded")
    with use_database() as engine:
        if options.list:
            rows = [
                {
                    "number": each.number,
                    "kind": each.kind.value,
                    "value": each.value,
                    "since": each.at.isoformat(timespec="seconds"),
                    "until": "" if each.lifted_at is None else each.lifted_at.isoformat(timespec="seconds"),
                    "who": each.who,
                    "reason": each.reason,
                }
                for each in all_holds(engine)
            ]
            if rows:
                print_table(rows, _HOLD_COLUMNS)
            return 0
        if options.lift is not None:
            if not lift(engine, options.lift, who=user_name()):
                return refuse(f"--lift: no hold {options.lift} is in force; --list shows them")
            print(f"Hold {options.lift} is lifted.")
            return 0
        kind, value = (HoldKind.JTI, options.jti) if options.jti else (HoldKind.RECIPIENT, options.recipient)
        number = hold(engine, kind, value, who=user_name(), reason=reason)
    print(f"Hold {number}: calls with {kind.value} {value} are kept.")
    return 0
