"""What the applicant sets of a habilitation: where and how often its tokens may be used, and who follows it."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from apientreprise_gateway.accounts import delegations, security
from apientreprise_gateway.accounts.permissions import Act
from apientreprise_gateway.portal.forms import Posted
from apientreprise_gateway.portal.pages.seen import see_habilitation
from apientreprise_gateway.portal.rendering import page, to
from apientreprise_gateway.portal.services import services
from apientreprise_gateway.portal.visitors import LoggedIn

router = APIRouter()
_ONE: Final = "/compte/demandes/{habilitation_id}"


@router.get(_ONE + "/securite")
def settings(request: Request, visitor: LoggedIn, habilitation_id: str) -> Response:
    """The form with what is set."""
    with services(request).reading() as connection:
        seen = see_habilitation(connection, visitor, habilitation_id, Act.SET_SECURITY)
        found = security.settings_of(connection, habilitation_id)
    form = {"allowed_addresses": "\n".join(found.allowed_addresses), "limit_per_minute": found.cap_per_minute}
    return page(request, "account/security.html", habilitation=seen.habilitation, form=form, errors={})


@router.post(_ONE + "/securite")
def set_settings(request: Request, visitor: LoggedIn, form: Posted, habilitation_id: str) -> Response:
    """Set the addresses and the limit; they hold at the gateways within two seconds."""
    ours = services(request)
    try:
        with ours.writing() as connection:
            seen = see_habilitation(connection, visitor, habilitation_id, Act.SET_SECURITY)
            security.set_by_applicant(
                connection,
                habilitation_id,
                allowed_addresses=security.read_addresses(form.text("allowed_addresses")),
                cap_per_minute=security.read_limit("limit_per_minute", form.text("limit_per_minute")),
                now=ours.now(),
                by=visitor.actor.id,
            )
    except security.SettingRefusedError as error:
        return page(
            request,
            "account/security.html",
            status=422,
            habilitation=seen.habilitation,
            form={name: form.text(name) for name in ("allowed_addresses", "limit_per_minute")},
            errors={error.field: str(error)},
        )
    return to(request, f"/compte/demandes/{habilitation_id}", notice="Les réglages sont enregistrés.")


@router.get(_ONE + "/delegations")
def delegated(request: Request, visitor: LoggedIn, habilitation_id: str) -> Response:
    """The editors who follow a habilitation, and the form that adds one."""
    return _delegated(request, visitor, habilitation_id)


def _delegated(request: Request, visitor: LoggedIn, habilitation_id: str, *, error: str | None = None) -> Response:
    with services(request).reading() as connection:
        seen = see_habilitation(connection, visitor, habilitation_id, Act.DELEGATE)
        found = delegations.of_habilitation(connection, habilitation_id)
        editors = delegations.all_editors(connection, only_delegable=True)
    active = {each.editor_id for each in found if each.revoked_at is None}
    return page(
        request,
        "account/delegations.html",
        status=200 if error is None else 422,
        habilitation=seen.habilitation,
        delegations=found,
        options=[(each.id, each.name) for each in editors if each.id not in active],
        errors={} if error is None else {"editor_id": error},
    )


@router.post(_ONE + "/delegations")
def delegate(request: Request, visitor: LoggedIn, form: Posted, habilitation_id: str) -> Response:
    """Let an editor follow a habilitation."""
    ours = services(request)
    try:
        with ours.writing() as connection:
            see_habilitation(connection, visitor, habilitation_id, Act.DELEGATE)
            delegations.delegate(
                connection, habilitation_id, form.text("editor_id"), by=visitor.actor.id, now=ours.now()
            )
    except delegations.DelegationRefusedError as error:
        return _delegated(request, visitor, habilitation_id, error=str(error))
    return to(request, f"/compte/demandes/{habilitation_id}/delegations", notice="L’éditeur suit l’habilitation.")


@router.post(_ONE + "/delegations/{delegation_id}/retirer")
def withdraw(request: Request, visitor: LoggedIn, _form: Posted, habilitation_id: str, delegation_id: str) -> Response:
    """Let an editor follow a habilitation no longer."""
    ours = services(request)
    with ours.writing() as connection:
        see_habilitation(connection, visitor, habilitation_id, Act.DELEGATE)
        delegations.revoke(
            connection, delegation_id, habilitation_id=habilitation_id, by=visitor.actor.id, now=ours.now()
        )
    return to(
        request, f"/compte/demandes/{habilitation_id}/delegations", notice="L’éditeur ne suit plus l’habilitation."
    )
