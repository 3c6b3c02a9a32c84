"""A product that nothing in the gateway knows, served beside API Entreprise and alone, over real sockets."""

import asyncio
import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from apientreprise_gateway.gateway.settings import SettingsError, fields_of, load
from apientreprise_gateway.providers.entreprise.product import ENTREPRISE
from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.providers.products import PRODUCTS
from apientreprise_gateway.sandbox.app import create_app
from support.inside import gateway_of
from support.invented import GROUP, INVENTED, MUSEUM, PAINTERS, ROOMS
from support.programs import TRACE
from support.site import GOOD_BODY, LONG, UNITE_LEGALE, fresh, wait_until
from support.stub import answer, stub

ROOMS_PATH = "/invented/v2/rooms/130025265"
PAINTERS_PATH = "/invented/v3/painters/130025265"
RECIPIENT = {"recipient": "13002526500013"}
ROOMS_BODY = {"name": "Salle 1", "paintings": 3}
PAINTERS_BODY = {"data": {"name": "Anonyme", "born": None}, "links": {}, "meta": {}}
ROOT = Path(__file__).resolve().parents[2]


async def _provider(target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if not target.startswith("/invented/"):
        writer.write(answer(GOOD_BODY))
        return
    body = ROOMS_BODY if target.startswith("/invented/v2/") else PAINTERS_BODY
    writer.write(answer(json.dumps(body).encode()))


@dataclass
class Served:
    """A gateway that serves the invented product."""

    products: tuple[Product, ...]
    url: str
    log: Path
    client: httpx.Client

    def get(self, path: str, headers: dict[str, str] | None = None, **query: str) -> httpx.Response:
        """The answer to a call."""
        return self.client.get(self.url + path, params=query, headers=headers)

    def line(self, request_id: str) -> dict[str, Any]:
        """The access line of a call."""
        found: list[dict[str, Any]] = []

        def is_there() -> bool:
            found[:] = map(json.loads, self.log.read_text().splitlines())
            found[:] = [each for each in found if each["request_id"] == request_id]
            return bool(found)

        wait_until(is_there)
        return found[0]


@pytest.fixture(
    scope="module",
    params=[(ENTREPRISE, INVENTED), (INVENTED,)],
    ids=lambda products: "+".join(product.name for product in products),
)
def gateway(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway that serves the product, with API Entreprise and without it."""
    log = tmp_path_factory.mktemp("product") / "access"
    with (
        stub(_provider) as provider,
        gateway_of(request.param, upstream_url=provider.url, access_log=str(log)) as url,
        httpx.Client(timeout=LONG, trust_env=False) as client,
    ):
        yield Served(request.param, url, log, client)


def token() -> str:
    """A token that opens both endpoints, and those of companies."""
    return fresh(scopes=["rooms", "painters", "entreprises"])


def test_token_headers(gateway: Served) -> None:
    """Each version takes tokens in its own ways, and in no other."""
    key, bearer = {"X-Api-Key": token()}, {"Authorization": f"Bearer {token()}"}
    assert gateway.get(ROOMS_PATH, key).json() == ROOMS_BODY
    assert gateway.get(ROOMS_PATH, bearer).status_code == 401
    assert gateway.get(ROOMS_PATH, token=token()).status_code == 401
    assert gateway.get(PAINTERS_PATH, key, **RECIPIENT).json() == PAINTERS_BODY
    assert gateway.get(PAINTERS_PATH, bearer, **RECIPIENT).json() == PAINTERS_BODY


def test_traceability(gateway: Served) -> None:
    """One version asks for nothing, the other for the recipient alone, which has to be a SIRET."""
    assert gateway.get(ROOMS_PATH, {"X-Api-Key": token()}).status_code == 200
    bearer = {"Authorization": f"Bearer {token()}"}
    assert [error["code"] for error in gateway.get(PAINTERS_PATH, bearer).json()["errors"]] == ["00203"]
    wrong = gateway.get(PAINTERS_PATH, bearer, recipient="Mairie")
    assert [error["code"] for error in wrong.json()["errors"]] == ["00210"]


def test_error_bodies(gateway: Served) -> None:
    """Errors have the form of their version, and its status; so have those of paths that lead nowhere."""
    wrong = gateway.get("/invented/v2/rooms/1", {"X-Api-Key": token()})
    assert (wrong.status_code, wrong.json()["error"]) == (400, "00301")
    unknown = gateway.get("/invented/v2/nowhere")
    assert (unknown.status_code, unknown.json()["error"]) == (404, "00404")
    missing = gateway.get("/invented/v2/painters/130025265")
    assert (missing.status_code, missing.json()["error"]) == (404, "00402")
    later = gateway.get("/invented/v3/nowhere")
    assert (later.status_code, later.json()["errors"][0]["code"]) == (404, "00404")
    refused = gateway.get("/invented/v3/painters/1", {"X-Api-Key": token()}, **RECIPIENT)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "00301")


def test_window(gateway: Served) -> None:
    """Three calls within five seconds pass, over both endpoints; the fourth is refused until the first has left."""
    key = {"X-Api-Key": token()}
    started = time.time()
    first = gateway.get(ROOMS_PATH, key)
    assert (first.headers["RateLimit-Limit"], first.headers["RateLimit-Remaining"]) == ("3", "2")
    assert started < int(first.headers["RateLimit-Reset"]) <= time.time() + GROUP.seconds + 1
    assert gateway.get(PAINTERS_PATH, key, **RECIPIENT).headers["RateLimit-Remaining"] == "1"
    assert gateway.get(ROOMS_PATH, key).headers["RateLimit-Remaining"] == "0"
    refused = gateway.get(ROOMS_PATH, key)
    assert (refused.status_code, refused.json()["error"]) == (429, "00429")
    assert 1 <= int(refused.headers["Retry-After"]) <= GROUP.seconds


def test_access_line(gateway: Served) -> None:
    """The access line of a call names its product, and so does that of a path that leads nowhere."""
    for path in (ROOMS_PATH, "/invented/v2/nowhere"):
        answered = gateway.get(path, {"X-Api-Key": token()})
        line = gateway.line(answered.headers["X-Request-Id"])
        assert line["product"] == INVENTED.key
    assert line["operation"] != ROOMS.operation


def test_metrics(gateway: Served) -> None:
    """Its calls, its group and its provider are in the metrics, the group before its first call."""
    gateway.get(ROOMS_PATH, {"X-Api-Key": token()})
    text = gateway.get("/metrics").text
    assert f'operation="{ROOMS.operation}"' in text
    assert f'group="{GROUP.name}"' in text
    assert f'provider="{MUSEUM.key}"' in text


def test_pings(gateway: Served) -> None:
    """Its sources of data are listed, and tell of the calls that were answered."""
    (ping,) = MUSEUM.pings
    listed = {entry["name"]: entry["url"] for entry in gateway.get("/pings").json()}
    assert listed[ping.name].endswith(f"/ping/{ping.key}")
    gateway.get(PAINTERS_PATH, {"X-Api-Key": token()}, **RECIPIENT)
    assert gateway.get(f"/ping/{ping.key}").json()["status"] == "ok"


def test_openapi(gateway: Served) -> None:
    """Its OpenAPI document says what it has, and what its versions ask for."""
    document = yaml.safe_load(gateway.get(INVENTED.specification).text)
    assert document["info"]["title"] == INVENTED.title
    operation = document["paths"][ROOMS.path]["get"]
    assert operation["operationId"] == ROOMS.operation
    assert "400" in operation["responses"]
    assert "422" not in operation["responses"]
    assert "422" in document["paths"][PAINTERS.path]["get"]["responses"]
    assert {"jeton_entete"} <= document["components"]["securitySchemes"].keys()
    assert not [path for path in document["paths"] if "insee" in path]
    nomenclature = gateway.get(INVENTED.errors).json()
    assert nomenclature["api"] == INVENTED.name
    assert nomenclature["endpoints"].keys() == {ROOMS.operation, PAINTERS.operation}


def test_docs(gateway: Served) -> None:
    """Each product has its page; where there are several, each leads to all."""
    several = len(gateway.products) > 1
    page = gateway.get(f"/docs/{INVENTED.name}" if several else "/docs")
    assert page.status_code == 200
    assert INVENTED.title in page.text
    assert ("Choix de l'API" in page.text) is several
    assert f'href="{INVENTED.specification}"' in page.text
    for operation in (ROOMS.operation, PAINTERS.operation):
        alone = gateway.get(f"/docs/{INVENTED.name}/operations/{operation}.json").json()
        assert [path["get"]["operationId"] for path in alone["paths"].values()] == [operation]
    if several:
        assert f'href="/docs/{INVENTED.name}"' in gateway.get("/docs").text


def test_privileges(gateway: Served) -> None:
    """Its page of privileges takes tokens as it says, and refuses in its own form."""
    opened = gateway.get("/invented/privileges", {"X-Api-Key": token()})
    assert opened.json() == {"opens": ["entreprises", "painters", "rooms"]}
    refused = gateway.get("/invented/privileges", {"Authorization": f"Bearer {token()}"})
    assert (refused.status_code, refused.json()["error"]) == (401, "00101")


def test_api_entreprise_is_as_ever(gateway: Served) -> None:
    """API Entreprise is what it was beside another product, and is not there where it is not served."""
    answered = gateway.get(UNITE_LEGALE, {"Authorization": f"Bearer {token()}"}, **TRACE)
    pages = [gateway.get(path) for path in ("/privileges", "/openapi.yaml", "/errors")]
    if ENTREPRISE in gateway.products:
        assert (answered.status_code, answered.headers["RateLimit-Limit"]) == (200, "250")
        assert gateway.line(answered.headers["X-Request-Id"])["product"] == ENTREPRISE.key
        assert [page.status_code for page in pages] == [401, 200, 200]
    else:
        assert {answered.status_code, *(page.status_code for page in pages)} == {404}


def test_settings() -> None:
    """The limit of its group and the addresses of its providers are settings where it is served, and only there."""
    assert load((INVENTED,)).limit("limit_invented") == 3
    assert load((INVENTED,), limit_invented="4").limit("limit_invented") == 4
    assert load((INVENTED,), providers={"museum": {"timeout": 2}}).providers["museum"].timeout == 2
    assert "limit_json" not in fields_of((INVENTED,))
    assert "limit_invented" not in fields_of(PRODUCTS)
    with pytest.raises(SettingsError, match="limit_invented"):
        load(limit_invented="4")
    with pytest.raises(SettingsError, match="there is no such provider"):
        load((INVENTED,), providers={"insee": {"timeout": 2}})


async def test_sandbox() -> None:
    """The sandbox stands in for its provider: an answer that its schema describes, 404, faults."""
    app = create_app(products=(INVENTED,))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sandbox") as client:
        rooms = await client.get(ROOMS_PATH)
        painters = await client.get(PAINTERS_PATH)
        assert (rooms.status_code, rooms.json().keys()) == (200, {"name", "paintings"})
        assert (painters.status_code, painters.json().keys()) == (200, {"data", "links", "meta"})
        assert (await client.get("/invented/v2/rooms/000000000")).status_code == 404
        assert (await client.get("/invented/v2/rooms/999005036")).status_code == 503
        assert (await client.get(UNITE_LEGALE)).status_code == 404


def test_nothing_knows_it() -> None:
    """No module of the gateway names the product, nor, but for its own files, API Entreprise."""
    grep = ["/usr/bin/grep", "-rlEi", "--include=*.py"]
    named = subprocess.run([*grep, "invented_v|museum|API Inventée", str(ROOT / "src")], check=False, stdout=-1)
    assert named.stdout == b""
    entreprise = subprocess.run(
        [*grep, r"providers\.(entreprise|products)", str(ROOT / "src")], check=True, stdout=-1, text=True
    )
    source = ROOT / "src" / "apientreprise_gateway"
    rooms = {Path(path).relative_to(source).parts[0] for path in entreprise.stdout.split()}
    assert rooms <= {"providers", "gateway", "cli", "sandbox"}
