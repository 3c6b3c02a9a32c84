"""How many statements a page sends to the database: few, and not more where there is more to show."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import event

from apientreprise_gateway.accounts import bans, delegations, repository
from apientreprise_gateway.accounts.model import Contact
from apientreprise_gateway.contract.bans import Ban, Reason
from apientreprise_gateway.database.engine import writing
from support.accounts import APPLICANT, Known, add_call, add_known
from support.portal import OPERATOR, Site

EDITOR = "support@val.example"
MORE = 15


@pytest.fixture
def kind() -> str:
    """The kind of database: the pages send the same statements to both."""
    return "sqlite"


@contextmanager
def counted(site: Site) -> Iterator[list[str]]:
    """The statements of a block."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            seen.append(statement)

    event.listen(site.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(site.engine, "before_cursor_execute", note)


def add_habilitations(site: Site, count: int) -> list[Known]:
    """So many habilitations of one person, delegated to one maker, each with a token, a call and a ban."""
    now = site.clock.time
    made = []
    with writing(site.engine) as connection:
        maker = delegations.add_editor(connection, name=f"Val {count}", now=now, by=None, form_uids=[])
        person = repository.upsert_user(connection, Contact(email=EDITOR), now)
        delegations.set_editor_of(connection, person.id, maker.id, now=now, by=None)
        for number in range(count):
            known = add_known(connection, now, called=True)
            address = f"192.0.{count}.{number}"
            add_call(connection, known.token.id, now - timedelta(minutes=1), client_ip=address)
            start = int(now.timestamp()) * 1_000_000
            bans.keep(connection, [Ban(address=address, reason=Reason.CEILING, count=1204, start=start)], now=now)
            delegations.delegate(connection, known.habilitation.id, maker.id, by=person.id, now=now)
            made.append(known)
    return made


def statements_of(site: Site, path: str) -> int:
    """How many statements a page sends, those of the session included."""
    site.text(path)
    with counted(site) as seen:
        site.text(path)
    return len(seen)


@pytest.mark.parametrize(
    ("email", "path"),
    [
        (APPLICANT, "/compte"),
        (APPLICANT, "/compte/demandes"),
        (EDITOR, "/editeur/habilitations"),
        (OPERATOR, "/admin"),
        (OPERATOR, "/admin/demandes"),
        (OPERATOR, "/admin/habilitations"),
        (OPERATOR, "/admin/blocages"),
        (OPERATOR, "/admin/activite"),
        (OPERATOR, "/admin/editeurs"),
    ],
)
def test_lists_send_no_statement_for_each_row(site: Site, email: str, path: str) -> None:
    """A list of many is made with as many statements as one of two, and with at most ten."""
    add_habilitations(site, 2)
    site.log_in(email)
    few = statements_of(site, path)
    add_habilitations(site, MORE)
    assert statements_of(site, path) == few <= 10


@pytest.mark.parametrize(
    ("page", "most"), [("", 12), ("/stats", 30), ("/partager", 8)], ids=["token", "statistics", "hand-over"]
)
def test_pages_of_a_token_send_few(site: Site, page: str, most: int) -> None:
    """What is told of a token takes a bounded number of statements, whatever it called."""
    (known,) = add_habilitations(site, 1)
    site.log_in(APPLICANT)
    assert statements_of(site, known.token_path + page) <= most


@pytest.mark.parametrize("path", ["/", "/catalogue", "/cas-usages", "/guide", "/support", "/demander-un-acces"])
def test_public_pages_ask_next_to_nothing(site: Site, path: str) -> None:
    """A visitor without a session costs the database two statements at most."""
    assert statements_of(site, path) <= 2
