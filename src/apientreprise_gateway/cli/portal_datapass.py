"""The command `portal datapass replay`: applies again the events of habilitations that were kept."""

import argparse
from typing import Final

from apientreprise_gateway.cli import arguments
from apientreprise_gateway.cli.outcome import FAILURE, tell

_EVERY: Final = 500
"""Habilitations after which progress is shown."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    datapass = commands.add_parser("datapass", help="what DataPass has sent")
    subcommands = datapass.add_subparsers(title="commands", required=True, metavar="COMMAND")
    replay = subcommands.add_parser("replay", help="apply the kept events again; what stands stays, no mail is sent")
    chosen = replay.add_mutually_exclusive_group()
    chosen.add_argument("--event", type=_number, metavar="ID", help="only the habilitation of this event")
    chosen.add_argument(
        "--since", type=arguments.date, metavar="DATE", help="only habilitations with an event since then (UTC)"
    )
    replay.set_defaults(command=_replay)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < len(text) < 19:
        raise argparse.ArgumentTypeError(f"{text} is no event: give its number in the table habilitation_events")
    return int(text)


def _replay(options: argparse.Namespace) -> int:
    import sys
    from datetime import UTC, datetime

    from apientreprise_gateway.accounts import replaying
    from apientreprise_gateway.cli.database_access import use_database

    done, changed = 0, 0
    with use_database() as engine:
        read = replaying.reread(engine, event=options.event, since=options.since)
        now = datetime.now(UTC)
        for each in replaying.replay(engine, now, event=options.event, since=options.since):
            done += 1
            changed += each.changed
            if each.changed:
                print(f"{each.subject.product} {each.subject.external_id}: changed")
            if done % _EVERY == 0:
                print(f"{done} habilitations so far", file=sys.stderr, flush=True)
    if options.event is not None and not done:
        tell(f"Event {options.event} is not there, or is about no habilitation.")
        return FAILURE
    print(f"Events that are understood now: {read}. Habilitations: {done}, of which changed: {changed}.")
    return 0
