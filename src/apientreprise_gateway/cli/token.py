"""The commands `token …`, which mint, read and revoke tokens."""

import argparse

from apientreprise_gateway.cli import token_inspect, token_issue, token_revocations


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands to the parser."""
    token = commands.add_parser("token", help="mint and read tokens")
    subcommands = token.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for each in (token_issue, token_inspect, token_revocations):
        each.add_to(subcommands)
