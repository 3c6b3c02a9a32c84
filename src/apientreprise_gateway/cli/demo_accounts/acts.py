"""What happens to the habilitations and tokens of a demonstration beside their requests."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import orjson
from sqlalchemy import select

from apientreprise_gateway.accounts import (
    audits,
    bans,
    delegations,
    hand_overs,
    requests,
    security,
    token_ends,
    tokens,
    transfers,
)
from apientreprise_gateway.accounts.model import Role
from apientreprise_gateway.cli.demo_accounts import calls, people
from apientreprise_gateway.cli.demo_accounts import requests as asked
from apientreprise_gateway.cli.demo_accounts.calls import Traffic
from apientreprise_gateway.cli.demo_accounts.stage import Stage
from apientreprise_gateway.contract.bans import Ban, Reason
from apientreprise_gateway.database import tables
from apientreprise_gateway.database.serving import mails

Act = Callable[[Stage, datetime], None]
"""Something that is done at a moment."""
BANNED: Final = "203.0.113.24"
"""The address of a test machine whose program went on although it was refused."""
_BAN_DAYS: Final = 0.09
_SOFTWARE: Final = "192.0.2.10"
_ALLOWED: Final = 100
"""Calls per minute, as the applicant has set."""
_MARKETS: Final = Traffic(asked=calls.MARKETS, a_day=74, address=_SOFTWARE, about="Marché 2026-11")
_LEAKED: Final = Traffic(asked=calls.SUBSIDIES, a_day=9, address=_SOFTWARE, about="Tiers")
_BUSES: Final = Traffic(asked=calls.QUOTIENT, a_day=12, address="198.51.100.7")
_TRAFFICS: Final[Mapping[object, Traffic]] = {
    asked.MARKETS: _MARKETS,
    asked.ENDING: Traffic(asked=calls.SUBSIDIES, a_day=21, address=_SOFTWARE, about="Subventions 2027"),
    asked.DISTRICT_MARKETS: Traffic(
        asked=calls.MARKETS, a_day=33, address="198.51.100.40", about="Travaux de voirie", before=False
    ),
    asked.CANTEEN: Traffic(asked=calls.QUOTIENT, a_day=46, address="198.51.100.7"),
    asked.NURSERY: Traffic(asked=calls.NURSERY, a_day=9, address=_SOFTWARE, before=False),
    asked.LEAKED: replace(_LEAKED, before=False),
}


def all_acts() -> Iterator[tuple[float, Act]]:
    """Each act, with how many days ago it is done; after the requests."""
    for key, ago in ((asked.MARKETS, 213.9), (asked.CANTEEN, 154.8), (asked.DISTRICT_MARKETS, 121.7)):
        yield ago, _shown(key)
    yield 212, _set_cap
    yield 200, _delegate(asked.MARKETS, people.CAMILLE.email)
    yield 120, _delegate(asked.DISTRICT_MARKETS, people.ROBIN.email)
    yield 61.9, _shown(asked.NURSERY)
    yield 33.5, _calls(asked.BUSES, _BUSES, ended=True)
    yield 30.1, _calls(asked.LEAKED, _LEAKED, ended=True)
    yield 30, _revoke_leaked
    for called, traffic in _TRAFFICS.items():
        yield 29.9, _calls(called, traffic)
    yield 9, _revoke_later
    yield 5, _audit
    yield 3, _hand_over_opened
    yield 2.5, _ask_transfer_to_applicant
    yield 2.2, _transfer_accepted
    yield _BAN_DAYS, _ban
    yield 0.04, _hand_over_open


def _shown(key: object) -> Act:
    def show(stage: Stage, at: datetime) -> None:
        found = stage.habilitation(key)
        by = stage.uid(people.ROBIN if found.siret == people.DISTRICT else people.CAMILLE)
        tokens.shown(stage.connection, stage.token(key).id, now=at, by=by)

    return show


def _set_cap(stage: Stage, at: datetime) -> None:
    security.set_by_applicant(
        stage.connection,
        stage.ids[str(asked.MARKETS)],
        allowed_addresses=[],
        cap_per_minute=_ALLOWED,
        now=at,
        by=stage.uid(people.CAMILLE),
    )


def _delegate(key: int, email: str) -> Act:
    def delegate(stage: Stage, at: datetime) -> None:
        by = stage.uid(next(each for each in people.EVERYBODY if each.email == email))
        delegations.delegate(stage.connection, stage.ids[str(key)], stage.ids["editor"], by=by, now=at)

    return delegate


def _revoke_leaked(stage: Stage, at: datetime) -> None:
    """The token was sent by mail to everybody: it is revoked, and another one made."""
    token_ends.end(
        stage.connection,
        stage.habilitation(asked.LEAKED),
        stage.token(asked.LEAKED).id,
        now=at,
        by=stage.uid(people.CAMILLE),
        reason="Le jeton a été envoyé par erreur à une liste de diffusion.",
        replaced=True,
    )


def _revoke_later(stage: Stage, at: datetime) -> None:
    token_ends.end(
        stage.connection,
        stage.habilitation(asked.NURSERY),
        stage.token(asked.NURSERY).id,
        now=at,
        at=at + timedelta(days=21),
        by=stage.uid(people.INES),
        reason="Fin de la convention avec la crèche, à la demande de la commune.",
        replaced=False,
    )


def _calls(key: object, traffic: Traffic, *, ended: bool = False) -> Act:
    """The calls of a token up to the present, or to the moment of the act."""

    def call(stage: Stage, at: datetime) -> None:
        found, token = stage.habilitation(key), stage.token(key)
        since = datetime.fromtimestamp(token.iat, at.tzinfo) + timedelta(hours=2)
        written = calls.lines(traffic, token.id, found.siret or "", since=since, now=at if ended else stage.now)
        calls.store(stage.connection, token.id, written)

    return call


def _ban(stage: Stage, at: datetime) -> None:
    """A program in a loop goes on although it is refused, and its address is banned."""
    token = stage.token(asked.MARKETS)
    traffic = Traffic(asked=(calls.UNIT,), a_day=0, address=BANNED, about="Essai")
    written = calls.loop(traffic, token.id, people.TOWN, until=at, allowed=_ALLOWED)
    calls.store(stage.connection, token.id, written)
    ban = Ban(address=BANNED, reason=Reason.IGNORED_429, count=calls.LIMITED, start=int(at.timestamp() * 1_000_000))
    bans.keep(stage.connection, [ban], now=at)


def _audit(stage: Stage, at: datetime) -> None:
    c = tables.calls.c
    query = select(c.request_id).where(c.jti == stage.token(asked.MARKETS).id, c.time < at, c.status == 200)
    names = stage.connection.scalars(query.order_by(c.time.desc()).limit(4)).all()
    audits.notify(
        stage.connection,
        stage.habilitation(asked.MARKETS),
        request_ids=list(names),
        reason="Contrôle annuel : indiquez pour chacun de ces appels le marché public qu’il concerne.",
        volume=120,
        by=people.OPERATOR,
        now=at,
    )


def _hand_over_opened(stage: Stage, at: datetime) -> None:
    """The token was handed over by a link, which was opened soon."""
    made = _share(stage, at)
    row = select(mails.c.sealed).where(mails.c.object_kind == "hand_over", mails.c.object_id == made.id)
    link = str(orjson.loads(stage.open(bytes(stage.connection.scalar(row) or b"")))["link"])
    hand_overs.reveal(stage.connection, link.removeprefix(hand_overs.PATH), now=at + timedelta(minutes=24))


def _hand_over_open(stage: Stage, at: datetime) -> None:
    _share(stage, at)


def _share(stage: Stage, at: datetime) -> hand_overs.HandOver:
    return hand_overs.share(
        stage.connection,
        stage.habilitation(asked.NEW),
        stage.token(asked.NEW).id,
        email=people.SACHA.email,
        by=stage.uid(people.CAMILLE),
        seal=stage.seal,
        now=at,
    )


def _ask_transfer_to_applicant(stage: Stage, at: datetime) -> None:
    """A colleague who leaves asks that the applicant takes over."""
    transfers.ask(stage.connection, stage.user(people.MORGAN), email=people.CAMILLE.email, siret=people.TOWN, now=at)


def _transfer_accepted(stage: Stage, at: datetime) -> None:
    """A transfer that waits for an operator."""
    made = transfers.ask(
        stage.connection, stage.user(people.ROBIN), email=people.CLAUDE.email, siret=people.DISTRICT, now=at
    )
    transfers.accept(
        stage.connection,
        made.id,
        stage.user(people.CLAUDE),
        now=at + timedelta(hours=3),
        operators=[people.OPERATOR],
    )


def take(stage: Stage, own: asked.Own, event: str, at: datetime) -> None:
    """Take a step of a request that is made in the portal."""
    connection = stage.connection
    applicant = people.ROBIN if own.form.siret == people.DISTRICT else people.CAMILLE
    catalogue, operator = stage.catalogues[own.product], stage.uid(people.INES)
    by = stage.uid(applicant)
    if event == "begin":
        form = replace(own.form, scopes=stage.scopes[own.product, own.form.use_case])
        begun = requests.begin(connection, own.product, form, applicant=form.people[Role.APPLICANT], by=by, now=at)
        stage.ids[own.key] = begun.id
        return
    id_ = stage.ids[own.key]
    match event:
        case "submit":
            requests.submit(connection, id_, catalogue=catalogue, by=by, now=at)
        case "request_changes":
            requests.ask_for_changes(connection, id_, comment=own.comment, by=operator, now=at)
        case "refuse":
            requests.refuse(connection, id_, comment=own.comment, by=operator, now=at)
        case "approve":
            requests.approve(connection, id_, catalogue=catalogue, by=operator, now=at)
        case _:
            raise ValueError(f"{event} is no step")
