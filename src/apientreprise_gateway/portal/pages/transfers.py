"""Giving one's place as an applicant to another person of the same body: asked, accepted, confirmed."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from apientreprise_gateway.accounts import repository, transfers
from apientreprise_gateway.accounts.mail_address import MailAddressError
from apientreprise_gateway.accounts.model import Role
from apientreprise_gateway.portal.forms import Posted
from apientreprise_gateway.portal.refusals import Missing
from apientreprise_gateway.portal.rendering import page, to
from apientreprise_gateway.portal.services import services
from apientreprise_gateway.portal.visitors import LoggedIn, Visitor

router = APIRouter()
PATH: Final = "/compte/transferer"


@router.get(PATH)
def transfer(request: Request, visitor: LoggedIn) -> Response:
    """The transfers of a person, each with its next step, and the form that asks for one."""
    return _page(request, visitor)


def _page(
    request: Request, visitor: Visitor, *, errors: dict[str, str] | None = None, form: dict[str, str] | None = None
) -> Response:
    ours = services(request)
    with ours.reading() as connection:
        held = repository.habilitations_of(connection, visitor.user.id)
        sirets = dict.fromkeys(
            habilitation.siret
            for habilitation, roles in held
            if Role.APPLICANT in roles and habilitation.siret is not None
        )
        bodies = [(siret, repository.organization_name(connection, siret) or f"SIRET {siret}") for siret in sirets]
        found = [
            (each, transfers.parties(each, visitor.user)) for each in transfers.of_person(connection, visitor.user)
        ]
    return page(
        request,
        "account/transfers.html",
        status=422 if errors else 200,
        bodies=bodies,
        transfers=found,
        errors=errors or {},
        form=form or {},
    )


def _own_account(visitor: Visitor) -> None:
    """Refuse what only the person may do, not an operator who looks at the account.

    Raises:
        Missing: it is an operator.
    """
    if visitor.is_impersonating:
        raise Missing


@router.post(PATH)
def ask(request: Request, visitor: LoggedIn, form: Posted) -> Response:
    """Ask for a transfer."""
    _own_account(visitor)
    ours = services(request)
    try:
        with ours.writing() as connection:
            transfers.ask(connection, visitor.user, email=form.text("email"), siret=form.text("siret"), now=ours.now())
    except MailAddressError as error:
        return _page(request, visitor, errors={"email": str(error)}, form=form.values())
    except transfers.TransferRefusedError as error:
        return _page(request, visitor, errors={"siret": str(error)}, form=form.values())
    return to(request, PATH, notice="La personne reçoit un courriel : elle se connecte et accepte.")


@router.post(PATH + "/{transfer_id}/accepter")
def accept(request: Request, visitor: LoggedIn, _form: Posted, transfer_id: str) -> Response:
    """Take the place that is offered."""
    _own_account(visitor)
    ours = services(request)
    try:
        with ours.writing() as connection:
            found = transfers.transfer(connection, transfer_id)
            if found is None or not any(transfers.parties(found, visitor.user)):
                raise Missing
            transfers.accept(connection, transfer_id, visitor.user, now=ours.now(), operators=ours.settings.operators)
    except transfers.TransferRefusedError as error:
        return to(request, PATH, notice=str(error))
    return to(request, PATH, notice="C’est noté. Le service vérifie, puis confirme en quelques jours.")


@router.post(PATH + "/{transfer_id}/annuler")
def refuse(request: Request, visitor: LoggedIn, _form: Posted, transfer_id: str) -> Response:
    """Take an offer back, or decline it."""
    _own_account(visitor)
    ours = services(request)
    try:
        with ours.writing() as connection:
            found = transfers.transfer(connection, transfer_id)
            if found is None or not any(transfers.parties(found, visitor.user)):
                raise Missing
            transfers.refuse(connection, transfer_id, visitor.user, now=ours.now())
    except transfers.TransferRefusedError as error:
        return to(request, PATH, notice=str(error))
    return to(request, PATH, notice="Le transfert est annulé.")
