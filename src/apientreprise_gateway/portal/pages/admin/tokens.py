"""A token as operators see it: revoked now or later, with a comment and a replacement. Its string is not here."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from apientreprise_gateway.accounts import bans, hand_overs, token_ends, tokens
from apientreprise_gateway.accounts.permissions import Act
from apientreprise_gateway.portal.forms import Posted
from apientreprise_gateway.portal.moments import typed
from apientreprise_gateway.portal.pages.seen import see_token
from apientreprise_gateway.portal.rendering import page, to
from apientreprise_gateway.portal.services import services
from apientreprise_gateway.portal.visitors import Auditor, Operator

router = APIRouter()
_ONE: Final = "/admin/jetons/{jti}"


@router.get(_ONE)
def one(request: Request, visitor: Auditor, jti: str) -> Response:
    """A token: its state, its bans, its links, and its revocation."""
    return _page(request, visitor, jti)


def _page(request: Request, visitor: Auditor, jti: str, *, errors: dict[str, str] | None = None) -> Response:
    ours = services(request)
    now = ours.now()
    with ours.reading() as connection:
        token, seen = see_token(connection, visitor, jti, Act.SEE_ALL)
        known = bans.of_tokens(connection, [jti], now=now).get(jti, [])
        links = hand_overs.of_token(connection, jti)
    return page(
        request,
        "admin/token.html",
        status=422 if errors else 200,
        token=token,
        state=token.state(now),
        habilitation=seen.habilitation,
        bans=known,
        links=links,
        errors=errors or {},
    )


@router.post(_ONE + "/revoquer")
def revoke(request: Request, visitor: Operator, form: Posted, jti: str) -> Response:
    """Revoke a token now or from a date on; its people are told, with the replacement if one is made."""
    ours = services(request)
    now, comment = ours.now(), form.text("comment")[:2000]
    date = form.text("date")
    try:
        at = typed(date) if date else now
    except ValueError:
        return _page(request, visitor, jti, errors={"date": "Écrivez la date sous la forme AAAA-MM-JJ."})
    if not comment:
        text = "Écrivez pourquoi : le demandeur et le contact technique le liront."
        return _page(request, visitor, jti, errors={"comment": text})
    at = max(at, now)
    try:
        with ours.writing() as connection:
            _, seen = see_token(connection, visitor, jti, Act.REVOKE_TOKEN)
            made = token_ends.end(
                connection, seen.habilitation, jti, now=now, at=at, by=visitor.actor.id, reason=comment,
                replaced=form.ticked("replacement"),
            )  # fmt: skip
    except tokens.TokenRefusalError as error:
        return _page(request, visitor, jti, errors={"date": str(error)})
    notice = "C’est fait : les contacts sont prévenus." + (" Un jeton de remplacement est prêt." if made else "")
    return to(request, f"/admin/jetons/{jti}", notice=notice)
