"""The accounts that a demonstration is filled with, in a database."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, func, select

from apientreprise_gateway.accounts import bans, repository, transfers
from apientreprise_gateway.accounts.model import HabilitationState, TokenState
from apientreprise_gateway.accounts.next_steps import StepKind, next_step
from apientreprise_gateway.accounts.retention import Kept, purge
from apientreprise_gateway.cli.demo_accounts import people, status
from apientreprise_gateway.cli.demo_accounts.seeding import seed
from apientreprise_gateway.database import tables
from apientreprise_gateway.database.accounts import habilitations, tokens
from apientreprise_gateway.database.engine import connect, reading, writing
from apientreprise_gateway.portal.sealing import Sealer
from apientreprise_gateway.providers.products import PRODUCTS
from apientreprise_gateway.status import snapshot
from apientreprise_gateway.status.components import components_of
from support import databases

SEALER = Sealer([SecretStr("a secret of the portal that is long enough")])
NOW = datetime(2026, 12, 2, 14, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A database with the accounts, which tests only read."""
    engine = connect(databases.new_sqlite(tmp_path_factory.mktemp("filled"), migrated=True))
    assert _seed(engine, NOW)
    yield engine
    engine.dispose()


def _seed(engine: Engine, now: datetime) -> bool:
    return seed(engine, sealer=SEALER, products=PRODUCTS, now=now)


def _rows(engine: Engine) -> dict[str, int]:
    with reading(engine) as connection:
        return {
            table.name: connection.scalar(select(func.count()).select_from(table)) or 0
            for table in tables.metadata.sorted_tables
        }


def test_every_state_is_there(filled: Engine) -> None:
    """Of habilitations, of both products and sources, and of tokens."""
    with reading(filled) as connection:
        assert set(connection.scalars(select(habilitations.c.state))) == {each.value for each in HabilitationState}
        kinds = connection.execute(select(habilitations.c.product, habilitations.c.source).distinct())
        assert len(kinds.all()) == 4
        found = [repository.token(connection, jti) for jti in connection.scalars(select(tokens.c.id))]
    assert {each.state(NOW) for each in found if each is not None} == set(TokenState)


def test_steps_of_the_applicant(filled: Engine) -> None:
    """Among the steps of the applicant are a renewal within 25 days, a first call, and changes."""
    with reading(filled) as connection:
        camille = repository.user_by_email(connection, people.CAMILLE.email)
        assert camille is not None
        steps = [
            next_step(each, repository.tokens_of(connection, each.id), NOW)
            for each, _ in repository.habilitations_of(connection, camille.id)
        ]
    assert {StepKind.RENEW, StepKind.MAKE_FIRST_CALL, StepKind.MAKE_CHANGES, StepKind.COMPLETE_DRAFT} <= {
        each.kind for each in steps
    }
    before = next(each.before for each in steps if each.kind is StepKind.RENEW)
    assert before is not None
    assert timedelta(days=24) < before - NOW <= timedelta(days=26)


def test_a_second_start_changes_nothing(engine: Engine) -> None:
    """The accounts are filled once, and the portal's own purge leaves whoever a visitor may be."""
    assert _seed(engine, NOW)
    before = _rows(engine)
    assert not _seed(engine, NOW + timedelta(minutes=5))
    assert _rows(engine) == before
    purge(engine, Kept(contacts=18, activity=13, webhooks=12), NOW)
    with reading(engine) as connection:
        for email, _ in people.TO_BE:
            person = repository.user_by_email(connection, email)
            assert person is not None
            assert person.name != email


def test_counts_agree_with_calls(filled: Engine) -> None:
    """What is counted by hour and day is what is stored, some of it refused or failed."""
    with reading(filled) as connection:
        stored = connection.scalar(select(func.count()).select_from(tables.calls))
        for table in (tables.calls_by_hour, tables.calls_by_day, tables.calls_by_operation):
            assert connection.scalar(select(func.sum(table.c.calls))) == stored
        assert {200, 404, 429, 502} <= set(connection.scalars(select(tables.calls.c.status).distinct()))


def test_calls_are_of_the_catalogue(filled: Engine) -> None:
    """Each operation exists, and each code of its provider begins as that provider's do."""
    prefixes = {
        endpoint.operation: provider.prefix
        for product in PRODUCTS
        for provider in product.providers
        for endpoint in provider.endpoints
    }
    with reading(filled) as connection:
        called = connection.execute(select(tables.calls.c.operation, tables.calls.c.codes).distinct()).all()
    assert len(called) > 5
    for operation, codes in called:
        assert all(code[:2] in (prefixes[operation], "00") for code in json.loads(codes or "[]")), operation


def test_a_ban_is_shown_on_its_token(filled: Engine) -> None:
    """It goes on, and its token is known."""
    with reading(filled) as connection:
        (ban,) = bans.recent(connection, now=NOW)
        assert ban.is_in_force(NOW)
        assert len(bans.tokens_of(connection, ban.id)) == 1


def test_a_transfer_waits_for_an_operator(filled: Engine) -> None:
    """Both of its people are of the body."""
    with reading(filled) as connection:
        (waiting,) = transfers.to_confirm(connection, now=NOW)
        found = transfers.evidence(connection, waiting)
    assert found.sender_sirets == found.newcomer_sirets == (people.DISTRICT,)


@pytest.mark.parametrize("now", [NOW, datetime(2027, 3, 1, 0, 5, tzinfo=UTC)])
def test_the_status_page_has_a_past(tmp_path: Path, now: datetime) -> None:
    """Ninety days of each component, an incident that goes on, a past one, and maintenance, whenever it is begun."""
    engine, components = connect(databases.new_sqlite(tmp_path, migrated=True)), components_of(PRODUCTS)
    with writing(engine) as connection:
        status.seed(connection, components, now)
        shown = snapshot.take(connection, components, seconds=60, now=now)
    engine.dispose()
    assert all(counts.measured for each in shown.components for _, counts in each.bars(shown.today)[:-1])
    assert all(counts.good >= 0 for each in shown.components for counts in each.days.values())
    assert len(shown.open_incidents) == 1
    assert len(shown.incidents) == 2
    assert len(shown.coming) == 1
    assert shown.measured_at is not None
    assert shown.measured_at <= now
