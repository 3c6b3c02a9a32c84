"""Write a picture of every page of the portal at two widths, and the page that shows them (docs/portal-pages.md).

    scripts/portal_images.py [--theme FOLDER] [--only TEXT] [--to FOLDER]

A demonstration is started; a Chromium logs in as each of its people by a click and follows their links. Of pages that
differ by their object alone, one is shown for each state. `--theme` names the files of the State's design system
(`make dsfr`): the pages are then those of that theme. Needs Chromium and pngquant.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = ROOT / "docs" / "images" / "portal"
INDEX: Final = ROOT / "docs" / "portal-pages.md"
WIDTHS: Final = {1280: 1600, 390: 2400}
"""Of the window, with the most that is shown of a page from its top, in pixels."""
COLOURS: Final = "9"
_FLAGS: Final = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking")
_PRIVATE: Final = re.compile(r"/(compte|admin|editeur)(/|$)")
_LEFT_OUT: Final = re.compile(r"\.(csv|atom|json|ics|svg|pdf|txt)$|/piece$|/documentation|/statique/")
_NUMBER: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=/)[A-Za-z0-9_-]{43}$|(?<=/)[0-9]+(?=/|$)")
_KIND: Final = re.compile(r"((?:^/catalogue|^/guide|^/guide/fournisseurs|/composants|/courrier)/)[^/]+$")
_WORD: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Person:
    """Somebody to be, and where their pages begin."""

    key: str
    title: str
    email: str | None
    starts: tuple[str, ...]
    left_out: str = "$."
    """Pages that differ little from those of others, as a pattern of their kind."""


_STATES: Final = "(draft|changes_requested|refused|archived|revoked|revoked_later|expired)$"
_SAME: Final = f"{_STATES}|nouvelle|telecharger"
_DESK: Final = f"{_STATES}|^/compte"
PEOPLE: Final = (
    Person("public", "Pour tous", None, ("/", "/compte/se-connecter", "/cas-usages", "/page-qui-n-existe-pas")),
    Person("demandeur", "Demandeur", "camille.martin", ("/compte", "/compte/demandes", "/compte/nouvelle-demande")),
    Person("technique", "Contact technique", "sacha.leroy", ("/compte", "/compte/demandes"), _SAME),
    Person("metier", "Contact métier", "dominique.moreau", ("/compte", "/compte/demandes"), rf"{_SAME}|\*"),
    Person("editeur", "Éditeur de logiciels", "lou.girard", ("/compte", "/editeur/habilitations")),
    Person("operateur", "Opérateur", "operatrice", ("/admin",), _DESK),
    Person("auditeur", "Auditeur", "auditeur", ("/admin", "/admin/journal"), "^/(compte|admin/(?!journal))"),
)


@dataclass(frozen=True)
class Shown:
    """A page that was photographed."""

    person: Person
    name: str
    title: str
    path: str


@contextmanager
def demonstration(theme: str | None) -> Iterator[str]:
    """The address of the portal of a demonstration, until the end of the block."""
    more = {} if theme is None else {"PORTAL_THEME": "dsfr", "PORTAL_DSFR": theme}
    command = [sys.executable, "-m", "apientreprise_gateway", "demo", "--port", "0"]
    with tempfile.TemporaryFile() as errors:
        environment = {**os.environ, **more}
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment) as process:
            try:
                yield next(line.split()[1] for line in process.stdout or () if line.startswith("Portal:"))
            finally:
                process.send_signal(signal.SIGTERM)


def kind_of(path: str, state: str) -> str:
    """What pages have in common of which one is shown."""
    of_state = state if _NUMBER.search(path) else ""
    return _KIND.sub(r"\1*", _NUMBER.sub("*", path)) + of_state


def name_of(person: Person, path: str, state: str) -> str:
    """The name of a picture, without its width."""
    text = re.sub(r"=([^&]*)", r"-\1", _NUMBER.sub("un", path))
    words = _WORD.sub("-", text.lower()).strip("-") or "accueil"
    return "-".join(filter(None, (person.key, words, state.replace("_", "-") if _NUMBER.search(path) else "")))


def links_of(page: Page) -> list[str]:
    """The paths of this site that a page links to, each once, with the queries that lead to another view."""
    found = page.evaluate("[...document.querySelectorAll('a[href]')].map(link => link.href)")
    here = urlsplit(page.url)
    paths = []
    for each in map(urlsplit, found):
        if each.netloc != here.netloc or _LEFT_OUT.search(each.path):
            continue
        paths.append(each.path + (f"?{each.query}" if re.match(r"etape=", each.query) else ""))
    return list(dict.fromkeys(paths))


def pages_of(browser: Browser, url: str, person: Person) -> Iterator[tuple[Page, str, str]]:
    """Each kind of page of a person, opened, with its path and its state."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="fr-FR")
    page = context.new_page()
    if person.email is not None:
        page.goto(f"{url}/compte/se-connecter")
        page.locator("form", has_text=person.email).get_by_role("button").click()
        page.wait_for_url(f"{url}/compte")
    waiting, asked, kinds = list(person.starts), set(person.starts), set()
    while waiting:
        path = waiting.pop(0)
        page.goto(url + path, wait_until="load")
        place = page.url.removeprefix(url)
        badge = page.locator("main [data-state]").first
        state = badge.get_attribute("data-state") or "" if badge.count() else ""
        for link in links_of(page):
            if link not in asked and (_PRIVATE.match(link) is not None) == (person.email is not None):
                asked.add(link)
                waiting.append(link)
        kind = kind_of(place, state)
        if kind not in kinds and not re.search(person.left_out, kind):
            kinds.add(kind)
            yield page, place, state
    context.close()


def photograph(page: Page, file: str, folder: Path) -> None:
    """Write a picture for each width, from the top of the page."""
    for width, most in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": 900})
        height = min(most, int(page.evaluate("document.documentElement.scrollHeight")))
        clip = {"x": 0, "y": 0, "width": width, "height": height}
        picture = page.screenshot(full_page=True, clip=clip)  # type: ignore[arg-type]
        fewer = subprocess.run(
            [_program("pngquant"), COLOURS, "--nofs", "--strip", "-"], input=picture, check=True, capture_output=True
        )
        (folder / f"{file}-{width}.png").write_bytes(fewer.stdout)
    page.set_viewport_size({"width": 1280, "height": 900})


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        sys.exit(f"{name} is not here (Debian: apt-get install {name})")
    return found


def index_of(shown: list[Shown]) -> str:
    """The text of the page that shows them."""
    lines = [
        "# Les pages du portail",
        "",
        "Chaque page telle qu'elle apparaît dans une démonstration (`make run`), sur un écran et un téléphone. Les",
        "personnes, organismes et appels sont inventés. Une page longue est coupée.",
        "`scripts/portal_images.py` les refait.",
    ]
    for person in PEOPLE:
        own = [each for each in shown if each.person == person]
        if own:
            lines += ["", f"## {person.title}", "", "| page | adresse | 1280 px | 390 px |", "|---|---|---|---|"]
        for each in own:
            pictures = " | ".join(f"[image](images/portal/{each.name}-{width}.png)" for width in WIDTHS)
            lines.append(f"| {each.title.replace('|', '/')} | `{_NUMBER.sub('…', each.path)}` | {pictures} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Take all pictures, or those whose name has a text."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--theme", metavar="FOLDER")
    parser.add_argument("--only", default="", metavar="TEXT")
    parser.add_argument("--to", type=Path, default=FOLDER, metavar="FOLDER")
    parser.add_argument("--portal", metavar="URL", help="one that runs already")
    options = parser.parse_args()
    is_whole = not options.only and options.to == FOLDER
    if is_whole:
        shutil.rmtree(options.to, ignore_errors=True)
    options.to.mkdir(parents=True, exist_ok=True)
    shown = []
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_program("chromium"), args=[*_FLAGS], env={**environment})
        with _running(options) as url:
            for person in PEOPLE:
                for page, path, state in pages_of(browser, url, person):
                    file = name_of(person, path, state)
                    if options.only in file:
                        photograph(page, file, options.to)
                        shown.append(Shown(person, file, page.locator("h1").first.inner_text(), path))
                        print(file, flush=True)
        browser.close()
    if is_whole:
        INDEX.write_text(index_of(shown), "utf-8")


@contextmanager
def _running(options: argparse.Namespace) -> Iterator[str]:
    if options.portal:
        yield options.portal
        return
    with demonstration(options.theme) as url:
        yield url


if __name__ == "__main__":
    main()
