"""The commands `portal …`: `serve` runs its pages, `migrate` makes the tables of the database, `check` tells whether
settings can be used.
"""

import argparse
from collections.abc import Mapping
from typing import Final

from apientreprise_gateway.cli import (
    portal_accounts,
    portal_datapass,
    portal_jobs,
    portal_mail,
    portal_serve,
    portal_status,
    portal_tokens,
)
from apientreprise_gateway.cli.outcome import FAILURE, tell

_OLDEST: Final = 15
"""The oldest major version of PostgreSQL that is tested."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands to the parser."""
    portal = commands.add_parser("portal", help="the account side: its database and settings")
    subcommands = portal.add_subparsers(title="commands", required=True, metavar="COMMAND")
    portal_serve.add_to(subcommands)
    portal_accounts.add_to(subcommands)
    portal_tokens.add_to(subcommands)
    portal_mail.add_to(subcommands)
    portal_jobs.add_to(subcommands)
    portal_datapass.add_to(subcommands)
    portal_status.add_to(subcommands)
    migrate = subcommands.add_parser("migrate", help="make or renew the tables of PORTAL_DATABASE_URL")
    migrate.set_defaults(command=_migrate)
    check = subcommands.add_parser("check", help="say whether the settings PORTAL_… can be used")
    check.set_defaults(command=_check)


def _migrate(_options: argparse.Namespace) -> int:
    """Make the tables that are missing, and the partitions of the coming months."""
    from apientreprise_gateway.cli.database_access import use_database
    from apientreprise_gateway.database.engine import is_postgresql
    from apientreprise_gateway.database.migrate import HEAD, migrate
    from apientreprise_gateway.journal.partitions import make_partitions

    with use_database(migrated=False) as engine:
        before = migrate(engine)
        made = make_partitions(engine)
    print(f"The tables are those of {HEAD}{' already' if before == HEAD else ''}.")
    if is_postgresql(engine):
        print(f"Partitions made: {', '.join(made) or 'none were missing'}.")
    return 0


def _check(_options: argparse.Namespace) -> int:
    """Show every setting, then ask the database."""
    from apientreprise_gateway.cli.database_access import use_database
    from apientreprise_gateway.config.environment import SettingsError
    from apientreprise_gateway.database.engine import encoding_of, is_postgresql, reading, version_of
    from apientreprise_gateway.database.migrate import require_migrated
    from apientreprise_gateway.portal.settings import Settings, environment_name, load

    settings = load()
    for field in Settings.model_fields:
        print(f"{environment_name(field)} = {_shown(field, getattr(settings, field))}")
    print()
    try:
        with use_database(migrated=False) as engine:
            with reading(engine) as connection:
                version = version_of(connection)
                encoding = encoding_of(connection)
            print(f"PORTAL_DATABASE_URL: {version} answers.")
            if is_postgresql(engine) and int(version.split()[1].split(".")[0]) < _OLDEST:
                tell(f"PORTAL_DATABASE_URL: PostgreSQL {_OLDEST} or later is needed.")
                return FAILURE
            if encoding != "UTF8":
                tell(f"PORTAL_DATABASE_URL: the database is in {encoding}. Make one in UTF8.")
                return FAILURE
            require_migrated(engine)
    except SettingsError as error:
        tell(str(error))
        return FAILURE
    if settings.smtp_url is None:
        print("PORTAL_SMTP_URL is not set: mails stay queued.")
    print("The tables are there. These settings can be used.")
    return 0


def _shown(field: str, value: object) -> str:
    """The value of a setting in one line, without secrets; a URL is shown without its password."""
    from pydantic import SecretStr

    from apientreprise_gateway.config.shown import shown_place

    if isinstance(value, SecretStr):
        return shown_place(value.get_secret_value()) if field.endswith("_url") else "(set)"
    if isinstance(value, Mapping):
        value = tuple("=".join(filter(None, (key, "+".join(each)))) for key, each in value.items())
    if isinstance(value, tuple):
        if any(isinstance(each, SecretStr) for each in value):
            return f"({len(value)} set)"
        return ", ".join(str(each) for each in value) or "(none)"
    return "(unset)" if value is None else str(value)
