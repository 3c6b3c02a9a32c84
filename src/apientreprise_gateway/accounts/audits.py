"""Audit notifications: an operator asks the people of a habilitation to account for some of its calls.

The calls are named by their request ids, which the journal must know as calls of the habilitation's own tokens.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection, insert, select, union_all

from apientreprise_gateway.accounts import mails
from apientreprise_gateway.accounts.activity import record
from apientreprise_gateway.accounts.model import Habilitation
from apientreprise_gateway.accounts.plain_text import one_line
from apientreprise_gateway.database.accounts import audit_notifications, tokens
from apientreprise_gateway.database.tables import calls, held_calls

MOST_REQUESTS: Final = 200
MOST_SHOWN: Final = 10
"""Calls that the mail lists."""
_LARGEST_VOLUME: Final = 2_000_000_000
_LONGEST_REASON: Final = 4000


class AuditRefusedError(ValueError):
    """A notification that cannot be made; the text says why, in French."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditNotification:
    """What was asked."""

    id: str
    habilitation_id: str
    by: str
    at: datetime
    reason: str
    volume: int | None
    """About how many calls are meant."""
    request_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedCall:
    """A call that is asked about."""

    request_id: str
    time: datetime
    jti: str
    operation: str | None
    status: int | None


def read_request_ids(text: str) -> tuple[str, ...]:
    """The request ids in a text, one a line or with commas between, each once."""
    return tuple(dict.fromkeys(text.replace(",", " ").split()))


def audited_calls(connection: Connection, habilitation_id: str, request_ids: Iterable[str]) -> list[AuditedCall]:
    """The calls with these ids that were made with tokens of a habilitation, the latest first."""
    own = select(tokens.c.id).where(tokens.c.habilitation_id == habilitation_id)
    jtis, names = connection.scalars(own).all(), list(request_ids)
    found = [
        select(*(table.c[name] for name in AuditedCall.__dataclass_fields__)).where(
            table.c.request_id.in_(names), table.c.jti.in_(jtis)
        )
        for table in (calls, held_calls)
    ]
    rows = connection.execute(union_all(*found)).mappings().all()
    return sorted((AuditedCall(**row) for row in rows), key=lambda call: call.time, reverse=True)


def notify(
    connection: Connection,
    habilitation: Habilitation,
    *,
    request_ids: Sequence[str],
    reason: str,
    volume: int | None,
    by: str,
    now: datetime,
) -> AuditNotification:
    """Ask the three people of a habilitation to account for calls, by mail.

    Raises:
        AuditRefusedError: a call is not known as one of its tokens, or another part is wrong.
    """
    names = tuple(dict.fromkeys(request_ids))
    _check(names, reason, volume)
    found = audited_calls(connection, habilitation.id, names)
    known = {call.request_id for call in found}
    missing = [name for name in names if name not in known]
    if missing:
        shown = ", ".join(each[:60] for each in missing[:5]) + (" …" if len(missing) > 5 else "")
        raise AuditRefusedError(f"Le journal ne connaît pas ces requêtes pour les jetons de l’habilitation : {shown}.")
    made = AuditNotification(
        id=str(uuid4()),
        habilitation_id=habilitation.id,
        by=by,
        at=now,
        reason=reason.strip(),
        volume=volume,
        request_ids=names,
    )
    values = {name: getattr(made, name) for name in AuditNotification.__dataclass_fields__}
    connection.execute(insert(audit_notifications).values(values | {"request_ids": list(names)}))
    mails.audit(
        connection,
        habilitation,
        notification_id=made.id,
        reason=made.reason,
        volume=volume,
        request_ids=list(dict.fromkeys(call.request_id for call in found))[:MOST_SHOWN],
        now=now,
        calls=[_shown(call) for call in found[:MOST_SHOWN]],
    )
    about, details = ("habilitation", habilitation.id), {"audit": made.id, "requests": len(names)}
    record(connection, "audit.notified", at=now, user_id=by, about=about, details=details)
    return made


def _shown(call: AuditedCall) -> dict[str, Any]:
    """A call as the mail lists it."""
    return {
        "request_id": one_line(call.request_id),
        "time": call.time.isoformat(),
        "operation": call.operation,
        "status": call.status,
    }


def _check(names: Sequence[str], reason: str, volume: int | None) -> None:
    if not names:
        raise AuditRefusedError("Indiquez au moins une requête, par son identifiant.")
    if len(names) > MOST_REQUESTS:
        raise AuditRefusedError(f"Indiquez au plus {MOST_REQUESTS} requêtes.")
    if not 0 < len(reason.strip()) <= _LONGEST_REASON:
        raise AuditRefusedError(f"Indiquez le motif, en {_LONGEST_REASON} signes au plus.")
    if volume is not None and not 1 <= volume <= _LARGEST_VOLUME:
        raise AuditRefusedError(
            "Le volume est un nombre d’appels supérieur à zéro ; laissez vide s’il n’est pas connu."
        )


def of_habilitation(connection: Connection, habilitation_id: str) -> list[AuditNotification]:
    """The notifications of a habilitation, the latest first."""
    query = select(audit_notifications).where(audit_notifications.c.habilitation_id == habilitation_id)
    query = query.order_by(audit_notifications.c.at.desc(), audit_notifications.c.id)
    return [_notification(row) for row in connection.execute(query).mappings()]


def _notification(row: Any) -> AuditNotification:
    return AuditNotification(**{**row, "request_ids": tuple(row["request_ids"])})
