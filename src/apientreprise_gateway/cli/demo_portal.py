"""The portal of a demonstration: on the port after that of the gateway, with people to be and their filled accounts."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from apientreprise_gateway.portal.app import Portal
    from apientreprise_gateway.process.runner import Listener

_LAST_PORT: Final = 65535


def place(gateway: "Listener", *, chosen: bool) -> "Listener":
    """The port after that of the gateway; any free one if that is taken, and the gateway's was not chosen.

    Raises:
        PortTakenError: it is taken.
    """
    from apientreprise_gateway.process.errors import PortTakenError
    from apientreprise_gateway.process.runner import listen

    if gateway.port == _LAST_PORT:
        return listen(gateway.host, 0)
    try:
        return listen(gateway.host, gateway.port + 1)
    except PortTakenError:
        if chosen:
            raise
        return listen(gateway.host, 0)


def empty_token_file(folder: Path) -> Path:
    """The gateway's file of tokens, before anything is known of any."""
    found = folder / "tokens.json"
    found.write_bytes(b"{}")
    return found


def make(at: "Listener", *, database: str, gateway_url: str, jwt_secret: str, tokens: Path) -> "Portal":
    """The portal over a database file, whose tables are made and filled; of the environment only the theme counts.

    Args:
        at: where it listens.
        database: the address of the file.
        gateway_url: the gateway's.
        jwt_secret: with which the gateway verifies tokens.
        tokens: the gateway's file of tokens, which is written here.
    """
    import secrets
    from datetime import UTC, datetime

    from apientreprise_gateway.cli.demo_accounts import people
    from apientreprise_gateway.cli.demo_accounts.seeding import seed
    from apientreprise_gateway.cli.demo_accounts.token_file import TokenFile
    from apientreprise_gateway.database.migrate import migrate
    from apientreprise_gateway.portal import worker
    from apientreprise_gateway.portal.app import Portal
    from apientreprise_gateway.portal.background import LOOPS
    from apientreprise_gateway.portal.services import Demo, DemoPerson
    from apientreprise_gateway.portal.settings import load
    from apientreprise_gateway.providers.products import PRODUCTS

    _drop_settings()
    overrides: dict[str, Any] = {
        "database_url": database,
        "secret_keys": secrets.token_hex(32),
        "jwt_secrets": jwt_secret,
        "public_url": at.url,
        "gateway_url": gateway_url,
        "api_url": gateway_url,
        "sandbox_url": gateway_url,
        "support_address": "support@api.example",
        "operators": people.OPERATOR,
        "auditors": people.AUDITOR,
    }
    demo = Demo(people=tuple(DemoPerson(email=email, who=who) for email, who in people.TO_BE))
    services = worker.make(load(**overrides), products=PRODUCTS, url=at.url, demo=demo).services
    migrate(services.engine)
    seed(services.engine, sealer=services.sealer, products=PRODUCTS, now=datetime.now(UTC))
    file = TokenFile(tokens)
    file.write(services.engine)
    return Portal(services, loops=(*LOOPS, ("token_file", file.keep)))


def welcome(url: str) -> str:
    """The lines that say where it is, and who to be."""
    from apientreprise_gateway.cli.demo_accounts import people

    who = "\n".join(f"          {email}: {text}" for email, text in people.TO_BE)
    return f"Portal:   {url} (log in by a click: {url}/compte/se-connecter; mails: {url}/demo/courrier)\n{who}"


def _drop_settings() -> None:
    """Remove the settings of the portal from the environment, except those of its look, and print which were set."""
    from apientreprise_gateway.portal.settings import PREFIX

    look = (f"{PREFIX}THEME", f"{PREFIX}DSFR")
    others = [name for name in sorted(os.environ) if name.startswith(PREFIX) and name not in look]
    told = [name for name in others if os.environ.pop(name)]
    if told:
        print(f"Not used by a demonstration: {', '.join(told)}.", file=sys.stderr, flush=True)
