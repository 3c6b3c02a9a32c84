"""Tests of `portal serve` as it is started: alone, with workers, behind nginx, and with settings that it refuses."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from apientreprise_gateway.database.engine import reading
from apientreprise_gateway.portal import worker
from apientreprise_gateway.portal.app import THREADS
from apientreprise_gateway.portal.settings import load
from support import databases, programs
from support.nginx import portal_front
from support.programs import Program
from support.stores import free_port, until

KEY = "a secret of the tests that is long enough"
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')


@contextmanager
def portal(
    folder: Path, patch: pytest.MonkeyPatch, *arguments: str, url: str | None = None, **settings: str
) -> Iterator[Program]:
    """Start a portal over a new SQLite file."""
    given = {"DATABASE_URL": url or databases.new_sqlite(folder), "SECRET_KEYS": KEY, **settings}
    for name in [name for name in os.environ if name.startswith("PORTAL_")]:
        patch.delenv(name)
    for name, value in given.items():
        patch.setenv(f"PORTAL_{name}", value)
    with programs.start(folder, "portal", "serve", *arguments) as program:
        yield program


def test_it_serves_and_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is ready once the tables are there, shows its metrics, goes on at a hangup, and ends at SIGTERM with 0."""
    with portal(tmp_path, monkeypatch) as program, httpx.Client(base_url=program.url) as client:
        assert client.get("/readyz").json() == {"status": "ok"}
        program.process.send_signal(signal.SIGHUP)
        program.process.send_signal(signal.SIGUSR1)
        assert client.get("/compte/se-connecter").status_code == 200
        assert 'portal_answers_total{route="/compte/se-connecter",status="200"} 1.0' in client.get("/metrics").text
        client.post("/compte/deconnexion", content=b"x" * 1_000_001)
        assert program.stop() == 0
        log = program.errors.read_text()
    assert '"event":"stopped"' in log
    assert "Traceback" not in log


def test_several_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their metrics are added up, on a port of their own; one that dies is replaced."""
    port = free_port()
    with (
        portal(tmp_path, monkeypatch, "--workers", "2", METRICS_PORT=str(port)) as program,
        httpx.Client(base_url=program.url) as client,
    ):
        assert client.get("/metrics").status_code == 404
        for _ in range(4):
            with httpx.Client(base_url=program.url) as other:
                assert other.get("/").status_code == 200

        def counted() -> bool:
            shown = httpx.get(f"http://127.0.0.1:{port}/metrics").text
            return 'portal_answers_total{route="/",status="200"} 4.0' in shown

        until(counted, "the answers are not counted")
        assert program.stop() == 0


def test_behind_nginx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over TLS the cookie has its prefix, forms come back, the client's address is counted, health is kept inside."""
    port = free_port()
    settings = {"PUBLIC_URL": f"https://127.0.0.1:{port}", "TRUSTED_PROXIES": "127.0.0.1"}
    with (
        portal(tmp_path, monkeypatch, **settings) as program,
        portal_front(tmp_path / "nginx", program.port, port=port) as front,
        front.client() as client,
    ):
        page = client.get("/compte/se-connecter")
        assert page.headers["set-cookie"].startswith("__Host-visite=")
        assert page.headers["strict-transport-security"] == "max-age=31536000"
        found = _CSRF.search(page.text)
        assert found is not None
        fields = {"csrf": found[1], "email": "marie@mairie.test"}
        headers = {"Origin": front.url, "X-Forwarded-For": "192.0.2.1"}
        answer = client.post("/compte/se-connecter", data=fields, headers=headers)
        assert answer.status_code == 303
        assert client.post("/compte/se-connecter", data={**fields, "x": "y" * 2_000_000}).status_code == 413
        for path in ("/metrics", "/livez", "/readyz"):
            assert client.get(path).status_code == 404
        assert "marie" not in program.errors.read_text()


@pytest.mark.parametrize(
    ("missing", "arguments", "said"),
    [
        ("SECRET_KEYS", (), "PORTAL_SECRET_KEYS: forms and links are signed with it."),
        ("PUBLIC_URL", ("--host", "0.0.0.0"), "PORTAL_PUBLIC_URL: links begin with it"),
        ("DSFR", (), "PORTAL_DSFR: the theme dsfr needs the files of @gouvfr/dsfr."),
        ("TABLES", (), "`portal migrate` makes them"),
        ("WORKERS", ("--workers", "0"), "--workers 0: at least one process must serve"),
    ],
)
def test_what_cannot_be_served_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str, arguments: tuple[str, ...], said: str
) -> None:
    """One line names the setting and what to do."""
    database = databases.new_sqlite(tmp_path, migrated=missing != "TABLES")
    given = {"DATABASE_URL": database, "SECRET_KEYS": KEY, "THEME": "dsfr" if missing == "DSFR" else "neutral"}
    for name, value in given.items():
        if name != missing:
            monkeypatch.setenv(f"PORTAL_{name}", value)
    done = programs.run("portal", "serve", *arguments, "--port", "0")
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_statement_does_not_hold_a_page_up(url: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL gives up on a statement of a page, and on a lock; the pool has room for every page at a time."""
    monkeypatch.setenv("PORTAL_DATABASE_URL", url)
    engine = worker.engine_of(load())
    with reading(engine) as connection:
        if kind == "postgresql":
            for name in ("statement_timeout", "lock_timeout"):
                assert connection.scalar(text(f"SHOW {name}")) == "20s"
    connections = [engine.connect() for _ in range(THREADS)]
    for each in connections:
        each.close()
    engine.dispose()
