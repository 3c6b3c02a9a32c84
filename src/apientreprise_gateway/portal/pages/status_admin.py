"""What operators do on the status page: publish drafts, tell how an incident goes on, announce maintenance."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from fastapi import APIRouter, Request
from sqlalchemy import Connection
from starlette.responses import Response

from apientreprise_gateway.accounts import activity
from apientreprise_gateway.portal.forms import Form, Posted
from apientreprise_gateway.portal.moments import typed
from apientreprise_gateway.portal.refusals import Missing
from apientreprise_gateway.portal.rendering import page, to
from apientreprise_gateway.portal.services import services
from apientreprise_gateway.portal.statut import drawing, mails
from apientreprise_gateway.portal.statut.board import board
from apientreprise_gateway.portal.visitors import Auditor, Operator, Visitor
from apientreprise_gateway.status import incidents, words
from apientreprise_gateway.status.components import Component
from apientreprise_gateway.status.incidents import (
    MOST_BODY,
    MOST_NAME,
    OF_INCIDENTS,
    Impact,
    Incident,
    IncidentError,
    Kind,
    Progress,
)
from apientreprise_gateway.status.texts import TEMPLATES

ROOT: Final = "/admin/statut"
INCIDENTS: Final = f"{ROOT}/incidents"
MAINTENANCES: Final = f"{ROOT}/maintenances"
_EMPTY: Final[dict[str, Any]] = {
    **dict.fromkeys(("name", "status", "impact", "body", "start", "end"), ""),
    "components": [],
}
router = APIRouter()


@router.get(ROOT)
def index(request: Request, visitor: Auditor) -> Response:
    """Drafts, what goes on, what is announced, and forms for more."""
    return _index(request, visitor)


def _index(request: Request, visitor: Visitor, *, status: int = 200, **given: Any) -> Response:
    ours = services(request)
    with ours.reading() as connection:
        found = incidents.listed(connection, Kind.INCIDENT, now=ours.now(), drafts=True)
        planned = incidents.listed(connection, Kind.MAINTENANCE, now=ours.now())
    incident_form = _EMPTY | given.pop("incident_form", {})
    maintenance_form = _EMPTY | given.pop("maintenance_form", {})
    return page(
        request,
        "statut/admin.html",
        status=status,
        drafts=[each for each in found if each.is_draft],
        going_on=[each for each in found if not each.is_draft and each.is_open],
        past=[each for each in found if not each.is_draft and not each.is_open],
        planned=planned,
        may_change=visitor.is_operator,
        **_choices(board(request).components),
        incident_form=incident_form,
        maintenance_form=maintenance_form,
        **({"incident_errors": {}, "maintenance_errors": {}} | given),
    )


@router.get(INCIDENTS + "/{id_}")
@router.get(MAINTENANCES + "/{id_}")
def incident(request: Request, id_: str, visitor: Auditor) -> Response:
    """An incident or maintenance, with the form of its next update."""
    ours = services(request)
    with ours.reading() as connection:
        return _incident(request, visitor, _found(connection, id_, ours.now()))


def _incident(
    request: Request, visitor: Visitor, found: Incident, *, form: Form | None = None, error: str | None = None
) -> Response:
    components = board(request).components
    given = {} if form is None else form.values()
    return page(
        request,
        "statut/admin_incident.html",
        status=200 if error is None else 422,
        incident=found,
        drawing=drawing,
        named=[component.name for component in components if component.id in found.components],
        form={
            "name": given.get("name", found.name),
            "impact": given.get("impact", found.impact.value),
            "status": given.get("status", found.progress.value),
            "body": given.get("body", ""),
            "components": list(found.components) if form is None else form.texts("components"),
        },
        errors={} if error is None else {"body": error},
        may_change=visitor.is_operator,
        **_choices(components),
    )


@router.post(INCIDENTS + "/publier")
def begin(request: Request, form: Posted, visitor: Operator) -> Response:
    """Publish an incident that no draft was opened for."""
    ours = services(request)
    now = ours.now()
    try:
        with ours.writing() as connection:
            id_ = incidents.open_draft(
                connection,
                name=form.text("name"),
                impact=_impact(form),
                components=_components(request, form),
                started_at=now,
                now=now,
            )
            _publish(request, connection, visitor, _found(connection, id_, now), form)
    except IncidentError as error:
        errors = {"body": str(error)}
        kept = form.values() | {"components": form.texts("components")}
        return _index(request, visitor, status=422, incident_form=kept, incident_errors=errors)
    board(request).forget()
    return to(request, f"{INCIDENTS}/{id_}", notice="L’incident est publié.")


@router.post(INCIDENTS + "/{id_}/publier")
@router.post(MAINTENANCES + "/{id_}/publier")
def publish(request: Request, id_: str, form: Posted, visitor: Operator) -> Response:
    """Publish a draft, or an update."""
    ours = services(request)
    with ours.reading() as connection:
        before = _found(connection, id_, ours.now())
    try:
        with ours.writing() as connection:
            _publish(request, connection, visitor, _found(connection, id_, ours.now()), form)
    except IncidentError as error:
        return _incident(request, visitor, before, form=form, error=str(error))
    board(request).forget()
    where = MAINTENANCES if before.kind is Kind.MAINTENANCE else INCIDENTS
    return to(request, f"{where}/{id_}", notice="La mise à jour est publiée.")


@router.post(INCIDENTS + "/{id_}/ecarter")
def discard(request: Request, id_: str, _form: Posted, visitor: Operator) -> Response:
    """Put a draft aside."""
    ours = services(request)
    with ours.reading() as connection:
        before = _found(connection, id_, ours.now())
    try:
        with ours.writing() as connection:
            incidents.discard(connection, before, now=ours.now())
            _record(connection, "status.discarded", visitor, before.id, ours.now())
    except IncidentError as error:
        return _incident(request, visitor, before, error=str(error))
    return to(request, ROOT, notice="Le brouillon est écarté.")


@router.post(MAINTENANCES + "/publier")
def announce(request: Request, form: Posted, visitor: Operator) -> Response:
    """Announce maintenance."""
    ours = services(request)
    now = ours.now()
    components = board(request).components
    try:
        with ours.writing() as connection:
            id_ = incidents.announce(
                connection,
                name=form.text("name"),
                body=form.text("body"),
                components=with_whole_providers(_components(request, form), components),
                start=_moment(form.text("start"), "Le début"),
                end=_moment(form.text("end"), "La fin"),
                now=now,
            )
            found = _found(connection, id_, now)
            _tell(request, connection, found, found.updates[0].id)
            _record(connection, "status.announced", visitor, id_, now)
    except IncidentError as error:
        kept = form.values() | {"components": form.texts("components")}
        return _index(request, visitor, status=422, maintenance_form=kept, maintenance_errors={"body": str(error)})
    board(request).forget()
    return to(request, f"{MAINTENANCES}/{id_}", notice="La maintenance est annoncée.")


def with_whole_providers(chosen: Iterable[str], components: Iterable[Component]) -> list[str]:
    """The components of maintenance: with a source all those of its provider, as the gateway closes it as a whole."""
    components = tuple(components)
    ids = set(chosen)
    providers = {component.provider for component in components if component.id in ids} - {None}
    return [component.id for component in components if component.id in ids or component.provider in providers]


def _publish(request: Request, connection: Connection, visitor: Visitor, found: Incident, form: Form) -> None:
    ours = services(request)
    now = ours.now()
    is_incident = found.kind is Kind.INCIDENT
    update_id = incidents.publish(
        connection,
        found,
        state=_progress(form),
        body=form.text("body"),
        now=now,
        name=form.text("name") or None,
        impact=_impact(form) if is_incident and form.text("impact") else None,
        components=_components(request, form) if is_incident and form.ticked("components") else None,
    )
    _tell(request, connection, _found(connection, found.id, now), update_id)
    _record(connection, "status.published", visitor, found.id, now)


def _tell(request: Request, connection: Connection, found: Incident, update_id: str) -> None:
    ours = services(request)
    mails.news(
        connection,
        ours.sealer,
        found,
        components=board(request).components,
        update=next(each for each in found.updates if each.id == update_id),
        now=ours.now(),
    )


def _record(connection: Connection, act: str, visitor: Visitor, id_: str, now: datetime) -> None:
    activity.record(connection, act, at=now, user_id=visitor.actor.id, about=("status_incident", id_))


def _found(connection: Connection, id_: str, now: datetime) -> Incident:
    found = incidents.incident(connection, id_, now=now)
    if found is None:
        raise Missing
    return found


def _choices(components: Iterable[Component]) -> dict[str, Any]:
    return {
        "words": words,
        "states": [(each.value, words.PROGRESS[each]) for each in OF_INCIDENTS],
        "impacts": [(each.value, words.IMPACTS[each]) for each in Impact],
        "components_known": [(component.id, component.name) for component in components],
        "texts": [(words.PROGRESS[progress], text) for progress, text in TEMPLATES.items()],
        "most_name": MOST_NAME,
        "most_body": MOST_BODY,
    }


def _components(request: Request, form: Form) -> list[str]:
    known = {component.id for component in board(request).components}
    return [each for each in form.texts("components") if each in known]


def _progress(form: Form) -> Progress:
    try:
        return Progress(form.text("status"))
    except ValueError:
        raise IncidentError("Choisissez un état de la liste.") from None


def _impact(form: Form) -> Impact:
    try:
        return Impact(form.text("impact") or Impact.MINOR)
    except ValueError:
        raise IncidentError("Choisissez un effet de la liste.") from None


def _moment(text: str, what: str) -> datetime:
    """A time that was typed, in French legal time."""
    try:
        return typed(text)
    except ValueError:
        raise IncidentError(f"{what} n’est pas une date et une heure, comme 2026-03-04T22:00.") from None
