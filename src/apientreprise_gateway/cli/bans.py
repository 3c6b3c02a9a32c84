"""The command `bans list`: shows the bans in force in the shared Redis."""

import argparse
import json

from apientreprise_gateway.cli.output import iso_instant, print_table
from apientreprise_gateway.cli.redis_access import ask_redis


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    bans = commands.add_parser("bans", help="banned addresses")
    subcommands = bans.add_subparsers(title="commands", required=True, metavar="COMMAND")
    listing = subcommands.add_parser("list", help="the bans in force in the Redis of GATEWAY_REDIS_URL")
    listing.add_argument("--json", action="store_true", help="as JSON")
    listing.set_defaults(command=_list)


def _list(options: argparse.Namespace) -> None:
    from apientreprise_gateway.store.ban_list import bans

    rows = [
        {
            "ip": ban.address,
            "reason": ban.reason.value,
            "count": ban.count,
            "start": iso_instant(ban.start / 1e6),
            "end": iso_instant(ban.end / 1e6),
        }
        for ban in ask_redis(bans)
    ]
    if options.json:
        print(json.dumps(rows, indent=2))
    elif rows:
        print_table(rows, ("ip", "reason", "count", "start", "end"))
    else:
        print("No address is banned.")
