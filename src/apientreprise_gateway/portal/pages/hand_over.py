"""The page that the link of a hand-over opens: a button, and behind it the string of the token.

Looking shows nothing and changes nothing, as programs that look into mails open links. A link that is unknown, ended or
revoked, or whose token does not work any more, gives one and the same answer.
"""

from typing import Final
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from apientreprise_gateway.accounts import hand_overs
from apientreprise_gateway.portal.forms import Posted
from apientreprise_gateway.portal.refusals import Unavailable
from apientreprise_gateway.portal.rendering import page
from apientreprise_gateway.portal.services import services
from apientreprise_gateway.portal.signing import SigningUnavailableError, string_of

router = APIRouter()
_LINK: Final = hand_overs.PATH + "{secret}"
_SHOWN: Final = _LINK + "/afficher"


@router.get(hand_overs.PATH.rstrip("/"))
@router.get(hand_overs.PATH)
def incomplete(request: Request) -> Response:
    """A link whose end was lost on the way."""
    return _page(request, None, None)


@router.get(_LINK)
def look(request: Request, secret: str) -> Response:
    """Say that a token was handed over, and until when the link works."""
    ours = services(request)
    with ours.reading() as connection:
        found = hand_overs.find(connection, secret, now=ours.now())
    return _page(request, None if found is None else found[0], None, secret=secret)


@router.get(_SHOWN)
def look_again(_request: Request, secret: str) -> Response:
    """The page with the button, for whoever loads the address of the string once more."""
    return RedirectResponse(hand_overs.PATH + quote(secret, safe=""), 303)


@router.post(_LINK)
@router.post(_SHOWN)
def reveal(request: Request, secret: str, _form: Posted) -> Response:
    """Show the string; each time is a row, and the applicant is told of the first."""
    ours = services(request)
    with ours.writing() as connection:
        found = hand_overs.reveal(connection, secret, now=ours.now())
        try:
            string = None if found is None else string_of(found[1], ours.settings.jwt_secrets)
        except SigningUnavailableError:
            # Raised within the transaction: what was not shown is not counted.
            raise Unavailable("Le jeton ne peut pas être affiché pour l’instant : réessayez plus tard.") from None
    return _page(request, None, None) if found is None else _page(request, found[0], string, secret=secret)


def _page(
    request: Request, link: hand_overs.HandOver | None, string: str | None, *, secret: str | None = None
) -> Response:
    left = None if link is None else int((link.expires_at - services(request).now()).total_seconds() // 60)
    response = page(
        request,
        "public/hand_over.html",
        status=404 if link is None else 200,
        link=link,
        path=None if secret is None else f"{hand_overs.PATH}{secret}/afficher",
        minutes_left=left,
        string=string,
    )
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
