"""Tests of the pages for everybody in a browser: what axe finds, widths, the keyboard, a login from end to end."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from apientreprise_gateway.database.engine import connect
from apientreprise_gateway.portal.services import Demo, DemoPerson
from support import databases
from support.browser import PHONE, opened, overflow, violations
from support.portal import Site, served

PAGES = (
    "/",
    "/catalogue",
    "/catalogue/api_entreprise_v4_insee_unites_legales",
    "/cas-usages",
    "/guide",
    "/guide/guide-integrateur",
    "/faq",
    "/chiffres",
    "/editeurs",
    "/support",
    "/bac-a-sable",
    "/demander-un-acces",
    "/confidentialite",
    "/compte/se-connecter",
    "/compte/se-connecter/message-envoye",
    "/demo/courrier",
    "/apres-deconnexion",
    "/nowhere",
)
MARIE = "marie@mairie.test"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A portal of a demonstration, on a port of this machine."""
    folder: Path = tmp_path_factory.mktemp("portal")
    engine = connect(databases.new_sqlite(folder))
    with served(engine, demo=Demo(people=(DemoPerson(email=MARIE, who="Demandeuse"),))) as running:
        yield running
    engine.dispose()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_can_be_read_by_everybody(site: Site, browser: Browser, path: str) -> None:
    """Axe finds nothing, and on a telephone nothing is wider than the screen either."""
    with opened(browser) as page:
        page.goto(site.url + path)
        assert violations(page) == []
        assert overflow(page) <= 0
        page.set_viewport_size({"width": PHONE, "height": 844})
        assert overflow(page) <= 0


def test_at_twice_the_size_nothing_is_cut_off(site: Site, browser: Browser) -> None:
    """With the text twice as large, a page is still no wider than the screen."""
    with opened(browser) as page:
        for path in ("/", "/catalogue", "/compte/se-connecter", "/support"):
            page.goto(site.url + path)
            page.evaluate("document.documentElement.style.fontSize = '200%'")
            assert overflow(page) <= 0


def test_the_keyboard_goes_to_the_contents(site: Site, page: Page) -> None:
    """The first stop of the keyboard skips the menu; where it is shows."""
    page.goto(site.url)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Aller au contenu"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_a_login_by_mail(site: Site, page: Page) -> None:
    """From the form over the mail to the account, and out again; the page to go to is remembered."""
    page.goto(f"{site.url}/compte")
    page.get_by_label("Votre adresse électronique professionnelle").fill("jean@mairie.test")
    page.get_by_role("button", name="Recevoir le lien").click()
    page.goto(f"{site.url}/demo/courrier")
    page.locator("tbody a").first.click()
    page.locator("pre a").first.click()
    page.get_by_role("button", name="Me connecter").click()
    assert page.url == f"{site.url}/compte"
    assert violations(page) == []
    page.get_by_role("button", name="Se déconnecter").click()
    assert page.url == f"{site.url}/apres-deconnexion"


def test_a_wrong_address_is_told(site: Site, page: Page) -> None:
    """The error is beside the field, which it is tied to, and in the summary, whose link leads there."""
    page.goto(f"{site.url}/compte/se-connecter")
    page.locator("form[action='/compte/se-connecter']").evaluate("form => { form.noValidate = true }")
    page.get_by_label("Votre adresse électronique professionnelle").fill("jean")
    page.get_by_role("button", name="Recevoir le lien").click()
    field = page.get_by_label("Votre adresse électronique professionnelle")
    assert field.get_attribute("aria-invalid") == "true"
    assert field.input_value() == "jean"
    assert violations(page) == []
    page.locator("#erreurs a").click()
    assert page.evaluate("document.activeElement.id") == "champ-email"


def test_everything_works_without_scripts(site: Site, browser: Browser) -> None:
    """A click logs in, and the account is there, in a browser that runs no script."""
    with opened(browser, java_script_enabled=False) as page:
        page.goto(f"{site.url}/compte/se-connecter")
        page.get_by_role("button", name=f"Entrer en tant que {MARIE}").click()
        assert page.url == f"{site.url}/compte"
        assert MARIE in page.locator("main").inner_text()
