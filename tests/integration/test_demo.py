"""`demo`, as somebody uses it who has just installed the program."""

import re
import shutil
import subprocess
from collections.abc import Iterator

import httpx
import pytest

from support import programs
from support.site import LONG, wait_until


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What `demo` prints before anybody calls it."""
    with programs.start(tmp_path_factory.mktemp("demo"), "demo") as program:
        wait_until(lambda: "Ctrl+C" in program.output.read_text())
        yield program.output.read_text()


def _curl(printed: str) -> str:
    return next(line for line in printed.splitlines() if line.startswith("curl "))


def _gateway(printed: str) -> str:
    found = re.search(r"'(http://[^/']+)/v", _curl(printed))
    assert found is not None
    return found[1]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_printed_line_works_as_pasted(printed: str) -> None:
    """The curl line, pasted into a shell, gets 200 and data."""
    done = subprocess.run(["bash", "-c", _curl(printed)], capture_output=True, text=True, timeout=LONG, check=True)
    head, _, body = done.stdout.partition("\n\n" if "\r" not in done.stdout else "\r\n\r\n")
    assert head.startswith("HTTP/1.1 200")
    assert '"data"' in body
    assert '"130025265"' in body


def test_the_printed_url_and_header_work(printed: str) -> None:
    """The same call without curl gets 200 and data."""
    found = re.search(r"-H '([^:]+): ([^']+)' '([^']+)'", _curl(printed))
    assert found is not None
    response = httpx.get(found[3], headers={found[1]: found[2]}, timeout=LONG)
    assert response.status_code == 200
    assert response.json()["data"]["siren"] == "130025265"


def test_the_docs_page_is_whole(printed: str) -> None:
    """The documentation page that `demo` names works without any other host."""
    page = httpx.get(_gateway(printed) + "/docs", timeout=LONG)
    assert page.status_code == 200
    references = [each for each in re.findall(r'(?:src|href)="([^"]+)"', page.text) if not each.startswith("data:")]
    assert [each for each in references if not re.match(r"/\w", each)] == []
    for reference in references:
        assert httpx.get(_gateway(printed) + reference, timeout=LONG).status_code == 200
