"""The start of operators and auditors: what waits, searching, and lists that are only read."""

from typing import Final

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.responses import Response

from apientreprise_gateway.accounts import bans, transfers
from apientreprise_gateway.accounts.activity import record
from apientreprise_gateway.database.accounts import activity
from apientreprise_gateway.database.serving import jobs
from apientreprise_gateway.portal.forms import Posted
from apientreprise_gateway.portal.mail import queue
from apientreprise_gateway.portal.pages.admin import finding
from apientreprise_gateway.portal.rendering import page, to
from apientreprise_gateway.portal.services import services
from apientreprise_gateway.portal.visitors import Auditor, Operator

router = APIRouter()
_LATEST: Final = 200


@router.get("/admin")
def home(request: Request, _visitor: Auditor) -> Response:
    """What waits for an operator, and where to go."""
    ours = services(request)
    with ours.reading() as connection:
        counts = finding.counts(connection, ours.now())
    return page(request, "admin/home.html", counts=counts, found=None, wanted="")


@router.post("/admin/recherche")
def search(request: Request, visitor: Auditor, form: Posted) -> Response:
    """People and habilitations; that somebody searched is a row, without what they searched for."""
    ours = services(request)
    wanted = form.text("q")[:254]
    with ours.writing() as connection:
        found = finding.search(connection, wanted)
        counts = finding.counts(connection, ours.now())
        details = {"people": len(found.people), "habilitations": len(found.habilitations)}
        record(connection, "accounts.searched", at=ours.now(), user_id=visitor.actor.id, details=details)
    return page(request, "admin/home.html", counts=counts, found=found, wanted=wanted)


@router.get("/admin/habilitations")
def habilitations(request: Request, _visitor: Auditor, etat: str = "", produit: str = "") -> Response:
    """The habilitations, by state and product."""
    with services(request).reading() as connection:
        rows = finding.listed(connection, etat, produit)
    return page(request, "admin/habilitations.html", rows=rows, state=etat, product=produit, most=finding.LISTED)


@router.get("/admin/blocages")
def banned(request: Request, _visitor: Auditor) -> Response:
    """The bans of 30 days, with their causes and ends; none can be lifted."""
    ours = services(request)
    now = ours.now()
    with ours.reading() as connection:
        recent = bans.recent(connection, now=now)
        tokens = bans.tokens_of_all(connection, [each.id for each in recent])
        found = [(each, tokens.get(each.id, [])) for each in recent]
    return page(request, "admin/bans.html", bans=found)


@router.get("/admin/courriels")
def mails(request: Request, _visitor: Auditor) -> Response:
    """The mails that wait or have failed, without addresses."""
    ours = services(request)
    with ours.reading() as connection:
        depth, rows = queue.depth(connection, ours.now()), queue.waiting(connection, limit=_LATEST)
    return page(request, "admin/mails.html", depth=depth, rows=rows)


@router.get("/admin/taches")
def periodic(request: Request, _visitor: Auditor) -> Response:
    """The periodic jobs: when each was done last, and what failed."""
    with services(request).reading() as connection:
        rows = connection.execute(select(jobs).order_by(jobs.c.name)).mappings().all()
    return page(request, "admin/jobs.html", rows=rows)


@router.get("/admin/activite")
def acts(request: Request, _visitor: Auditor) -> Response:
    """The latest acts of everybody."""
    with services(request).reading() as connection:
        rows = connection.execute(select(activity).order_by(activity.c.id.desc()).limit(_LATEST)).all()
        people = finding.emails_of(connection, {row.user_id for row in rows if row.user_id})
    return page(request, "admin/activity.html", rows=rows, people=people)


@router.get("/admin/transferts")
def transferred(request: Request, _visitor: Auditor) -> Response:
    """The transfers that wait for a confirmation, with what is known of both people."""
    ours = services(request)
    with ours.reading() as connection:
        found = [
            (each, transfers.evidence(connection, each)) for each in transfers.to_confirm(connection, now=ours.now())
        ]
        senders = finding.emails_of(connection, {each.from_user_id for each, _ in found})
    return page(request, "admin/transfers.html", transfers=found, senders=senders)


@router.post("/admin/transferts/{transfer_id}")
def decide(request: Request, visitor: Operator, form: Posted, transfer_id: str) -> Response:
    """Confirm a transfer, or refuse it with a reason."""
    ours = services(request)
    try:
        with ours.writing() as connection:
            if form.text("decision") == "confirmer":
                transfers.confirm(connection, transfer_id, visitor.actor, now=ours.now())
                notice = "Le transfert est fait ; les deux personnes sont prévenues."
            else:
                transfers.refuse(connection, transfer_id, visitor.actor, now=ours.now(), reason=form.text("reason"))
                notice = "Le transfert est refusé ; les deux personnes sont prévenues."
    except transfers.TransferRefusedError as error:
        notice = str(error)
    return to(request, "/admin/transferts", notice=notice)
