"""The pages of login and logout, and the login by a click of a demonstration."""

from collections.abc import Mapping

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from apientreprise_gateway.accounts import activity
from apientreprise_gateway.accounts.model import Contact
from apientreprise_gateway.accounts.repository import upsert_user
from apientreprise_gateway.portal import cookies, sessions
from apientreprise_gateway.portal.forms import Posted
from apientreprise_gateway.portal.login.entering import LOGIN, enter
from apientreprise_gateway.portal.refusals import Missing
from apientreprise_gateway.portal.rendering import local, page
from apientreprise_gateway.portal.services import services
from apientreprise_gateway.portal.visitors import Anyone

router = APIRouter()
demo_router = APIRouter()
"""Only part of a demonstration."""


def login_page(
    request: Request, *, goes_to: str, email: str = "", errors: Mapping[str, str] | None = None, status: int = 200
) -> Response:
    """The page with the ways to log in, with what was typed and what is wrong with it."""
    return page(
        request,
        "login/login.html",
        status=422 if errors else status,
        goes_to=goes_to,
        email=email,
        errors=errors or {},
    )


@router.get(LOGIN)
def login(request: Request, vers: str = "") -> Response:
    """The ways to log in; `vers` is the page to go to then."""
    return login_page(request, goes_to=local(vers) or "")


@router.post("/compte/deconnexion")
def log_out(request: Request, _form: Posted, visitor: Anyone) -> Response:
    """End the session."""
    response = RedirectResponse("/apres-deconnexion", 303)
    if visitor is not None:
        ours = services(request)
        with ours.writing() as connection:
            sessions.end(connection, visitor.session.sha256)
            activity.record(connection, "session.ended", at=ours.now(), user_id=visitor.actor.id)
    cookies.take_session(request, response)
    return response


@router.get("/apres-deconnexion")
def logged_out(request: Request) -> Response:
    """What follows a logout."""
    return page(request, "login/logged_out.html")


@demo_router.post(LOGIN + "/demo")
def click(request: Request, form: Posted) -> Response:
    """Log in as somebody of the demonstration."""
    ours = services(request)
    people = () if ours.demo is None else ours.demo.people
    person = next((each for each in people if each.email == form.text("email")), None)
    if person is None:
        raise Missing
    with ours.writing() as connection:
        user = upsert_user(connection, Contact(email=person.email), ours.now())
        return enter(request, connection, user.id, via="demo", goes_to=form.text("goes_to"))
