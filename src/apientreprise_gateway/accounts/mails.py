"""Queues the mails of accounts, in the transaction of the act that causes them.

A mail whose habilitation is in another state when it is to be sent is dropped (`is_obsolete`). No mail holds the string
of a token, and no row the secret of a link in clear.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from apientreprise_gateway.accounts.mail_queue import Mail, enqueue
from apientreprise_gateway.accounts.mail_rules import REPORTED, TRANSFERS, Kind, Party, TransferStep, rules_of
from apientreprise_gateway.accounts.model import EventName, Habilitation, HabilitationState, Role
from apientreprise_gateway.accounts.plain_text import one_line, paragraphs
from apientreprise_gateway.database import accounts as tables
from apientreprise_gateway.database.serving import login_links

Seal = Callable[[bytes], bytes]
"""Encrypts what only the sender of mails may read again: `Sealer.seal` of the portal."""
Reporters = Mapping[str, Sequence[str]]
"""Mail addresses that are told of new requests, and the scopes that each is told of; none for all."""
STATE: Final = "state"
"""Of a mail's data: the state of its object in which the mail is of use."""


def addresses_of(connection: Connection, habilitation_id: str) -> dict[Role, str]:
    """The mail addresses of the people of a habilitation."""
    query = (
        select(tables.roles.c.role, tables.users.c.email)
        .join(tables.users, tables.users.c.id == tables.roles.c.user_id)
        .where(tables.roles.c.habilitation_id == habilitation_id)
    )
    return {Role(role): email for role, email in connection.execute(query)}


def for_event(
    connection: Connection,
    habilitation: Habilitation,
    event: EventName,
    now: datetime,
    *,
    occasion: str | None = None,
    update: bool | None = None,
    comment: str | None = None,
    reporters: Reporters | None = None,
) -> int:
    """Queue the mails of an event; returns how many were not queued before.

    Args:
        connection: of the transaction that applies the event.
        habilitation: as it is after the event.
        event: what happened.
        now: the time of the act.
        occasion: what makes the event another one of the same name, such as the number of its row; else `now`.
        update: whether it concerns a change of a validated habilitation; else `habilitation.reopened`.
        comment: what the person who examined the request wrote.
        reporters: who is told of requests beside their people.
    """
    people = addresses_of(connection, habilitation.id)
    update = habilitation.reopened if update is None else update
    occasion = occasion or now.astimezone(UTC).isoformat()
    state = {STATE: habilitation.state.value}
    data = facts_of(habilitation) | state | {"comment": paragraphs(comment or ""), "update": update}
    added = 0
    for rule in rules_of(habilitation, event, people, update=update):
        added += send_to(
            connection, rule.kind, people, rule.to, rule.copies, key=occasion, habilitation=habilitation,
            data=data, now=now,
        )  # fmt: skip
    if event in REPORTED:
        for address, scopes in (reporters or {}).items():
            if not scopes or set(scopes) & set(habilitation.scopes):
                mail = Mail(
                    kind=REPORTED[event],
                    key=f"{habilitation.id}|{occasion}",
                    recipient=address,
                    data=data,
                    about=("habilitation", habilitation.id),
                )
                added += enqueue(connection, mail, now=now)
    return added


def facts_of(habilitation: Habilitation | Row[Any]) -> dict[str, Any]:
    """What each mail about a habilitation, or about its row, says of it."""
    return {
        "number": one_line(habilitation.external_id, longest=40),
        "title": one_line(habilitation.title) or "sans titre",
        "product": str(habilitation.product),
        "habilitation_id": habilitation.id,
        "source": habilitation.source,
    }


def send_to(
    connection: Connection,
    kind: Kind,
    people: Mapping[Role, str],
    to: Role,
    copies: Sequence[Role],
    *,
    key: str,
    habilitation: Habilitation,
    data: Mapping[str, Any],
    now: datetime,
    about: tuple[str, str] | None = None,
) -> bool:
    """Queue a mail to one of the people of a habilitation; to the first of the copies where nobody has that role."""
    chosen = [people[role] for role in (to, *copies) if role in people]
    if not chosen:
        return False
    recipient, *others = dict.fromkeys(chosen)
    mail = Mail(
        kind=kind,
        key=f"{habilitation.id}|{key}",
        recipient=recipient,
        copies=others,
        data=data,
        about=about or ("habilitation", habilitation.id),
    )
    return enqueue(connection, mail, now=now)


def token_revoked(
    connection: Connection,
    habilitation: Habilitation,
    *,
    jti: str,
    at: datetime,
    now: datetime,
    comment: str | None = None,
    replacement: str | None = None,
) -> bool:
    """Tell the applicant, and the technical contact, that a token ends at a moment, and which one replaces it."""
    data = facts_of(habilitation) | {
        "token_id": jti,
        "at": at.isoformat(),
        "comment": paragraphs(comment or ""),
        "replacement": replacement,
    }
    return send_to(
        connection,
        Kind.TOKEN_REVOKED,
        addresses_of(connection, habilitation.id),
        Role.APPLICANT,
        (Role.TECHNICAL_CONTACT,),
        key=f"{jti}|{at.astimezone(UTC).isoformat()}",
        habilitation=habilitation,
        data=data,
        now=now,
        about=("token", jti),
    )


def audit(
    connection: Connection,
    habilitation: Habilitation,
    *,
    notification_id: str,
    reason: str,
    volume: int | None,
    request_ids: Sequence[str],
    now: datetime,
    calls: Sequence[Mapping[str, Any]] = (),
) -> bool:
    """Ask the people of a habilitation to account for some calls.

    `calls` says of each its `request_id`, `time` (ISO 8601), `operation` and `status`.
    """
    data = facts_of(habilitation) | {
        "reason": paragraphs(reason),
        "volume": volume,
        "request_ids": [one_line(each) for each in request_ids[:10]],
        "calls": [dict(each) for each in calls[:10]],
    }
    return send_to(
        connection,
        Kind.AUDIT,
        addresses_of(connection, habilitation.id),
        Role.APPLICANT,
        (Role.TECHNICAL_CONTACT, Role.BUSINESS_CONTACT),
        key=notification_id,
        habilitation=habilitation,
        data=data,
        now=now,
    )


def hand_over(
    connection: Connection,
    habilitation: Habilitation,
    *,
    hand_over_id: str,
    email: str,
    link: str,
    seal: Seal,
    expires_at: datetime,
    now: datetime,
) -> bool:
    """Send a link to a token, a path such as `/public/jetons/…`, to a typed address; it is of no use after its end."""
    mail = Mail(
        kind=Kind.HAND_OVER,
        key=hand_over_id,
        recipient=email,
        data=facts_of(habilitation) | {"expires_at": expires_at.isoformat()},
        sealed=_sealed(seal, link),
        about=("hand_over", hand_over_id),
        expires_at=expires_at,
    )
    return enqueue(connection, mail, now=now)


def hand_over_opened(
    connection: Connection, habilitation: Habilitation, *, hand_over_id: str, email: str, jti: str, now: datetime
) -> bool:
    """Tell the applicant that a token was shown to whom its link was sent, at the first opening."""
    return send_to(
        connection,
        Kind.HAND_OVER_OPENED,
        addresses_of(connection, habilitation.id),
        Role.APPLICANT,
        (),
        key=hand_over_id,
        habilitation=habilitation,
        data=facts_of(habilitation) | {"email": one_line(email), "token_id": jti, "at": now.isoformat()},
        now=now,
    )


def hand_over_not_sent(connection: Connection, hand_over_id: str, *, now: datetime) -> bool:
    """Tell who shared a token that the mail with the link did not leave before the link ended."""
    query = (
        select(
            tables.hand_overs.c.email,
            tables.hand_overs.c.token_id,
            tables.users.c.email.label("sender"),
            tables.habilitations,
        )
        .join(tables.users, tables.users.c.id == tables.hand_overs.c.by_user_id)
        .join(tables.tokens, tables.tokens.c.id == tables.hand_overs.c.token_id)
        .join(tables.habilitations, tables.habilitations.c.id == tables.tokens.c.habilitation_id)
        .where(tables.hand_overs.c.id == hand_over_id)
    )
    row = connection.execute(query).first()
    if row is None:
        return False
    mail = Mail(
        kind=Kind.HAND_OVER_NOT_SENT,
        key=hand_over_id,
        recipient=row.sender,
        data=facts_of(row) | {"email": one_line(row.email), "token_id": row.token_id},
        about=("hand_over_not_sent", hand_over_id),
    )
    return enqueue(connection, mail, now=now)


def transfer(
    connection: Connection,
    step: TransferStep,
    *,
    transfer_id: str,
    sender: str,
    newcomer: str,
    siret: str,
    now: datetime,
    operators: Sequence[str] = (),
    reason: str | None = None,
    expires_at: datetime | None = None,
) -> int:
    """Tell both people of a transfer (mail addresses), and the operators when it is theirs, what comes next."""
    addresses = {Party.SENDER: (sender,), Party.NEWCOMER: (newcomer,), Party.OPERATORS: tuple(operators)}
    added = 0
    for kind, party in TRANSFERS[step]:
        data = {
            "party": party.value,
            "siret": one_line(siret),
            "sender": one_line(sender),
            "newcomer": one_line(newcomer),
            "reason": paragraphs(reason or ""),
            "expires_at": None if expires_at is None else expires_at.isoformat(),
            STATE: step.value,
            "transfer_id": transfer_id,
        }
        for address in addresses[party]:
            mail = Mail(kind=kind, key=transfer_id, recipient=address, data=data, about=("transfer", transfer_id))
            added += enqueue(connection, mail, now=now)
    return added


def login_link(
    connection: Connection, *, sha256: bytes, email: str, link: str, seal: Seal, expires_at: datetime, now: datetime
) -> bool:
    """Send a link to log in, a path; `sha256` is that of its row in `login_links`."""
    mail = Mail(
        kind=Kind.LOGIN_LINK,
        key=sha256.hex(),
        recipient=email,
        data={"expires_at": expires_at.isoformat()},
        sealed=_sealed(seal, link),
        about=("login_link", sha256.hex()),
        expires_at=expires_at,
    )
    return enqueue(connection, mail, now=now)


def _sealed(seal: Seal, link: str) -> bytes:
    return seal(json.dumps({"link": link}).encode())


def is_obsolete(
    connection: Connection, object_kind: str | None, object_id: str | None, data: Mapping[str, Any], now: datetime
) -> str | None:
    """Why a queued mail is of no use any more, as a word for `mails.error`; None if it is."""
    if object_id is None:
        return None
    match object_kind:
        case "habilitation" if STATE in data:
            row = connection.execute(_of(tables.habilitations, "state").where(tables.habilitations.c.id == object_id))
            return None if row.scalar() == data[STATE] else "state_changed"
        case "transfer":
            row = connection.execute(_of(tables.transfers, "state").where(tables.transfers.c.id == object_id))
            return None if row.scalar() == data[STATE] else "state_changed"
        case "hand_over":
            return None if _may_be_opened(connection, object_id, now) else "revoked"
        case "login_link":
            sha256 = bytes.fromhex(object_id)
            found = connection.execute(_of(login_links, "used_at").where(login_links.c.sha256 == sha256))
            return None if found.one_or_none() == (None,) else "used"
        case "notice":
            return None if _may_be_noticed(connection, object_id, now) else "state_changed"
    return None


def _of(table: Any, column: str) -> Any:
    return select(table.c[column])


def _may_be_opened(connection: Connection, hand_over_id: str, now: datetime) -> bool:
    """Whether a link still shows its token: neither was revoked."""
    query = (
        select(tables.hand_overs.c.revoked_at, tables.tokens.c.revoked_at.label("token_revoked_at"))
        .join(tables.tokens, tables.tokens.c.id == tables.hand_overs.c.token_id)
        .where(tables.hand_overs.c.id == hand_over_id)
    )
    row = connection.execute(query).first()
    if row is None or row.revoked_at is not None:
        return False
    return row.token_revoked_at is None or row.token_revoked_at > now


def _may_be_noticed(connection: Connection, jti: str, now: datetime) -> bool:
    """Whether the end of a token is still news: it was not revoked, and its habilitation is in force."""
    query = (
        select(tables.tokens.c.revoked_at, tables.habilitations.c.state)
        .join(tables.habilitations, tables.habilitations.c.id == tables.tokens.c.habilitation_id)
        .where(tables.tokens.c.id == jti)
    )
    row = connection.execute(query).first()
    return row is not None and row.revoked_at is None and row.state == HabilitationState.VALIDATED
