"""A token from its request to its end, over started processes: portal, gateway, providers, Redis, PostgreSQL, mail."""

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from apientreprise_gateway.database.accounts import organizations
from apientreprise_gateway.database.engine import connect, reading
from apientreprise_gateway.sandbox.datapass.requests import APPLICANT
from support import databases, programs
from support.mail_server import SENDER, Inbox, mail_server
from support.portal import KEY
from support.programs import TRACE, Program
from support.site import LONG
from support.stores import Server, redis_server, server, until
from support.tokens import SECRET

CALL = "/v3/insee/sirene/unites_legales/130025265"
SCOPE = "unites_legales_etablissements_insee"
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Server]:
    """The Redis of both sides."""
    with server(tmp_path, redis_server()) as started:
        yield started


def datapass(portal: Program, *what: str) -> str:
    """Have DataPass tell a portal of a request, in the first form; what it prints."""
    arguments = (
        "sandbox",
        "datapass",
        portal.url,
        "--form",
        "1",
        "--scope",
        SCOPE,
        "--siret",
        TRACE["recipient"],
        *what,
    )
    done = programs.run(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def mail_with(inbox: Inbox, words: str) -> str:
    """The text of a mail to the applicant that holds some words; waits for it."""

    def found() -> list[str]:
        texts = []
        for mail, recipients in zip(list(inbox.mails), list(inbox.recipients), strict=False):
            body = next(part for part in mail.walk() if part.get_content_type() == "text/plain")
            text = body.get_content()  # type: ignore[attr-defined]  # of the policy that the inbox reads with
            if recipients == [APPLICANT.email] and words in f"{mail['Subject']}\n{text}":
                texts.append(text)
        return texts

    until(lambda: bool(found()), f"no mail with {words}", seconds=LONG)
    return found()[0]


def shown_token(portal: Program, inbox: Inbox, jti: str) -> str:
    """Log in by the link in a mail, as the applicant, and have the string of a token shown."""
    with httpx.Client(base_url=portal.url, timeout=LONG, follow_redirects=True) as browser:

        def post(page: str, to: str, **fields: str) -> str:
            csrf = _CSRF.search(browser.get(page).text)
            assert csrf is not None, page
            answer = browser.post(to, data={"csrf": csrf[1], **fields})
            assert answer.status_code == 200, answer.text
            return answer.text

        post("/compte/se-connecter", "/compte/se-connecter", email=APPLICANT.email)
        link = re.search(r"/compte/se-connecter/lien/\S+", mail_with(inbox, "/compte/se-connecter/lien/"))
        assert link is not None
        post(link[0], link[0])
        page = f"/compte/jetons/{jti}"
        found = re.search(r'<textarea[^>]* id="jeton"[^>]*>([^<]+)</textarea>', post(page, f"{page}/afficher"))
        assert found is not None
        return found[1]


def status(gateway: Program, token: str) -> int:
    """What a gateway answers to a call with a token."""
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.get(gateway.url + CALL, params=TRACE, headers=headers, timeout=LONG).status_code


async def test_a_token_works_until_it_is_revoked(
    tmp_path: Path, postgresql: databases.PostgreSql, redis: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DataPass approves: a mail leaves, its applicant fetches the token, which works; revoked, it does not, nor after
    gateway and Redis begin anew.
    """
    inbox = Inbox()
    url = databases.new_postgresql(postgresql)
    async with mail_server(inbox) as mails:
        for name, value in {
            "DATABASE_URL": url,
            "SECRET_KEYS": KEY,
            "JWT_SECRETS": SECRET,
            "REDIS_URL": redis.url,
            "DATAPASS_SECRETS": "a secret of DataPass",
            "SMTP_URL": f"smtp://127.0.0.1:{mails.port}",
            "MAIL_FROM": SENDER,
        }.items():
            monkeypatch.setenv(f"PORTAL_{name}", value)
        with ExitStack() as stack:
            await asyncio.to_thread(_story, tmp_path, url, redis, inbox, stack, monkeypatch.setenv)
    databases.drop_postgresql(postgresql, url)


def _story(
    folder: Path, url: str, redis: Server, inbox: Inbox, stack: ExitStack, setenv: Callable[[str, str], None]
) -> None:
    folders = {name: folder / name for name in ("sandbox", "first", "second", "portal")}
    for each in folders.values():
        each.mkdir()
    providers = stack.enter_context(programs.sandbox(folders["sandbox"]))
    first = stack.enter_context(programs.gateway(folders["first"], upstream=providers.url, redis_url=redis.url))
    setenv("PORTAL_GATEWAY_URL", first.url)
    portal = stack.enter_context(programs.start(folders["portal"], "portal", "serve"))

    approved = re.search(r"validate: 200, token (\S+)", datapass(portal, "--story", "approved"))
    assert approved is not None
    mail_with(inbox, "transmettez le jeton")
    token = shown_token(portal, inbox, approved[1])
    assert status(first, token) == 200
    assert token not in portal.errors.read_text()

    assert programs.run("portal", "jobs", "run").returncode == 0
    assert _names(url) != [None]

    datapass(portal, "--event", "revoke")
    until(lambda: status(first, token) == 401, "the token still works", seconds=LONG)

    first.stop()
    redis.command("FLUSHALL")
    second = stack.enter_context(programs.gateway(folders["second"], upstream=providers.url, redis_url=redis.url))
    until(lambda: status(second, token) == 401, "the revocation is forgotten", seconds=LONG)


def _names(url: str) -> list[str | None]:
    engine = connect(url)
    try:
        with reading(engine) as connection:
            return list(connection.scalars(select(organizations.c.name)))
    finally:
        engine.dispose()
