"""Hostile and unlucky use of the portal: every route and every form of it, as its application lists them."""

import asyncio
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Engine

from apientreprise_gateway.accounts.model import Contact
from apientreprise_gateway.accounts.repository import upsert_user
from apientreprise_gateway.database.engine import connect, writing
from apientreprise_gateway.portal import sessions
from apientreprise_gateway.portal.services import Demo
from support import databases
from support.accounts import APPLICANT, BUSINESS, TECHNICAL
from support.filled import DRAFT, EDITOR, NEWCOMER, STRANGER, TITLE, Filled, fill, held, plausible, routes
from support.portal import AUDITOR, OPERATOR, Site, make_site

SECRETS: Final = {
    "jwt_secrets": "a secret of the gateway that is long enough",
    "datapass_secrets": "a secret of DataPass that is long enough",
}
PRIVATE: Final = (TITLE, DRAFT, APPLICANT, TECHNICAL, BUSINESS, NEWCOMER)
SCRIPT: Final = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>"
ELSEWHERE: Final = "https://evil.test"
_NAMES: Final = re.compile(r"\{(\w+)(?::\w+)?\}")


@pytest.fixture(scope="module")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A portal that tests look at and change nothing of."""
    engine = connect(databases.new_sqlite(tmp_path_factory.mktemp("abuse")))
    yield make_site(engine, demo=Demo(), settings=SECRETS)
    engine.dispose()


@pytest.fixture(scope="module")
def shared(shared_site: Site) -> Filled:
    """What it has."""
    return fill(shared_site)


@pytest.fixture
def own_site(tmp_path: Path) -> Iterator[Site]:
    """A portal for one test."""
    engine = connect(databases.new_sqlite(tmp_path))
    yield make_site(engine, demo=Demo(), settings=SECRETS)
    engine.dispose()


def browser(site: Site, who: str | None, *, looks_as: str | None = None) -> Site:
    """The browser of somebody, or of somebody unknown; `looks_as` is whose account an operator looks at."""
    found = site.another()
    if who is not None:
        found.log_in(who)
    if looks_as is not None:
        with writing(site.engine) as connection:
            person = upsert_user(connection, Contact(email=looks_as), site.clock.time)
            sessions.look_as(connection, sessions.digest(found.client.cookies[found.cookie]), person.id)
    return found


def of_objects(site: Site, filled: Filled) -> list[tuple[str, str]]:
    """The method and the path of each route that names an object, for each of the objects."""
    return [
        (method, path)
        for method, template, _ in routes(site)
        if (names := _NAMES.findall(template)) and set(names) <= filled.names.keys()
        for path in filled.paths(template)
    ]


@pytest.mark.parametrize(
    ("who", "looks_as"), [(None, None), (STRANGER, None), (OPERATOR, STRANGER)], ids=["nobody", "stranger", "operator"]
)
def test_objects_of_others_are_not_there(
    shared_site: Site, shared: Filled, who: str | None, looks_as: str | None
) -> None:
    """On every route that names an object: no page, no word of it, no change."""
    site = browser(shared_site, who, looks_as=looks_as)
    csrf = site.csrf("/compte" if who else "/compte/se-connecter")
    before, asked = held(site.engine), of_objects(site, shared)
    assert len(asked) > 50
    for method, path in asked:
        answer = site.client.request(
            method, path, data={**plausible(shared), "csrf": csrf} if method == "POST" else None
        )
        if answer.status_code == 303:
            led = answer.headers["location"]  # to the login, or from an old address to that of now
            assert led.startswith("/compte/se-connecter?vers=" if who is None else "/compte/"), (method, path)
            assert who is None or site.get(led).status_code == 404, (method, path)
        else:
            assert answer.status_code == 404, (method, path, answer.status_code)
        assert not [each for each in PRIVATE if each in answer.text], (method, path)
    assert held(site.engine) == before


@pytest.mark.parametrize("who", [TECHNICAL, BUSINESS, EDITOR, AUDITOR])
def test_who_may_see_an_object_may_not_change_it(shared_site: Site, shared: Filled, who: str) -> None:
    """Of all forms that name an object, those whose part is looking can send none."""
    site = browser(shared_site, who)
    data = {**plausible(shared), "csrf": site.csrf("/compte")}
    before = held(site.engine)
    for method, path in of_objects(site, shared):
        if method == "POST":
            answer = site.client.post(path, data=data)
            assert answer.status_code in (303, 404), (path, answer.status_code)
            assert "eyJ" not in answer.text
    assert held(site.engine) == before


def test_an_operator_who_looks_as_somebody_changes_nothing_there(shared_site: Site, shared: Filled) -> None:
    """No form of the account does anything meanwhile, a new request among them."""
    site = browser(shared_site, OPERATOR, looks_as=APPLICANT)
    data = {**plausible(shared), "csrf": site.csrf("/compte")}
    before = held(site.engine)
    for method, template, _ in routes(site):
        if method == "POST" and template.startswith("/compte/") and "se-connecter" not in template:
            for path in shared.paths(template):
                if not path.endswith("/deconnexion"):
                    answer = site.client.post(path, data=data)
                    assert answer.status_code in (404, 422), (path, answer.status_code)
    assert held(site.engine) == before


def test_every_form_is_one_of_ours(shared_site: Site, shared: Filled) -> None:
    """Without its secret, with that of another session, or sent by another site, no form does anything."""
    site, other = browser(shared_site, OPERATOR), browser(shared_site, APPLICANT)
    right, wrong = site.csrf("/compte"), other.csrf("/compte")
    before = held(site.engine)
    tried: list[tuple[dict[str, str], dict[str, str]]] = [
        ({}, {}),
        ({"csrf": wrong}, {}),
        ({"csrf": right}, {"Origin": ELSEWHERE}),
        ({"csrf": right}, {"Sec-Fetch-Site": "cross-site"}),
    ]
    count = 0
    for method, template, is_page in routes(site):
        if method == "POST" and is_page:
            path, count = shared.paths(template)[0], count + 1
            for fields, headers in tried:
                answer = site.client.post(path, data={**plausible(shared), **fields}, headers=headers)
                assert answer.status_code == 403, (path, fields, headers)
    assert count > 40
    assert held(site.engine) == before


@pytest.mark.parametrize("who", [None, APPLICANT, OPERATOR])
def test_looking_changes_nothing(shared_site: Site, shared: Filled, who: str | None) -> None:
    """Every page, asked for with GET, leaves the database as it was; that calls were exported is written down."""
    site = browser(shared_site, who)
    before = held(site.engine)
    for method, template, is_page in routes(site):
        for path in shared.paths(template) if method == "GET" else ():
            answer = site.get(path)
            assert answer.status_code < 500, path
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], path
            if is_page and re.match(r"/(compte|admin|editeur)(/|$)", path):
                assert answer.headers["cache-control"] == "no-store", path
    after = held(site.engine)
    after["activity"] = [
        each for each in after["activity"] if "'calls.exported'" not in each or each in before["activity"]
    ]
    assert after == before


@pytest.mark.parametrize("name", ["%00", "9" * 40, "%ED%A0%80"])
def test_names_that_nothing_has(engine: Engine, name: str) -> None:
    """An address with such a name, or such a query, is a page that says that there is none, on both databases."""
    site = browser(make_site(engine, demo=Demo(), settings=SECRETS), OPERATOR)
    queries = "&".join(
        f"{each}={name}" for each in ("etape", "periode", "jours", "page_number", "etat", "produit", "q")
    )
    csrf = site.csrf("/compte")
    for method, template, is_page in routes(site):
        path = _NAMES.sub(lambda _: name, template)
        if path == template and method == "GET":
            assert site.get(f"{path}?{queries}").status_code < 500, path
        elif path != template and is_page:
            answer = site.client.request(method, path, data={"csrf": csrf} if method == "POST" else None)
            assert answer.status_code < 500, (method, path)


class Forms(HTMLParser):
    """The forms of a page that are posted: the address of each, and its fields."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self._is_open = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a form, or a field of it."""
        given = dict(attrs)
        if tag == "form":
            self._is_open = (given.get("method") or "").lower() == "post"
            if self._is_open:
                self.found.append((given.get("action") or "", {}))
        elif self._is_open and tag in ("input", "select", "textarea", "button") and given.get("name"):
            self.found[-1][1].setdefault(str(given["name"]), given.get("value") or "")

    def handle_endtag(self, tag: str) -> None:
        """End a form."""
        self._is_open = self._is_open and tag != "form"


STEPS: Final = ("usage", "donnees", "droit", "donnees-personnelles", "contacts", "recapitulatif")
TYPED: Final = (
    SCRIPT,
    "9" * 19_000,
    "0001-01-01",
    "9999-12-31T23:59",
    "a\r\nBcc: x@y.test",
    "\u202e\u2066\x85\u2028",
    "é" * 30_000,
)


def pages_with_forms(site: Site, filled: Filled) -> Iterator[str]:
    """The addresses of pages, and of the steps of a request."""
    for method, template, is_page in routes(site):
        for path in filled.paths(template) if method == "GET" and is_page else ():
            yield path
            if path.endswith("/formulaire"):
                yield from (f"{path}?etape={step}" for step in STEPS)


def test_whatever_is_typed_into_any_form(own_site: Site) -> None:
    """Every field of every form takes markup, endless digits and dates, line breaks and long texts: calm answers."""
    filled = fill(own_site)
    seen: set[tuple[str, ...]] = set()
    for who in (OPERATOR, APPLICANT, None):
        site = browser(own_site, who)
        for path in pages_with_forms(site, filled):
            for action, fields in Forms(site.get(path).text).found:
                key = (re.sub(r"[0-9a-f-]{36}", "*", action), *fields)
                if len(fields) < 2 or key in seen or re.search("deconnexion|effacer|revenir|voir", action):
                    continue
                seen.add(key)
                for text in TYPED:
                    kept: dict[str, str] = {
                        name: fields[name] for name in ("csrf", "etape", "decision") if name in fields
                    }
                    answer = site.client.post(action, data=dict.fromkeys(fields, text) | kept)
                    assert answer.status_code in (200, 303, 404, 413, 422, 429), (action, text[:20], answer.status_code)
                    assert "<script>alert" not in answer.text, action
                    assert "<img src=x" not in answer.text, action
    assert len(seen) > 20
    for who in (OPERATOR, APPLICANT, None):
        site = browser(own_site, who)
        for path in pages_with_forms(site, filled):
            answer = site.get(path)
            assert answer.status_code < 500, path
            assert "<script>alert" not in answer.text, path
            assert "<img src=x" not in answer.text, path


def part(name: str, value: bytes, more: str = "") -> bytes:
    """A part of a form of several parts."""
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + value + b"\r\n"


@pytest.mark.parametrize(
    "charset", ["punycode", "undefined", "idna", "unicode_escape", "raw_unicode_escape", "hex", "no"]
)
@pytest.mark.parametrize("value", [rb"\ud800", rb"\x00\udfff", b"-\xff"])
def test_a_form_that_lies_about_its_charset(shared_site: Site, shared: Filled, charset: str, value: bytes) -> None:
    """What it cannot be decoded with, or decodes to what no database stores, makes it unreadable or is plain text."""
    site = browser(shared_site, APPLICANT)
    path = f"/compte/demandes/{shared.names['habilitation_id'][0]}/formulaire"  # is not being written: 404
    body = part("csrf", site.csrf("/compte").encode()) + part("etape", b"usage") + part("title", value) + b"--b--\r\n"
    headers = {"Content-Type": f"multipart/form-data; boundary=b; charset={charset}"}
    assert site.client.post(path, content=body, headers=headers).status_code in (400, 403, 404)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"no part at all"),
        ("multipart/form-data; boundary=b", b"--b\r\n" + b"A" * 100_000 + b": x\r\n\r\n"),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n"),
        ("multipart/form-data; boundary=" + "b" * 3000, b"x"),
        ("multipart/form-data; boundary=b", b"".join(part(f"f{n}", b"x", '; filename="a"') for n in range(9))),
        ("application/json", b'{"csrf": 1}'),
        ("application/x-www-form-urlencoded", b"a=b&" * 300_000),
        ("application/x-www-form-urlencoded", b"csrf=%C3%28&=&&&=;;%zz%"),
    ],
)
def test_a_body_that_is_no_form(shared_site: Site, content_type: str, body: bytes) -> None:
    """It is refused with a page that says so."""
    site = browser(shared_site, APPLICANT)
    answer = site.client.post("/compte/deconnexion", content=body, headers={"Content-Type": content_type})
    assert answer.status_code in (400, 403, 413)
    assert "Code : " in answer.text


def test_a_browser_that_goes_away_while_it_sends(shared_site: Site) -> None:
    """That is no fault of ours: nothing is counted as one."""

    async def ask() -> list[int]:
        told: list[int] = []
        parts = iter([{"type": "http.request", "body": b"csrf=", "more_body": True}, {"type": "http.disconnect"}])

        async def receive() -> Any:
            return next(parts)

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                told.append(message["status"])

        kind = b"application/x-www-form-urlencoded"
        scope: dict[str, Any] = {
            "type": "http", "method": "POST", "path": "/compte/se-connecter", "query_string": b"", "scheme": "https",
            "headers": [(b"host", b"x"), (b"content-type", kind)], "http_version": "1.1", "client": ("192.0.2.1", 1),
            "server": ("x", 443), "raw_path": b"/compte/se-connecter", "root_path": "",
        }  # fmt: skip
        await shared_site.portal(scope, receive, send)
        return told

    assert asyncio.run(ask()) == [400]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("page.pdf", b"<html>%PDF"),
        ("../../x.pdf", b""),
        ("a.pdf", b"%PDF-1.4"),
        ("b.pdf", b"%PDF-" + b"x" * 10_500_000),
    ],
)
def test_files_that_are_no_pdf(own_site: Site, name: str, content: bytes) -> None:
    """Their content counts, not their name; nothing is kept."""
    filled = fill(own_site)
    site = browser(own_site, APPLICANT)
    path = f"/compte/demandes/{filled.names['habilitation_id'][1]}/formulaire"
    data = {"csrf": site.csrf("/compte"), "etape": "droit"}
    answer = site.client.post(path, data=data, files={"attachment": (name, content, "application/pdf")})
    assert answer.status_code == 422
    assert held(site.engine)["attachments"] == []
    assert site.get(path.replace("formulaire", "piece")).status_code == 404


@pytest.mark.parametrize(
    "where", ["//evil.test", "/\\evil.test", ELSEWHERE, "javascript:alert(1)", "/%0d%0aX: y", "/\t/evil.test"]
)
def test_no_address_leads_elsewhere(shared_site: Site, where: str) -> None:
    """Whatever a link or a form says where to go to, the browser stays here."""
    site = shared_site.another()
    page = site.get("/compte/se-connecter", params={"vers": where}).text
    assert "evil.test" not in page
    assert "javascript:" not in page
    csrf = site.csrf()
    answer = site.client.post("/compte/se-connecter", data={"csrf": csrf, "email": "a@b.test", "goes_to": where})
    assert answer.headers["location"] == "/compte/se-connecter/message-envoye"
    rows = held(site.engine)["login_links"]
    assert not [row for row in rows if "evil" in row or "javascript" in row]


def test_a_second_click_on_an_old_page(own_site: Site) -> None:
    """A token that was revoked in another tab is neither shown nor revoked again, and nobody waits for the database.

    The first tab has not shown what it was told yet: a page that says so is written down.
    """
    filled = fill(own_site)
    site = browser(own_site, APPLICANT)
    path, csrf = f"/compte/jetons/{filled.names['jti'][0]}", site.csrf("/compte")
    data = {"csrf": csrf, "confirmation": "1"}
    assert site.client.post(f"{path}/revoquer", data=data).status_code == 303
    assert site.client.post(f"{path}/revoquer", data=data).status_code in (303, 422)
    assert site.client.post(f"{path}/afficher", data=data).status_code == 303
    assert "ne fonctionne plus" in site.text(path)


def test_an_operator_searches_with_years_that_no_calendar_has(shared_site: Site, shared: Filled) -> None:
    """A date at the edge of what can be computed is refused beside its field."""
    site = browser(shared_site, AUDITOR)
    data = {"csrf": site.csrf("/compte"), "reason": "x", "jti": shared.names["jti"][0]}
    for date in ("0001-01-01", "99999-01-01", "2026-02-30"):
        assert site.client.post("/admin/journal", data={**data, "since": date}).status_code == 422
