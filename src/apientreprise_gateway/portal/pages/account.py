"""The page of a person: who they are here."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from apientreprise_gateway.portal.rendering import page
from apientreprise_gateway.portal.visitors import LoggedIn

router = APIRouter()


@router.get("/compte")
def account(request: Request, visitor: LoggedIn) -> Response:
    """The start of an account."""
    return page(request, "account/account.html", via=visitor.session.via)
