"""`demo`, as somebody uses it who has just installed the program."""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest

from apientreprise_gateway.cli.demo import SETTINGS
from apientreprise_gateway.gateway.settings import fields_of
from apientreprise_gateway.providers.products import PRODUCTS
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
    references = [
        each for each in re.findall(r'(?:src|href)="([^"]+)"', page.text) if not each.startswith(("data:", "#"))
    ]
    assert [each for each in references if not re.match(r"/\w", each)] == []
    for reference in references:
        assert httpx.get(_gateway(printed) + reference, timeout=LONG).status_code == 200


def _token(printed: str) -> str:
    return printed.partition("Bearer ")[2].partition("'")[0]


def _links(value: Any) -> list[str]:
    """Every address in an answer."""
    if isinstance(value, dict):
        return [link for each in value.values() for link in _links(each)]
    if isinstance(value, list):
        return [link for each in value for link in _links(each)]
    return [value] if isinstance(value, str) and value.startswith("http") else []


def test_the_token_is_printed_once(printed: str) -> None:
    """The token stands once in what is printed, in the line to paste."""
    assert printed.count(_token(printed)) == 1
    assert printed.count("eyJ") == 2, "its head and its claims"


def test_every_link_of_the_first_answer_leads_somewhere(printed: str) -> None:
    """Whoever follows the links of the first answer, with the same token and parameters, gets on at this gateway."""
    with httpx.Client(headers={"Authorization": f"Bearer {_token(printed)}"}, timeout=LONG) as client:
        found = re.search(r"'(http://[^']+)'$", _curl(printed))
        assert found is not None
        asked, seen = [found[1]], set[str]()
        while asked:
            address = asked.pop()
            if address in seen:
                continue
            seen.add(address)
            assert address.startswith(_gateway(printed) + "/"), address
            answer = client.get(address, params=programs.TRACE)
            assert answer.status_code == 200, f"{address}: {answer.text}"
            asked += _links(answer.json())
        assert len(seen) > 3


def test_the_document_is_had(printed: str) -> None:
    """The second address that is printed leads to a document, whose link needs no token."""
    address = next(line.strip("'") for line in printed.splitlines() if line.startswith("'http"))
    answer = httpx.get(address, headers={"Authorization": f"Bearer {_token(printed)}"}, timeout=LONG)
    document = httpx.get(answer.json()["data"]["document_url"], timeout=LONG)
    assert (document.status_code, document.content[:5]) == (200, b"%PDF-")


def test_the_persons_are_had(printed: str) -> None:
    """The address of a student works with the same token, the other curl line with that of FranceConnect in it."""
    address = [line.strip("'") for line in printed.splitlines() if line.startswith("'http")][1]
    student = httpx.get(address, headers={"Authorization": f"Bearer {_token(printed)}"}, timeout=LONG)
    assert (student.status_code, student.json()["data"]["identite"]["nom_naissance"]) == (200, "MARTIN")
    line = [line for line in printed.splitlines() if line.startswith("curl ")][1]
    found = re.search(r"-H '([^:]+): ([^']+)' '([^']+)'", line)
    assert found is not None
    assert httpx.get(found[3], headers={found[1]: found[2]}, timeout=LONG).status_code == 200


LEFT_OVER = {
    "config": "/nowhere.toml",
    "redis_url": "redis://127.0.0.1:1",
    "store_failure": "refuse",
    "jwks": "https://issuer.example/jwks",
    "jwt_secrets": "short",
    "access_log": "/nowhere/access.log",
    "tls_certificate": "/nowhere.crt",
    "limit_ips": "7",
    "upstream_url": "http://real.example",
    "public_url": "https://real.example",
    "providers__insee__base_url": "http://real.example",
    "metrics_port": "1",
}


def test_the_environment_of_a_real_gateway(tmp_path: Path) -> None:
    """What the environment says of a real gateway is left out, and named; the documented settings count."""
    with programs.start(tmp_path, "demo", limit_json="2", **LEFT_OVER) as program:
        wait_until(lambda: "Ctrl+C" in program.output.read_text())
        printed = program.output.read_text()
        found = re.search(r"'(http://[^']+)'$", _curl(printed))
        assert found is not None
        given = {"Authorization": f"Bearer {_token(printed)}"}
        answer = httpx.get(found[1], headers=given, timeout=LONG)
        assert (answer.status_code, answer.headers["ratelimit-limit"]) == (200, "2")
        (told,) = [line for line in program.errors.read_text().splitlines() if line.startswith("Not used")]
        assert all(f"GATEWAY_{name.upper()}" in told for name in LEFT_OVER)
        assert "GATEWAY_LIMIT_JSON" not in told


def test_the_settings_of_a_demonstration_are_documented() -> None:
    """The page of the sandbox names every setting that `demo` takes, and they exist."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "bac-a-sable.md").read_text()
    named = set(re.findall(r"`GATEWAY_(\w+)`", page.partition("sauf de ceux-ci")[2].partition("Les liens")[0]))
    assert named == SETTINGS
    assert {name.lower() for name in SETTINGS} <= fields_of(PRODUCTS).keys()


def _on_a_terminal(*arguments: str, until: str, then: Callable[[str], None]) -> str:
    """What a command shows on a terminal until it is stopped."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "apientreprise_gateway", *arguments],
        stdout=theirs,
        stderr=subprocess.PIPE,
        env=programs.environment(),
    )
    os.close(theirs)
    shown = ""
    try:
        while until not in shown:
            shown += os.read(ours, 65536).decode()
        then(shown)
        begun = len(shown)
        while "\n" not in shown[begun:].lstrip():  # the end of the line before may come by itself
            shown += os.read(ours, 65536).decode()
        return shown[begun:]
    finally:
        process.terminate()
        process.communicate(timeout=LONG)
        os.close(ours)


def test_access_lines_on_a_terminal() -> None:
    """On a terminal each answer leaves a short line of text, which says when, how it ended and what was asked."""

    def call(shown: str) -> None:
        printed = shown.replace("\r", "")
        found = re.search(r"'(http://[^']+)'$", _curl(printed))
        assert found is not None
        address = found[1].replace("130025265", "998000038")
        assert (
            httpx.get(address, headers={"Authorization": f"Bearer {_token(printed)}"}, timeout=LONG).status_code == 451
        )

    line = _on_a_terminal("demo", "--port", "0", until="Ctrl+C stops.", then=call).strip()
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d +451 +\d+ ms +api_entreprise_v4_insee_unites_legales +998000038 +01005", line
    ), line


def test_access_lines_elsewhere(tmp_path: Path) -> None:
    """Where nobody reads along they are JSON, as documented."""
    with programs.start(tmp_path, "demo") as program:
        wait_until(lambda: "Ctrl+C" in program.output.read_text())
        httpx.get(f"{_gateway(program.output.read_text())}/v3/nowhere", timeout=LONG)
        wait_until(lambda: '"event":"access"' in program.output.read_text())
        line = json.loads(program.output.read_text().splitlines()[-1])
        assert (line["status"], line["codes"]) == (404, ["00404"])


def test_a_call_is_found_in_the_journal(printed: str) -> None:
    """Soon after its answer, by the printed command."""
    named = next(line for line in printed.splitlines() if "journal search" in line)
    setting, _, command = named.partition(" ")
    answer = httpx.get(f"{_gateway(printed)}/v3/nowhere/to/be/found", timeout=LONG)

    def found() -> bool:
        arguments = [*command.split()[1:], "--request-id", answer.headers["x-request-id"], "--json"]
        environment = os.environ | {setting.partition("=")[0]: setting.partition("=")[2]}
        done = subprocess.run(
            [sys.executable, "-m", "apientreprise_gateway", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=LONG,
            check=False,
        )
        return done.returncode == 0 and len(json.loads(done.stdout)) == 1

    wait_until(found)


def _portal(printed: str) -> str:
    found = re.search(r"^Portal: +(http://\S+)", printed, re.MULTILINE)
    assert found is not None
    return found[1]


def _people(printed: str) -> list[str]:
    return re.findall(r"^ +(\S+@\S+): ", printed, re.MULTILINE)


class _Visitor:
    """Somebody of the demonstration, in a browser without scripts."""

    def __init__(self, printed: str, email: str) -> None:
        self._client = httpx.Client(base_url=_portal(printed), follow_redirects=True, timeout=LONG, trust_env=False)
        self.first = self.post("/compte/se-connecter/demo", page="/compte/se-connecter", email=email)

    def __enter__(self) -> "_Visitor":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str) -> str:
        """What a page that must be there says."""
        answer = self._client.get(path)
        assert answer.status_code == 200, path
        return unescape(answer.text)

    def post(self, path: str, *, page: str, **fields: str) -> str:
        """What follows after a form of a page."""
        csrf = re.search(r'name="csrf"[^>]* value="([^"]+)"', self.get(page))
        assert csrf is not None
        answer = self._client.post(path, data={"csrf": csrf[1], **fields})
        assert answer.status_code == 200, path
        return unescape(answer.text)

    def token_of(self, title: str) -> str:
        """The page of the newest token of a habilitation."""
        found = re.search(rf'href="(/compte/demandes/[^"]+)">{title}<', self.get("/compte/demandes"))
        assert found is not None
        token = re.search(r'href="(/compte/jetons/[0-9a-f-]{36})"', self.get(found[1]))
        assert token is not None
        return token[1]


def test_each_person_has_a_filled_account(printed: str) -> None:
    """Whoever is chosen is logged in by a click, and every page that their account leads to is there."""
    assert len(_people(printed)) == 6
    for email in _people(printed):
        with _Visitor(printed, email) as visitor:
            assert "Se déconnecter" in visitor.first
            left, seen = ["/compte", "/compte/demandes"], set[str]()
            while left:
                path = left.pop()
                seen.add(path)
                found = re.findall(r'href="((?:/compte|/editeur/|/admin)[^"#?]*)"', visitor.get(path))
                left += {each for each in found if each not in seen and each not in left and not each.endswith(".csv")}
        assert len(seen) > 3, email
        assert any(each.startswith(("/compte/jetons/", "/admin", "/editeur/")) for each in seen), email


def test_the_operator_sees_what_waits(printed: str) -> None:
    """Requests to examine, and a transfer between two people of one body."""
    with _Visitor(printed, "operatrice@api.example") as visitor:
        assert "Demandes à examiner : 2" in visitor.get("/admin")
        transfer = visitor.get("/admin/transferts")
        assert "robin.petit@val-exemple.example" in transfer
        assert "à vérifier" not in transfer


def test_the_mails_are_shown(printed: str) -> None:
    """Those that were sent before, each with its text."""
    with _Visitor(printed, _people(printed)[0]) as visitor:
        listed = re.findall(r'href="(/demo/courrier/\d+)"', visitor.get("/demo/courrier"))
        assert len(listed) > 20
        assert "/public/jetons/" in "".join(visitor.get(each) for each in listed[:5]), "a link that hands a token over"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_a_token_of_an_account_works(printed: str) -> None:
    """The call on a token's page, pasted, gets 200, and is soon among its calls; revoked, the token gets 401."""
    with _Visitor(printed, _people(printed)[0]) as visitor:
        page = visitor.token_of("Aides aux commerces du centre-bourg")
        line = re.search(r"curl .*'", visitor.post(page + "/afficher", page=page))
        assert line is not None
        pasted = ["bash", "-c", line[0].replace("curl ", "curl -s -i ", 1)]

        def call() -> str:
            return subprocess.run(pasted, capture_output=True, text=True, timeout=LONG, check=True).stdout

        answer = call()
        assert answer.startswith("HTTP/1.1 200")
        request_id = re.search(r"(?im)^x-request-id: (\S+)", answer)
        assert request_id is not None
        wait_until(lambda: request_id[1] in visitor.get(page + "/stats"))
        wait_until(lambda: 'data-state="active"' in visitor.get(page))
        visitor.post(page + "/revoquer", page=page, confirmation="1")
        wait_until(lambda: call().startswith("HTTP/1.1 401"))
