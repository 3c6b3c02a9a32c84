"""A mail server in the loop of a test (aiosmtpd), which refuses, waits or dies as told; and what mails are about."""

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from email import message_from_bytes
from email.message import Message
from email.policy import default
from typing import Any
from uuid import uuid4

from aiosmtpd.smtp import SMTP, AuthResult
from sqlalchemy import Connection, insert

from apientreprise_gateway.accounts import repository
from apientreprise_gateway.accounts.model import Contact, Habilitation, Role
from apientreprise_gateway.database.accounts import habilitations, tokens
from apientreprise_gateway.portal.mail.sending import MailServer

SENDER = "Portail <portail@service.example>"


class Inbox:
    """What the server has taken, and how it answers."""

    def __init__(self) -> None:
        self.mails: list[Message] = []
        self.recipients: list[list[str]] = []
        self.answer_to: dict[str, str] = {}
        """By recipient: what the server says instead of accepting it."""
        self.answer = "250 taken"
        """What it says after the message."""
        self.on_data: Callable[[], object] = lambda: None
        self.connections = 0

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        if address in self.answer_to:
            return self.answer_to[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        self.on_data()
        if self.answer == "dies":
            server.transport.abort()
            return "421 gone"
        if self.answer == "silent":
            await asyncio.sleep(3600)
        if self.answer.startswith("250"):
            self.mails.append(message_from_bytes(envelope.content, policy=default))
            self.recipients.append(list(envelope.rcpt_tos))
        return self.answer

    @property
    def ids(self) -> list[str]:
        """The `Message-ID` of each mail."""
        return [str(mail["Message-ID"]) for mail in self.mails]


def _said(given: Any) -> tuple[str, str]:
    return given.login.decode(), given.password.decode()


@asynccontextmanager
async def mail_server(
    inbox: Inbox, *, tls: ssl.SSLContext | None = None, login: tuple[str, str] | None = None
) -> AsyncIterator[MailServer]:
    """A server until the end of the block; with a login it takes mails of nobody else."""
    served: list[SMTP] = []

    def serve() -> SMTP:
        inbox.connections += 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a login without TLS, on this machine
            served.append(
                SMTP(
                    inbox,
                    hostname="mail.test",
                    enable_SMTPUTF8=True,
                    authenticator=lambda *given: AuthResult(success=_said(given[-1]) == login, handled=False),
                    auth_required=login is not None,
                    auth_require_tls=login is None,
                )
            )
        return served[-1]

    server = await asyncio.get_running_loop().create_server(serve, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    try:
        user, password = login or (None, None)
        yield MailServer(host="127.0.0.1", port=port, tls=tls is not None, user=user, password=password, sender=SENDER)
    finally:
        server.close()
        for each in served:
            if isinstance(each.transport, asyncio.Transport):
                each.transport.abort()
            if each._handler_coroutine is not None:
                each._handler_coroutine.cancel()
        await asyncio.sleep(0)


def add_for_mails(
    connection: Connection,
    now: datetime,
    applicant: str | None,
    technical: str | None = None,
    business: str | None = None,
    **changes: Any,
) -> Habilitation:
    """A habilitation in force unless the changes say otherwise, with its people by their mail addresses."""
    row: dict[str, Any] = {
        "id": str(uuid4()),
        "product": "entreprise",
        "source": "datapass",
        "external_id": str(uuid4().int % 10**6),
        "title": "Marchés publics de la ville",
        "state": "validated",
        "scopes": ["unites_legales_etablissements_insee"],
        "modalities": ["params"],
        "reopened": False,
        "details": {},
        "created_at": now,
        "updated_at": now,
    } | changes
    connection.execute(insert(habilitations).values(row))
    given = {Role.APPLICANT: applicant, Role.TECHNICAL_CONTACT: technical, Role.BUSINESS_CONTACT: business}
    people = {role: Contact(email=email) for role, email in given.items() if email is not None}
    repository.replace_contacts(connection, row["id"], people, now)
    found = repository.habilitation(connection, row["id"])
    assert found is not None
    return found


def add_token(connection: Connection, habilitation: Habilitation, ends_at: datetime, **changes: Any) -> str:
    """A token of a habilitation; its name."""
    row: dict[str, Any] = {
        "id": str(uuid4()),
        "habilitation_id": habilitation.id,
        "subject": habilitation.title,
        "scopes": list(habilitation.scopes),
        "iat": int(ends_at.timestamp()) - 540 * 86400,
        "exp": int(ends_at.timestamp()),
    } | changes
    connection.execute(insert(tokens).values(row))
    return str(row["id"])
