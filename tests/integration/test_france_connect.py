"""FranceConnect from outside: a demonstration that plays it, and the way to one that is in trouble."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from pydantic import SecretStr

from apientreprise_gateway.auth.france_connect.service import FranceConnect, UnavailableError
from apientreprise_gateway.gateway.components.france_connect import (
    MAX_ANSWER_BYTES,
    MAX_QUESTIONS,
    Connected,
    FranceConnectSettings,
    france_connect,
)
from apientreprise_gateway.providers.particulier.product import PARTICULIER
from apientreprise_gateway.upstream.breaker import State
from support import programs
from support.france_connect import CLIENT, KID, introspection, issuer, pem_of, rsa_key
from support.site import LONG, hang, wait_until
from support.stub import Handler, always, answer, stub

RECIPIENT = {"recipient": "13002526500013"}
BY_TOKEN = [each for each in PARTICULIER.endpoints if each.person is not None and each.person.france_connect]
QUOTIENT = "/v3/dss/quotient_familial/france_connect"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[programs.Program]:
    """A demonstration."""
    with programs.start(tmp_path_factory.mktemp("demo"), "demo", limit_particulier="1000000") as program:
        yield program


@pytest.fixture
def client(demo: programs.Program) -> Iterator[httpx.Client]:
    """Who calls it."""
    with httpx.Client(base_url=demo.url, timeout=LONG, trust_env=False) as caller:
        yield caller


def _ask(client: httpx.Client, token: str, path: str = QUOTIENT, **query: str) -> httpx.Response:
    return client.get(path, params=RECIPIENT | query, headers={"Authorization": f"Bearer fc-{token}"})


@pytest.mark.parametrize("endpoint", BY_TOKEN, ids=lambda each: each.operation)
def test_each_operation_is_shown(client: httpx.Client, endpoint: Any) -> None:
    """A demonstration answers each operation for who has signed in with FranceConnect."""
    token = f"claire-martin~{'~'.join(endpoint.scopes)}"
    response = _ask(client, token, endpoint.path, immatriculation="AB-123-CD")
    assert response.status_code == 200, response.text


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("inconnu", 401, "50002"),
        ("inactif", 401, "50002"),
        ("expire", 401, "50002"),
        ("malforme", 401, "50001"),
        ("incomplet", 401, "50003"),
        ("sans-droit", 403, "00100"),
        ("secret-refuse", 502, "51006"),
        ("indisponible", 502, "51001"),
        ("lent", 504, "51002"),
        ("illisible", 502, "51999"),
        ("autre-cle", 502, "51999"),
        ("autre-signature", 502, "51999"),
        ("cle-inconnue", 502, "51999"),
        ("enorme", 502, "51999"),
    ],
)
def test_each_fault_is_shown(client: httpx.Client, name: str, status: int, code: str) -> None:
    """Each special token has its error."""
    response = _ask(client, name)
    assert response.status_code == status
    (error,) = response.json()["errors"]
    assert error["code"] == code
    assert ("retry_in" in error["meta"]) is (code == "51001")


def _is_whole(text: str) -> bool:
    return text.endswith("\n")


def test_the_line_of_a_call(client: httpx.Client, demo: programs.Program) -> None:
    """The access line names the holder by a digest, the same for all its tokens, and says nothing of the person."""
    given = [f"fc-call-{number}" for number in range(2)]
    for request_id, token in zip(given, ("claire-martin", "claire-martin~cnaf_enfants"), strict=True):
        headers = {"Authorization": f"Bearer fc-{token}", "X-Request-Id": request_id}
        assert client.get(QUOTIENT, params=RECIPIENT, headers=headers).status_code == 200

    def lines() -> list[dict[str, Any]]:
        texts = [text for text in demo.output.read_text().splitlines(keepends=True) if text.startswith("{")]
        return [line for line in map(json.loads, filter(_is_whole, texts)) if line["request_id"] in given]

    wait_until(lambda: len(lines()) == 2)
    first, second = lines()
    assert first["jti"] == second["jti"]
    assert first["jti"].startswith("fc-")
    assert "MARTIN" not in json.dumps(lines())
    assert "claire" not in json.dumps(lines())


def test_our_public_key(client: httpx.Client) -> None:
    """Anybody may read the key to which FranceConnect encrypts."""
    response = client.get("/api/france_connect_jwks")
    assert response.status_code == 200
    (key,) = response.json()["keys"]
    assert (key["kid"], key["use"]) == ("api_particulier_rsa_oaep_jwks", "enc")
    assert "d" not in key


# The way to a FranceConnect in trouble.


class Way:
    """The service as a gateway makes it, and what it tells of itself."""

    def __init__(self, service: FranceConnect) -> None:
        self.service = service
        self.outcomes: list[str] = []
        self.states: list[State] = []

    async def code(self) -> str:
        """Ask about a token: `ok`, or the code of the error."""
        try:
            await self.service.introspect("a-token", request_id="the-call")
        except UnavailableError as error:
            return error.errors[0].code
        return "ok"


@asynccontextmanager
async def _way(folder: Path, url: str, *, timeout: float = LONG, breakers: bool = True) -> AsyncIterator[Way]:
    jwks = folder / "jwks.json"
    jwks.write_bytes(issuer.published(KID))
    connected = Connected(url=url, client=(CLIENT[0], SecretStr(CLIENT[1])), key=folder, jwks=jwks, timeout=timeout)
    settings = FranceConnectSettings(
        connected=connected, pem=pem_of(rsa_key()), refresh=300, breakers=breakers, traces=(None, 0)
    )
    outcomes: list[str] = []
    states: list[State] = []
    made = france_connect(
        settings,
        observe=lambda outcome, _status, _seconds: outcomes.append(outcome),
        on_breaker=lambda _provider, state, _reason: states.append(state),
    )
    assert made is not None
    way = Way(made.service)
    way.outcomes, way.states = outcomes, states
    await made.service.follow()
    try:
        yield way
    finally:
        made.service.close()


async def test_what_is_sent(tmp_path: Path) -> None:
    """The question is a form with our credentials, on a connection that is kept for the next one."""
    bodies: list[bytes] = []
    good = answer(introspection(), content_type="application/token-introspection+jwt")

    async def handler(_target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = next(line for line in server.requests[-1].split("\r\n") if line.startswith("Content-Length"))
        bodies.append(await reader.readexactly(int(length.partition(":")[2])))
        writer.write(good)

    with stub(handler) as server:
        async with _way(tmp_path, f"{server.url}/api/v2/checktoken?a=b") as way:
            assert [await way.code(), await way.code()] == ["ok", "ok"]
        assert server.connections == 1
        assert server.requests[0].startswith("POST /api/v2/checktoken?a=b HTTP/1.1\r\n")
        assert "x-request-id: the-call" in server.requests[0].lower()
        assert "application/x-www-form-urlencoded" in server.requests[0]
    assert parse_qs(bodies[0].decode()) == {
        "client_id": [CLIENT[0]],
        "client_secret": [CLIENT[1]],
        "token": ["a-token"],
    }


async def _close(_target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close without an answer."""
    writer.close()


LATE = "51002"
TROUBLE: list[tuple[str, Handler, str]] = [
    ("an answer cut short", always(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\nhalf"), LATE),
    ("no HTTP", always(b"SSH-2.0-OpenSSH\r\n\r\n"), "51999"),
    ("too much", always(answer(b"a" * (MAX_ANSWER_BYTES + 1))), "51999"),
    ("a page", always(answer(b"<html>")), "51999"),
    ("silence", hang, LATE),
    ("closed", _close, "00501"),
]


@pytest.mark.parametrize(("handler", "code"), [each[1:] for each in TROUBLE], ids=[each[0] for each in TROUBLE])
async def test_trouble(tmp_path: Path, handler: Handler, code: str) -> None:
    """Whatever comes in place of an answer has its code, within the deadline."""
    with stub(handler) as server:
        async with _way(tmp_path, server.url, timeout=0.3 if code == LATE else LONG) as way:
            assert await way.code() == code


async def test_nobody_there(tmp_path: Path) -> None:
    """A refused connection is `51001`."""
    async with _way(tmp_path, "http://127.0.0.1:1/") as way:
        assert await way.code() == "51001"


async def test_its_breaker_opens(tmp_path: Path) -> None:
    """After ten questions without an answer it is not asked any more for a while; calls learn so at once."""
    async with _way(tmp_path, "http://127.0.0.1:1/") as way:
        assert [await way.code() for _ in range(11)] == ["51001"] * 11
        assert way.states == [State.OPEN]
        assert way.outcomes[-2:] == ["51001", "open"]


async def test_questions_under_way_are_bounded(tmp_path: Path) -> None:
    """One question more than allowed at once is answered at once, and the others are not disturbed."""
    with stub(hang) as server:
        async with _way(tmp_path, server.url) as way:
            asked = [asyncio.create_task(way.code()) for _ in range(MAX_QUESTIONS)]
            await asyncio.sleep(0)
            assert await way.code() == "51001"
            assert way.outcomes == ["busy"]
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
