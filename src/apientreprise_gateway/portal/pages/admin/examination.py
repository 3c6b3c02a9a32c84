"""The queue of requests, and the examination of each: changes asked for, refused with reasons, approved."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from apientreprise_gateway.accounts import audits, repository, request_forms, requests, security, tokens
from apientreprise_gateway.accounts.form_checks import ELIGIBLE, faults
from apientreprise_gateway.accounts.model import HabilitationState
from apientreprise_gateway.accounts.permissions import Act
from apientreprise_gateway.portal.forms import Posted
from apientreprise_gateway.portal.pages.admin import finding
from apientreprise_gateway.portal.pages.offers import catalogue_of, offered
from apientreprise_gateway.portal.pages.rights import product_named
from apientreprise_gateway.portal.pages.seen import see_habilitation
from apientreprise_gateway.portal.rendering import page, to
from apientreprise_gateway.portal.services import services
from apientreprise_gateway.portal.visitors import Auditor, Operator

router = APIRouter()
_ONE: Final = "/admin/demandes/{habilitation_id}"
_DIGITS: Final = 12


@router.get("/admin/demandes")
def queue(request: Request, _visitor: Auditor) -> Response:
    """The requests to examine, the oldest first."""
    with services(request).reading() as connection:
        rows = connection.execute(finding.to_examine().limit(finding.LISTED)).all()
    return page(request, "admin/requests.html", rows=rows)


@router.get(_ONE)
def examine(request: Request, visitor: Auditor, habilitation_id: str) -> Response:
    """A request as it was typed, what is wrong with it, what happened to it, and the decisions."""
    return _page(request, visitor, habilitation_id)


def _page(request: Request, visitor: Auditor, habilitation_id: str, *, error: str | None = None) -> Response:
    ours = services(request)
    with ours.reading() as connection:
        seen = see_habilitation(connection, visitor, habilitation_id, Act.SEE_ALL)
        habilitation = seen.habilitation
        form = request_forms.form_of(connection, habilitation)
        history = request_forms.history(connection, habilitation)
        found = repository.tokens_of(connection, habilitation_id)
        limits = security.settings_of(connection, habilitation_id)
    product = product_named(ours.products, habilitation.product)
    return page(
        request,
        "admin/request.html",
        status=200 if error is None else 422,
        seen=seen,
        habilitation=habilitation,
        stage=request_forms.stage_of(habilitation),
        form=form,
        eligible=ELIGIBLE,
        faults=[] if product is None else faults(form, catalogue_of(product)),
        offered=() if product is None else offered(product),
        history=history,
        tokens=found,
        security=limits,
        error=error,
    )


@router.post(_ONE)
def decide(request: Request, visitor: Operator, form: Posted, habilitation_id: str) -> Response:
    """Take a decision; the applicant is told by mail."""
    ours = services(request)
    now, by, comment = ours.now(), visitor.actor.id, form.text("comment")
    path = f"/admin/demandes/{habilitation_id}"
    try:
        with ours.writing() as connection:
            seen = see_habilitation(connection, visitor, habilitation_id, Act.EXAMINE)
            match form.text("decision"):
                case "valider":
                    product = product_named(ours.products, seen.habilitation.product)
                    if product is None:
                        raise requests.RequestRefusedError("Ce produit n’est pas servi ici.")
                    requests.approve(
                        connection,
                        habilitation_id,
                        catalogue=catalogue_of(product),
                        by=by,
                        now=now,
                        reporters=ours.settings.reporters,
                    )
                    notice = "La demande est validée et le jeton est fait."
                case "modifier":
                    requests.ask_for_changes(connection, habilitation_id, comment=comment, by=by, now=now)
                    notice = "Les modifications sont demandées."
                case "refuser":
                    requests.refuse(connection, habilitation_id, comment=comment, by=by, now=now)
                    notice = "La demande est refusée."
                case "revoquer":
                    requests.revoke(connection, habilitation_id, comment=comment, by=by, now=now)
                    notice = "L’habilitation et tous ses jetons sont révoqués."
                case "archiver":
                    requests.archive(connection, habilitation_id, by=by, now=now)
                    notice = "La demande est archivée."
                case _:
                    raise requests.RequestRefusedError("Choisissez une décision.")
    except requests.IncompleteRequestError as error:
        said = " ".join(each.message for each in error.faults[:5])
        return _page(request, visitor, habilitation_id, error=f"{error} {said}")
    except requests.RequestRefusedError as error:
        return _page(request, visitor, habilitation_id, error=str(error))
    return to(request, path, notice=notice)


@router.post(_ONE + "/limite")
def set_limit(request: Request, visitor: Operator, form: Posted, habilitation_id: str) -> Response:
    """Set the limit per minute that an operator allows."""
    ours = services(request)
    try:
        with ours.writing() as connection:
            see_habilitation(connection, visitor, habilitation_id, Act.SET_LIMIT)
            limit = security.read_limit("limit_per_minute", form.text("limit_per_minute"))
            security.set_limit(connection, habilitation_id, limit, now=ours.now(), by=visitor.actor.id)
    except security.SettingRefusedError as error:
        return _page(request, visitor, habilitation_id, error=str(error))
    return to(request, f"/admin/demandes/{habilitation_id}", notice="La limite est enregistrée.")


@router.post(_ONE + "/jetons")
def issue(request: Request, visitor: Operator, _form: Posted, habilitation_id: str) -> Response:
    """Make another token of a habilitation in force, beside those that it has."""
    ours = services(request)
    with ours.writing() as connection:
        seen = see_habilitation(connection, visitor, habilitation_id, Act.EXAMINE)
        is_in_force = seen.habilitation.state is HabilitationState.VALIDATED
        if is_in_force:
            made = tokens.make(connection, seen.habilitation, now=ours.now(), by=visitor.actor.id)
    if not is_in_force:
        return _page(request, visitor, habilitation_id, error="L’habilitation n’est pas en vigueur.")
    return to(request, f"/admin/jetons/{made.id}", notice="Le jeton est fait ; son demandeur peut l’afficher.")


@router.post(_ONE + "/controle")
def audit(request: Request, visitor: Operator, form: Posted, habilitation_id: str) -> Response:
    """Ask the people of a habilitation to account for calls."""
    ours = services(request)
    try:
        with ours.writing() as connection:
            seen = see_habilitation(connection, visitor, habilitation_id, Act.NOTIFY_AUDIT)
            audits.notify(
                connection,
                seen.habilitation,
                request_ids=audits.read_request_ids(form.text("request_ids")),
                reason=form.text("reason"),
                volume=_volume(form.text("volume")),
                by=visitor.actor.id,
                now=ours.now(),
            )
    except audits.AuditRefusedError as error:
        return _page(request, visitor, habilitation_id, error=str(error))
    return to(request, f"/admin/demandes/{habilitation_id}", notice="Les trois contacts sont prévenus par courriel.")


def _volume(text: str) -> int | None:
    """A number of calls as it was typed; None for none, and one that is refused for anything else."""
    if not text:
        return None
    return int(text) if text.isascii() and text.isdecimal() and len(text) < _DIGITS else -1
