"""The public status page, a page of each component and incident, and what programs read of them.

They are made of a snapshot that a process reads every few seconds, and are shown from it while the database is away.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Final

import orjson
from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import Response

from apientreprise_gateway.database.engine import DatabaseError
from apientreprise_gateway.portal.refusals import Missing
from apientreprise_gateway.portal.rendering import page, part
from apientreprise_gateway.portal.services import services
from apientreprise_gateway.portal.statut import making
from apientreprise_gateway.portal.statut.board import board
from apientreprise_gateway.portal.statut.links import ATOM, CALENDAR, ON_PORTAL, ROOT
from apientreprise_gateway.portal.statut.subscribing import SubscriptionForm
from apientreprise_gateway.portal.visitors import anyone
from apientreprise_gateway.status import feeds, incidents, statuspage
from apientreprise_gateway.status.incidents import Incident
from apientreprise_gateway.status.snapshot import Snapshot

KEPT_SECONDS: Final = 10
LAYOUT: Final = "base.html"
router = APIRouter()


@router.get(ROOT)
def index(request: Request) -> Response:
    """Whether the services work, and did."""
    return show_index(request, SubscriptionForm.empty(board(request).components))


def show_index(request: Request, form: SubscriptionForm, *, status: int = 200) -> Response:
    """The status page with its subscription form."""
    found = board(request)
    body = found.made(
        "index", lambda snapshot: part("statut/_index.html", **making.index(snapshot, ON_PORTAL)).encode()
    )
    _without_visitor_if_need_be(request)
    context = making.common(found.snapshot(), ON_PORTAL) | {"form": form}
    context["body"] = Markup(body.decode())  # noqa: S704 - made of a template, which escapes what it prints
    response = page(request, "statut/index.html", status=status, layout=LAYOUT, **context)
    return _kept(request, response) if status == 200 else response


@router.get(ROOT + "/composants/{id_}")
def component(request: Request, id_: str) -> Response:
    """A component: its days, its months, its incidents."""
    snapshot = board(request).snapshot()
    shown = snapshot.component(id_)
    if shown is None:
        raise Missing
    _without_visitor_if_need_be(request)
    context = making.component(snapshot, shown, ON_PORTAL)
    return _kept(request, page(request, "statut/component.html", layout=LAYOUT, **context))


@router.get(ROOT + "/incidents/{id_}")
def incident(request: Request, id_: str) -> Response:
    """An incident or maintenance with all that was said of it."""
    snapshot = board(request).snapshot()
    found = snapshot.incident(id_) or _older(request, id_)
    if found is None or found.is_draft:
        raise Missing
    _without_visitor_if_need_be(request)
    context = making.incident(snapshot, found, ON_PORTAL)
    return _kept(request, page(request, "statut/incident.html", layout=LAYOUT, **context))


def _older(request: Request, id_: str) -> Incident | None:
    """An incident that is listed no more."""
    ours = services(request)
    with ours.reading() as connection:
        return incidents.incident(connection, id_, now=ours.now())


@router.get(ROOT + "/api/v2/{name:path}.json")
def document(request: Request, name: str) -> Response:
    """The status in the common shape."""
    make = statuspage.DOCUMENTS.get(name)
    if make is None:
        raise Missing
    return _file(
        request,
        f"{name}.json",
        lambda snapshot, base: orjson.dumps(make(snapshot, base)),
        media_type="application/json",
    )


@router.get(f"{ROOT}/{ATOM}")
def atom(request: Request) -> Response:
    """Incidents and maintenance for feed readers."""
    return _file(request, ATOM, feeds.atom, media_type="application/atom+xml; charset=utf-8")


@router.get(f"{ROOT}/{CALENDAR}")
def calendar(request: Request) -> Response:
    """Maintenance for calendars."""
    return _file(request, CALENDAR, feeds.calendar, media_type="text/calendar; charset=utf-8")


@router.get(ROOT + "/composants/{id_}/badge.svg")
def badge(request: Request, id_: str) -> Response:
    """The state of a component as a picture."""
    shown = board(request).snapshot().component(id_)
    if shown is None:
        raise Missing
    return _public(request, Response(feeds.badge(shown), media_type="image/svg+xml"))


def _file(request: Request, name: str, make: Callable[[Snapshot, str], bytes], *, media_type: str) -> Response:
    base = services(request).public_url + ROOT
    content = board(request).made(name, lambda snapshot: make(snapshot, base))
    return _public(request, Response(content, media_type=media_type))


def _public(request: Request, response: Response) -> Response:
    """For whoever asks, pages of others among them."""
    response.headers["Cache-Control"] = f"public, max-age={KEPT_SECONDS}"
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return _compared(request, response)


def _kept(request: Request, response: Response) -> Response:
    """A page holds the name of who is logged in, or what the forms of one browser carry: only that may keep it."""
    is_named = request.state.visitor is not None or "set-cookie" in response.headers
    response.headers["Cache-Control"] = "no-store" if is_named else f"private, max-age={KEPT_SECONDS}"
    response.headers["Vary"] = "Cookie"
    return response if is_named else _compared(request, response)


def _compared(request: Request, response: Response) -> Response:
    """304 for who has it already."""
    etag = f'"{sha256(bytes(response.body)).hexdigest()[:32]}"'
    response.headers["ETag"] = etag
    asked = {each.strip().removeprefix("W/") for each in request.headers.get("If-None-Match", "").split(",")}
    if etag not in asked:
        return response
    kept = ("cache-control", "etag", "vary", "access-control-allow-origin", "cross-origin-resource-policy")
    headers = {name: value for name, value in response.headers.items() if name in kept}
    return Response(status_code=304, headers=headers)


def _without_visitor_if_need_be(request: Request) -> None:
    """While the database is away nobody is logged in, and the page is shown all the same."""
    try:
        anyone(request)
    except DatabaseError:
        request.state.visitor = None
