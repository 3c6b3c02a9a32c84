"""The command `token issue`: mints a token."""

import argparse
from collections.abc import Sequence

from apientreprise_gateway.cli import arguments
from apientreprise_gateway.cli.outcome import refuse


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("issue", help="mint a token, signed by the first of GATEWAY_JWT_SECRETS")
    parser.add_argument("--scope", nargs="+", action="extend", required=True, metavar="SCOPE", help="what it opens")
    parser.add_argument("--subject", required=True, help="who it is for")
    parser.add_argument(
        "--expires", type=arguments.date, metavar="DATE", help="its end, YYYY-MM-DD (default: in 18 months)"
    )
    parser.add_argument("--force", action="store_true", help="also scopes that no endpoint of this version has")
    parser.set_defaults(command=_issue)


def _issue(options: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    from apientreprise_gateway.auth.issue import issue
    from apientreprise_gateway.gateway.settings import SettingsError, load

    settings = load()
    if not settings.jwt_secrets:
        raise SettingsError("GATEWAY_JWT_SECRETS: no secret signs tokens. Set it to the gateway's own.")
    if not any(sign.isprintable() and not sign.isspace() for sign in options.subject):
        return refuse("--subject: it is blank. Say who the token is for, as operators will read it.")
    complaint = _complaint_about(options.scope, force=options.force)
    if complaint is not None:
        return refuse(f"--scope: {complaint}")
    try:
        token = issue(
            secret=settings.jwt_secrets[0].get_secret_value(),
            scopes=dict.fromkeys(options.scope),
            subject=options.subject,
            issued_at=datetime.now(UTC),
            expires_at=options.expires,
        )
    except ValueError as error:
        return refuse(f"--expires: {error}")
    print(token)
    return 0


def _complaint_about(scopes: Sequence[str], *, force: bool) -> str | None:
    """What is wrong with the first unacceptable scope; None if all are acceptable."""
    import difflib

    from apientreprise_gateway.providers.products import PRODUCTS

    known = {scope for product in PRODUCTS for scope in product.scopes}
    for scope in scopes:
        words = scope.replace(",", " ").replace(";", " ").split()
        if not words:
            return "one is blank. `catalogue` lists those that exist."
        if len(words) > 1:
            return f"{scope!r} is several in one word. Give them apart: --scope {' '.join(words)}"
        if scope in known or (force and words == [scope]):
            continue
        near = difflib.get_close_matches(scope.strip(" ,;").lower(), known, n=1, cutoff=0.4)
        meant = f"Did you mean {near[0]}? " if near else ""
        remedy = "`catalogue` lists those that exist; --force issues it all the same."
        return f"no endpoint is opened by {scope!r}. {meant}{remedy}"
    return None
