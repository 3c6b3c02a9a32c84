"""Fills the accounts of a demonstration: months of requests, tokens and calls, in one transaction.

Everything goes through the functions that the portal uses, each called with the moment at which it happened.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy import Engine, select, update

from apientreprise_gateway.accounts import delegations, notices
from apientreprise_gateway.accounts.model import ProductKey
from apientreprise_gateway.cli.demo_accounts import acts, people, requests, status
from apientreprise_gateway.cli.demo_accounts.stage import Stage
from apientreprise_gateway.contract.token_life import default_expiry
from apientreprise_gateway.database.accounts import editors, organizations
from apientreprise_gateway.database.engine import writing
from apientreprise_gateway.database.serving import mails
from apientreprise_gateway.portal.pages.offers import catalogue_of, recommended
from apientreprise_gateway.portal.sealing import Sealer
from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.status.components import components_of

_FIRST: Final = timedelta(days=600)
"""Before which nobody is known."""
_LEFT: Final = timedelta(days=25)
"""Until the end of a token that ends soon."""
_SEEN: Final = timedelta(hours=1)
"""Since when everybody was last seen."""
_OPENS: Final = timedelta(hours=7)
_SHARE: Final = 9 / 24
"""Of a day in which people work, from then on (UTC)."""
Timed = tuple[datetime, Callable[[Stage], None]]


def seed(engine: Engine, *, sealer: Sealer, products: Sequence[Product], now: datetime) -> bool:
    """Fill the accounts; False where they are filled already.

    Raises:
        DatabaseError: the database cannot be used.
    """
    with writing(engine) as connection:
        if connection.scalar(select(editors.c.id).where(editors.c.name == people.EDITOR_NAME)) is not None:
            return False
        stage = Stage(
            now=now,
            connection=connection,
            seal=sealer.seal,
            open=sealer.open,
            catalogues={ProductKey(product.name): catalogue_of(product) for product in products},
            scopes={
                (ProductKey(product.name), case.key): tuple(sorted(recommended(product, case.key)))
                for product in products
                for case in product.use_cases
            },
        )
        _begin(stage, now - _FIRST)
        for _, act in sorted(_story(now), key=lambda each: each[0]):
            act(stage)
        for person in people.EVERYBODY:  # who was seen lately is not forgotten
            stage.know(person, now - _SEEN)
        # The fictive INSEE of a demonstration does not know these bodies.
        connection.execute(update(organizations).values(refreshed_at=now))
        status.seed(connection, components_of(products), now)
    notices.run(engine, now)
    with writing(engine) as connection:
        connection.execute(update(mails).values(state="sent", ended_at=mails.c.created_at))
    return True


def _begin(stage: Stage, now: datetime) -> None:
    """Make people and the maker of software known."""
    for person in people.EVERYBODY:
        stage.know(person, now)
    for person in (people.ROBIN, people.CLAUDE):
        stage.identify(person, people.DISTRICT, now)
    editor = delegations.add_editor(
        stage.connection,
        name=people.EDITOR_NAME,
        url=people.EDITOR_URL,
        form_uids=[people.MARKETS_FORM],
        now=now,
        by=stage.uid(people.INES),
    )
    stage.ids["editor"] = editor.id
    operator = stage.uid(people.INES)
    delegations.set_editor_of(stage.connection, stage.uid(people.LOU), editor.id, now=now, by=operator)


def _story(now: datetime) -> list[Timed]:
    """Everything that happens, with when it does."""
    found: list[Timed] = []
    for told in requests.told(ending=_days_before_end(now)):
        for event, ago in told.steps:
            at = _moment(now, ago)
            found.append((at, partial(_tell, told, event, at)))
    for own in requests.OWN:
        for event, ago in own.steps:
            at = _moment(now, ago)
            found.append((at, partial(_take, own, event, at)))
    for ago, act in acts.all_acts():
        at = _moment(now, ago)
        found.append((at, partial(_do, act, at)))
    return found


def _moment(now: datetime, ago: float) -> datetime:
    """When something happened that was some days ago: by day, but for the last day."""
    at = now - timedelta(days=ago)
    if ago < 1:
        return at
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + _OPENS + (at - midnight) * _SHARE


def _tell(told: requests.Told, event: str, at: datetime, stage: Stage) -> None:
    stage.datapass(told.request, event, told.form, at)


def _take(own: requests.Own, event: str, at: datetime, stage: Stage) -> None:
    acts.take(stage, own, event, at)


def _do(act: acts.Act, at: datetime, stage: Stage) -> None:
    act(stage, at)


def _days_before_end(now: datetime) -> float:
    """How many days ago a token was made that ends in 25 days or a little less."""
    days = 600
    while default_expiry(now - timedelta(days=days - 1)) <= now + _LEFT:
        days -= 1
    return days
