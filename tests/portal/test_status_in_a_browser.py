"""The status page in a browser: what axe finds, widths, the keyboard, no scripts; and its static files."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page

from apientreprise_gateway.database.engine import connect, writing
from apientreprise_gateway.portal.services import Demo, DemoPerson
from apientreprise_gateway.portal.statut.board import Board
from apientreprise_gateway.portal.statut.exporting import export
from apientreprise_gateway.status import incidents, rounds, store
from apientreprise_gateway.status.incidents import Impact, Progress
from apientreprise_gateway.status.judging import State
from support import databases
from support.browser import LONG, PHONE, opened, overflow, violations
from support.portal import OPERATOR, Site, served
from support.status import COMPONENTS, SIRENE

LONG_WORD = "https://exemple.test/" + "a" * 120


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A portal with 90 days, a draft, incidents and maintenance."""
    engine = connect(databases.new_sqlite(tmp_path_factory.mktemp("portal")))
    with served(engine, demo=Demo(people=(DemoPerson(email=OPERATOR, who="Opératrice"),))) as running:
        fill(running)
        yield running
    engine.dispose()


def fill(site: Site) -> None:
    """Put something of everything into the status page."""
    now = site.clock()
    good = {each.id: State.GOOD for each in COMPONENTS}
    with writing(site.engine) as connection:
        for back in range(80, 0, -1):
            bad = {SIRENE: State.BAD} if back % 7 == 0 else {}
            unknown = {"infogreffe-rcs": State.UNKNOWN} if back > 40 else {}
            store.write_minute(connection, now - timedelta(days=back), good | bad | unknown)
        rounds.record(connection, COMPONENTS, now, good | {SIRENE: State.BAD}, seconds=60, now=now)
        for name, state in (("Sirene ne répond pas", Progress.INVESTIGATING), ("Fini", Progress.RESOLVED)):
            id_ = incidents.open_draft(
                connection, name=name, impact=Impact.MAJOR, components=[SIRENE], started_at=now, now=now
            )
            found = incidents.incident(connection, id_, now=now)
            assert found is not None
            body = f"Depuis 11 h.\n\n{LONG_WORD}"
            incidents.publish(connection, found, state=state, body=body, now=now)
        incidents.open_draft(
            connection, name="Un brouillon", impact=Impact.MINOR, components=[], started_at=now, now=now
        )
        start = now + timedelta(hours=2)
        incidents.announce(
            connection,
            name="Bascule",
            body="b",
            components=[SIRENE],
            start=start,
            end=start + timedelta(hours=1),
            now=now,
        )


def test_the_pages_can_be_read_by_everybody(site: Site, browser: Browser) -> None:
    """Axe finds nothing, on a desk, a telephone, and with the text twice as large nothing is wider than the screen."""
    paths = ["/statut", "/statut/composants/insee-sirene", "/statut/composants/api-entreprise"]
    paths += [
        f"/statut/incidents/{each['id']}"
        for each in httpx.get(f"{site.url}/statut/api/v2/incidents.json", timeout=LONG / 1000).json()["incidents"]
    ]
    with opened(browser) as page:
        for path in paths:
            page.set_viewport_size({"width": 1280, "height": 900})
            page.goto(site.url + path)
            assert violations(page) == [], path
            assert overflow(page) <= 0, path
            page.set_viewport_size({"width": PHONE, "height": 844})
            assert overflow(page) <= 0, path
            page.evaluate("document.documentElement.style.fontSize = '200%'")
            assert overflow(page) <= 0, path


def test_operators_publish(site: Site, page: Page) -> None:
    """A draft is read, written, published and seen; each page is fit for everybody."""
    page.goto(f"{site.url}/compte/se-connecter")
    page.get_by_role("button", name=f"Entrer en tant que {OPERATOR}").click()
    page.goto(f"{site.url}/admin/statut")
    assert violations(page) == []
    page.get_by_role("link", name="Un brouillon").click()
    assert violations(page) == []
    page.get_by_label("Texte", exact=True).fill("Nous cherchons la cause.")
    page.get_by_role("button", name="Publier", exact=True).click()
    assert "La mise à jour est publiée." in page.locator("main").inner_text()
    page.get_by_role("link", name="Voir la page publique").click()
    assert "Nous cherchons la cause." in page.locator("main").inner_text()


def test_a_subscription_without_scripts(site: Site, browser: Browser) -> None:
    """Asked for, confirmed and ended, by the links of the mails."""
    with opened(browser, java_script_enabled=False) as page:
        page.goto(f"{site.url}/statut#abonnement")
        page.get_by_label("Adresse électronique").fill("agent@mairie.test")
        page.get_by_role("button", name="Demander l’abonnement").click()
        assert "Regardez votre messagerie" in page.locator("h1").inner_text()
        page.goto(f"{site.url}/demo/courrier")
        page.locator("tbody a").first.click()
        page.locator("pre a").first.click()
        page.get_by_role("button", name="Confirmer l’abonnement").click()
        page.get_by_role("link", name="Modifier l’abonnement maintenant").click()
        page.get_by_label("Maintenances annoncées").uncheck()
        page.get_by_role("button", name="Enregistrer").click()
        assert "L’abonnement est modifié." in page.locator("main").inner_text()
        assert not page.get_by_label("Maintenances annoncées").is_checked()
        page.get_by_role("button", name="Arrêter l’abonnement").click()
        assert "arrêté" in page.locator("h1").inner_text()


def test_a_wrong_address_is_told(site: Site, page: Page) -> None:
    """With the page around it, and the error tied to its field."""
    page.goto(f"{site.url}/statut")
    page.locator("form[action='/statut/abonnements']").evaluate("form => { form.noValidate = true }")
    page.get_by_label("Adresse électronique").fill("agent")
    page.get_by_role("button", name="Demander l’abonnement").click()
    assert page.get_by_label("Adresse électronique").get_attribute("aria-invalid") == "true"
    assert violations(page) == []


class Quiet(SimpleHTTPRequestHandler):
    """A web server that knows nothing but files."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[str]:
    """The address of a web server of a folder."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_static_files(site: Site, page: Page, tmp_path: Path, plain: str) -> None:
    """From page to page in a folder of any web server, or of a disk; axe finds nothing."""
    export(Board(site.services).snapshot(), tmp_path / "any where", public_url=site.url)
    page.goto(f"{plain}/any%20where/statut/index.html")
    assert violations(page) == []
    page.get_by_role("link", name="INSEE - Sirene").last.click()
    assert page.locator("h1").inner_text() == "INSEE - Sirene"
    assert violations(page) == []
    assert page.locator("img").evaluate("image => image.naturalWidth") > 0
    page.context.unroute_all()
    page.goto((tmp_path / "any where" / "statut" / "index.html").as_uri())
    page.get_by_role("link", name="INSEE - Sirene").last.click()
    page.get_by_role("link", name="État des services").click()
    assert page.locator("h1").inner_text() == "État des services"
