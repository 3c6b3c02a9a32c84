"""The fictive DataPass: its stories, its bodies and its signatures, as a portal gets them."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from apientreprise_gateway.cli.main import main
from apientreprise_gateway.sandbox.datapass.bodies import EVENTS, signature
from apientreprise_gateway.sandbox.datapass.sending import STORIES, events_of

SECRET = "a secret of datapass"


class Portal(HTTPServer):
    """Answers every event with a token, and remembers it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[str, str | None, bytes]] = []
        self.status = 200

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Portal

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((self.path, self.headers["x-hub-signature-256"], body))
        answer = json.dumps({"token_id": "6c9a"} if self.server.status == 200 else {}).encode()
        self.send_response(self.server.status)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def portal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Portal]:
    """A portal that accepts all."""
    monkeypatch.setenv("PORTAL_DATAPASS_SECRETS", f"{SECRET},another")
    server = Portal()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def _run(*arguments: str) -> object:
    with pytest.raises(SystemExit) as ended:
        main(["sandbox", "datapass", *arguments])
    return ended.value.code


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("story", STORIES)
def test_a_story_is_of_events_that_its_form_has(version: int, story: str) -> None:
    """The first form has no reopenings, and calls an approval `validate`."""
    assert set(events_of(story, version)) <= set(EVENTS[version])


def test_a_story_is_sent_in_its_order(portal: Portal, capsys: pytest.CaptureFixture[str]) -> None:
    """Signed over the bytes that are sent, each event a second after the one before."""
    assert _run(portal.url, "--product", "particulier", "--number", "7", "--at", "1000", "--story", "revoked") == 0
    assert {path for path, _, _ in portal.got} == {"/api/datapass/v2/api_particulier/webhook"}
    assert all(signature(body, SECRET) == signed for _, signed, body in portal.got)
    sent = [json.loads(body) for _, _, body in portal.got]
    assert [(each["event"], each["fired_at"]) for each in sent] == [
        ("create", 997),
        ("submit", 998),
        ("approve", 999),
        ("revoke", 1000),
    ]
    assert capsys.readouterr().out.splitlines()[-1] == "revoke: 200, token 6c9a"


def test_single_events_of_the_first_form_are_sent(portal: Portal) -> None:
    """With what the options say of the request."""
    options = ("--form", "1", "--event", "submit", "--event", "validate", "--scope", "a", "--applicant", "x@y.example")
    assert _run(portal.url, *options) == 0
    path, _, body = portal.got[-1]
    said = json.loads(body)["data"]["pass"]
    assert path == "/api/datapass/api_entreprise/webhook"
    assert said["scopes"] == {"a": True}
    assert said["team_members"][0]["email"] == "x@y.example"


def test_what_a_portal_refuses_is_told(portal: Portal, capsys: pytest.CaptureFixture[str]) -> None:
    """By the status of the command."""
    portal.status = 401
    assert _run(portal.url, "--event", "create") == 1
    assert capsys.readouterr().out == "create: 401\n"


@pytest.mark.parametrize(
    "options", [("--story", "none"), ("--event", "validate"), ("--form", "1", "--event", "approve"), ("--number", "0")]
)
def test_what_cannot_be_sent_is_refused(portal: Portal, options: tuple[str, ...]) -> None:
    """In one line, before anything is sent."""
    assert _run(portal.url, *options) == 2
    assert portal.got == []


def test_a_secret_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without one nothing can be signed."""
    monkeypatch.delenv("PORTAL_DATAPASS_SECRETS", raising=False)
    assert _run("http://127.0.0.1:9") == 2


def test_a_portal_that_is_away_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """In one line."""
    monkeypatch.setenv("PORTAL_DATAPASS_SECRETS", SECRET)
    assert _run("http://127.0.0.1:9") == 1
    assert "http://127.0.0.1:9" in capsys.readouterr().err
