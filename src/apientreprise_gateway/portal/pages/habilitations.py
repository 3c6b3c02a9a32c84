"""The habilitations of a person: the list, and the page of each."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from fastapi import APIRouter, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from apientreprise_gateway.accounts import audits, bans, delegations, hand_overs, repository, request_forms, security
from apientreprise_gateway.accounts.model import Habilitation, HabilitationState, Role, Token
from apientreprise_gateway.accounts.next_steps import Step, next_step
from apientreprise_gateway.portal.pages.rights import product_named, rights, unknown_scopes
from apientreprise_gateway.portal.pages.seen import see_habilitation
from apientreprise_gateway.portal.rendering import page
from apientreprise_gateway.portal.services import services
from apientreprise_gateway.portal.visitors import LoggedIn

router = APIRouter()
AT_ONCE: Final = 100
"""Habilitations on a page of the list."""
_EXPLAINED: Final = (HabilitationState.CHANGES_REQUESTED, HabilitationState.REFUSED, HabilitationState.REVOKED)
"""States whose page says why."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A habilitation in the list."""

    habilitation: Habilitation
    roles: frozenset[Role]
    tokens: tuple[Token, ...]
    """Those that work."""
    step: Step


@router.get("/compte/demandes")
def own(request: Request, visitor: LoggedIn, page_number: int = 1) -> Response:
    """Every habilitation of the person, of both products, drafts and refused ones too, the newest first."""
    ours = services(request)
    now = ours.now()
    with ours.reading() as connection:
        held = repository.habilitations_of(connection, visitor.user.id)
        first = (max(1, page_number) - 1) * AT_ONCE
        shown = held[first : first + AT_ONCE]
        tokens = repository.tokens_of_all(connection, [each.id for each, _ in shown])
    listed = [_listed(each, roles, tokens.get(each.id, []), now) for each, roles in shown]
    return page(
        request,
        "account/habilitations.html",
        listed=listed,
        count=len(held),
        page_number=max(1, page_number),
        pages=-(-len(held) // AT_ONCE),
        acts=[each for each in listed if each.step.is_for(each.roles)],
    )


def _listed(habilitation: Habilitation, roles: frozenset[Role], tokens: list[Token], now: datetime) -> Listed:
    working = tuple(token for token in tokens if token.works(now))
    return Listed(habilitation, roles, working, next_step(habilitation, tokens, now))


@router.get("/compte/demandes/{habilitation_id}")
def one(request: Request, visitor: LoggedIn, habilitation_id: str) -> Response:
    """A habilitation: what it waits for, its rights, tokens, people, and what holds for its tokens."""
    ours = services(request)
    now = ours.now()
    with ours.reading() as connection:
        seen = see_habilitation(connection, visitor, habilitation_id)
        habilitation = seen.habilitation
        tokens = repository.tokens_of(connection, habilitation.id)
        context: dict[str, Any] = {
            "organization": repository.organization_name(connection, habilitation.siret or ""),
            "contacts": repository.contacts(connection, habilitation.id) if seen.may("see_contacts") else {},
            "security": security.settings_of(connection, habilitation.id),
            "delegations": delegations.of_habilitation(connection, habilitation.id),
            "audits": audits.of_habilitation(connection, habilitation.id) if seen.may("see_audits") else [],
            "bans": bans.of_habilitation(connection, habilitation.id, now=now) if seen.may("see_bans") else [],
            "links": sum(each.is_open(now) for token in tokens for each in hand_overs.of_token(connection, token.id))
            if seen.may("see_hand_overs")
            else 0,
            "comment": _comment(connection, habilitation) if seen.may("see_contacts") else None,
        }
    product = product_named(ours.products, habilitation.product)
    return page(
        request,
        "account/habilitation.html",
        seen=seen,
        habilitation=habilitation,
        tokens=tokens,
        step=next_step(habilitation, tokens, now),
        rights=rights(product, habilitation.scopes),
        unknown=unknown_scopes(product, habilitation.scopes),
        product=product,
        **context,
    )


def _comment(connection: Connection, habilitation: Habilitation) -> str | None:
    """What was written last to the applicant, where it says what to correct or why nothing is opened."""
    if request_forms.stage_of(habilitation) not in _EXPLAINED:
        return None
    comments = [each.comment for each in request_forms.history(connection, habilitation) if each.comment]
    return comments[-1] if comments else None


@router.get("/compte/jetons")
def tokens_are_listed_with_habilitations(_request: Request, _visitor: LoggedIn) -> Response:
    """There is no list of tokens alone."""
    return RedirectResponse("/compte/demandes", 303)
