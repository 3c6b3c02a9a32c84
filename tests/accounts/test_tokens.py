"""Tests of what is done with tokens, on both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select

from apientreprise_gateway.accounts import publications, repository, token_ends, tokens
from apientreprise_gateway.accounts.model import Habilitation, TokenState
from apientreprise_gateway.accounts.tokens import TokenRefusalError
from apientreprise_gateway.database import accounts as tables
from apientreprise_gateway.database.engine import writing
from apientreprise_gateway.database.serving import mails
from support.accounts import add_habilitation

NOW = datetime(2026, 3, 2, 12, 30, 15, tzinfo=UTC)
LATER = NOW + timedelta(days=30)


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes."""
    with writing(engine) as connection:
        yield connection


@pytest.fixture
def habilitation(connection: Connection) -> Habilitation:
    """One that was approved."""
    return add_habilitation(connection, NOW, scopes=["open_data_insee", "open_data_rna", "liasses_fiscales"])


def acts(connection: Connection) -> list[str]:
    """What the log of acts says happened."""
    return list(connection.scalars(select(tables.activity.c.act).order_by(tables.activity.c.id)))


def test_a_token_lasts_18_calendar_months(connection: Connection, habilitation: Habilitation) -> None:
    """A token is made with the scopes of its habilitation, open data as one of them, and is told to Redis."""
    made = tokens.make(connection, habilitation, now=NOW, event_id=7)
    assert made.ends_at == datetime(2027, 9, 2, 12, 30, 15, tzinfo=UTC)
    assert (made.scopes, made.subject) == (("open_data", "liasses_fiscales"), habilitation.title)
    assert str(UUID(made.id)) == made.id
    assert made.state(NOW) is TokenState.NEW
    assert [each.jti for each in publications.queued(connection, limit=10)] == [made.id]
    assert acts(connection) == ["token.made"]


@pytest.mark.parametrize("end", [NOW, NOW - timedelta(days=1), datetime(2027, 9, 2, 12, 30, 16, tzinfo=UTC)])
def test_no_other_end(connection: Connection, habilitation: Habilitation, end: datetime) -> None:
    """A token neither ends before it begins, nor lasts longer than 18 months."""
    with pytest.raises(TokenRefusalError, match="18 mois"):
        tokens.make(connection, habilitation, now=NOW, expires_at=end)


def test_revoked_now(connection: Connection, habilitation: Habilitation) -> None:
    """A revocation says who asked for it and why, and is told to Redis; a second one changes nothing."""
    made = tokens.make(connection, habilitation, now=NOW)
    assert tokens.revoke(connection, made.id, now=LATER, by="somebody", reason="Fuite")
    assert not tokens.revoke(connection, made.id, now=LATER + timedelta(hours=1), reason="Autre")
    found = repository.token(connection, made.id)
    assert found is not None
    assert (found.revoked_at, found.revoked_by, found.revocation_reason) == (LATER, "somebody", "Fuite")
    assert acts(connection) == ["token.made", "token.revoked"]


def test_a_revocation_only_comes_forward(connection: Connection, habilitation: Habilitation) -> None:
    """One that is to come may be brought forward, never put off; one in force is not moved to a later date."""
    made = tokens.make(connection, habilitation, now=NOW)
    tokens.revoke(connection, made.id, now=NOW, at=LATER, reason="Fin de marché")
    assert not tokens.revoke(connection, made.id, now=NOW, at=LATER + timedelta(days=1), reason="Plus tard")
    found = repository.token(connection, made.id)
    assert found is not None
    assert (found.state(NOW), found.works(NOW)) == (TokenState.REVOKED_LATER, True)
    assert tokens.revoke(connection, made.id, now=NOW + timedelta(days=1), reason="Fuite")
    assert not tokens.revoke(connection, made.id, now=NOW + timedelta(days=2), at=LATER, reason="Plus tard")
    found = repository.token(connection, made.id)
    assert found is not None
    assert found.revoked_at == NOW + timedelta(days=1)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.none() | st.integers(0, 400)), max_size=8))
def test_whatever_is_asked_nothing_is_valid_again(
    connection: Connection, habilitation: Habilitation, asked: list[tuple[int, int | None]]
) -> None:
    """Over any revocations, now or at a date: the date only moves earlier, and what was refused once stays refused."""
    made = tokens.make(connection, habilitation, now=NOW)
    now, date = NOW, None
    for days, at in asked:
        now += timedelta(days=days)
        tokens.revoke(connection, made.id, now=now, at=None if at is None else NOW + timedelta(days=at), reason="x")
        found = repository.token(connection, made.id)
        assert found is not None
        assert found.revoked_at is not None
        assert date is None or found.revoked_at <= date
        date = found.revoked_at
        if at is None:
            assert not found.works(now)


def test_every_token_of_a_habilitation(connection: Connection, habilitation: Habilitation) -> None:
    """All that have not expired are revoked together; those of another habilitation are left."""
    old = tokens.make(connection, habilitation, now=NOW - timedelta(days=600))
    first, second = (tokens.make(connection, habilitation, now=NOW) for _ in range(2))
    other = tokens.make(connection, add_habilitation(connection, NOW), now=NOW)
    assert set(tokens.revoke_all(connection, habilitation.id, now=NOW, reason="Révoquée")) == {first.id, second.id}
    assert tokens.revoke_all(connection, habilitation.id, now=LATER, reason="Révoquée") == []
    for each in (old, other):
        found = repository.token(connection, each.id)
        assert found is not None
        assert found.revoked_at is None


def test_a_replacement_is_a_clean_copy(connection: Connection, habilitation: Habilitation) -> None:
    """It has the scopes in force and the end of the old one, and nothing of its revocation."""
    old = tokens.make(connection, habilitation, now=NOW)
    tokens.narrow(connection, old.id, ["open_data"], now=NOW)
    tokens.revoke(connection, old.id, now=NOW, reason="Fuite")
    new = tokens.replace(connection, habilitation, old.id, now=LATER, by="somebody")
    assert (new.exp, new.scopes, new.replaces) == (old.exp, ("open_data",), old.id)
    assert (new.iat, new.revoked_at, new.revocation_reason) == (int(LATER.timestamp()), None, None)


@pytest.mark.parametrize("replaced", [True, False])
def test_an_end_is_told_by_mail(connection: Connection, habilitation: Habilitation, replaced: bool) -> None:
    """Its people are told why and when, and which token replaces it; a second time is refused."""
    made = tokens.make(connection, habilitation, now=NOW)
    new = token_ends.end(connection, habilitation, made.id, now=NOW, by=None, reason="Fuite", replaced=replaced)
    with pytest.raises(TokenRefusalError, match="déjà"):
        token_ends.end(connection, habilitation, made.id, now=LATER, by=None, reason="Fuite", replaced=replaced)
    assert (new is not None) == replaced
    assert len(repository.tokens_of(connection, habilitation.id)) == 1 + replaced
    mail = connection.execute(select(mails.c.kind, mails.c.data)).one()
    assert (mail.kind, mail.data["comment"], mail.data["replacement"]) == (
        "token_revoked", "Fuite", None if new is None else new.id
    )  # fmt: skip


def test_a_renewal_lasts_18_months_more(connection: Connection, habilitation: Habilitation) -> None:
    """It is a second token beside the first, which keeps its end."""
    old = tokens.make(connection, habilitation, now=NOW)
    new = tokens.renew(connection, habilitation, old.id, now=LATER, by="somebody")
    assert new.exp > old.exp
    assert [each.id for each in repository.tokens_of(connection, habilitation.id)] == [new.id, old.id]
    assert repository.token(connection, old.id) == old


def test_no_successor_where_there_is_no_right(connection: Connection, habilitation: Habilitation) -> None:
    """Nothing is made of a token of another habilitation, of one that is not in force, or of one that has expired."""
    made = tokens.make(connection, habilitation, now=NOW)
    other = add_habilitation(connection, NOW, state="revoked")
    theirs = tokens.make(connection, other, now=NOW)
    for of, jti, now in (
        (habilitation, theirs.id, NOW),
        (other, theirs.id, NOW),
        (habilitation, made.id, made.ends_at),
    ):
        with pytest.raises(TokenRefusalError):
            tokens.replace(connection, of, jti, now=now, by=None)


def test_scopes_only_narrow(connection: Connection, habilitation: Habilitation) -> None:
    """A scope that was withdrawn does not come back; what was never signed is not given."""
    made = tokens.make(connection, habilitation, now=NOW)
    assert not tokens.narrow(connection, made.id, ["open_data_insee", "liasses_fiscales", "more"], now=NOW)
    assert tokens.narrow(connection, made.id, ["open_data"], now=NOW)
    assert not tokens.narrow(connection, made.id, ["open_data", "liasses_fiscales"], now=NOW)
    found = repository.token(connection, made.id)
    assert found is not None
    assert (found.scopes, found.scopes_in_force) == (("open_data", "liasses_fiscales"), ("open_data",))
    assert tokens.narrow(connection, made.id, [], now=NOW)
    said = publications.published(connection, [made.id])[made.id]
    assert said.record == {"scopes": []}


def test_shown_for_the_first_time(connection: Connection, habilitation: Habilitation) -> None:
    """The first time that its string is shown is kept, and each time is an act."""
    made = tokens.make(connection, habilitation, now=NOW)
    tokens.shown(connection, made.id, now=NOW, by="somebody")
    tokens.shown(connection, made.id, now=LATER, by="somebody")
    found = repository.token(connection, made.id)
    assert found is not None
    assert found.seen_at == NOW
    assert acts(connection).count("token.shown") == 2


def test_what_changed_while_it_was_told_stays_queued(connection: Connection, habilitation: Habilitation) -> None:
    """A row goes once Redis was told, but not if the token changed meanwhile; it keeps the moment of the first act."""
    made = tokens.make(connection, habilitation, now=NOW)
    read = publications.queued(connection, limit=10)
    tokens.revoke(connection, made.id, now=LATER, reason="Fuite")
    publications.settle(connection, read)
    assert publications.waiting(connection) == (1, NOW)
    publications.settle(connection, publications.queued(connection, limit=10))
    assert publications.waiting(connection) == (0, None)
