"""Tests of the login by a link in a mail."""

import json

import httpx
import pytest
from sqlalchemy import Engine, select

from apientreprise_gateway.database import serving
from support.portal import OPERATOR, Site, make_site

MARIE = "marie@mairie.test"
LOGIN = "/compte/se-connecter"
PROCONNECT = {
    "proconnect_issuer": "https://proconnect.test/api/v2",
    "proconnect_client_id": "us",
    "proconnect_client_secret": "secret",
}


def links(site: Site) -> list[str]:
    """The links that mails hold, the newest last."""
    with site.services.reading() as connection:
        rows = connection.scalars(select(serving.mails.c.sealed).order_by(serving.mails.c.id)).all()
    return [json.loads(site.services.sealer.open(row))["link"] for row in rows if row is not None]


def ask(site: Site, email: str = MARIE, **fields: str) -> httpx.Response:
    """Ask for a link."""
    return site.post(LOGIN, email=email, **fields)


def test_a_link_logs_in_once(site: Site) -> None:
    """The link opens a page with a button, which begins a session; then it is used up."""
    assert ask(site, " Marie@Mairie.test", goes_to="/compte?a=1").headers["location"] == f"{LOGIN}/message-envoye"
    link, browser = links(site)[-1], site.another()
    assert "Me connecter" in browser.text(link)
    assert "Me connecter" in browser.text(link), "programs that look into mails open links"
    answer = browser.post(link, page=link)
    assert (answer.status_code, answer.headers["location"]) == (303, "/compte?a=1")
    assert MARIE in browser.text("/compte")
    assert browser.get(link).status_code == 410
    assert site.post(link).status_code == 410


def test_a_link_is_good_for_15_minutes(site: Site) -> None:
    """A link that is too old opens a page that says to ask for another one."""
    ask(site)
    link = links(site)[-1]
    page_csrf = site.csrf(link)
    site.clock.pass_by(minutes=15)
    assert site.get(link).status_code == 410
    assert site.client.post(link, data={"csrf": page_csrf}).status_code == 410


def test_the_session_is_a_new_one(site: Site) -> None:
    """A login ends the session that the browser had, and hands out another cookie."""
    site.log_in("jean@mairie.test")
    before = site.client.cookies[site.cookie]
    ask(site.another())
    link = links(site)[-1]
    site.post(link, page=link)
    assert site.client.cookies[site.cookie] != before
    thief = site.another()
    thief.bring(before)
    assert thief.get("/compte").status_code == 303


def test_no_secret_of_a_link_is_stored_in_clear(site: Site) -> None:
    """Neither the queue of mails nor any other row holds what a link holds."""
    ask(site)
    secret = links(site)[-1].rpartition("/")[2]
    with site.services.reading() as connection:
        for table in (serving.mails, serving.login_links, serving.tries, serving.sessions):
            for row in connection.execute(select(table)):
                assert secret not in repr(row)


def test_every_address_gets_the_same_answer(site: Site) -> None:
    """Nobody learns whether an address is known, or was written to too often."""
    site.log_in(MARIE)
    browser = site.another()
    known = [ask(browser) for _ in range(7)]
    unknown = ask(browser, "nobody@nowhere.test")
    assert {(each.status_code, each.headers["location"], each.text) for each in known} == {
        (unknown.status_code, unknown.headers["location"], unknown.text)
    }


def test_five_links_an_hour_to_a_mailbox(site: Site) -> None:
    """A sixth link is not sent before an hour has passed."""
    for _ in range(6):
        ask(site)
    assert len(links(site)) == 5
    site.clock.pass_by(minutes=60)
    ask(site)
    assert len(links(site)) == 6


def test_sixty_links_an_hour_for_a_client(site: Site) -> None:
    """One client that asks for many mailboxes is told to wait."""
    for number in range(60):
        assert ask(site, f"a{number}@mairie.test").status_code == 303
    answer = ask(site, "a60@mairie.test")
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "3600"
    assert len(links(site)) == 60


@pytest.mark.parametrize(
    "email", ["", "marie", "marie@", "a@b.c, d@e.f", "a@b.test\r\nBcc: c@d.test", "x" * 250 + "@a.fr"]
)
def test_what_is_no_address_is_said_beside_the_field(site: Site, email: str) -> None:
    """The form comes back with what was typed, and what is wrong with it; no mail is queued."""
    answer = ask(site, email)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert links(site) == []


def test_a_link_leads_to_no_other_site(site: Site) -> None:
    """Where a form says to go after the login is forgotten unless it is a path of ours."""
    ask(site, goes_to="https://evil.test/")
    link = links(site)[-1]
    assert site.post(link, page=link).headers["location"] == "/compte"
    assert "evil" not in site.text(f"{LOGIN}?vers=//evil.test")


def test_operators_use_proconnect_where_there_is_one(engine: Engine) -> None:
    """With ProConnect a mailbox is too little for an operator: no link is sent, and the answer is the usual one."""
    site = make_site(engine, settings=PROCONNECT)
    assert ask(site, OPERATOR).headers["location"] == f"{LOGIN}/message-envoye"
    assert links(site) == []
    ask(site)
    assert len(links(site)) == 1


@pytest.mark.parametrize("secret", ["x", "x" * 43, "%00", "a/b"])
def test_links_that_nobody_made(site: Site, secret: str) -> None:
    """A link that was guessed opens nothing."""
    assert site.get(f"{LOGIN}/lien/{secret}").status_code in (404, 410)


def test_no_click_logs_in_outside_a_demonstration(site: Site) -> None:
    """The login by a click is no route of a portal that serves."""
    assert site.post(f"{LOGIN}/demo", email=MARIE).status_code in (404, 405)
