"""The commands `portal tokens …`: what is known of tokens, their revocation, their replacement and their renewal.

Nothing that they print is the string of a token: its applicant is shown it in the portal, or hands it over by a link.
"""

import argparse
import json
from typing import TYPE_CHECKING, Any, Final

from apientreprise_gateway.cli import arguments
from apientreprise_gateway.cli.outcome import FAILURE, refuse, tell
from apientreprise_gateway.cli.output import print_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from apientreprise_gateway.accounts.model import Habilitation

_LISTED: Final = ("jti", "state", "expires", "revoked", "last_call", "number")


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands to the parser."""
    tokens = commands.add_parser("tokens", help="the tokens of habilitations")
    actions = tokens.add_subparsers(title="commands", required=True, metavar="COMMAND")
    listing = actions.add_parser("list", help="tokens that have not expired, those that end first at the top")
    listing.add_argument("--number", metavar="X", help="of the habilitation")
    listing.add_argument("--all", action="store_true", help="expired ones too")
    listing.add_argument("--json", action="store_true", help="as JSON")
    listing.set_defaults(command=_list)
    show = actions.add_parser("show", help="a token: state, scopes, settings, bans, whether Redis was told")
    show.add_argument("jti", help="the token's")
    show.add_argument("--json", action="store_true", help="as JSON")
    show.set_defaults(command=_show)
    revoke = actions.add_parser(
        "revoke",
        help="revoke a token, or every token of a habilitation",
        description="In force at the gateways within two seconds, if a portal runs. It is never taken back: a "
        "revocation to come can only be brought forward.",
    )
    revoke.add_argument("jti", nargs="?", help="the token's")
    revoke.add_argument("--habilitation", metavar="ID", help="instead of a jti: every token of the habilitation")
    revoke.add_argument(
        "--at", type=arguments.date, metavar="T", help="from when, YYYY-MM-DD[THH:MM] UTC; now if unset"
    )
    revoke.add_argument("--reason", metavar="TEXT", help="why; its people are told")
    revoke.add_argument("--replace", action="store_true", help="make another token with the same end")
    revoke.set_defaults(command=_revoke)
    for name, words in (
        ("renew", "make a token of 18 months beside one that keeps its end"),
        ("replace", "make a clean copy of a token, with the same end"),
    ):
        maker = actions.add_parser(name, help=words)
        maker.add_argument("jti", help="the token's")
        maker.set_defaults(command=_make, how=name)
    limit = actions.add_parser("limit", help="set how many calls a minute all tokens of a habilitation may make")
    limit.add_argument("habilitation", help="its id")
    limit.add_argument("calls", help="calls a minute, or `none` for the usual limits")
    limit.set_defaults(command=_limit)


def _list(options: argparse.Namespace) -> None:
    from apientreprise_gateway.accounts.listing import tokens
    from apientreprise_gateway.cli.database_access import use_database
    from apientreprise_gateway.database.engine import reading

    with use_database() as engine, reading(engine) as connection:
        rows = tokens(connection, now=_now(), number=options.number, expired=options.all)
    if options.json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    elif rows:
        print_table(rows, _LISTED)
    else:
        print("There is no such token.")


def _show(options: argparse.Namespace) -> int:
    from apientreprise_gateway.cli.database_access import use_database
    from apientreprise_gateway.database.engine import reading

    with use_database() as engine, reading(engine) as connection:
        said = _said(connection, options.jti.lower())
    if said is None:
        tell("There is no such token.")
        return FAILURE
    if options.json:
        print(json.dumps(said, indent=2, ensure_ascii=False))
        return 0
    for name, value in said.items():
        print(f"{name}: {', '.join(map(str, value)) if isinstance(value, list) else value}")
    return 0


def _said(connection: "Connection", jti: str) -> dict[str, Any] | None:
    from apientreprise_gateway.accounts import bans, publications, repository, security
    from apientreprise_gateway.accounts.listing import token_row

    now, found = _now(), repository.token(connection, jti)
    if found is None:
        return None
    habilitation = repository.habilitation(connection, found.habilitation_id)
    settings = security.settings_of(connection, found.habilitation_id)
    known = bans.of_tokens(connection, [jti], now=now).get(jti, [])
    return {
        **token_row(found, now),
        "habilitation": found.habilitation_id,
        "number": None if habilitation is None else habilitation.external_id,
        "subject": found.subject,
        "scopes": list(found.scopes_in_force),
        "withdrawn": [scope for scope in found.scopes if scope not in found.scopes_in_force],
        "reason": found.revocation_reason,
        "allowed_addresses": list(settings.allowed_addresses),
        "cap_per_minute": settings.cap_per_minute,
        "limit_per_minute": settings.limit_per_minute,
        "bans": [f"{ban.address} until {ban.ends_at.isoformat()} ({ban.reason})" for ban in known],
        "redis_told": not publications.is_queued(connection, jti),
    }


def _revoke(options: argparse.Namespace) -> int:
    reason = (options.reason or "").strip()
    if not reason:
        return refuse("--reason: say why; its people are told")
    if (options.jti is None) == (options.habilitation is None):
        return refuse("name a token, or a habilitation with --habilitation")
    if options.jti is None:
        return _revoke_all(options, reason)

    def act(connection: "Connection", habilitation: "Habilitation") -> str:
        from apientreprise_gateway.accounts.token_ends import end

        made = end(
            connection, habilitation, options.jti, now=_now(), at=options.at, by=_who(), reason=reason,
            replaced=options.replace,
        )  # fmt: skip
        return "Revoked." if made is None else f"Revoked. It is replaced by {made.id}."

    return _with_token(options.jti, act)


def _revoke_all(options: argparse.Namespace, reason: str) -> int:
    from apientreprise_gateway.accounts.tokens import revoke_all
    from apientreprise_gateway.cli.database_access import use_database
    from apientreprise_gateway.database.engine import writing

    if options.replace:
        return refuse("--replace: it replaces one token; leave out --habilitation")
    with use_database() as engine, writing(engine) as connection:
        changed = revoke_all(connection, options.habilitation, now=_now(), at=options.at, by=_who(), reason=reason)
    for jti in changed:
        print(jti)
    print(f"Tokens revoked: {len(changed)}.")
    return 0


def _make(options: argparse.Namespace) -> int:
    def act(connection: "Connection", habilitation: "Habilitation") -> str:
        from apientreprise_gateway.accounts import tokens

        make = tokens.renew if options.how == "renew" else tokens.replace
        made = make(connection, habilitation, options.jti, now=_now(), by=_who())
        return f"Made: {made.id}, until {made.ends_at.isoformat()}."

    return _with_token(options.jti, act)


def _limit(options: argparse.Namespace) -> int:
    from apientreprise_gateway.accounts import repository, security
    from apientreprise_gateway.cli.database_access import use_database
    from apientreprise_gateway.database.engine import writing

    try:
        with use_database() as engine, writing(engine) as connection:
            if repository.habilitation(connection, options.habilitation) is None:
                tell("There is no such habilitation.")
                return FAILURE
            calls = None if options.calls == "none" else security.read_limit("limit_per_minute", options.calls)
            changed = security.set_limit(connection, options.habilitation, calls, now=_now(), by=_who())
    except security.SettingRefusedError as error:
        return refuse(str(error))
    print("Set." if changed else "It was so already.")
    return 0


def _with_token(jti: str, act: "Callable[[Connection, Habilitation], str]") -> int:
    """Do something with a token and its habilitation, and say what."""
    from apientreprise_gateway.accounts import repository
    from apientreprise_gateway.accounts.tokens import TokenRefusalError
    from apientreprise_gateway.cli.database_access import use_database
    from apientreprise_gateway.database.engine import writing

    try:
        with use_database() as engine, writing(engine) as connection:
            found = repository.token(connection, jti)
            habilitation = None if found is None else repository.habilitation(connection, found.habilitation_id)
            if habilitation is None:
                tell("There is no such token.")
                return FAILURE
            said = act(connection, habilitation)
    except TokenRefusalError as error:
        return refuse(str(error))
    print(said)
    return 0


def _now() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC)


def _who() -> str:
    """Who acts, as the log of acts names somebody at a shell."""
    from apientreprise_gateway.cli.database_access import user_name

    return f"command: {user_name()}"
