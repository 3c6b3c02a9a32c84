"""From an act of the account side to a gateway that obeys it, whoever is away meanwhile; on both databases."""

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from sqlalchemy import Connection, Engine

from apientreprise_gateway.accounts import publications, repository, security, tokens
from apientreprise_gateway.accounts.model import Token
from apientreprise_gateway.auth.publication import Publisher
from apientreprise_gateway.database.engine import connect, reading, writing
from apientreprise_gateway.portal import sessions
from apientreprise_gateway.portal.publishing import Publishing, PublishingMetrics
from apientreprise_gateway.portal.signing import string_of
from apientreprise_gateway.store.client import client
from apientreprise_gateway.store.url import parse_url
from support import databases, programs
from support.accounts import APPLICANT, Known, add_known
from support.fleet import Gateway, gateway
from support.portal import KEY
from support.stores import Server, until
from support.stub import Stub
from support.tokens import ALL_SCOPES, SECRET

SECONDS = 40
"""How long a change may take to be seen, on the slowest machine."""
PER_WORKER = 8
"""Connections that reach both workers, all but certainly."""
RING = (SecretStr(SECRET), SecretStr("an older secret of the gateway that is long enough"))


def now() -> datetime:
    """The time: the gateway's clock is that of the machine."""
    return datetime.now(UTC)


def string(token: Token) -> str:
    """What its applicant is shown."""
    return string_of(token, RING)


@contextmanager
def publishing(engine: Engine, store: Server) -> Iterator[None]:
    """A portal's publishing, in a thread with a loop of its own."""
    loop = asyncio.new_event_loop()

    async def run() -> None:
        redis = client(parse_url(store.url), timeout=5)
        try:
            metrics = PublishingMetrics(CollectorRegistry())
            await Publishing(engine=engine, publisher=Publisher(redis), metrics=metrics, now=now).run()
        except asyncio.CancelledError:
            pass
        finally:
            await redis.close()

    task = loop.create_task(run())
    thread = threading.Thread(target=loop.run_until_complete, args=(task,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()
        loop.close()


@pytest.fixture(scope="module")
def member(tmp_path_factory: pytest.TempPathFactory, common_store: Server, provider: Stub) -> Iterator[Gateway]:
    """A gateway of two workers."""
    folder = tmp_path_factory.mktemp("gateway")
    with gateway(folder, 2, upstream=provider.url, redis_url=common_store.url) as started:
        yield started


def make(connection: Connection) -> Known:
    """A habilitation of all data, and a token of it."""
    return add_known(connection, now(), scopes=ALL_SCOPES)


def answers(member: Gateway, token: Token, *, source: str = "127.0.0.1") -> set[tuple[object, ...]]:
    """What a gateway answers to calls with a token, on some connections."""
    calls = [member.ask(token=string(token), source=source) for _ in range(PER_WORKER)]
    return {(call.status, *call.codes) for call in calls}


def until_answered(member: Gateway, token: Token, status: int, *codes: str) -> None:
    """Wait until every process answers so."""
    until(lambda: answers(member, token) == {(status, *codes)}, f"it is not {status}", seconds=SECONDS)


def test_acts_are_in_force_at_the_gateway(engine: Engine, common_store: Server, member: Gateway) -> None:
    """A token that was shown works; addresses, a cap, narrowed scopes, a revocation hold for it soon after the act."""
    with writing(engine) as connection:
        known = make(connection)
    number, token = known.habilitation.id, known.token
    with publishing(engine, common_store):
        assert answers(member, token) == {(200,)}
        assert string(token) == string(token)
        with writing(engine) as connection:
            security.set_by_applicant(
                connection, number, allowed_addresses=["127.0.7.0/24"], cap_per_minute=900, now=now(), by="x"
            )
            later = tokens.make(connection, known.habilitation, now=now())
        for each in (token, later):  # one that was made with the act as well
            until_answered(member, each, 403, "00107")
        call = member.ask(token=string(later), source="127.0.7.1")
        assert (call.status, call.headers["ratelimit-limit"]) == (200, "900")
        with writing(engine) as connection:
            security.set_by_applicant(connection, number, allowed_addresses=[], cap_per_minute=None, now=now(), by="x")
            tokens.narrow(connection, token.id, ["another"], now=now())
        until_answered(member, token, 403, "00100")
        until_answered(member, later, 200)
        with writing(engine) as connection:
            tokens.revoke_all(connection, number, now=now(), reason="Révoquée")
        for each in (token, later):
            until_answered(member, each, 401, "00105")


def test_a_revocation_to_come(engine: Engine, common_store: Server, member: Gateway) -> None:
    """The token works until the moment has come, and then no more."""
    with writing(engine) as connection:
        token = make(connection).token
        tokens.revoke(connection, token.id, now=now(), at=now() + timedelta(days=1), reason="Fin")
    with publishing(engine, common_store):
        until(lambda: not _waits(engine), "it is not published", seconds=SECONDS)
        assert answers(member, token) == {(200,)}
        with writing(engine) as connection:
            tokens.revoke(connection, token.id, now=now(), at=now() + timedelta(milliseconds=100), reason="Fuite")
        until_answered(member, token, 401, "00105")


def _waits(engine: Engine) -> bool:
    with reading(engine) as connection:
        return publications.waiting(connection)[0] > 0


def test_whoever_is_away_learns_of_it(engine: Engine, store: Server, provider: Stub, tmp_path: Path) -> None:
    """Revoked while the gateway, then Redis, then the portal is away: it is refused at the next start of each."""
    with writing(engine) as connection:
        first, second, third = (make(connection).token for _ in range(3))
    with publishing(engine, store):
        _revoke(engine, first)
        with gateway(tmp_path, upstream=provider.url, redis_url=store.url) as member:
            until_answered(member, first, 401, "00105")
            assert answers(member, second) == {(200,)}
            store.stop()
            _revoke(engine, second)
            store.start()  # and it is empty
            until_answered(member, second, 401, "00105")
    _revoke(engine, third)
    store.command("FLUSHALL")
    with gateway(tmp_path, upstream=provider.url, redis_url=store.url) as member:
        assert answers(member, third) == {(200,)}
        with publishing(engine, store), publishing(engine, store):  # two portals
            for each in (first, second, third):
                until_answered(member, each, 401, "00105")


def _revoke(engine: Engine, token: Token) -> None:
    with writing(engine) as connection:
        tokens.revoke(connection, token.id, now=now(), reason="Fuite")


def test_from_the_page_to_the_gateway(
    tmp_path: Path, common_store: Server, member: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two portals one is killed; the other shows the applicant a token, which works until it is revoked there."""
    url = databases.new_sqlite(tmp_path)
    settings = {"DATABASE_URL": url, "SECRET_KEYS": KEY, "JWT_SECRETS": SECRET, "REDIS_URL": common_store.url}
    for name, value in settings.items():
        monkeypatch.setenv(f"PORTAL_{name}", value)
    engine = connect(url)
    with writing(engine) as connection:
        known = make(connection)
        applicant = repository.user_by_email(connection, APPLICANT)
        assert applicant is not None
        secret, _ = sessions.begin(connection, applicant.id, via="mail", now=now())
    with ExitStack() as stack:
        folders = [tmp_path / name for name in ("first", "second")]
        for folder in folders:
            folder.mkdir()
        killed, portal = (stack.enter_context(programs.start(folder, "portal", "serve")) for folder in folders)
        killed.process.kill()
        browser = stack.enter_context(httpx.Client(base_url=portal.url, cookies={"session": secret}, timeout=SECONDS))
        page = f"/compte/jetons/{known.token.id}"
        found = re.search(r'name="csrf" value="([^"]+)"', browser.get(page).text)
        assert found is not None
        form = {"csrf": found[1], "confirmation": "1"}
        shown = re.search(r'autocomplete="off">([^<]+)</textarea>', browser.post(f"{page}/afficher", data=form).text)
        assert shown is not None
        assert shown[1] == string(known.token)
        assert member.ask(token=shown[1]).status == 200
        answer = browser.post(f"{page}/revoquer", data=form)
        assert answer.status_code == 303, answer.text
        until_answered(member, known.token, 401, "00105")
        with reading(engine) as connection:
            new = repository.tokens_of(connection, known.habilitation.id)[0]
        assert answers(member, new) == {(200,)}
    engine.dispose()
