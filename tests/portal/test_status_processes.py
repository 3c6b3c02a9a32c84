"""The status page over running processes: a provider is killed and comes back; of two probers one is killed."""

import os
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, func, select

from apientreprise_gateway.accounts.model import Contact
from apientreprise_gateway.accounts.repository import upsert_user
from apientreprise_gateway.database.engine import connect, reading, writing
from apientreprise_gateway.database.serving import mails
from apientreprise_gateway.database.status import days, leases, minutes
from apientreprise_gateway.portal import sessions
from apientreprise_gateway.portal.services import utc_now
from support import databases, programs, zygote
from support.portal import KEY, OPERATOR
from support.programs import START_SECONDS, Program
from support.site import LONG, fresh
from support.stores import free_port, until

SIRENE = "INSEE - Sirene"
CALL = "/v3/insee/sirene/unites_legales/130025265"
ATOM = "/statut/incidents.atom"
PAGE = "/statut/composants/insee-sirene"
BADGE = f"{PAGE}/badge.svg"
DOCUMENTED = 90
"""Seconds that a test waits: with "minutes" of a second all is to be seen within 15, unless the machine is slow."""


def answers(port: int) -> bool:
    """Whether something listens there."""
    with socket.create_connection(("127.0.0.1", port)):
        return True


@contextmanager
def insee(folder: Path, port: int) -> Iterator[zygote.Process]:
    """Fictive providers of their own for INSEE, at a port that can be used again."""
    with (folder / "insee").open("ab") as log:
        process = zygote.popen(["sandbox", "--port", str(port)], env=programs.environment(), stdout=log, stderr=log)
    try:
        until(lambda: answers(port), "no sandbox")
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The portal's database, and settings with which a minute is a second."""
    url = databases.new_sqlite(tmp_path)
    for name, value in {
        "DATABASE_URL": url,
        "SECRET_KEYS": KEY,
        "STATUS_SECONDS": "1",
        "OPERATORS": OPERATOR,
    }.items():
        monkeypatch.setenv(f"PORTAL_{name}", value)
    engine = connect(url)
    yield engine
    engine.dispose()


def summary(portal: Program) -> dict[str, Any]:
    """What programs read."""
    found: dict[str, Any] = httpx.get(f"{portal.url}/statut/api/v2/summary.json", timeout=LONG).json()
    return found


def state_of(portal: Program, name: str = SIRENE) -> str:
    """The status of a component."""
    return next(str(each["status"]) for each in summary(portal)["components"] if each["name"] == name)


def measured(engine: Engine) -> int:
    """How many minutes of the API were measured."""
    with reading(engine) as connection:
        query = select(func.count()).where(minutes.c.component == "api-entreprise")
        return connection.scalar(query) or 0


def operator(engine: Engine, portal: Program) -> httpx.Client:
    """A browser of an operator who has logged in."""
    with writing(engine) as connection:
        user = upsert_user(connection, Contact(email=OPERATOR), utc_now())
        secret, _ = sessions.begin(connection, user.id, via="mail", now=utc_now())
    return httpx.Client(base_url=portal.url, cookies={"session": secret}, timeout=LONG)


def publish(browser: httpx.Client, page: str, **fields: str) -> None:
    """Publish what a page of an operator shows."""
    found = re.search(r'name="csrf" value="([^"]+)"', browser.get(page).text)
    assert found is not None
    answer = browser.post(f"{page}/publier", data={"csrf": found[1], **fields})
    assert answer.status_code == 303, answer.text


def test_a_provider_is_killed_and_comes_back(tmp_path: Path, database: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bar, draft, mail, page, Atom, JSON and badge tell of it, and then that it is over; nothing else is blamed."""
    port = free_port()
    folders = [tmp_path / name for name in ("sandbox", "gateway", "portal")]
    for folder in folders:
        folder.mkdir()
    with (
        programs.sandbox(folders[0]) as others,
        programs.gateway(
            folders[1], upstream=others.url, providers__insee__base_url=f"http://127.0.0.1:{port}", breaker="off"
        ) as gateway,
    ):
        monkeypatch.setenv("PORTAL_GATEWAY_URL", gateway.url)
        with programs.start(folders[2], "portal", "serve") as portal:

            def call() -> int:
                headers = {"Authorization": f"Bearer {fresh()}"}
                return httpx.get(gateway.url + CALL, params=programs.TRACE, headers=headers, timeout=LONG).status_code

            def sirene_is(state: str) -> bool:
                for _ in range(3):
                    call()
                return state_of(portal) == state

            def shown(path: str, text: str) -> bool:
                return text in httpx.get(portal.url + path, timeout=LONG).text

            with insee(tmp_path, port) as provider:
                until(lambda: call() == 200 and shown(BADGE, "fonctionne"), "it is not measured", seconds=DOCUMENTED)
                provider.kill()
                provider.wait()
                until(lambda: sirene_is("major_outage"), "nothing tells of it", seconds=DOCUMENTED)
                assert shown(PAGE, 'data-state="major_outage"')
                assert shown(PAGE, "jour-panne") or shown(PAGE, "jour-perturbe")
                assert shown(BADGE, "en panne")
                assert summary(portal)["status"]["indicator"] == "minor"
                assert {state_of(portal, name) for name in ("API Entreprise", "API Particulier")} == {"operational"}

            def draft() -> Any:
                with reading(database) as connection:
                    return connection.execute(select(mails).where(mails.c.kind == "status_draft")).first()

            until(lambda: draft() is not None, "no draft is told of", seconds=DOCUMENTED)
            row = draft()
            assert (row.recipient, row.data["components"]) == (OPERATOR, [SIRENE])
            assert summary(portal)["incidents"] == []
            with operator(database, portal) as browser:
                page = row.data["page"]
                public = page.removeprefix("/admin")
                publish(browser, page, name="Sirene ne répond pas", status="investigating", body="Nous cherchons.")
                until(lambda: shown("/statut", "Sirene ne répond pas"), "the page does not tell", seconds=DOCUMENTED)
                assert shown(public, "Nous cherchons.")
                assert shown(ATOM, f"urn:uuid:{public.rpartition('/')[2]}")
                assert [each["name"] for each in summary(portal)["incidents"]] == ["Sirene ne répond pas"]
                with insee(tmp_path, port):
                    until(lambda: sirene_is("operational"), "it is not seen again", seconds=DOCUMENTED)
                    publish(browser, page, status="resolved", body="Elle répond de nouveau.")
                    until(lambda: summary(portal)["incidents"] == [], "it is not over", seconds=DOCUMENTED)
                    assert shown(ATOM, "Résolu")
                    assert shown(BADGE, "fonctionne")


def test_one_of_two_probers_is_killed(tmp_path: Path, database: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one takes over; each minute is counted once."""
    with (
        programs.gateway(tmp_path, upstream="http://127.0.0.1:1") as gateway,
        (tmp_path / "probers").open("ab") as log,
    ):
        monkeypatch.setenv("PORTAL_STATUS_GATEWAYS", gateway.url)
        both = [zygote.popen(["status", "probe"], env=programs.environment(), stdout=log, stderr=log) for _ in range(2)]
        try:
            until(lambda: measured(database) >= 3, "nothing is measured", seconds=START_SECONDS)
            with reading(database) as connection:
                holder = str(connection.scalar(select(leases.c.holder)))
            pid = int(holder.split()[-2])
            os.kill(pid, signal.SIGKILL)
            before = measured(database)
            until(lambda: measured(database) >= before + 3, "the other one does not take over", seconds=DOCUMENTED)
        finally:
            for process in both:
                process.kill()
                process.wait()
        with reading(database) as connection:
            assert str(connection.scalar(select(leases.c.holder))) != holder
            counted = select(func.sum(days.c.good + days.c.bad + days.c.unknown + days.c.maintenance))
            total = connection.scalar(counted.where(days.c.component == "api-entreprise"))
    assert total == measured(database)
