"""The portal of a demonstration: on the port after that of the gateway, with people to be and their filled accounts."""

import os
import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from apientreprise_gateway.portal.app import Portal
    from apientreprise_gateway.process.runner import Listener

APPLICANT: Final = "camille.martin@mairie-fontaine.example"
TECHNICAL: Final = "sacha.leroy@editeur.example"
BUSINESS: Final = "dominique.moreau@mairie-fontaine.example"
OPERATOR: Final = "operatrice@api.example"
AUDITOR: Final = "auditeur@api.example"
PEOPLE: Final = (
    (APPLICANT, "Demandeur : agent d’une mairie, qui a fait la demande, voit le jeton et le transmet."),
    (TECHNICAL, "Contact technique : l’éditeur du logiciel, qui voit si les appels passent."),
    (BUSINESS, "Contact métier : responsable du service qui utilise les données."),
    (OPERATOR, "Opératrice : examine les demandes, révoque, répond aux questions."),
    (AUDITOR, "Auditeur : voit tout, ne change rien."),
)
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


def make(at: "Listener", *, database: str, gateway_url: str, jwt_secret: str) -> "Portal":
    """The portal over a database file, whose tables are made; settings in the environment are ignored."""
    import secrets

    from apientreprise_gateway.database.engine import connect
    from apientreprise_gateway.database.migrate import migrate
    from apientreprise_gateway.portal import worker
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
        "operators": OPERATOR,
        "auditors": AUDITOR,
    }
    settings = load(**overrides)
    engine = connect(database)
    migrate(engine)
    engine.dispose()
    people = tuple(DemoPerson(email=email, who=who) for email, who in PEOPLE)
    return worker.make(settings, products=PRODUCTS, url=at.url, demo=Demo(people=people))


def welcome(url: str) -> str:
    """The lines that say where it is, and who to be."""
    who = "\n".join(f"          {email}: {text}" for email, text in PEOPLE)
    return f"Portal:   {url} (log in by a click: {url}/compte/se-connecter; mails: {url}/demo/courrier)\n{who}"


def _drop_settings() -> None:
    """Remove the settings of the portal from the environment, and print which were set."""
    from apientreprise_gateway.portal.settings import PREFIX

    told = [name for name in sorted(os.environ) if name.startswith(PREFIX) and os.environ.pop(name)]
    if told:
        print(f"Not used by a demonstration: {', '.join(told)}.", file=sys.stderr, flush=True)
