"""Access lines of the calls that tokens of a demonstration have made, as a gateway would have written them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import uuid4

import orjson
from sqlalchemy import Connection, func, select, update

from apientreprise_gateway.database import tables
from apientreprise_gateway.database.accounts import tokens
from apientreprise_gateway.journal.rollups import add_up
from apientreprise_gateway.journal.storing import Sorted, next_batch, write_rows

LIMITED: Final = 101
"""Calls that a loop goes on with after it was refused."""
_SPAN: Final = timedelta(days=89)
_WEEK: Final = 8
"""Days with many calls; before them there are fewer."""
_OPENS: Final = 7
_HOURS: Final = 11
_IDENTIFIERS: Final = ("130025265", "998000012", "998000020", "998000061", "998000111")
_ASSOCIATIONS: Final = ("W998000004", "W262001597", "W998000010")
_FAULTS: Final = {404: "003", 502: "001", 504: "002"}
"""The ends of the codes of a provider."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An operation that is called, and the prefix of its provider's codes."""

    operation: str
    prefix: str
    identifiers: Sequence[str] = _IDENTIFIERS


UNIT: Final = Asked("api_entreprise_v4_insee_unites_legales", "01")
_VIGILANCE: Final = Asked("api_entreprise_v4_acoss_attestations_sociales", "04")
_TAXES: Final = Asked("api_entreprise_v4_dgfip_attestations_fiscales", "03")
_ASSOCIATION: Final = Asked("api_entreprise_v4_mi_unites_legales", "29", _ASSOCIATIONS)
MARKETS: Final = (UNIT, _VIGILANCE, UNIT, _TAXES)
SUBSIDIES: Final = (_ASSOCIATION, UNIT)
QUOTIENT: Final = (Asked("api_particulier_v3_cnav_quotient_familial_with_civility", "35"),)
NURSERY: Final = (Asked("api_particulier_v3_cnav_participation_familiale_eaje_with_civility", "36"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """The calls of a token."""

    asked: Sequence[Asked]
    a_day: int
    """On a working day of the last week."""
    address: str
    """Of the client."""
    about: str | None = None
    """`object`, as a software says it; None for calls about persons, which say nothing of the kind."""
    before: bool = True
    """Whether there are calls before the last week."""

    @property
    def is_of_persons(self) -> bool:
        """Whether it is API Particulier."""
        return self.about is None


def lines(traffic: Traffic, jti: str, recipient: str, *, since: datetime, now: datetime) -> Iterator[bytes]:
    """The lines from a moment on, at most 89 days ago; the last ones are some seconds old."""
    first = max(since, now - _SPAN)
    number = 0
    for back in range(_SPAN.days, -1, -1):
        day = (now - timedelta(days=back)).replace(hour=_OPENS, minute=0, second=0, microsecond=0)
        calls = _number_of(traffic, day, back)
        for place in range(calls):
            at = day + timedelta(hours=_HOURS) * ((place + 0.37) / calls) + timedelta(seconds=place * 37 % 90)
            if first <= at < now - timedelta(minutes=15):
                yield _line(traffic, jti, recipient, at, number=number, status=_status(number))
                number += 1
    for ago in (840, 580, 520, 470, 390, 310, 250, 170, 95, 20) if traffic.before else ():
        at = now - timedelta(seconds=ago)
        if at > first:
            yield _line(traffic, jti, recipient, at, number=number, status=200)
            number += 1


def loop(traffic: Traffic, jti: str, recipient: str, *, until: datetime, allowed: int) -> Iterator[bytes]:
    """The lines of a program that goes on although it is refused, until its address is banned."""
    count = allowed + LIMITED
    for number in range(count):
        at = until - timedelta(seconds=75) * ((count - number) / count)
        yield _line(traffic, jti, recipient, at, number=number, status=200 if number < allowed else 429)


def store(connection: Connection, jti: str, written: Iterator[bytes]) -> None:
    """Store lines of a token in the journal, as its follower does, and note its first and last call."""
    found = Sorted()
    for line in written:
        found.add(line)
    if found.rows:
        write_rows(connection, found.rows, next_batch(connection))
        add_up(connection, found.rows)
    own = tables.calls.c.jti == jti
    first, last = connection.execute(
        select(func.min(tables.calls.c.time), func.max(tables.calls.c.time)).where(own)
    ).one()
    connection.execute(update(tokens).where(tokens.c.id == jti).values(first_call_at=first, last_call_at=last))


def _number_of(traffic: Traffic, day: datetime, back: int) -> int:
    """How many calls a day has: fewer at weekends, and before the last week."""
    if back >= _WEEK and not traffic.before:
        return 0
    usual = traffic.a_day if back < _WEEK else traffic.a_day // 6
    return max(1, usual // 8) if day.weekday() >= 5 else usual - day.toordinal() % 7


def _status(number: int) -> int:
    """Most calls succeed."""
    if number % 97 == 50:
        return 502
    if number % 211 == 100:
        return 504
    return 404 if number % 23 == 11 else 200


def _line(traffic: Traffic, jti: str, recipient: str, at: datetime, *, number: int, status: int) -> bytes:
    asked = traffic.asked[number % len(traffic.asked)]
    who = asked.identifiers[number % len(asked.identifiers)]
    is_cached = status == 200 and number % 6 == 5
    took = 8.0 if status == 504 else 0.06 + (number * 7919 % 100) / 320
    says: dict[str, Any] = {
        "event": "access",
        "time": at.isoformat(timespec="microseconds"),
        "request_id": str(uuid4()),
        "product": "api_particulier" if traffic.is_of_persons else "api_entreprise",
        "operation": asked.operation,
        "part_of": None,
        "identifier": sha256(f"demo {number % 61}".encode()).hexdigest() if traffic.is_of_persons else who,
        "jti": jti,
        "client_ip": traffic.address,
        "context": None if traffic.is_of_persons else "demo",
        "recipient": recipient,
        "object": traffic.about,
        "user_id": None if traffic.is_of_persons else f"agent-{number % 4 + 1}",
        "status": status,
        "codes": _codes(asked, status),
        "shadow": [],
        "cached": is_cached,
        "stale": False,
        "documents": [],
        "provider_seconds": None if is_cached or status == 429 else round(took, 4),
        "seconds": 0.001 if is_cached or status == 429 else round(took + 0.002, 4),
    }
    return orjson.dumps(says)


def _codes(asked: Asked, status: int) -> list[str]:
    if status == 429:
        return ["00429"]
    return [asked.prefix + _FAULTS[status]] if status in _FAULTS else []
