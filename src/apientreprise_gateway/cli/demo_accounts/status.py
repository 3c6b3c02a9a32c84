"""Ninety days of the status page of a demonstration: bad minutes, incidents, and maintenance."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, insert

from apientreprise_gateway.database.status import days, minutes
from apientreprise_gateway.status import incidents
from apientreprise_gateway.status.components import ACCOUNT, Component
from apientreprise_gateway.status.incidents import Impact, Progress
from apientreprise_gateway.status.judging import Cause, State
from apientreprise_gateway.status.periods import day_of

_DAYS: Final = 90
_MINUTES: Final = 1440
_API: Final = "api-entreprise"
_TAXES: Final = ("dgfip-attestation-fiscale", "dgfip-chiffre-affaires", "dgfip-liasses-fiscales")
_QUOTIENT: Final = "cnaf-msa-quotient-familial"
_SINCE: Final = timedelta(hours=2)
"""Since when there is an incident that is watched."""
_OUTAGES: Final = (
    (_TAXES, 12, 9, 52),
    ((_API,), 33, 14, 9),
    (("insee-sirene",), 58, 3, 26),
    ((_QUOTIENT,), 71, 10, 140),
)
"""Components, how many days ago, the hour (UTC), and minutes."""


def seed(connection: Connection, components: Sequence[Component], now: datetime) -> None:
    """Write the days, the minutes that were bad, incidents, and what is announced."""
    known = {component.id for component in components}
    bad = _bad_minutes(known, now)
    _write_days(connection, sorted(known), bad, now)
    rows = [
        {"at": at, "component": id_, "state": State.BAD.value, "cause": Cause.PROBE.value}
        for id_, moments in bad.items()
        for at in moments
    ]
    connection.execute(insert(minutes), rows)
    _taxes(connection, [id_ for id_ in _TAXES if id_ in known], now)
    _quotient(connection, [id_ for id_ in (_QUOTIENT,) if id_ in known], now)
    _announce(connection, now)


def _begin(now: datetime, back: int, hour: int) -> datetime:
    return (now - timedelta(days=back)).replace(hour=hour, minute=17, second=0, microsecond=0)


def _bad_minutes(known: set[str], now: datetime) -> dict[str, list[datetime]]:
    found: dict[str, list[datetime]] = {}
    for ids, back, hour, count in _OUTAGES:
        for id_ in known.intersection(ids):
            begin = _begin(now, back, hour)
            found.setdefault(id_, []).extend(begin + timedelta(minutes=each) for each in range(count))
    for place, id_ in enumerate(sorted(known - {_API, ACCOUNT.id})):  # now and then a source fails for minutes
        if place % 3 == 0:
            begin = _begin(now, 5 + place * 7 % 80, 1)
            found.setdefault(id_, []).extend(begin + timedelta(minutes=each) for each in range(1 + place % 5))
    if _QUOTIENT in known:
        begin = (now - _SINCE).replace(second=0, microsecond=0)
        found.setdefault(_QUOTIENT, []).extend(begin + timedelta(minutes=each) for each in range(35))
    return {id_: sorted(set(moments)) for id_, moments in found.items()}


def _write_days(
    connection: Connection, ids: Sequence[str], bad: Mapping[str, Sequence[datetime]], now: datetime
) -> None:
    today = day_of(now)
    failed: dict[tuple[str, date], int] = {}
    for id_, moments in bad.items():
        for at in moments:
            failed[id_, day_of(at)] = failed.get((id_, day_of(at)), 0) + 1
    rows: list[dict[str, Any]] = []
    for id_ in ids:
        for back in range(_DAYS - 1, -1, -1):
            day = today - timedelta(days=back)
            planned = 45 if back == 20 and id_ == ACCOUNT.id else 0
            wrong = failed.get((id_, day), 0)
            measured = _MINUTES if back else max(wrong, _minutes_of(now))
            good = measured - planned - wrong
            rows.append(
                {"day": day, "component": id_, "good": good, "bad": wrong, "unknown": 0, "maintenance": planned}
            )
    connection.execute(insert(days), rows)


def _minutes_of(now: datetime) -> int:
    """The minutes of today that are over, in Paris."""
    moment, count = now, 0
    while day_of(moment - timedelta(minutes=15)) == day_of(now):
        moment -= timedelta(minutes=15)
        count += 15
    return count


def _taxes(connection: Connection, ids: Sequence[str], now: datetime) -> None:
    begin = _begin(now, 12, 9)
    _tell(
        connection,
        "Sources de la DGFIP indisponibles",
        Impact.MAJOR,
        ids=ids,
        begin=begin,
        told=(
            (6, Progress.INVESTIGATING, "Les sources de la DGFIP ne répondent plus. Nous cherchons la cause."),
            (22, Progress.IDENTIFIED, "La DGFIP confirme une panne de ses serveurs. Les appels répondent 502."),
            (55, Progress.MONITORING, "Les sources répondent de nouveau. Nous surveillons."),
            (115, Progress.RESOLVED, "Le service est rétabli depuis une heure. Les appels en erreur sont à refaire."),
        ),
    )


def _quotient(connection: Connection, ids: Sequence[str], now: datetime) -> None:
    _tell(
        connection,
        "Quotient familial : réponses en erreur",
        Impact.MINOR,
        ids=ids,
        begin=now - _SINCE,
        told=(
            (9, Progress.INVESTIGATING, "Une partie des appels au quotient familial échoue. Nous cherchons la cause."),
            (40, Progress.MONITORING, "La source répond de nouveau. Nous surveillons avant de clore l’incident."),
        ),
    )


def _tell(
    connection: Connection,
    name: str,
    impact: Impact,
    *,
    ids: Sequence[str],
    begin: datetime,
    told: Sequence[tuple[int, Progress, str]],
) -> None:
    """An incident with its updates, each some minutes after its beginning."""
    draft_at = begin + timedelta(minutes=3)
    id_ = incidents.open_draft(connection, name=name, impact=impact, components=ids, started_at=begin, now=draft_at)
    for after, state, body in told:
        at = begin + timedelta(minutes=after)
        known = incidents.incident(connection, id_, now=at)
        if known is not None:
            incidents.publish(connection, known, state=state, body=body, now=at)


def _announce(connection: Connection, now: datetime) -> None:
    start = (now + timedelta(days=5)).replace(hour=20, minute=0, second=0, microsecond=0)
    incidents.announce(
        connection,
        name="Mise à jour de l’espace compte",
        body="L’espace compte sera fermé pendant une heure. Les appels aux API ne sont pas concernés.",
        components=[ACCOUNT.id],
        start=start,
        end=start + timedelta(hours=1),
        now=now - timedelta(days=2),
    )
    past = (now - timedelta(days=20)).replace(hour=20, minute=0, second=0, microsecond=0)
    incidents.announce(
        connection,
        name="Migration de la base de l’espace compte",
        body="L’espace compte a été fermé pendant trois quarts d’heure.",
        components=[ACCOUNT.id],
        start=past,
        end=past + timedelta(minutes=45),
        now=past - timedelta(days=6),
    )
