"""A person as operators see them: roles, acts, the editor they work for; export, erasure, looking as them."""

from typing import Final

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.responses import JSONResponse, Response

from apientreprise_gateway.accounts import delegations, people, repository
from apientreprise_gateway.accounts.activity import record
from apientreprise_gateway.accounts.model import User
from apientreprise_gateway.database.accounts import activity
from apientreprise_gateway.portal import sessions
from apientreprise_gateway.portal.forms import Posted
from apientreprise_gateway.portal.refusals import Missing
from apientreprise_gateway.portal.rendering import page, to
from apientreprise_gateway.portal.services import Services, services
from apientreprise_gateway.portal.visitors import Auditor, LoggedIn, Operator

router = APIRouter()
_ONE: Final = "/admin/personnes/{user_id}"
_LATEST: Final = 50


def _person(ours: Services, user_id: str) -> User:
    with ours.reading() as connection:
        found = repository.user(connection, user_id)
    if found is None:
        raise Missing
    return found


@router.get(_ONE)
def one(request: Request, _visitor: Auditor, user_id: str) -> Response:
    """A person: who they are, their habilitations, their latest acts."""
    ours = services(request)
    person = _person(ours, user_id)
    with ours.reading() as connection:
        held = repository.habilitations_of(connection, user_id)
        editors = delegations.all_editors(connection)
        query = select(activity).where(activity.c.user_id == user_id).order_by(activity.c.id.desc()).limit(_LATEST)
        acts = connection.execute(query).all()
    return page(request, "admin/person.html", person=person, held=held, editors=editors, acts=acts)


@router.post(_ONE + "/voir")
def look_as(request: Request, visitor: Operator, _form: Posted, user_id: str) -> Response:
    """Look at the pages of a person as they see them, visibly and without token strings."""
    ours = services(request)
    person = _person(ours, user_id)
    with ours.writing() as connection:
        sessions.look_as(connection, visitor.session.sha256, person.id)
        record(
            connection, "account.looked_as", at=ours.now(), user_id=visitor.actor.id, as_user_id=person.id,
            about=("user", person.id),
        )  # fmt: skip
    return to(request, "/compte/demandes")


@router.post("/admin/revenir")
def look_no_more(request: Request, visitor: LoggedIn, _form: Posted) -> Response:
    """Look at one's own pages again."""
    ours = services(request)
    with ours.writing() as connection:
        sessions.look_as(connection, visitor.session.sha256, None)
    return to(request, f"/admin/personnes/{visitor.user.id}" if visitor.is_impersonating else "/compte")


@router.post(_ONE + "/editeur")
def set_editor(request: Request, visitor: Operator, form: Posted, user_id: str) -> Response:
    """Say for which maker of software a person works."""
    ours = services(request)
    _person(ours, user_id)
    with ours.writing() as connection:
        editor = delegations.editor(connection, form.text("editor_id"))
        delegations.set_editor_of(
            connection, user_id, None if editor is None else editor.id, now=ours.now(), by=visitor.actor.id
        )
    return to(request, f"/admin/personnes/{user_id}", notice="C’est enregistré.")


@router.post(_ONE + "/exporter")
def export(request: Request, visitor: Operator, _form: Posted, user_id: str) -> Response:
    """All that is known of a person, as JSON, for who asks for their data."""
    ours = services(request)
    person = _person(ours, user_id)
    with ours.writing() as connection:
        known = people.export(connection, person.email, now=ours.now(), by=visitor.actor.id)
    headers = {"Content-Disposition": 'attachment; filename="personne.json"'}
    return JSONResponse(known, headers=headers)


@router.post(_ONE + "/effacer")
def erase(request: Request, visitor: Operator, _form: Posted, user_id: str) -> Response:
    """Erase what may be erased of a person."""
    ours = services(request)
    person = _person(ours, user_id)
    with ours.writing() as connection:
        people.erase(connection, person.email, now=ours.now(), by=visitor.actor.id)
        kept = repository.user(connection, user_id) is not None
    if kept:
        notice = (
            "Ce qui pouvait être effacé l’est. La personne a encore un rôle dans une habilitation : son compte reste."
        )
        return to(request, f"/admin/personnes/{user_id}", notice=notice)
    return to(request, "/admin", notice="La personne est effacée.")


@router.get("/admin/editeurs")
def editors(request: Request, _visitor: Auditor) -> Response:
    """The makers of software."""
    return _editors(request, {}, {})


def _editors(request: Request, errors: dict[str, str], form: dict[str, str]) -> Response:
    with services(request).reading() as connection:
        found = delegations.all_editors(connection)
    return page(request, "admin/editors.html", status=422 if errors else 200, editors=found, errors=errors, form=form)


@router.post("/admin/editeurs")
def add_editor(request: Request, visitor: Operator, form: Posted) -> Response:
    """Add a maker of software."""
    ours = services(request)
    try:
        with ours.writing() as connection:
            delegations.add_editor(
                connection,
                name=form.text("name"),
                siret="".join(form.text("siret").split()) or None,
                url=form.text("url") or None,
                form_uids=form.text("form_uids").split(),
                delegations_enabled=form.ticked("delegations_enabled"),
                now=ours.now(),
                by=visitor.actor.id,
            )
    except delegations.DelegationRefusedError as error:
        return _editors(request, {"name": str(error)}, form.values())
    return to(request, "/admin/editeurs", notice="L’éditeur est ajouté.")
