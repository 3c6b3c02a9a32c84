"""Subscriptions to mails of the status page: asked for by anybody, confirmed by a link, changed and ended by another.

Whoever asks gets the same answer, whatever the address. Links open pages with a button, as programs that look into
mails open links; a mail program ends a subscription with one POST to the address that the headers of the mail name (RFC
8058).
"""

from datetime import timedelta
from typing import Final

from fastapi import APIRouter, Request
from sqlalchemy import Connection
from starlette.responses import Response

from apientreprise_gateway.net.client_ip import counted
from apientreprise_gateway.portal import tries
from apientreprise_gateway.portal.forms import Posted
from apientreprise_gateway.portal.pages.status import show_index
from apientreprise_gateway.portal.refusals import Missing, TooMany
from apientreprise_gateway.portal.rendering import page
from apientreprise_gateway.portal.services import Services, client_of, services
from apientreprise_gateway.portal.statut import mails
from apientreprise_gateway.portal.statut.board import board
from apientreprise_gateway.portal.statut.mails import CONFIRM, SUBSCRIPTIONS
from apientreprise_gateway.portal.statut.subscribing import SubscriptionForm
from apientreprise_gateway.status import subscriptions
from apientreprise_gateway.status.subscriptions import Subscription

_HOUR: Final = timedelta(hours=1)
_TO_MAILBOX: Final = 3
"""Mails to one mailbox in an hour."""
_FROM_CLIENT: Final = 30
"""Requests of one client in an hour."""
router = APIRouter()
one_click = APIRouter()
"""What mail programs post to: without cookies and forms of ours; the address is the secret."""


@router.post(SUBSCRIPTIONS)
def ask(request: Request, form: Posted) -> Response:
    """Send the link that confirms, to the mailbox that was typed."""
    read = SubscriptionForm.read(form, board(request).components)
    if read.errors:
        return show_index(request, read, status=422)
    ours = services(request)
    email = read.email.lower()
    with ours.writing() as connection:
        client = ours.sealer.digest("status-client", counted(client_of(request)))
        if not tries.allow(connection, "status-client", client, most=_FROM_CLIENT, window=_HOUR, now=ours.now()):
            raise TooMany
        mailbox = ours.sealer.digest("status-mailbox", email)
        if tries.allow(connection, "status-mailbox", mailbox, most=_TO_MAILBOX, window=_HOUR, now=ours.now()):
            _send(connection, ours, email, read)
    return page(request, "statut/asked.html")


def _send(connection: Connection, ours: Services, email: str, form: SubscriptionForm) -> None:
    asked = subscriptions.ask(
        connection, email=email, components=form.components, kinds=form.wanted, seal=ours.sealer.seal, now=ours.now()
    )
    mails.to_confirm(connection, ours.sealer, email, asked, now=ours.now())


@router.get(CONFIRM + "/{secret}")
def to_confirm(request: Request, secret: str) -> Response:
    """A button that confirms."""
    ours = services(request)
    with ours.reading() as connection:
        found = subscriptions.to_confirm(connection, secret, now=ours.now())
    return page(request, "statut/confirm.html", found=found, action=f"{CONFIRM}/{secret}")


@router.post(CONFIRM + "/{secret}")
def confirm(request: Request, secret: str, _form: Posted) -> Response:
    """Put the subscription in force."""
    ours = services(request)
    with ours.writing() as connection:
        found = subscriptions.to_confirm(connection, secret, now=ours.now())
        if found is not None:
            subscriptions.confirm(connection, found, now=ours.now())
            manage_link = mails.manage_path(mails.secret_of(connection, ours.sealer, found))
    if found is None:
        return page(request, "statut/confirm.html", found=None, action="")
    return page(request, "statut/confirmed.html", manage=manage_link)


@router.get(SUBSCRIPTIONS + "/{secret}")
def manage(request: Request, secret: str) -> Response:
    """What the subscription is about, and a button that ends it."""
    found = _found(request, secret)
    return _managed(request, secret, SubscriptionForm.of(found, board(request).components))


@router.post(SUBSCRIPTIONS + "/{secret}")
def change(request: Request, secret: str, form: Posted) -> Response:
    """Have it be about something else."""
    found = _found(request, secret)
    read = SubscriptionForm.read(form, board(request).components, with_address=False)
    if not read.errors:
        with services(request).writing() as connection:
            subscriptions.change(connection, found, components=read.components, kinds=read.wanted)
    return _managed(request, secret, read, is_saved=not read.errors)


@one_click.get(SUBSCRIPTIONS + "/{secret}/fin")
def to_end(request: Request, secret: str) -> Response:
    """A button that ends it."""
    _found(request, secret)
    return page(request, "statut/end.html", action=mails.end_path(secret))


@one_click.post(SUBSCRIPTIONS + "/{secret}/fin")
def end(request: Request, secret: str) -> Response:
    """End it; the answer is the same for one that has ended before."""
    with services(request).writing() as connection:
        found = subscriptions.by_secret(connection, secret)
        if found is not None:
            mails.withdraw(connection, found)
            subscriptions.end(connection, found)
    return page(request, "statut/ended.html")


def _found(request: Request, secret: str) -> Subscription:
    with services(request).reading() as connection:
        found = subscriptions.by_secret(connection, secret)
    if found is None:
        raise Missing("Cet abonnement n’existe pas, ou il a été arrêté.")
    return found


def _managed(request: Request, secret: str, form: SubscriptionForm, *, is_saved: bool = False) -> Response:
    context = {"form": form, "is_saved": is_saved, "end": mails.end_path(secret)}
    return page(request, "statut/manage.html", status=422 if form.errors else 200, **context)
