"""Logging in by a link in a mail: asked for by anybody, sent to the mailbox, good for 15 minutes and one use.

Whoever asks gets the same answer, whatever the address. The link opens a page with a button: programs that look into
mails open links, and would use it up.
"""

from datetime import timedelta
from typing import Any, Final

from fastapi import APIRouter, Request
from sqlalchemy import Connection, Row, insert, select, update
from starlette.responses import RedirectResponse, Response

from apientreprise_gateway.accounts import mails
from apientreprise_gateway.accounts.model import Contact
from apientreprise_gateway.accounts.repository import upsert_user
from apientreprise_gateway.database.serving import login_links
from apientreprise_gateway.net.client_ip import counted
from apientreprise_gateway.portal import sessions, tries
from apientreprise_gateway.portal.forms import Posted
from apientreprise_gateway.portal.login.entering import LOGIN, enter
from apientreprise_gateway.portal.login.pages import login_page
from apientreprise_gateway.portal.refusals import TooMany
from apientreprise_gateway.portal.rendering import local, page
from apientreprise_gateway.portal.services import Services, client_of, services
from apientreprise_gateway.portal.settings import is_mail

LIFE: Final = timedelta(minutes=15)
_HOUR: Final = timedelta(hours=1)
_TO_MAILBOX: Final = 5
"""Links to one mailbox in an hour."""
_FROM_ADDRESS: Final = 60
"""Links that one client asks for in an hour."""
_SENT: Final = f"{LOGIN}/message-envoye"
_LINK: Final = f"{LOGIN}/lien"
router = APIRouter()


@router.post(LOGIN)
def ask(request: Request, form: Posted) -> Response:
    """Send a link to the mailbox that was typed."""
    email, goes_to = form.text("email").lower(), local(form.text("goes_to"))
    if not is_mail(email):
        errors = {"email": "Écrivez votre adresse électronique complète, par exemple prenom.nom@mairie.fr."}
        return login_page(request, goes_to=goes_to or "", email=form.text("email"), errors=errors)
    ours = services(request)
    with ours.writing() as connection:
        client = ours.sealer.digest("login-client", counted(client_of(request)))
        if not tries.allow(connection, "login-client", client, most=_FROM_ADDRESS, window=_HOUR, now=ours.now()):
            raise TooMany
        _send(connection, ours, email, goes_to)
    return RedirectResponse(_SENT, 303)


@router.get(_SENT)
def sent(request: Request) -> Response:
    """Where to look for the link."""
    return page(request, "login/sent.html")


@router.get(_LINK + "/{secret}")
def link(request: Request, secret: str) -> Response:
    """The page that the link opens: a button, for as long as the link is good."""
    ours = services(request)
    with ours.reading() as connection:
        found = _good(connection, ours, secret)
    return page(request, "login/link.html", secret=secret if found else None, status=200 if found else 410)


@router.post(_LINK + "/{secret}")
def use(request: Request, secret: str, _form: Posted) -> Response:
    """Log in, and use the link up."""
    ours = services(request)
    with ours.writing() as connection:
        found = _good(connection, ours, secret)
        if found is not None:
            used = update(login_links).where(login_links.c.sha256 == found.sha256, login_links.c.used_at.is_(None))
            if connection.execute(used.values(used_at=ours.now())).rowcount == 1:
                user = upsert_user(connection, Contact(email=found.email), ours.now())
                return enter(request, connection, user.id, via="mail", goes_to=found.goes_to)
    ours.metrics.logins.labels("mail", "refused").inc()
    return page(request, "login/link.html", secret=None, status=410)


def may_use_links(ours: Services, email: str) -> bool:
    """Whether somebody may log in by a link: operators and auditors only where there is no ProConnect."""
    return ours.settings.proconnect_issuer is None or email not in (*ours.settings.operators, *ours.settings.auditors)


def _send(connection: Connection, ours: Services, email: str, goes_to: str | None) -> None:
    now = ours.now()
    mailbox = ours.sealer.digest("login-mailbox", email)
    if not tries.allow(connection, "login-mailbox", mailbox, most=_TO_MAILBOX, window=_HOUR, now=now):
        ours.metrics.refused.labels("mailbox").inc()
        return
    if not may_use_links(ours, email):
        return
    secret = sessions.new_secret()
    sha256, ends = sessions.digest(secret), now + LIFE
    connection.execute(
        insert(login_links).values(sha256=sha256, email=email, goes_to=goes_to, created_at=now, expires_at=ends)
    )
    mails.login_link(
        connection,
        sha256=sha256,
        email=email,
        link=f"{_LINK}/{secret}",
        seal=ours.sealer.seal,
        expires_at=ends,
        now=now,
    )


def _good(connection: Connection, ours: Services, secret: str) -> "Row[Any] | None":
    if not sessions.is_secret(secret):
        return None
    return connection.execute(
        select(login_links).where(
            login_links.c.sha256 == sessions.digest(secret),
            login_links.c.used_at.is_(None),
            login_links.c.expires_at > ours.now(),
        )
    ).one_or_none()
