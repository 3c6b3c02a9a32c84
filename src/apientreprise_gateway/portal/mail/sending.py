"""Sends the mails of the queue to the mail server.

What the server refuses for good at a recipient or at the message itself (5xx) ends a mail at once; everything else is
tried again with growing waits for a week: no connection, a refused login, a sender it does not take, a full mailbox.
Log lines and metrics name the kind of a mail and the number of its row, never an address.
"""

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import sha256
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

import aiosmtplib
import structlog
from sqlalchemy import Engine

from apientreprise_gateway.observability.faults import FaultLog
from apientreprise_gateway.portal.mail.queue import BATCH, Attempt, Queued, State, claim, drop_expired, finish
from apientreprise_gateway.portal.mail.rendering import Renderer

CONCURRENCY: Final = 4
"""Connections to the mail server at a time."""
STEP_SECONDS: Final = 30.0
"""Within which the server answers each command."""
ATTEMPT_SECONDS: Final = 150.0
"""Within which an attempt is over; a claim lasts longer."""
QUIT_SECONDS: Final = 2.0
END_SECONDS: Final = 5.0
"""For which a process that is stopped waits for mails on their way: cut off, they might be sent twice."""
POLL_SECONDS: Final = 2.0
ADDRESS: Final = re.compile(r"[^@\s,;<>\"()\\\x00-\x1f\x7f]+@[^@\s,;<>\"()\\\x00-\x1f\x7f]+")
_PERMANENT: Final = range(500, 600)
_log = structlog.get_logger(__name__)


class AddressError(Exception):
    """What a mail should be sent to is no address."""


class Counters(Protocol):
    """What counts the ends of mails."""

    def mail_ended(self, state: str) -> None: ...


class Uncounted:
    """Counts nothing."""

    def mail_ended(self, state: str) -> None:
        """Forget it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mails go."""

    host: str
    port: int
    tls: bool
    user: str | None
    password: str | None
    sender: str
    """`PORTAL_MAIL_FROM`."""


def server_of(url: str, sender: str) -> MailServer:
    """The server of `PORTAL_SMTP_URL`: without TLS, on port 25, or with, on port 465, unless it names another port."""
    parts = urlsplit(url)
    tls = parts.scheme == "smtps"
    return MailServer(
        host=parts.hostname or "localhost",
        port=parts.port or (465 if tls else 25),
        tls=tls,
        user=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
        sender=sender,
    )


def message_of(mail: Queued, renderer: Renderer, sender: str, now: datetime) -> EmailMessage:
    """The message of a mail; the same `Message-ID` at each attempt.

    Raises:
        AddressError: the address of a recipient is none.
        SealError: its secret cannot be opened.
        jinja2.TemplateError: its template misses something.
    """
    rendered = renderer.render(mail.kind, mail.data, mail.sealed)
    for address in (mail.recipient, *mail.copies):
        if not ADDRESS.fullmatch(address):
            raise AddressError("the address of a recipient is none")
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = mail.recipient
    if mail.copies:
        message["Cc"] = ", ".join(mail.copies)
    message["Subject"] = rendered.subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{sha256(mail.key.encode(errors='surrogatepass')).hexdigest()[:40]}@{renderer.host}>"
    message["Auto-Submitted"] = "auto-generated"
    if rendered.unsubscribe is not None:
        message["List-Unsubscribe"] = f"<{rendered.unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(rendered.text, cte="quoted-printable")
    message.add_alternative(rendered.html, subtype="html", cte="quoted-printable")
    return message


class Sender:
    """Sends mails; any number of processes may have one."""

    def __init__(
        self,
        engine: Engine,
        renderer: Renderer,
        server: MailServer | None,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        counters: Counters | None = None,
        step_seconds: float = STEP_SECONDS,
    ) -> None:
        """Begin; without a server mails stay queued, and only those whose time is over are dropped."""
        self._engine, self._renderer, self._server, self._clock = engine, renderer, server, clock
        self._counters, self._step_seconds = counters or Uncounted(), step_seconds
        self._places = asyncio.Semaphore(CONCURRENCY)
        self._faults = FaultLog()

    async def run(self) -> None:
        """Send what is due, for ever.

        Raises:
            DatabaseError: the database cannot be used.
        """
        while True:
            await self.send_due()
            await asyncio.sleep(POLL_SECONDS)

    async def send_due(self, *, waiting: bool = False) -> dict[State, int]:
        """Send the mails that are due, with `waiting` those that wait for another try as well; what became of them.

        Raises:
            DatabaseError: the database cannot be used; mails that were claimed are sent when their claim is over.
        """
        done: dict[State, int] = {}
        while await asyncio.to_thread(drop_expired, self._engine, self._clock()):
            pass
        after = 0 if waiting else None
        while self._server is not None:
            claimed = await asyncio.to_thread(claim, self._engine, self._clock(), limit=BATCH, after=after)
            if not claimed:
                break
            for state in await _to_the_end(asyncio.gather(*(self._send(mail, self._server) for mail in claimed))):
                done[state] = done.get(state, 0) + 1
            if waiting:
                after = claimed[-1].id
        return done

    async def _send(self, mail: Queued, server: MailServer) -> State:
        async with self._places:
            attempt = await self._attempt(mail, server)
        state = await asyncio.to_thread(finish, self._engine, mail, attempt, self._clock())
        if state is not State.QUEUED:
            self._counters.mail_ended(state)
        if attempt.error is not None:
            level = _log.error if state is State.FAILED else _log.warning
            level("mail_not_sent", mail=mail.id, kind=mail.kind, reason=attempt.error, state=state.value)
        return state

    async def _attempt(self, mail: Queued, server: MailServer) -> Attempt:
        try:
            message = message_of(mail, self._renderer, server.sender, self._clock())
        except AddressError as error:
            self._faults.tell("mail_not_rendered", error, kind=mail.kind)
            return Attempt(refused=mail.left, error="bad address")
        except Exception as error:  # whatever is wrong with one mail must not keep the others from being sent
            self._faults.tell("mail_not_rendered", error, worded=False, kind=mail.kind)
            return Attempt(error=type(error).__name__)
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                return await self._deliver(message, mail.left, server)
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            return Attempt(error=_words(error))
        except ValueError as error:  # an address of a form that the protocol has not
            self._faults.tell("mail_not_rendered", error, worded=False, kind=mail.kind)
            return Attempt(refused=mail.left, error="bad address")

    async def _deliver(self, message: EmailMessage, recipients: tuple[str, ...], server: MailServer) -> Attempt:
        """Hand a message to the server.

        Raises:
            aiosmtplib.SMTPException: it was not taken, for now.
            OSError: there is no connection.
        """
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.tls,
            start_tls=False,
            username=server.user,
            password=server.password,
            timeout=self._step_seconds,
        )
        try:
            await client.connect()
            try:
                answers, _ = await client.send_message(message, recipients=list(recipients))
            except aiosmtplib.SMTPRecipientsRefused as error:
                return _refused({each.recipient: each.code for each in error.recipients}, ())
            except aiosmtplib.SMTPDataError as error:
                if error.code not in _PERMANENT:
                    raise
                return Attempt(refused=recipients, error=str(error.code))
            with suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
                await client.quit(timeout=QUIT_SECONDS)
            delivered = tuple(each for each in recipients if each not in answers)
            return _refused({each: answer.code for each, answer in answers.items()}, delivered)
        finally:
            client.close()


async def _to_the_end(work: "asyncio.Future[list[State]]") -> list[State]:
    """Wait for work that goes on for some seconds when the wait is cancelled."""
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work], timeout=END_SECONDS)
        raise


def _refused(codes: dict[str, int], delivered: tuple[str, ...]) -> Attempt:
    """What an attempt came to, given the codes with which the server has refused some recipients."""
    return Attempt(
        delivered=delivered,
        refused=tuple(each for each, code in codes.items() if code in _PERMANENT),
        error=str(max(codes.values())) if codes else None,
    )


def _words(error: BaseException) -> str:
    """Why an attempt failed, in a word: what the server says may repeat an address."""
    code = getattr(error, "code", None)
    return f"{type(error).__name__} {code}" if isinstance(code, int) else type(error).__name__
