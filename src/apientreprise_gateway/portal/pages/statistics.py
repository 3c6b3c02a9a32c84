"""The calls of a token: counted over four periods, the last ones, the first one live, and as a file."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from fastapi import APIRouter, Request
from sqlalchemy import Connection, func, select
from starlette.responses import JSONResponse, Response, StreamingResponse

from apientreprise_gateway.accounts import first_calls, security
from apientreprise_gateway.accounts.activity import record
from apientreprise_gateway.accounts.permissions import Act
from apientreprise_gateway.database.tables import calls_by_minute
from apientreprise_gateway.journal.export import csv_lines
from apientreprise_gateway.journal.search import Criteria, found_in
from apientreprise_gateway.journal.series import series
from apientreprise_gateway.journal.statistics import PERIODS, Period, statistics
from apientreprise_gateway.portal.pages.rights import product_named
from apientreprise_gateway.portal.pages.seen import Seen, see_token
from apientreprise_gateway.portal.pages.tokens import curl
from apientreprise_gateway.portal.rendering import PARIS, page
from apientreprise_gateway.portal.services import services
from apientreprise_gateway.portal.visitors import LoggedIn

router = APIRouter()
_JTI: Final = "/compte/jetons/{jti}"
_NAMES: Final = {
    "10 minutes": "10 dernières minutes",
    "30 hours": "30 dernières heures",
    "8 days": "8 derniers jours",
    "90 days": "90 derniers jours",
}
SERIES: Final = (("réussis", "success"), ("en erreur (4xx)", "warning"), ("en échec (5xx)", "error"))
CLASSES: Final = {
    "2xx": "réussis",
    "3xx": "redirigés",
    "4xx": "en erreur",
    "5xx": "en échec",
    "abandoned": "abandonnés",
}


class Left(NamedTuple):
    """What is left of a limit in this minute."""

    group: str
    limit: int
    left: int


@router.get(_JTI + "/stats")
def one(request: Request, visitor: LoggedIn, jti: str, periode: str = "30 hours") -> Response:
    """The statistics of a token; `periode` is the one whose chart is shown."""
    ours = services(request)
    now = ours.now()
    period = next((each for each in PERIODS if each.name == periode), PERIODS[1])
    with ours.reading() as connection:
        token, seen = see_token(connection, visitor, jti, Act.SEE_STATISTICS)
        points = series(connection, jti, period, now)
        left = _left(connection, jti, seen, ours.products, now)
        refused = first_calls.refused_calls(connection, jti, since=now - timedelta(days=8))
    found = statistics(ours.engine, jti, now=now)
    return page(
        request,
        "account/statistics.html",
        token=token,
        state=replace(token, first_call_at=token.first_call_at or found.first_call).state(now),
        seen=seen,
        habilitation=seen.habilitation,
        found=found,
        names=_NAMES,
        classes=CLASSES,
        period=period,
        chart=[(_moment(at, period), [each.answered, each.wrong, each.failed]) for at, each in points],
        refusals=[(_moment(at, period), each.refused) for at, each in points],
        refused_calls=refused,
        series=SERIES,
        left=left,
        last_calls=[_call(each) for each in found.last_calls],
        curl=curl(ours, token, seen, None),
        summaries=_summaries(ours.products),
    )


def _summaries(products: Any) -> Mapping[str, str]:
    return {each.operation: each.summary for product in products for each in product.endpoints}


def _moment(moment: datetime, period: Period) -> str:
    there = moment.astimezone(PARIS)
    if period.step >= timedelta(days=1):
        return there.strftime("%d/%m/%Y")
    return there.strftime("%H:%M") if period.length <= timedelta(hours=1) else there.strftime("%d/%m %Hh")


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    codes = json.loads(call["codes"]) if call["codes"] else []
    return {**call, "codes": codes}


def _left(connection: Connection, jti: str, seen: Seen, products: Any, now: datetime) -> list[Left]:
    """What this minute leaves of the usual limits, as the journal knows it.

    The gateway's answers say it exactly (`RateLimit-Remaining`); here it is a help for who does not see them.
    """
    product = product_named(products, seen.habilitation.product)
    if product is None:
        return []
    own = security.settings_of(connection, seen.habilitation.id)
    minute = now.replace(second=0, microsecond=0)
    query = select(func.sum(calls_by_minute.c.calls)).where(
        calls_by_minute.c.jti == jti, calls_by_minute.c.at >= minute, calls_by_minute.c["class"] != "refused"
    )
    made = int(connection.scalar(query) or 0)
    found = []
    for group in product.groups:
        if not group.shared or group.seconds != 60:
            continue
        limit = own.limit_per_minute or group.limit.calls
        limit = min(limit, own.cap_per_minute or limit)
        found.append(Left(group.name, limit, max(0, limit - made)))
    return found


@router.get(_JTI + "/premier-appel.json")
def first_call(request: Request, visitor: LoggedIn, jti: str) -> Response:
    """Whether a call was seen, for the page that waits for the first one."""
    ours = services(request)
    with ours.reading() as connection:
        token, _ = see_token(connection, visitor, jti, Act.SEE_STATISTICS)
        refused = first_calls.refused_calls(connection, jti, since=ours.now() - timedelta(hours=1), limit=1)
    seen_at = token.first_call_at
    return JSONResponse(
        {
            "first_call_at": None if seen_at is None else seen_at.isoformat(),
            "refused_at": refused[0].time.isoformat() if refused else None,
        }
    )


@router.get(_JTI + "/appels.csv")
def export(request: Request, visitor: LoggedIn, jti: str, jours: int = 30) -> Response:
    """The calls of a token as CSV, streamed; a row of the activity log says who took them."""
    ours = services(request)
    now = ours.now()
    days = min(max(1, jours), 36 * 31)
    with ours.writing() as connection:
        token, _ = see_token(connection, visitor, jti, Act.SEE_CALLS)
        record(
            connection, "calls.exported", at=now, user_id=visitor.actor.id, about=("token", jti),
            details={"days": days},
        )  # fmt: skip
    criteria = Criteria(jti=token.id, since=now - timedelta(days=days))

    def lines() -> Iterator[str]:
        with ours.reading() as connection:
            yield from csv_lines(found_in(connection, criteria))

    headers = {"Content-Disposition": f'attachment; filename="appels-{token.id}.csv"'}
    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=headers)
