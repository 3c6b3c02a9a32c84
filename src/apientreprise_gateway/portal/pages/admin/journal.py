"""The search of the journal: who asked what, and why. A reason is asked for and kept, with who searched for what.

Operators search the last 14 days, auditors all. What is searched for is posted, never part of an address.
"""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.responses import Response, StreamingResponse

from apientreprise_gateway.accounts.permissions import Act, may
from apientreprise_gateway.database.tables import searches
from apientreprise_gateway.journal.export import csv_lines
from apientreprise_gateway.journal.search import Criteria, begin_search
from apientreprise_gateway.portal.forms import Form, Posted
from apientreprise_gateway.portal.moments import typed
from apientreprise_gateway.portal.pages.admin import finding
from apientreprise_gateway.portal.refusals import Missing
from apientreprise_gateway.portal.rendering import page
from apientreprise_gateway.portal.services import services
from apientreprise_gateway.portal.visitors import Auditor, Visitor

router = APIRouter()
OPERATOR_DAYS: Final = 14
SHOWN: Final = 200
"""Calls on the page; the CSV file has all."""
_TEXTS: Final = ("request_id", "jti", "identifier", "user_id", "recipient", "operation")
_LATEST: Final = 50


@router.get("/admin/journal")
def form(request: Request, visitor: Auditor) -> Response:
    """The form, and the latest searches."""
    return _page(request, visitor, {}, {})


def _page(
    request: Request,
    visitor: Visitor,
    typed: dict[str, str],
    errors: dict[str, str],
    *,
    calls: list[dict[str, object]] | None = None,
) -> Response:
    ours = services(request)
    with ours.reading() as connection:
        rows = connection.execute(select(searches).order_by(searches.c.id.desc()).limit(_LATEST)).all()
        people = finding.emails_of(connection, {row.who.removeprefix("portal:") for row in rows})
    return page(
        request,
        "admin/journal.html",
        status=422 if errors else 200,
        form=typed,
        errors=errors,
        calls=calls,
        most=SHOWN,
        searches=rows if visitor.is_auditor else [],
        people=people,
        days=None if visitor.is_auditor else OPERATOR_DAYS,
    )


@router.post("/admin/journal")
def search(request: Request, visitor: Auditor, form: Posted) -> Response:
    """The calls that have all that is given, as a page or as CSV."""
    if not may(Act.SEARCH_JOURNAL, visitor.viewer()):
        raise Missing
    ours = services(request)
    criteria, errors = _criteria(form, visitor, ours.now())
    if not form.text("reason"):
        errors["reason"] = "Dites pourquoi : la raison est gardée avec la recherche."
    if not any(form.text(name) for name in _TEXTS):
        errors["request_id"] = "Donnez au moins un critère en plus de la période."
    if errors:
        return _page(request, visitor, form.values(), errors)
    begun = begin_search(ours.engine, criteria, who=f"portal:{visitor.actor.id}", reason=form.text("reason")[:1000])
    if form.text("format") == "csv":
        lines: Iterator[str] = csv_lines(begun.found())
        headers = {"Content-Disposition": 'attachment; filename="appels.csv"'}
        return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)
    with closing(begun.found()) as found:  # then the number of rows is kept
        calls = list(islice(found, SHOWN))
    return _page(request, visitor, form.values(), {}, calls=calls)


def _criteria(form: Form, visitor: Visitor, now: datetime) -> tuple[Criteria, dict[str, str]]:
    errors: dict[str, str] = {}
    moments: dict[str, datetime | None] = {}
    for name in ("since", "until"):
        text = form.text(name)
        try:
            moments[name] = typed(text) if text else None
        except ValueError:
            errors[name] = "Écrivez la date sous la forme AAAA-MM-JJ."
    status = form.text("status")
    if status and not (status.isascii() and status.isdecimal() and len(status) == 3):
        errors["status"] = "Un statut a trois chiffres."
    since = moments.get("since")
    if not visitor.is_auditor:
        earliest = now - timedelta(days=OPERATOR_DAYS)
        since = earliest if since is None else max(since, earliest)
    given = {name: form.text(name)[:200] or None for name in _TEXTS}
    wanted = int(status) if status and "status" not in errors else None
    return Criteria(**given, status=wanted, since=since, until=moments.get("until")), errors
