"""The command `portal status export DIR`: the status page as static files."""

import argparse
from pathlib import Path

from apientreprise_gateway.cli.outcome import FAILURE, tell


def add_to(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands to the parser."""
    status = subcommands.add_parser("status", help="the status page as static files")
    commands = status.add_subparsers(title="commands", required=True, metavar="COMMAND")
    export = commands.add_parser("export", help="write the status page to a folder, whole or not at all")
    export.add_argument("folder", type=Path, metavar="DIR", help="folder in which `statut` is made or replaced")
    export.set_defaults(command=_export)


def _export(options: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    from apientreprise_gateway.cli.database_access import use_database
    from apientreprise_gateway.database.engine import reading
    from apientreprise_gateway.portal.mail.rendering import DEFAULT_URL
    from apientreprise_gateway.portal.settings import load
    from apientreprise_gateway.portal.statut.exporting import ExportError, export
    from apientreprise_gateway.providers.products import PRODUCTS
    from apientreprise_gateway.status.components import components_of
    from apientreprise_gateway.status.snapshot import take

    settings = load()
    with use_database() as engine, reading(engine) as connection:
        snapshot = take(connection, components_of(PRODUCTS), seconds=settings.status_seconds, now=datetime.now(UTC))
    url = DEFAULT_URL if settings.public_url is None else str(settings.public_url)
    try:
        count = export(snapshot, options.folder, public_url=url)
    except ExportError as error:
        tell(str(error))
        return FAILURE
    print(f"{count} files written to {options.folder / 'statut'}.")
    return 0
