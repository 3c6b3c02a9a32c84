"""The commands `journal …`, on the store of access lines."""

import argparse

from apientreprise_gateway.cli import journal_digest, journal_follow, journal_import, journal_seals, journal_search


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands to the parser."""
    journal = commands.add_parser("journal", help="who asked what, when and why: store and search access lines")
    subcommands = journal.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for each in (journal_follow, journal_import, journal_search, journal_seals, journal_digest):
        each.add_to(subcommands)
