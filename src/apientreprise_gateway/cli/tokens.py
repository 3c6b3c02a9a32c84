"""Commands about tokens: minting them, revoking them, taking a revocation back."""

import argparse
import difflib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from apientreprise_gateway.auth import revocation
from apientreprise_gateway.auth.issue import issue as mint
from apientreprise_gateway.auth.revocation import Revocation
from apientreprise_gateway.cli import main
from apientreprise_gateway.cli.tables import print_table
from apientreprise_gateway.gateway.components import token_registry
from apientreprise_gateway.gateway.settings import SettingsError, load
from apientreprise_gateway.providers import PROVIDERS

_SHOWN: Final = ("jti", "state", "from", "changed")


def issue(options: argparse.Namespace) -> int:
    """Print a token that says what it should, if that makes sense."""
    settings = load()
    if not settings.jwt_secrets:
        raise SettingsError("GATEWAY_JWT_SECRETS: no secret signs tokens. Set it to the gateway's own.")
    if not any(sign.isprintable() and not sign.isspace() for sign in options.subject):
        return _refuse("--subject: it is blank. Say who the token is for, as operators will read it.")
    complaint = _complaint_of(options.scope, force=options.force)
    if complaint is not None:
        return _refuse(f"--scope: {complaint}")
    try:
        token = mint(
            secret=settings.jwt_secrets[0].get_secret_value(),
            scopes=dict.fromkeys(options.scope),
            subject=options.subject,
            issued_at=datetime.now(UTC),
            expires_at=options.expires,
        )
    except ValueError as error:
        return _refuse(f"--expires: {error}")
    print(token)
    return 0


def _complaint_of(scopes: Sequence[str], *, force: bool) -> str | None:
    """What is wrong with the first scope that cannot be meant; None if all can."""
    known = {scope for provider in PROVIDERS for endpoint in provider.endpoints for scope in endpoint.scopes}
    for scope in scopes:
        parts = scope.replace(",", " ").replace(";", " ").split()
        if not parts:
            return "one is blank. `catalogue` lists those that exist."
        if len(parts) > 1:
            return f"{scope!r} is several in one word. Give them apart: --scope {' '.join(parts)}"
        if scope in known or (force and parts == [scope]):
            continue
        near = difflib.get_close_matches(scope.strip(" ,;").lower(), known, n=1, cutoff=0.4)
        meant = f"Did you mean {near[0]}? " if near else ""
        remedy = "`catalogue` lists those that exist; --force issues it all the same."
        return f"no endpoint is opened by {scope!r}. {meant}{remedy}"
    return None


def revoke(options: argparse.Namespace) -> int:
    """Revoke a token, unless it is revoked from an earlier date."""
    at = options.at or datetime.now(UTC)
    stands = main._with_redis(
        lambda client: revocation.revoke(client, options.jti, at.timestamp(), force=options.force)
    )
    if stands is None:
        print(f"{options.jti} is revoked from {at.isoformat(timespec='seconds')} on.")
        return 0
    earlier = _date(stands)
    if options.at is not None and stands < at.timestamp():
        return _refuse(
            f"--at: {options.jti} is revoked from {earlier} on already, and would be "
            "valid again until then. --force does that; `token unrevoke` ends the revocation."
        )
    print(f"{options.jti} is revoked from {earlier} on already.")
    return 0


def unrevoke(options: argparse.Namespace) -> int:
    """Take a revocation back, once somebody has said yes."""
    entry = main._with_redis(revocation.revocations).get(options.jti)
    if (entry is None or not entry.in_force) and not options.force:
        return _refuse(
            f"{options.jti} is not revoked in Redis. --force takes back what a gateway may know that is not there now."
        )
    since = "" if entry is None or not entry.in_force else f", revoked from {_date(entry.at)} on"
    if not options.yes and not _agrees(f"Make {options.jti}{since}, valid again? [y/N] "):
        print("Nothing was changed.", file=sys.stderr)
        return main._FAILURE
    main._with_redis(lambda client: revocation.lift(client, options.jti))
    print(f"{options.jti} is not revoked any more.")
    record = token_registry(load()).of(options.jti)
    if record is not None and record.revoked_at is not None:
        print(f"GATEWAY_TOKENS: the file revokes it as well, from {_date(record.revoked_at)} on.", file=sys.stderr)
    return 0


def _agrees(question: str) -> bool:
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes", "o", "oui")


def revocations(options: argparse.Namespace) -> None:
    """Show the tokens that are revoked, by their dates."""
    entries = main._with_redis(revocation.revocations)
    rows = [_row(jti, entry) for jti, entry in sorted(entries.items(), key=_by_date) if entry.in_force]
    if options.json:
        print(json.dumps(rows, indent=2))
    elif rows:
        print_table([{**row, "changed": row["changed"] or "unknown"} for row in rows], _SHOWN)
    else:
        print("No token is revoked.")


def _by_date(entry: tuple[str, Revocation]) -> tuple[float, str]:
    jti, revoked = entry
    return revoked.at, jti


def _row(jti: str, entry: Revocation) -> dict[str, str | None]:
    state = "revoked" if entry.at <= datetime.now(UTC).timestamp() else "to come"
    return {
        "jti": jti,
        "state": state,
        "from": _date(entry.at),
        "changed": _date(entry.changed) if entry.changed else None,
    }


def _date(instant: float) -> str:
    try:
        return datetime.fromtimestamp(instant, UTC).isoformat(timespec="seconds")
    except (OverflowError, OSError, ValueError):
        return str(instant)


def _refuse(complaint: str) -> int:
    print(f"{main.PROGRAM}: {complaint}", file=sys.stderr)
    return main._USAGE_ERROR


COMMANDS: Final[Mapping[str, Callable[[argparse.Namespace], int | None]]] = {
    "issue": issue,
    "revoke": revoke,
    "unrevoke": unrevoke,
    "revocations": revocations,
}
"""By the word after `token`."""
