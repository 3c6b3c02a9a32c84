"""Tests of the pages for everybody."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, insert, update

from apientreprise_gateway.accounts import tokens
from apientreprise_gateway.database import accounts
from apientreprise_gateway.database.tables import calls_by_operation
from apientreprise_gateway.portal.markdown import rendered
from apientreprise_gateway.portal.pages.catalogue import Wanted, known_of
from apientreprise_gateway.portal.pages.guide import GUIDE
from apientreprise_gateway.providers.products import PRODUCTS
from support.accounts import add_habilitation
from support.portal import Site, make_site

PUBLIC = (
    "/",
    "/catalogue",
    "/cas-usages",
    "/guide",
    "/faq",
    "/guide/fournisseurs",
    *(f"/guide/{name}" for name in GUIDE),
    "/chiffres",
    "/editeurs",
    "/support",
    "/bac-a-sable",
    "/demander-un-acces",
    "/conditions",
    "/confidentialite",
    "/accessibilite",
    "/mentions-legales",
    "/compte/se-connecter",
)
UNITS = "api_entreprise_v4_insee_unites_legales"


@pytest.fixture
def kind() -> str:
    """The kind of database: most of these pages ask for nothing in it."""
    return "sqlite"


@pytest.mark.parametrize("path", PUBLIC)
def test_a_public_page(site: Site, path: str) -> None:
    """Each has one main heading, a title of its own, and links that lead to pages that are there."""
    page = site.text(path)
    assert page.count("<h1") == 1
    for link in sorted(set(re.findall(r'href="(/[^"#?]*)', page))):
        if not link.startswith(("/statique/", "/statut")):  # the status page has tests of its own
            assert site.get(link).status_code in (200, 303), link


def test_titles_are_different(site: Site) -> None:
    """No two pages have the same title."""
    titles = [re.findall(r"<title>([^<]*)", site.text(path))[0] for path in PUBLIC if path != "/guide/faq"]
    assert len(set(titles)) == len(titles)


def test_the_first_view_is_small(site: Site) -> None:
    """The home page, its style and its icon together are far below 150 kB."""
    page = site.get("/")
    files = [site.get(link) for link in re.findall(r'href="(/statique/[^"]+)"', page.text)]
    assert sum(len(each.content) for each in (page, *files)) < 50_000


def test_only_pages_without_secrets_are_compressed(site: Site) -> None:
    """Long public pages are; one with a form, or of somebody who is logged in, is not."""
    assert site.get("/guide/erreurs").headers["content-encoding"] == "gzip"
    assert "content-encoding" not in site.get("/guide/erreurs", headers={"Accept-Encoding": "identity"}).headers
    assert "content-encoding" not in site.get("/support").headers
    site.log_in("marie@mairie.test")
    assert "content-encoding" not in site.get("/guide/erreurs").headers


def test_a_file_is_kept_by_browsers(site: Site) -> None:
    """Its address changes with its content, so it may be kept for a year; it is sent compressed."""
    link = re.findall(r'href="(/statique/[^"]+\.css)"', site.text("/"))[0]
    answer = site.get(link)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] in ("br", "gzip")
    assert site.get("/statique/portail-0.css").status_code == 404
    assert site.get("/statique/..%2Fapp.py").status_code == 404


def test_every_operation_has_its_page(site: Site) -> None:
    """The page says what a call needs and gives, with an example."""
    page = site.text(f"/catalogue/{UNITS}")
    for part in ("/v4/insee/sirene/unites_legales/130025265", "recipient", "data.siren", "250 appels", "5 secondes"):
        assert part in page
    for each in known_of(PRODUCTS).operations:
        assert site.get(f"/catalogue/{each['operation']}").status_code == 200


@pytest.mark.parametrize(
    ("query", "there", "not_there"),
    [
        ("q=unité+légale", UNITS, "quotient_familial"),
        ("q=QUOTIENT", "quotient_familial", UNITS),
        ("produit=api_particulier", "quotient_familial", UNITS),
        ("fournisseur=INSEE", UNITS, "quotient_familial"),
        ("acces=ouvert", UNITS, "attestation_vigilance"),
        ("cas=tarification_municipale_enfance", "quotient_familial", UNITS),
    ],
)
def test_looking_for_data(site: Site, query: str, there: str, not_there: str) -> None:
    """Words, with or without accents, and each filter narrow the list."""
    page = site.text(f"/catalogue?{query}")
    listed = re.findall(r'href="/catalogue/([^"]+)"', page)
    assert any(there in each for each in listed)
    assert not any(not_there in each for each in listed)


def test_nothing_found(site: Site) -> None:
    """A search without a result says what to do, and prints what was typed as text."""
    page = site.get("/catalogue", params={"q": "<script>alert(1)</script>"}).text
    assert "Rien ne correspond" in page
    assert "<script>" not in page


def test_words_are_found_in_any_order() -> None:
    """Each word that is looked for must be somewhere in an operation."""
    known = known_of(PRODUCTS)
    one, other = (Wanted(words=words) for words in ("sirene legale", "LÉGALE sirene"))
    assert [each["operation"] for each in known.operations if one.takes(known, each)] == [
        each["operation"] for each in known.operations if other.takes(known, each)
    ]


def test_figures_are_counted_by_month(site: Site) -> None:
    """Calls of this month and the last are told apart, data from documents, and refusals from answers."""
    site.clock.time = datetime(2026, 3, 4, 10, tzinfo=UTC)
    rows = [
        (datetime(2026, 3, 1, 0, tzinfo=UTC), UNITS, "2xx", 30_000),
        (datetime(2026, 3, 1, 0, tzinfo=UTC), UNITS, "refused", 5),
        (datetime(2026, 2, 10, 0, tzinfo=UTC), "api_entreprise_v4_urssaf_attestation_vigilance", "2xx", 4_321),
    ]
    with site.services.writing() as connection:
        for at, operation, kind, calls in rows:
            values = {"at": at, "operation": operation, "class": kind, "calls": calls}
            connection.execute(insert(calls_by_operation).values(values))
    page = site.text("/chiffres")
    assert "30\u202f005" in page
    assert "4\u202f321" in page
    assert "mars 2026" in page


def test_software_makers_are_listed(site: Site) -> None:
    """A maker is shown with its site, if that is one of https."""
    with site.services.writing() as connection:
        for name, url in (("Un & Deux", "https://un.test"), ("Trois", "javascript:alert(1)")):
            values = {"id": name, "name": name, "url": url, "form_uids": [], "delegations_enabled": False}
            connection.execute(insert(accounts.editors).values(**values, created_at=site.clock()))
    page = site.get("/editeurs").text
    assert '<a href="https://un.test" rel="noopener">Un &amp; Deux</a>' in page
    assert "javascript:" not in page


def test_a_message_to_the_support(engine: Engine) -> None:
    """The message holds what was typed, ready to be sent; nothing is sent or stored by us."""
    site = make_site(engine, settings={"support_address": "support@portail.test"})
    fields = {"body": "Plus rien ne répond.", "request_id": "abc-1", "time": "14 h", "operation": "/v4/x"}
    page = site.post("/support", page="/support", **fields).text
    assert "Numéro de la requête (X-Request-Id) : abc-1" in page
    assert 'href="mailto:support@portail.test?subject=' in page


@pytest.mark.parametrize("field", ["body", "request_id"])
def test_a_message_never_holds_a_token(site: Site, field: str) -> None:
    """Whoever pastes a token is told to take it out; it is not printed again."""
    token = "eyJhbGciOiJIUzI1NiJ9.eyJqdGkiOiJhYmMifQ.c2lnbmF0dXJl"
    answer = site.post("/support", page="/support", **{"body": "x", field: f"mon jeton {token}"})
    assert answer.status_code == 422
    assert token not in answer.text


def test_who_is_banned_is_told(site: Site) -> None:
    """Somebody who is logged in sees the addresses that are banned and have used a token of theirs."""
    now, person = site.clock(), site.log_in("marie@mairie.test")
    assert "aucune adresse" in site.text("/support")
    with site.services.writing() as connection:
        habilitation = add_habilitation(connection, now)
        jti = tokens.make(connection, habilitation, now=now).id
        held = (accounts.roles.c.habilitation_id == habilitation.id) & (accounts.roles.c.role == "technical_contact")
        connection.execute(update(accounts.roles).where(held).values(user_id=person))
        ends = now + timedelta(hours=12)
        ban = {"id": "b", "address": "192.0.2.9", "started_at": now, "ends_at": ends, "reason": "total"}
        connection.execute(insert(accounts.bans).values(ban))
        connection.execute(insert(accounts.ban_tokens).values(ban_id="b", jti=jti))
    assert "192.0.2.9" in site.text("/support")
    other = site.another()
    other.log_in("jean@mairie.test")
    assert "192.0.2.9" not in other.text("/support")


def test_own_texts(engine: Engine, tmp_path: object) -> None:
    """An operator's own text is shown in place of the template; HTML within it is text."""
    (tmp_path / "conditions.md").write_text("# Nos conditions\n\n<b>Lisez</b> [ici](https://un.test).")  # type: ignore[operator]
    site = make_site(engine, settings={"texts": str(tmp_path)})
    page = site.get("/conditions").text
    assert "<h1" in page
    assert "&lt;b&gt;Lisez" in page
    assert "Modèle à compléter" in site.get("/confidentialite").text


def test_markdown_has_no_way_out() -> None:
    """Neither HTML nor a script's address comes out of a text."""
    text = rendered(
        "# A\n\n<script>x</script> [a](javascript:alert(1)) [b](other.md) ![c](d.png)\n\n## Un `code`\n\n## Un code"
    )
    assert "<script" not in text.html
    assert "javascript:alert" not in re.sub(r"\[a\]\(javascript:alert\(1\)\)", "", str(text.html))
    assert "<img" not in text.html
    assert [each.anchor for each in text.headings] == ["un-code", "un-code-1"]


def test_what_lasts_shows_the_last_twelve_months(site: Site) -> None:
    """Twelve months are shown, empty ones too, and figures are counted again after an hour."""
    before = site.text("/chiffres")
    assert "avril 2025" in before or "mars 2025" in before
    site.clock.time += timedelta(days=40)
    assert "avril 2026" in site.text("/chiffres")
