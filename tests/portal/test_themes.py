"""Tests of the State's theme, which is made of files that the project does not bring."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from apientreprise_gateway.accounts import bans
from apientreprise_gateway.config.environment import SettingsError
from apientreprise_gateway.contract.bans import Ban, Reason
from apientreprise_gateway.database.engine import connect, writing
from apientreprise_gateway.portal.dsfr import Dsfr
from support import databases
from support.accounts import APPLICANT, add_call, add_habilitation, add_known
from support.browser import PHONE, opened, overflow, violations
from support.portal import OPERATOR, Site, make_site, served

FETCHED = Path(__file__).resolve().parents[2] / "dist" / "dsfr-1.15.3"
PAGES = ("/", "/catalogue", "/compte/se-connecter", "/support", "/chiffres", "/demander-un-acces", "/nowhere")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as that of the package, with next to nothing in it."""
    dist = tmp_path / "dist"
    (dist / "fonts").mkdir(parents=True)
    (dist / "dsfr.min.css").write_text("body { color: black }")
    (dist / "fonts" / "a.woff2").write_bytes(b"font")
    (dist / "secret.txt").write_text("no")
    (tmp_path / "package.json").write_text(json.dumps({"name": "@gouvfr/dsfr", "version": "1.15.3"}))
    return tmp_path


@pytest.fixture
def kind() -> str:
    """The kind of database: these pages ask for nothing in it."""
    return "sqlite"


@pytest.mark.parametrize("given", [None, "/nowhere", str(Path(__file__).parent)])
def test_without_its_files_the_theme_is_refused(given: str | None) -> None:
    """The start says what to do, in one line."""
    with pytest.raises(SettingsError, match=r"make dsfr"):
        Dsfr(given)


def test_its_files_are_served(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The page names the sheet of the package before ours; nothing else of the folder is served."""
    engine = connect(databases.new_sqlite(tmp_path_factory.mktemp("db")))
    site = make_site(engine, settings={"theme": "dsfr", "dsfr": str(folder)})
    page = site.text("/")
    sheets = re.findall(r'rel="stylesheet" href="([^"]+)"', page)
    assert sheets[0] == "/statique/dsfr-1.15.3/dsfr.min.css"
    assert len(sheets) == 3
    assert site.get(sheets[0]).text == "body { color: black }"
    assert site.get("/statique/dsfr-1.15.3/fonts/a.woff2").headers["content-type"] == "font/woff2"
    for path in ("secret.txt", "../package.json", "..%2Fpackage.json", "%2e%2e/package.json", "/etc/passwd"):
        assert site.get(f"/statique/dsfr-1.15.3/{path}").status_code == 404
    assert site.get("/statique/dsfr-0/dsfr.min.css").status_code == 404
    engine.dispose()


def fill(site: Site) -> Mapping[str, tuple[str, ...]]:
    """Put in what pages of accounts show; the pages of each person."""
    now = site.clock.time
    with writing(site.engine) as connection:
        known = add_known(connection, now, called=True)
        draft = add_habilitation(connection, now, state="draft", source="portal", external_id="P7", title="Brouillon")
        for minutes in (1, 50, 300):
            add_call(connection, known.token.id, now - timedelta(minutes=minutes), status=429 if minutes == 50 else 200)
        start = int(now.timestamp()) * 1_000_000
        bans.keep(connection, [Ban(address="192.0.2.9", reason=Reason.CEILING, count=1204, start=start)], now=now)
    of_token = tuple(known.token_path + more for more in ("", "/stats", "/partager"))
    of_request = tuple(known.path + more for more in ("", "/securite", "/delegations", "/renouveler"))
    lists = ("demandes", "habilitations", "blocages", "journal", "courriels", "taches", "activite", "statut")
    return {
        APPLICANT: (
            "/compte",
            "/compte/demandes",
            *of_request,
            *of_token,
            f"/compte/demandes/{draft.id}/formulaire",
            "/compte/nouvelle-demande",
            "/compte/transferer",
        ),
        OPERATOR: (
            "/admin",
            *(f"/admin/{name}" for name in lists),
            f"/admin/demandes/{known.habilitation.id}",
            f"/admin/jetons/{known.token.id}",
        ),
    }


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A portal with the files of the package; skips the test if they were not fetched."""
    if not FETCHED.is_dir():
        pytest.skip("no files of @gouvfr/dsfr (make dsfr fetches them): the State's theme is not looked at")
    engine = connect(databases.new_sqlite(tmp_path_factory.mktemp("portal")))
    with served(engine, settings={"theme": "dsfr", "dsfr": str(FETCHED)}) as site:
        yield site
    engine.dispose()


def test_pages_in_the_theme(real: Site, browser: Browser) -> None:
    """Axe finds nothing, nothing is wider than a telephone, nothing breaks the policy."""
    for path in PAGES:
        with opened(browser) as page:
            page.goto(real.url + path)
            assert violations(page) == [], path
            page.set_viewport_size({"width": PHONE, "height": 844})
            assert overflow(page) <= 0, path


def test_pages_of_accounts_in_the_theme(real: Site, browser: Browser) -> None:
    """The same holds for those of an applicant and of an operator."""
    for email, paths in fill(real).items():
        real.log_in(email)
        cookies: list[Any] = [
            {"name": each.name, "value": each.value, "url": real.url} for each in real.client.cookies.jar
        ]
        with opened(browser) as page:
            page.context.add_cookies(cookies)
            for path in paths:
                answer = page.goto(real.url + path)
                assert answer is not None
                assert answer.status == 200, path
                assert violations(page) == [], path
                page.set_viewport_size({"width": PHONE, "height": 844})
                assert overflow(page) <= 0, path
                page.set_viewport_size({"width": 1280, "height": 900})


def test_the_first_view_is_not_large(real: Site, browser: Browser) -> None:
    """With its fonts it is below 320 kB, compressed."""
    sizes: list[int] = []
    with opened(browser) as page:
        page.on("response", lambda answer: sizes.append(int(answer.headers.get("content-length", 0))))
        page.goto(real.url, wait_until="networkidle")
    assert 100_000 < sum(sizes) < 320_000
