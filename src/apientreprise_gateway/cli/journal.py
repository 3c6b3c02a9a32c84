"""The commands `journal …`, on the store of access lines."""

import argparse
from typing import Final

from apientreprise_gateway.cli import (
    journal_digest,
    journal_follow,
    journal_import,
    journal_purge,
    journal_seals,
    journal_search,
    journal_statistics,
)

_PARTS: Final = (
    journal_follow,
    journal_import,
    journal_search,
    journal_statistics,
    journal_seals,
    journal_purge,
    journal_digest,
)


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands to the parser."""
    journal = commands.add_parser("journal", help="who asked what, when and why: store and search access lines")
    subcommands = journal.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for each in _PARTS:
        each.add_to(subcommands)
