"""The page where an agent gets the fiscal and social attestations of a company, without a software."""

from datetime import datetime, timedelta
from typing import Final

from fastapi import APIRouter, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from apientreprise_gateway.accounts import repository
from apientreprise_gateway.accounts.activity import record
from apientreprise_gateway.accounts.model import Habilitation, ProductKey, Role, Token
from apientreprise_gateway.contract.identifiers import is_siren
from apientreprise_gateway.portal import attestations, tries
from apientreprise_gateway.portal.forms import Posted
from apientreprise_gateway.portal.gateway_calls import GatewayUnavailableError
from apientreprise_gateway.portal.refusals import TooMany, Unavailable
from apientreprise_gateway.portal.rendering import page
from apientreprise_gateway.portal.services import services
from apientreprise_gateway.portal.visitors import LoggedIn, Visitor

router = APIRouter()
PATH: Final = "/compte/telecharger-documents"
A_MINUTE: Final = 10
"""Companies that a person may ask for within a minute."""
_ROLES: Final = frozenset({Role.APPLICANT, Role.BUSINESS_CONTACT})


@router.get("/compte/telecharcher-documents")
def misspelt() -> Response:
    """The address that the page once had."""
    return RedirectResponse(PATH, 301)


@router.get(PATH)
def form(request: Request, visitor: LoggedIn) -> Response:
    """The form: which habilitation is asked with, and about which company."""
    return _page(request, visitor)


def _page(request: Request, visitor: Visitor, *, status: int = 200, **context: object) -> Response:
    ours = services(request)
    with ours.reading() as connection:
        usable = _usable(connection, visitor, ours.now())
    options = [(token.id, f"{each.title} (n°{each.external_id})") for each, token in usable]
    given = {"options": options, "siren": "", "chosen": "", "errors": {}, "outcomes": None, **context}
    return page(request, "account/attestations.html", status=status, paths=attestations, **given)


def _usable(connection: Connection, visitor: Visitor, now: datetime) -> list[tuple[Habilitation, Token]]:
    """The person's own tokens that work and open an attestation, one for each habilitation; none for an operator."""
    if visitor.is_impersonating:
        return []
    found = []
    for habilitation, roles in repository.habilitations_of(connection, visitor.user.id):
        if habilitation.product is not ProductKey.ENTREPRISE or not roles & _ROLES:
            continue
        tokens = repository.tokens_of(connection, habilitation.id)
        opening = (each for each in tokens if each.works(now) and attestations.opens_attestations(each))
        first = next(opening, None)
        if first is not None:
            found.append((habilitation, first))
    return found


@router.post(PATH)
def ask(request: Request, visitor: LoggedIn, form: Posted) -> Response:
    """Ask for the attestations of a company; each time is a row."""
    ours = services(request)
    now = ours.now()
    siren = "".join(form.text("siren").split())
    chosen = form.text("jeton")
    if not is_siren(siren):
        errors = {"siren": "Un SIREN comporte neuf chiffres, dont le dernier vérifie les autres : relisez-le."}
        return _page(request, visitor, status=422, siren=siren[:20], chosen=chosen, errors=errors)
    with ours.writing() as connection:
        usable = {token.id: (each, token) for each, token in _usable(connection, visitor, now)}
        if chosen in usable:
            habilitation, token = usable[chosen]
            key = ours.sealer.digest("attestations", visitor.user.id)
            if not tries.allow(connection, "attestations", key, most=A_MINUTE, window=timedelta(minutes=1), now=now):
                raise TooMany("Vous avez demandé dix entreprises en une minute : attendez une minute.")
            record(connection, "attestations.asked", at=now, user_id=visitor.actor.id, about=("token", token.id))
    if chosen not in usable:
        errors = {"jeton": "Choisissez une habilitation de la liste."}
        return _page(request, visitor, status=422, siren=siren, errors=errors)
    try:
        outcomes = attestations.ask(ours, habilitation, token, siren, user_id=visitor.user.id, now=now)
    except GatewayUnavailableError:
        raise Unavailable("L’API ne répond pas pour l’instant. Regardez la page de statut, puis réessayez.") from None
    return _page(request, visitor, siren=siren, chosen=chosen, outcomes=outcomes)
