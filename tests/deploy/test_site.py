"""The documentation site, built from docs/: its links lead somewhere, and nothing comes from elsewhere."""

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from support.programs import START_SECONDS

ROOT = Path(__file__).resolve().parents[2]
_LOADED = {"script", "img", "iframe", "source", "audio", "video", "embed"}
"""Elements whose addresses a browser fetches by itself."""


class _Page(HTMLParser):
    """The addresses of a page that are followed, those that are fetched, and its anchors."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors.update(given[name] for name in ("id", "name") if name in given)
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag in _LOADED and "src" in given:
            self.loaded.append(given["src"])
        if tag == "link" and given.get("rel") not in {"canonical", "prev", "next"}:
            self.loaded.append(given["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make site` builds it."""
    pytest.importorskip("zensical", reason="`make site` and `make check` install zensical, which builds the site")
    target = tmp_path_factory.mktemp("built") / "site"
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "site.py"), str(target)],
        capture_output=True,
        text=True,
        timeout=START_SECONDS * 10,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return target


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, _Page]:
    """Every page of the site, but the one for what is not there, which no file leads to."""
    return {path: _Page(path.read_text()) for path in site.rglob("*.html") if path.name != "404.html"}


def test_every_link_leads_somewhere(site: Path, pages: dict[Path, _Page]) -> None:
    """Each link within the site leads to a file of it, and to a place in that page where it names one."""
    broken: list[str] = []
    followed = 0
    for path, page in pages.items():
        for link in (*page.links, *page.loaded):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            followed += 1
            target = Path(os.path.normpath(path.parent / unquote(parts.path))) if parts.path else path
            if target.is_dir():
                target /= "index.html"
            anchor = unquote(parts.fragment)
            if not target.is_relative_to(site) or not target.is_file():
                broken.append(f"{path.relative_to(site)}: {link}")
            elif anchor and target in pages and anchor not in pages[target].anchors:
                broken.append(f"{path.relative_to(site)}: {link} (no such place)")
    assert broken == []
    assert followed > 1000


def test_nothing_comes_from_elsewhere(site: Path, pages: dict[Path, _Page]) -> None:
    """A browser that shows a page fetches nothing from another host, whether the page or a style asks for it."""
    foreign = {address for page in pages.values() for address in page.loaded if re.match(r"(\w+:)?//", address)}
    styles = "".join(path.read_text() for path in site.rglob("*.css"))
    foreign |= set(re.findall(r"(?:url\(|@import\s*)[\"']?((?:https?:)?//[^\"')]+)", styles))
    assert foreign == set()


def test_pages_of_integrators_are_found(site: Path) -> None:
    """The index of the search has what an integrator looks for: a code, a field, a deprecated path, a limit."""
    items = json.loads((site / "search.json").read_text())["items"]
    where = {item["location"].partition("#")[0] for item in items}
    assert {"erreurs.html", "limites.html", "migration.html", "regles.html", "fournisseurs/insee.html"} <= where
    text = " ".join(f"{item['title']} {item['text']}" for item in items)
    for looked_for in ("PP999", "00909", "date_cessation", "/v2/exercices", "actes_bilans"):
        assert looked_for in text


def test_every_page_of_docs_is_on_the_site(site: Path) -> None:
    """Each page of docs/ has its place, and the navigation names it."""
    index = (site / "index.html").read_text()
    for page in sorted((ROOT / "docs").glob("*.md")):
        name = "index.html" if page.name == "README.md" else page.with_suffix(".html").name
        assert (site / name).is_file()
        assert name == "index.html" or name in index, f"scripts/site.yml does not name {page.name}"
