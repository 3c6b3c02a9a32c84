"""What follows when somebody has shown who they are: a session begins, and the browser gets its cookie."""

from typing import Final

from fastapi import Request
from sqlalchemy import Connection, update
from starlette.responses import RedirectResponse, Response

from apientreprise_gateway.accounts import activity
from apientreprise_gateway.database.accounts import users
from apientreprise_gateway.portal import cookies, sessions
from apientreprise_gateway.portal.rendering import local
from apientreprise_gateway.portal.services import services

LOGIN: Final = "/compte/se-connecter"
START: Final = "/compte"


def enter(
    request: Request,
    connection: Connection,
    user_id: str,
    *,
    via: str,
    goes_to: str | None,
    id_token: bytes | None = None,
) -> Response:
    """Begin a session for a person, in place of the one of this browser, and send the browser on.

    Args:
        user_id: the person.
        via: `proconnect`, `mail` or `demo`.
        goes_to: a path of ours to go to; the account if it is none.
        id_token: sealed, for the logout.
    """
    ours = services(request)
    now = ours.now()
    old = cookies.session_secret(request)
    if old is not None:
        sessions.end(connection, sessions.digest(old))
    secret, _ = sessions.begin(connection, user_id, via=via, now=now, id_token=id_token)
    connection.execute(update(users).where(users.c.id == user_id).values(last_login_at=now, last_used_at=now))
    activity.record(connection, "session.begun", at=now, user_id=user_id, details={"via": via})
    response = RedirectResponse(local(goes_to) or START, 303)
    cookies.give_session(request, response, secret)
    ours.metrics.logins.labels(via, "done").inc()
    return response
