"""The pages of login and logout, and the login by a click of a demonstration."""

import hmac
from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from apientreprise_gateway.accounts import activity
from apientreprise_gateway.accounts.model import Contact
from apientreprise_gateway.accounts.repository import upsert_user
from apientreprise_gateway.portal import cookies, sessions
from apientreprise_gateway.portal.forms import Posted
from apientreprise_gateway.portal.login.entering import LOGIN, enter
from apientreprise_gateway.portal.refusals import Missing
from apientreprise_gateway.portal.rendering import leave, local, page
from apientreprise_gateway.portal.services import services
from apientreprise_gateway.portal.visitors import Anyone

AFTER: Final = "/apres-deconnexion"
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
    """End the session, and then the one of ProConnect if it began there."""
    ours, url = services(request), None
    visit = sessions.new_secret()
    if visitor is not None:
        with ours.writing() as connection:
            sessions.end(connection, visitor.session.sha256)
            activity.record(connection, "session.ended", at=ours.now(), user_id=visitor.actor.id)
        if ours.proconnect is not None and visitor.session.id_token is not None:
            url = ours.proconnect.logout_url(ours, visitor.session.id_token, _state(request, visit))
        request.state.visitor = None
    response = RedirectResponse(AFTER, 303) if url is None else leave(request, url, "ProConnect, pour s’y déconnecter")
    cookies.take_session(request, response)
    if url is not None:
        cookies.give_visit(request, response, visit)
    return response


@router.get(AFTER)
def logged_out(request: Request, state: str = "") -> Response:
    """What follows a logout; ProConnect sends back the state that it was given."""
    visit = cookies.visit_secret(request)
    is_ours = visit is not None and hmac.compare_digest(_state(request, visit).encode(), state.encode())
    return page(request, "login/logged_out.html", came_back=bool(state), is_ours=is_ours)


def _state(request: Request, visit: str) -> str:
    """What a logout at ProConnect has to bring back to this browser."""
    return services(request).sealer.digest("logout", visit).hex()


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
