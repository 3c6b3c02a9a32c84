"""The page of a person: who they are here."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from apientreprise_gateway.accounts import repository, transfers
from apientreprise_gateway.portal.rendering import page
from apientreprise_gateway.portal.services import services
from apientreprise_gateway.portal.visitors import LoggedIn

router = APIRouter()


@router.get("/compte")
def account(request: Request, visitor: LoggedIn) -> Response:
    """The start of an account."""
    with services(request).reading() as connection:
        held = repository.habilitations_of(connection, visitor.user.id)
        offers = [
            each
            for each in transfers.of_person(connection, visitor.user)
            if each.state is transfers.TransferState.ASKED and each.email == visitor.user.email
        ]
    roles = frozenset(role for _, each in held for role in each)
    return page(
        request, "account/account.html", via=visitor.session.via, count=len(held), roles=roles, offers=len(offers)
    )
