"""What accounts delete, and when."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Table, func, insert, select, update

from apientreprise_gateway.accounts.activity import record
from apientreprise_gateway.accounts.mail_queue import Mail, enqueue
from apientreprise_gateway.accounts.retention import Kept, purge
from apientreprise_gateway.database import accounts as tables
from apientreprise_gateway.database import serving
from apientreprise_gateway.database.engine import reading, writing
from support.mail_server import add_for_mails, add_token

NOW = datetime(2028, 3, 31, 9, tzinfo=UTC)
KEPT = Kept(contacts=18, activity=13, webhooks=12)
OLD = datetime(2026, 9, 30, 8, tzinfo=UTC)
"""Eighteen months before, and an hour: the month was shorter."""


def count(engine: Engine, table: Table, *conditions: Any) -> int:
    """Rows of a table."""
    with reading(engine) as connection:
        return connection.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one()


def purges(engine: Engine) -> Mapping[str, int]:
    """What was noted."""
    with reading(engine) as connection:
        rows = connection.execute(select(tables.account_purges)).all()
    assert len({row.what for row in rows}) == len(rows)
    return {row.what: row.rows for row in rows}


def habilitation(connection: Connection, at: datetime, state: str, email: str, **more: Any) -> str:
    """A habilitation that was last touched at a moment."""
    return add_for_mails(connection, at, email, state=state, **more).id


@pytest.mark.parametrize("state", ["refused", "revoked", "archived", "draft", "changes_requested"])
def test_people_go_when_nothing_of_theirs_goes_on(engine: Engine, state: str) -> None:
    """Eighteen months after the last use, person, roles, named people and attachments of what is over are gone."""
    details = {"dpo": {"email": "dpo@mairie.example"}, "controller": {"email": "c@mairie.example"}, "volume": 3}
    with writing(engine) as connection:
        gone = habilitation(connection, OLD, state, "gone@mairie.example", details=details)
        for id_ in ("1", "2"):
            values = {"id": id_, "habilitation_id": gone, "name": "a.pdf", "size": 1, "sha256": b"", "content": b"x"}
            connection.execute(insert(tables.attachments).values(**values, created_at=OLD))
    assert purge(engine, KEPT, NOW) == {"attachments": 2, "habilitation_contacts": 1, "roles": 1, "contacts": 1}
    assert count(engine, tables.users) == 0
    with reading(engine) as connection:
        row = connection.execute(select(tables.habilitations)).one()
    assert (row.details, row.title) == ({"volume": 3}, "Marchés publics de la ville")
    assert purge(engine, KEPT, NOW) == {}
    assert purges(engine) == {"attachments": 2, "habilitation_contacts": 1, "roles": 1, "contacts": 1}


def test_people_stay_while_something_goes_on(engine: Engine) -> None:
    """A habilitation in force, a request under examination, a younger one, or a later login keep a person."""
    with writing(engine) as connection:
        habilitation(connection, OLD, "validated", "a@mairie.example", details={"dpo": {"email": "x"}})
        habilitation(connection, OLD, "submitted", "b@mairie.example")
        habilitation(connection, OLD + timedelta(days=1), "refused", "c@mairie.example")
        habilitation(connection, OLD, "refused", "d@mairie.example")
        habilitation(connection, OLD, "refused", "e@mairie.example")
        habilitation(connection, OLD, "validated", "e@mairie.example")
        seen = update(tables.users).where(tables.users.c.email == "d@mairie.example")
        connection.execute(seen.values(last_used_at=NOW - timedelta(days=400)))
    assert purge(engine, KEPT, NOW) == {"roles": 1}
    assert count(engine, tables.users) == 5


def test_each_kind_is_kept_for_its_time(engine: Engine) -> None:
    """One row past its time and one before it, of everything: the first is gone, and noted."""
    month = timedelta(days=31)
    with writing(engine) as connection:
        kept = add_for_mails(connection, NOW, "d@mairie.example")
        user = connection.execute(select(tables.users.c.id)).scalar_one()
        token = add_token(connection, kept, NOW + month)
        for number, late in enumerate((True, False)):
            more = timedelta(days=1 if late else -1)
            activity_end = datetime(2027, 2, 28, 9, tzinfo=UTC) - more
            record(connection, "token.shown", at=activity_end)
            event = {"sha256": bytes([number]), "source": "datapass-v2", "product": "entreprise", "name": "submit"}
            arrived = datetime(2027, 3, 31, 9, tzinfo=UTC) - more
            connection.execute(
                insert(tables.events).values(**event, arrived_at=arrived, facts={}, body=b"{}", answer={})
            )
            transfer = {"from_user_id": user, "email": "x@y.example", "siret": "1", "state": "done", "asked_at": OLD}
            connection.execute(
                insert(tables.transfers).values(id=f"{number}", **transfer, expires_at=OLD, ended_at=activity_end)
            )
            link = {"sha256": bytes([number]), "token_id": token, "email": "x@y.example", "openings": 0}
            connection.execute(
                insert(tables.hand_overs).values(id=f"{number}", **link, created_at=OLD, expires_at=activity_end)
            )
            ban = {"id": f"{number}", "address": "192.0.2.1", "started_at": OLD + more, "reason": "ceiling"}
            connection.execute(insert(tables.bans).values(**ban, ends_at=NOW - timedelta(days=30) - more))
            enqueue(connection, Mail(kind="audit", key=f"{number}", recipient="x@y.example"), now=OLD)
            row = serving.mails.c.key == f"audit|{number}|x@y.example"
            ended = NOW - timedelta(days=30) - more
            connection.execute(update(serving.mails).where(row).values(state="sent", ended_at=ended))
            hour = NOW - timedelta(days=1) - more / 24
            session = {"sha256": bytes([number]), "csrf": "x", "data": {}, "created_at": OLD}
            connection.execute(insert(serving.sessions).values(**session, expires_at=hour))
            connection.execute(
                insert(serving.login_links).values(
                    sha256=bytes([number]), email="x@y.example", created_at=OLD, expires_at=hour
                )
            )
            attempt = {"sha256": bytes([number]), "session": b"", "nonce": "x", "second_factor": False}
            connection.execute(insert(serving.login_attempts).values(**attempt, expires_at=hour))
            connection.execute(insert(serving.tries).values(kind="x", subject=b"", at=hour))
        enqueue(connection, Mail(kind="audit", key="queued", recipient="x@y.example"), now=OLD)
    one = dict.fromkeys(
        (
            "activity",
            "webhook_bodies",
            "transfers",
            "hand_overs",
            "bans",
            "mails",
            "sessions",
            "login_links",
            "login_attempts",
            "tries",
        ),
        1,
    )
    assert purge(engine, KEPT, NOW) == one
    assert purges(engine) == one
    assert count(engine, tables.events) == 2
    assert count(engine, tables.events, tables.events.c.body.is_(None)) == 1
    assert count(engine, serving.mails) == 2


def test_a_purge_goes_by_batches(engine: Engine) -> None:
    """Rows are deleted some at a time, and noted in one row with their number."""
    with writing(engine) as connection:
        for _ in range(25):
            record(connection, "token.shown", at=OLD)
    assert purge(engine, KEPT, NOW, batch=10) == {"activity": 25}
    assert purges(engine) == {"activity": 25}
