"""The commands `portal accounts …`: habilitations and people, and all that is known of somebody.

Nothing that they print is the string of a token.
"""

import argparse
import json
from typing import TYPE_CHECKING, Any, Final

from apientreprise_gateway.cli.outcome import FAILURE, refuse, tell
from apientreprise_gateway.cli.output import print_table

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from apientreprise_gateway.accounts.model import Habilitation

_LISTED: Final = ("number", "product", "state", "siret", "title", "tokens", "id")
_LONGEST_TITLE: Final = 40


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands to the parser."""
    accounts = commands.add_parser("accounts", help="habilitations and people")
    actions = accounts.add_subparsers(title="commands", required=True, metavar="COMMAND")
    listing = actions.add_parser("list", help="habilitations, the newest first")
    listing.add_argument("--state", metavar="X", help="draft, submitted, validated, refused, revoked, archived ...")
    listing.add_argument("--siret", metavar="X", help="of the body")
    listing.add_argument("--email", metavar="X", help="of one of the people")
    listing.add_argument("--json", action="store_true", help="as JSON")
    listing.set_defaults(command=_list)
    show = actions.add_parser("show", help="a habilitation, its people and its tokens")
    show.add_argument("number", help="the number that people know (of DataPass, or P and ours), or the id")
    show.add_argument("--product", choices=("entreprise", "particulier"), default="entreprise", help="of the number")
    show.add_argument("--json", action="store_true", help="as JSON")
    show.set_defaults(command=_show)
    export = actions.add_parser("export", help="all that is known of a person, as JSON")
    export.add_argument("email", help="the person's mail address")
    export.set_defaults(command=_export)
    erase = actions.add_parser("erase", help="erase what may be erased of a person")
    erase.add_argument("email", help="the person's mail address")
    erase.add_argument("--yes", action="store_true", help="do it; without this nothing is changed")
    erase.set_defaults(command=_erase)


def _list(options: argparse.Namespace) -> None:
    from apientreprise_gateway.accounts.listing import habilitations
    from apientreprise_gateway.cli.database_access import use_database
    from apientreprise_gateway.database.engine import reading

    with use_database() as engine, reading(engine) as connection:
        rows = habilitations(connection, state=options.state, siret=options.siret, email=options.email)
    if options.json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    elif rows:
        print_table([row | {"title": str(row["title"])[:_LONGEST_TITLE]} for row in rows], _LISTED)
    else:
        print("There is no such habilitation.")


def _show(options: argparse.Namespace) -> int:
    from apientreprise_gateway.accounts import repository
    from apientreprise_gateway.accounts.model import ProductKey
    from apientreprise_gateway.cli.database_access import use_database
    from apientreprise_gateway.database.engine import reading

    with use_database() as engine, reading(engine) as connection:
        found = repository.habilitation_by_number(connection, ProductKey(options.product), options.number)
        found = found or repository.habilitation(connection, options.number)
        said = None if found is None else _said(connection, found)
    if said is None:
        tell(f"There is no habilitation {options.number} of {options.product}.")
        return FAILURE
    if options.json:
        print(json.dumps(said, indent=2, ensure_ascii=False))
        return 0
    tokens = said.pop("tokens")
    for name, value in said.items():
        print(f"{name}: {', '.join(value) if isinstance(value, list) else value}")
    if tokens:
        print()
        print_table(tokens, tuple(tokens[0]))
    return 0


def _said(connection: "Connection", found: "Habilitation") -> dict[str, Any]:
    from datetime import UTC, datetime

    from apientreprise_gateway.accounts import repository, security
    from apientreprise_gateway.accounts.listing import token_row

    now, settings = datetime.now(UTC), security.settings_of(connection, found.id)
    people = repository.contacts(connection, found.id)
    return {
        "id": found.id,
        "number": found.external_id,
        "product": found.product.value,
        "state": found.state.value,
        "reopened": found.reopened,
        "siret": found.siret,
        "title": found.title,
        "scopes": list(found.scopes),
        "validated_at": None if found.validated_at is None else found.validated_at.isoformat(),
        **{role.value: person.email for role, person in sorted(people.items())},
        "allowed_addresses": list(settings.allowed_addresses),
        "cap_per_minute": settings.cap_per_minute,
        "limit_per_minute": settings.limit_per_minute,
        "tokens": [token_row(each, now) for each in repository.tokens_of(connection, found.id)],
    }


def _export(options: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    from apientreprise_gateway.accounts import people
    from apientreprise_gateway.cli.database_access import use_database, user_name
    from apientreprise_gateway.database.engine import writing

    with use_database() as engine, writing(engine) as connection:
        known = people.export(connection, options.email, now=datetime.now(UTC), by=f"command: {user_name()}")
    if known is None:
        tell("Nobody is known by this mail address.")
        return FAILURE
    print(json.dumps(known, indent=2, ensure_ascii=False, default=str))
    return 0


def _erase(options: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    from apientreprise_gateway.accounts import people
    from apientreprise_gateway.cli.database_access import use_database, user_name
    from apientreprise_gateway.database.engine import writing

    if not options.yes:
        return refuse("--yes: what is erased does not come back; `portal accounts export` shows what is known")
    with use_database() as engine, writing(engine) as connection:
        done = people.erase(connection, options.email, now=datetime.now(UTC), by=f"command: {user_name()}")
    if done is None:
        tell("Nobody is known by this mail address.")
        return FAILURE
    for what, rows in done.erased.items():
        print(f"erased: {what} ({rows})")
    for what in done.kept:
        print(f"kept: {what}")
    if not done.erased and not done.kept:
        print("There was nothing to erase.")
    return 0
