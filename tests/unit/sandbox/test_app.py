from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.providers.entreprise.product import PROVIDERS
from apientreprise_gateway.providers.products import PRODUCTS
from apientreprise_gateway.sandbox.app import create_app
from unit.sandbox.calling import ABOUT_NOBODY, Clock, ask, get, path_of

ORDINARY = "/v4/insee/sirene/unites_legales/130025265"
ENDPOINTS = [endpoint for provider in PROVIDERS for endpoint in provider.endpoints]


ASKED = [endpoint for endpoint in ENDPOINTS if endpoint.operation not in ABOUT_NOBODY]


@pytest.mark.parametrize("endpoint", ASKED, ids=lambda endpoint: endpoint.operation)
@pytest.mark.parametrize(
    ("siren", "siret", "rna"),
    [
        ("000000000", "00000000000000", "W000000000"),
        ("552100554", "55210055400013", "W751000000"),
        ("12", "pas-un-siret", "x"),
    ],
    ids=["zeros", "stranger", "malformed"],
)
def test_unknown_identifiers_are_not_found(endpoint: Endpoint, siren: str, siret: str, rna: str) -> None:
    """Who is not of the sandbox gets a 404 in the provider's form."""
    answer = ask(path_of(endpoint, siren=siren, siret=siret, rna=rna))
    assert answer.status == 404
    assert answer.json().keys() == {"message"}


@pytest.mark.parametrize(
    "path",
    [
        "/v4/insee/sirene/unites_legales/13002526500013",
        "/v4/insee/sirene/etablissements/130025265",
        "/v4/insee/sirene/unites_legales/W262001597",
    ],
)
def test_an_identifier_of_another_kind_is_not_found(path: str) -> None:
    """An endpoint finds entities by its own kind of identifier only."""
    assert ask(path).status == 404


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("/v3/gip_mds/etablissements/13002526500013/effectifs_mensuels/13/annee/2024", "month"),
        ("/v3/gip_mds/etablissements/13002526500013/effectifs_mensuels/06/annee/x", "year"),
        ("/v3/gip_mds/etablissements/13002526500013/effectifs_mensuels/06/annee/2024?profondeur=14", "profondeur"),
    ],
)
def test_a_wrong_parameter_is_a_bad_request(target: str, name: str) -> None:
    """What the gateway would refuse is refused here too, when the sandbox is called without it."""
    answer = ask(target)
    assert answer.status == 400
    assert name in answer.json()["message"]


@pytest.mark.parametrize("path", ["/v9/entreprises/130025265", "/v4/nulle/part", "/favicon.ico"])
def test_unknown_paths_are_not_found(path: str) -> None:
    """A path that no provider serves gets a 404."""
    assert ask(path).status == 404


def test_only_reading_is_allowed() -> None:
    """Methods other than GET and HEAD are refused."""
    answer = get(create_app(products=PRODUCTS), ORDINARY, method="POST")
    assert answer.status == 405
    assert answer.headers["allow"] == "GET, HEAD"


def test_index_lists_the_identifiers() -> None:
    """The first page tells whom one can ask for and what fails how."""
    body = ask("/").json()
    assert "130025265" in {entity["siren"] for entity in body["entites"]}
    assert "timeout" in {fault["nom"] for fault in body["pannes"]}


def test_livez_answers_whatever_fails() -> None:
    """The sandbox itself is well while its providers are not."""
    app = create_app(products=PRODUCTS, error_rate=1.0)
    assert get(app, "/livez").status == 200
    assert get(app, "/").status == 200


def test_latency_precedes_every_answer_of_a_provider() -> None:
    """The latency is in milliseconds, for data and for errors alike."""
    clock = Clock()
    app = create_app(products=PRODUCTS, latency_ms=250, sleep=clock.sleep)
    get(app, ORDINARY)
    get(app, "/v4/insee/sirene/unites_legales/000000000")
    assert clock.pauses == [0.25, 0.25]


def test_no_latency_is_no_pause() -> None:
    """Nothing is waited for unless asked."""
    clock = Clock()
    get(create_app(products=PRODUCTS, sleep=clock.sleep), ORDINARY)
    assert clock.pauses == []


def _statuses(**options: Any) -> Iterator[int | None]:
    app = create_app(products=PRODUCTS, **options)
    for _ in range(200):
        yield get(app, ORDINARY).status


def test_error_rate_is_a_share_of_the_calls() -> None:
    """About the asked share of calls fails, with the default fault, and the same ones in every run."""
    statuses = list(_statuses(error_rate=0.25))
    assert set(statuses) == {200, 500}
    assert 30 <= statuses.count(500) <= 70
    assert statuses == list(_statuses(error_rate=0.25))
    assert statuses != list(_statuses(error_rate=0.25, seed=1))


def test_error_rate_meets_the_fault_that_is_named() -> None:
    """A rate of one fails every call in the way asked for."""
    assert set(_statuses(error_rate=1.0, fault="unavailable-503")) == {503}


def test_an_identifier_has_precedence_over_chance() -> None:
    """A fault's own identifier meets that fault, whatever the rate."""
    assert get(create_app(products=PRODUCTS, error_rate=1.0), "/v4/insee/sirene/unites_legales/999004294").status == 429


@pytest.mark.parametrize(
    "options", [{"error_rate": 1.5}, {"error_rate": -0.1}, {"latency_ms": -1}, {"fault": "fatigue"}]
)
def test_wrong_options_are_refused(options: dict[str, Any]) -> None:
    """A figure out of its range or an unknown fault stops the start."""
    with pytest.raises(ValueError, match=r"error rate|latency|unknown fault"):
        create_app(products=PRODUCTS, **options)


def test_what_is_about_nobody_answers_for_everybody() -> None:
    """An endpoint that takes no identifier has its answer."""
    answer = ask("/v2/liasses_fiscales_dgfip/2024/dictionnaire")
    assert answer.status == 200
    assert answer.json()["dictionnaire"]


def test_eori_number_names_its_establishment() -> None:
    """Where the customs take it, a French EORI number is the SIRET behind two letters."""
    path = "/v3/douanes/etablissements/{}/immatriculations_eori"
    assert ask(path.format("FR13002526500013")).body == ask(path.format("13002526500013")).body
    assert ask(path.format("FR00000000000000")).status == 404
    assert ask(path.format("FR99900500200012")).status == 500


async def test_lifespan_is_acknowledged() -> None:
    """The server may start and stop the application."""
    events = iter(["lifespan.startup", "lifespan.shutdown"])
    sent: list[str] = []

    async def receive() -> dict[str, Any]:
        return {"type": next(events)}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await create_app(products=PRODUCTS)({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_it_speaks_to_an_http_client() -> None:
    """A real client reads an answer, its query included."""

    async def call() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(products=PRODUCTS))
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
            return await client.get("/v2/entreprises/998000020", params={"non_diffusables": "true"})

    response = await call()
    assert response.status_code == 200
    assert response.json()["entreprise"]["siren"] == "998000020"
