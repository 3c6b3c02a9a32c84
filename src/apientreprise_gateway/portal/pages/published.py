"""Paths of pages as they were published before, which links and habits still hold: each leads to its page here."""

from typing import Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from apientreprise_gateway.portal.pages.seen import see_token
from apientreprise_gateway.portal.services import services
from apientreprise_gateway.portal.visitors import LoggedIn, auditor, logged_in

router = APIRouter()
_ANYONE: Final = {
    "/deconnexion": "/compte",
    "/datapass": "/compte/demandes",
    "/fournisseur/{uid}/tableau-de-bord": "/chiffres",
}
_LOGGED_IN: Final = {
    "/compte/deconnexion": "/compte",
    "/compte/jetons/{jti}/demande-prolongation": "/compte/jetons/{jti}",
    "/editeur/delegations": "/editeur/habilitations",
}
_OPERATORS: Final = {
    "/admin/users": "/admin",
    "/admin/users/{user_id}": "/admin/personnes/{user_id}",
    "/admin/users/{user_id}/tokens": "/admin/personnes/{user_id}",
    "/admin/tokens/{jti}": "/admin/jetons/{jti}",
    "/admin/editors": "/admin/editeurs",
    "/admin/providers": "/statut",
    "/admin/audit_notifications": "/admin/habilitations",
    "/admin/api_requests": "/admin/journal",
    "/admin/workers": "/admin/taches",
}
"""Paths, and those of the pages that hold what they held; nobody learns of a page that they may not see."""


def _lead(old: str, new: str, *who: Any) -> None:
    def go(request: Request) -> Response:
        return RedirectResponse(new.format(**request.path_params), 303)

    router.add_api_route(old, go, methods=["GET"], dependencies=[Depends(each) for each in who])


for _paths, _who in ((_ANYONE, ()), (_LOGGED_IN, (logged_in,)), (_OPERATORS, (auditor,))):
    for _old, _new in _paths.items():
        _lead(_old, _new, *_who)


@router.get("/compte/apres-deconnexion")
def logged_out() -> Response:
    """What follows a logout lies outside of the account."""
    return RedirectResponse("/apres-deconnexion", 301)


@router.get("/compte/jetons/{jti}/prolonger")
def renewing(request: Request, visitor: LoggedIn, jti: str) -> Response:
    """A token is renewed with its habilitation."""
    with services(request).reading() as connection:
        token, seen = see_token(connection, visitor, jti)
    end = "/renouveler" if seen.may("reopen") else ""
    return RedirectResponse(f"/compte/demandes/{token.habilitation_id}{end}", 303)
