"""Tests of sessions, of the forms that belong to them, and of what every answer has."""

import pytest
from sqlalchemy import func, select

from apientreprise_gateway.database import serving
from apientreprise_gateway.portal import sessions
from apientreprise_gateway.portal.rendering import local
from support.portal import OPERATOR, Site

MARIE = "marie@mairie.test"


def count(site: Site) -> int | None:
    """How many sessions are stored."""
    with site.services.reading() as connection:
        return connection.scalar(select(func.count()).select_from(serving.sessions))


def test_a_page_with_personal_data_needs_a_login(site: Site) -> None:
    """A stranger is sent to the login, which knows where to go then."""
    answer = site.get("/compte?a=b")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/compte/se-connecter?vers=%2Fcompte%3Fa%3Db"


def test_who_is_logged_in_sees_the_account(site: Site) -> None:
    """The account says who is logged in; no cache keeps it."""
    site.log_in(MARIE, given_name="Marie", family_name="Petit")
    answer = site.get("/compte")
    assert "Marie Petit" in answer.text
    assert answer.headers["cache-control"] == "no-store"


def test_a_session_ends_after_12_hours(site: Site) -> None:
    """Half a day after the login, the browser is sent to it again, whatever was done meanwhile."""
    site.log_in(MARIE)
    site.clock.pass_by(hours=11, minutes=59)
    assert site.get("/compte").status_code == 200
    site.clock.pass_by(minutes=1)
    assert site.get("/compte").status_code == 303


def test_a_logout_ends_the_session_for_whoever_has_its_cookie(site: Site) -> None:
    """A cookie that was stolen opens nothing after the logout; the browser forgets its own."""
    site.log_in(MARIE)
    stolen = site.client.cookies[site.cookie]
    answer = site.post("/compte/deconnexion")
    assert (answer.status_code, answer.headers["location"]) == (303, "/apres-deconnexion")
    assert f"{site.cookie}=" in answer.headers["set-cookie"]
    assert "Max-Age=0" in answer.headers["set-cookie"]
    thief = site.another()
    thief.bring(stolen)
    assert thief.get("/compte").status_code == 303
    assert count(site) == 0


@pytest.mark.parametrize("field", ["", "x" * 43, None])
def test_a_form_without_its_secret_is_refused(site: Site, field: str | None) -> None:
    """A POST without the hidden field of this session changes nothing."""
    site.log_in(MARIE)
    answer = site.client.post("/compte/deconnexion", data={} if field is None else {"csrf": field})
    assert answer.status_code == 403
    assert count(site) == 1


def test_the_secret_of_another_session_is_of_no_use(site: Site) -> None:
    """The hidden field of somebody else's page is refused, as is that of one's own page before the login."""
    other = site.another()
    other.log_in("jean@mairie.test")
    before = site.csrf()
    site.log_in(MARIE)
    for stolen in (other.csrf("/compte"), before):
        assert site.client.post("/compte/deconnexion", data={"csrf": stolen}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Origin": "http://portail.test"},
    ],
)
def test_a_form_of_another_site_is_refused(site: Site, headers: dict[str, str]) -> None:
    """What a browser says of where a form comes from counts, even with the right hidden field."""
    site.log_in(MARIE)
    data = {"csrf": site.csrf("/compte")}
    assert site.client.post("/compte/deconnexion", data=data, headers=headers).status_code == 403
    own = {"Sec-Fetch-Site": "same-origin", "Origin": site.url}
    assert site.client.post("/compte/deconnexion", data=data, headers=own).status_code == 303


def test_a_cookie_of_ones_own_making_is_no_session(site: Site) -> None:
    """A session cannot be fixed beforehand: what the browser brings is never taken over at a login."""
    planted = sessions.new_secret()
    site.bring(planted)
    site.client.cookies.set("__Host-visite", planted)
    assert site.get("/compte").status_code == 303
    with site.services.reading() as connection:
        assert sessions.find(connection, planted, now=site.services.now()) is None


def test_headers_of_every_answer(site: Site) -> None:
    """Pages, refusals and files forbid frames, inline scripts and guessing, and have a request id of our own making."""
    for path in ("/", "/nowhere", "/compte", "/livez"):
        answer = site.get(path, headers={"X-Request-Id": "mine"})
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["strict-transport-security"].startswith("max-age=")
        assert answer.headers["x-request-id"] != "mine"


def test_cookies_are_of_this_host_alone(site: Site) -> None:
    """The cookie of a visit has the prefix that browsers check, and no script reads it."""
    cookie = site.get("/compte/se-connecter").headers["set-cookie"]
    assert cookie.startswith("__Host-visite=")
    for part in ("Secure", "HttpOnly", "Path=/", "SameSite=lax"):
        assert part in cookie
    assert "Domain" not in cookie


def test_the_host_header_makes_no_link(site: Site) -> None:
    """What a request says of its host shows nowhere."""
    answer = site.get("/compte", headers={"Host": "evil.test"})
    assert "evil" not in answer.headers["location"]
    assert "evil" not in site.get("/", headers={"Host": "evil.test"}).text


@pytest.mark.parametrize(
    "path", ["https://evil.test", "//evil.test", "/\\evil.test", "\\\\evil.test", "evil", "", "/a b", "/a\r\nb", "/é"]
)
def test_no_path_leads_elsewhere(path: str) -> None:
    """Only a path of this site is gone to after a login."""
    assert local(path) is None


def test_a_path_with_a_query_is_one_of_ours() -> None:
    """A path is kept as it is, with its query."""
    assert local("/compte/jetons/x?a=%2F%2Fb") == "/compte/jetons/x?a=%2F%2Fb"


def test_a_form_that_is_too_long(site: Site) -> None:
    """Too many bytes, too many fields and too long a field each get the same calm page, with its code."""
    site.log_in(MARIE)
    csrf = site.csrf("/compte")
    for data in (
        {"csrf": csrf, "a": "b" * 20_001},
        {"csrf": csrf, "a": ["b"] * 600},
        {"csrf": csrf, "a": "b" * 2_000_000},
    ):
        answer = site.client.post("/compte/deconnexion", data=data)
        assert answer.status_code == 413
        assert "Code : taille" in answer.text


def test_a_form_with_a_null_sign_is_unreadable(site: Site) -> None:
    """No database stores such a sign: the form is refused before it comes there."""
    site.log_in(MARIE)
    assert site.client.post("/compte/deconnexion", data={"csrf": site.csrf("/compte"), "a": "\0"}).status_code == 400


def test_operators_are_those_of_the_settings(site: Site) -> None:
    """Somebody whose address is in the settings is an operator, in whatever case it is written there."""
    site.log_in(OPERATOR.upper())
    assert site.get("/compte").status_code == 200


def test_a_database_that_is_gone_has_its_page(site: Site) -> None:
    """Without the database, a page says to come back, and the process is alive but not ready."""
    site.log_in(MARIE)
    with site.services.writing() as connection:
        connection.exec_driver_sql("DROP TABLE sessions")
        connection.exec_driver_sql("DROP TABLE alembic_version")
    answer = site.get("/compte")
    assert answer.status_code == 503
    assert "Code : indisponible" in answer.text
    assert site.get("/livez").status_code == 200
    assert site.get("/readyz").status_code == 503


def test_the_head_of_a_page_is_that_of_the_page(site: Site) -> None:
    """Monitors ask for it; nothing is sent after it."""
    whole, head = site.get("/"), site.client.head("/")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.content)) or "content-encoding" in head.headers
    assert head.headers["content-security-policy"] == whole.headers["content-security-policy"]
    assert site.client.head("/nowhere").status_code == 404
