"""Help: first what one can find out oneself, then a message to the support, which is prepared and not sent by us."""

import re
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.responses import Response

from apientreprise_gateway.database.accounts import ban_tokens, bans, roles, tokens
from apientreprise_gateway.portal.forms import Posted
from apientreprise_gateway.portal.pages.catalogue import known_of
from apientreprise_gateway.portal.rendering import page
from apientreprise_gateway.portal.services import services
from apientreprise_gateway.portal.visitors import Anyone, Visitor

_TOKEN: Final = re.compile(r"eyJ[\w-]{5,}\.[\w-]+|[\w-]{20,}\.[\w-]{20,}\.[\w-]{20,}")
_LONGEST: Final = 4000
_TOLD: Final = (
    ("request_id", "Numéro de la requête (X-Request-Id)"),
    ("time", "Date et heure"),
    ("operation", "Donnée appelée"),
    ("code", "Code d’erreur reçu"),
)
router = APIRouter()


@router.get("/support")
def support(request: Request, visitor: Anyone, requete: str = "") -> Response:
    """What to look at, and the form of the message; `requete` is the id of a request."""
    return _shown(request, visitor, values={"request_id": requete[:100]})


@router.post("/support")
def prepare(request: Request, form: Posted, visitor: Anyone) -> Response:
    """The message, ready to be sent."""
    values = form.values()
    errors = {}
    if not form.text("body"):
        errors["body"] = "Dites en une phrase ce que vous faisiez et ce qui s’est passé."
    for name, value in values.items():
        if len(value) > _LONGEST:
            errors[name] = f"Raccourcissez ce texte à {_LONGEST} signes."
        elif _TOKEN.search(value):
            errors[name] = (
                "Retirez le jeton : le support n’en a pas besoin, et personne d’autre que vous ne doit le lire."
            )
            values[name] = ""
    if errors:
        return _shown(request, visitor, values=values, errors=errors)
    lines = [f"{text} : {values[name].strip()}" for name, text in _TOLD if values.get(name, "").strip()]
    message = "\n".join([form.text("body"), "", *lines])
    return _shown(request, visitor, values=values, message=message)


def _shown(
    request: Request,
    visitor: Visitor | None,
    *,
    values: dict[str, str],
    errors: dict[str, str] | None = None,
    message: str | None = None,
) -> Response:
    ours = services(request)
    address = ours.settings.support_address
    mailto = None
    if message is not None and address is not None:
        mailto = f"mailto:{address}?subject={quote('Demande de support')}&body={quote(message)}"
    return page(
        request,
        "public/support.html",
        status=422 if errors else 200,
        values=values,
        errors=errors or {},
        message=message,
        address=address,
        mailto=mailto,
        bans=() if visitor is None else _bans(request, visitor),
        operations=[(each["path"], each["summary"]) for each in known_of(tuple(ours.products)).operations],
    )


def _bans(request: Request, visitor: Visitor) -> list[tuple[str, object]]:
    """The addresses that are banned now and have called with a token of this person, each with its end."""
    ours = services(request)
    query = (
        select(bans.c.address, bans.c.ends_at)
        .join(ban_tokens, ban_tokens.c.ban_id == bans.c.id)
        .join(tokens, tokens.c.id == ban_tokens.c.jti)
        .join(roles, roles.c.habilitation_id == tokens.c.habilitation_id)
        .where(roles.c.user_id == visitor.user.id, bans.c.ends_at > ours.now(), bans.c.started_at <= ours.now())
        .distinct()
    )
    with ours.reading() as connection:
        return [(row.address, row.ends_at) for row in connection.execute(query)]
