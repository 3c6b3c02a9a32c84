"""The command `journal digest`: by which name access lines know a person."""

import argparse
import sys

from apientreprise_gateway.cli.outcome import refuse


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    digest = commands.add_parser(
        "digest",
        help="the identifier that access lines have for a person, under GATEWAY_PSEUDONYM_KEY",
        description="Prints the identifier of a person in access lines. Say who it is by a number (ine=…, "
        "numeroAllocataire=…, identifiant=…), or by what the calls had of the civil status: nomNaissance=…, "
        "prenoms=FIRST,SECOND, and a date of birth, whole (dateNaissance=2001-07-04) or in parts "
        "(anneeDateNaissance=2001 moisDateNaissance=7 jourDateNaissance=4).",
    )
    digest.add_argument(
        "parts",
        nargs="*",
        metavar="NAME=VALUE",
        help="whom to search for; without any they are read from standard input, a line each, and so are in no history "
        "of commands and no list of processes",
    )
    digest.set_defaults(command=_digest)


def _digest(options: argparse.Namespace) -> int:
    from apientreprise_gateway.contract.lifetime import today
    from apientreprise_gateway.contract.person.search import searched_for
    from apientreprise_gateway.gateway.components.calls import pseudonyms
    from apientreprise_gateway.gateway.settings import SettingsError, load

    names = pseudonyms(load())
    if names is None:
        raise SettingsError("GATEWAY_PSEUDONYM_KEY: no key names persons. Set it to the gateway's own.")
    parts = options.parts or [line.strip() for line in sys.stdin if line.strip()]
    try:
        digest = names.of(searched_for(parts, today()))
    except ValueError as error:
        return refuse(str(error))
    if digest is None:
        return refuse("this names nobody: give a number, or a civil status")
    print(digest)
    return 0
