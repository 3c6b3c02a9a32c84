"""Hosts that serve one product alone, beside hosts that serve all."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from apientreprise_gateway.gateway.settings import SettingsError, load
from apientreprise_gateway.providers.product import Product
from apientreprise_gateway.providers.products import PRODUCTS
from support.inside import gateway_of
from support.invented import INVENTED
from support.programs import TRACE
from support.site import GOOD_BODY, LONG, UNITE_LEGALE, fresh, wait_until
from support.stub import answer, stub

ALL: tuple[Product, ...] = (*PRODUCTS, INVENTED)
HOSTS = {"entreprise.exemple.fr": "entreprise", "musees.exemple.fr": "invented", "[::1]": "particulier"}
PAINTERS_PATH = "/invented/v3/painters/130025265"
PAINTERS_BODY = {"data": {"name": "Anonyme", "born": None}, "links": {}, "meta": {}}
INTROSPECTION = "/v3/token/introspect"


async def _provider(target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(answer(GOOD_BODY if target.startswith("/v") else json.dumps(PAINTERS_BODY).encode()))


class Served:
    """A gateway that serves three products, each on a host of its own."""

    def __init__(self, client: httpx.Client, log: Path) -> None:
        self._client = client
        self._log = log

    def get(self, path: str, host: str, *, forwarded: str = "", token: str = "") -> httpx.Response:
        """The answer to a call with a token that opens everything, made to a host."""
        token = token or fresh(scopes=["painters", "entreprises"])
        headers = {"Authorization": f"Bearer {token}", "Host": host}
        if forwarded:
            headers["X-Forwarded-Host"] = forwarded
        return self._client.get(path, params=TRACE, headers=headers)

    def product_of(self, found: httpx.Response) -> str:
        """The product that the access line of a call names."""
        lines: list[str] = []

        def is_there() -> bool:
            lines[:] = [line for line in self._log.read_text().splitlines() if found.headers["X-Request-Id"] in line]
            return bool(lines)

        wait_until(is_there)
        return str(json.loads(lines[0])["product"])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The gateway; a proxy on this machine is trusted."""
    log = tmp_path_factory.mktemp("hosts") / "access"
    settings = {"hosts": HOSTS, "trusted_proxies": "127.0.0.1", "access_log": str(log)}
    with (
        stub(_provider) as provider,
        gateway_of(ALL, upstream_url=provider.url, **settings) as url,
        httpx.Client(timeout=LONG, trust_env=False, base_url=url) as client,
    ):
        yield Served(client, log)


@pytest.mark.parametrize("host", ["autre.exemple.fr", "entreprise.exemple.fr.autre.fr", ""])
def test_other_hosts_serve_all(served: Served, host: str) -> None:
    """A host without a product of its own serves the endpoints and pages of all."""
    for path in (UNITE_LEGALE, PAINTERS_PATH, "/openapi.yaml", "/openapi-invented.yaml", "/errors", "/api/pings"):
        assert served.get(path, host).status_code == 200


@pytest.mark.parametrize("host", ["musees.exemple.fr", "Musees.Exemple.FR:8080", "musees.exemple.fr.", "[::1]:443"])
def test_a_host_knows_its_product_alone(served: Served, host: str) -> None:
    """On the host of a product its endpoints and pages are there, and those of the others are unknown."""
    own = host != "[::1]:443"
    there = (PAINTERS_PATH, "/openapi-invented.yaml", "/errors-invented", "/docs/invented")
    elsewhere = (UNITE_LEGALE, "/openapi.yaml", "/errors", "/privileges", "/docs/entreprise")
    particulier = ("/api/pings", "/api/introspect", INTROSPECTION)
    for path in (*there, "/docs", "/livez", "/metrics"):
        assert served.get(path, host).status_code == (200 if own or path not in there else 404)
    for path in elsewhere:
        assert served.get(path, host).status_code == 404
    for path in particulier:
        assert served.get(path, host).status_code == (404 if own else 200)


def test_unknown_paths_are_of_the_product(served: Served) -> None:
    """What a host does not know is refused, and recorded, as its product does it: the path of another is unknown."""
    found = served.get("/api/v2/etudiants", "entreprise.exemple.fr")
    assert (found.status_code, found.json()["errors"][0]["code"]) == (404, "00404")
    assert served.product_of(found) == "api_entreprise"
    flat = served.get("/invented/v2/nowhere", "musees.exemple.fr")
    assert (flat.status_code, flat.json()["error"]) == (404, "00404")
    assert served.product_of(served.get("/v3/nowhere", "[::1]")) == "api_particulier"
    assert served.product_of(served.get("/v3/nowhere", "autre.exemple.fr")) == "api_entreprise"


def test_the_introspection_is_of_each_host(served: Served) -> None:
    """The introspection is there where a product has it, and recorded as that product's."""
    for host, product in (("entreprise.exemple.fr", "api_entreprise"), ("[::1]", "api_particulier")):
        found = served.get(INTROSPECTION, host)
        assert found.json()["data"]["scopes"] == ["entreprises", "painters"]
        assert served.product_of(found) == product


def test_the_host_that_a_proxy_names(served: Served) -> None:
    """Behind a trusted proxy the host is the one that it was called by."""
    assert served.get(PAINTERS_PATH, "10.0.0.1", forwarded="musees.exemple.fr").status_code == 200
    assert served.get(UNITE_LEGALE, "10.0.0.1", forwarded="musees.exemple.fr").status_code == 404


def test_windows_are_shared(served: Served) -> None:
    """A token has one window of a group, whichever host it calls."""
    own = fresh(scopes=["painters"])
    first, second = (served.get(PAINTERS_PATH, host, token=own) for host in ("musees.exemple.fr", "autre.exemple.fr"))
    assert (first.headers["RateLimit-Remaining"], second.headers["RateLimit-Remaining"]) == ("2", "1")


def test_settings() -> None:
    """A host is given with its product, as a text or as a table; what cannot be meant is refused."""
    expected = {"a.fr": "entreprise", "b.fr": "particulier"}
    assert load(hosts="A.fr=entreprise, b.fr=api_particulier").hosts == expected
    assert load(hosts={"a.fr": "entreprise", "b.fr": "particulier"}).hosts == expected
    assert load(hosts='{"a.fr": "entreprise", "b.fr": "particulier"}').hosts == expected
    assert load().hosts == {}
    for wrong, word in (
        ("a.fr", "product of a host"),
        ("a.fr=autre", "product of a host"),
        ("https://a.fr=entreprise", "host=product"),
        ("a.fr:80=entreprise", "host=product"),
        ("a.fr=entreprise,A.fr=particulier", "twice"),
        ('{"a.fr"', "JSON"),
    ):
        with pytest.raises(SettingsError, match=word):
            load(hosts=wrong)
    with pytest.raises(SettingsError, match=r"a\.fr is for particulier"):
        load(hosts="a.fr=particulier", products="entreprise")
