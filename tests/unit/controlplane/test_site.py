"""The documentation site, as `demo` serves it."""

from pathlib import Path

import httpx
import pytest

from apientreprise_gateway.controlplane import site
from apientreprise_gateway.net.asgi import Receive, Scope, Send


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A site of three files, and a secret beside it."""
    built = tmp_path / "site"
    (built / "adr").mkdir(parents=True)
    (built / "index.html").write_text("<h1>Accueil</h1>")
    (built / "adr" / "index.html").write_text("<h1>Decisions</h1>")
    (built / "batch.py").write_text("print()\n")
    (tmp_path / "secret.html").write_text("secret")
    return built


async def _ask(folder: Path | None, path: str, method: str = "GET") -> httpx.Response:
    pages = site.pages(folder)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await pages[scope["path"].encode()](scope, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://demo") as client:
        return await client.request(method, path)


async def test_pages_are_served_with_their_types(folder: Path) -> None:
    """Each file is at its path, an index at its folder too; what is no page is text, which no browser runs."""
    index = await _ask(folder, "/documentation/")
    assert (index.status_code, index.text) == (200, "<h1>Accueil</h1>")
    assert index.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'self'" in index.headers["content-security-policy"]
    assert (await _ask(folder, "/documentation/adr/")).text == "<h1>Decisions</h1>"
    assert (await _ask(folder, "/documentation/adr/index.html")).text == "<h1>Decisions</h1>"
    assert (await _ask(folder, "/documentation/batch.py")).headers["content-type"] == "text/plain; charset=utf-8"


async def test_the_address_without_a_slash_leads_on(folder: Path) -> None:
    """Links of the index are relative: who leaves the slash out is led to it."""
    answer = await _ask(folder, "/documentation")
    assert (answer.status_code, answer.headers["location"]) == (302, "/documentation/")


async def test_only_reading_is_allowed(folder: Path) -> None:
    """Other methods than GET and HEAD are refused, with those that are not."""
    answer = await _ask(folder, "/documentation/", "POST")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert (await _ask(folder, "/documentation/", "HEAD")).content == b""


def test_nothing_beside_the_folder_is_served(folder: Path) -> None:
    """The paths are those of the files in the folder, and no others."""
    assert all(path.startswith(b"/documentation") and b".." not in path for path in site.pages(folder))
    assert not any(b"secret" in path for path in site.pages(folder))


@pytest.mark.parametrize("path", ["/documentation", "/documentation/"])
async def test_a_page_says_how_to_build_it(path: str, tmp_path: Path) -> None:
    """Where no site is built, its address says how to build it."""
    answer = await _ask(tmp_path, path)
    assert "make site" in answer.text
    assert (await _ask(None, path)).text == answer.text
