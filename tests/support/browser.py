"""A Chromium of this machine, and pages in it that load nothing from another host.

`browser` is started once per module; `page` is a new page of 1280 px for one test, `phone` one of 390 px.
Playwright's loop runs in the thread of the tests meanwhile: a module that uses these fixtures has no asynchronous test.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Route, sync_playwright

LONG: Final = 50_000
"""Milliseconds to wait for what a page does at once unless the machine is overloaded."""
DESK: Final = 1280
PHONE: Final = 390
"""Widths, in pixels."""
_HERE: Final = {"127.0.0.1", "localhost", "::1"}
_FLAGS: Final = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking")


def chromium() -> str:
    """The path of this machine's Chromium; skips the test if there is none."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the tests of a module."""
    path = chromium()
    with sync_playwright() as playwright:
        # Without the proxy of the environment: it knows no loopback.
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        started = playwright.chromium.launch(executable_path=path, args=[*_FLAGS], env={**environment}, timeout=LONG)
        try:
            yield started
        finally:
            started.close()


@contextmanager
def opened(browser: Browser, *, width: int = DESK, height: int = 900, **options: Any) -> Iterator[Page]:
    """A page with a profile of its own; the test fails if it asks another host or logs an error of a script.

    Answers of 400 and more are logged by the browser too: they are no error here.
    """
    context = browser.new_context(viewport={"width": width, "height": height}, locale="fr-FR", **options)
    context.set_default_timeout(LONG)
    faults: list[str] = []

    def local_only(route: Route, request: Request) -> None:
        if urlsplit(request.url).hostname in _HERE:
            route.continue_()
        else:
            faults.append(f"asks another host: {request.url}")
            route.abort()

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            faults.append(message.text)

    context.route("**/*", local_only)
    page = context.new_page()
    page.on("console", note)
    page.on("pageerror", lambda error: faults.append(str(error)))
    try:
        yield page
    finally:
        context.close()
    assert not faults, faults


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page as wide as a desk's screen."""
    with opened(browser) as shown:
        yield shown


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A page as wide as a telephone."""
    with opened(browser, width=PHONE, height=844, has_touch=True) as shown:
        yield shown


def violations(page: Page, *, context: str | dict[str, list[str]] | None = None) -> list[str]:
    """What axe finds in the page as it is now, or in the part that a context of axe names; one line per rule."""
    found = Axe().run(page, context=context).response["violations"]
    return [f"{each['id']} ({each['impact']}): {[node['html'][:120] for node in each['nodes']]}" for each in found]


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert isinstance(wider, int)
    return wider
