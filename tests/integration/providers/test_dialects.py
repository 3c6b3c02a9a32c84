"""A gateway whose providers speak their own languages, against one whose providers speak ours."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema_rs import validator_for

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.dialects import DIALECTS
from apientreprise_gateway.providers.entreprise.product import PROVIDERS
from apientreprise_gateway.providers.entreprise.schemas import SCHEMAS
from apientreprise_gateway.sandbox.entreprise.entities import AT_INSEE, ENTITIES, Entity, Establishment
from apientreprise_gateway.sandbox.entreprise.specials import SPECIALS, Special
from support import programs
from support.programs import TRACE, Program
from support.site import LONG, ROOMY, codes, fresh
from support.stub import stub

SPEAKERS = [provider for provider in PROVIDERS if provider.key in DIALECTS]
"""The providers that speak a language of their own."""
ENDPOINTS = [endpoint for provider in SPEAKERS for endpoint in provider.endpoints]
COMPANY_V2 = "api_entreprise_v2_entreprises_restored"
INFOGREFFE = ("capital_social", "mandataires_sociaux", "date_radiation")
"""What v2 tells of a company that only Infogreffe knows."""
OUTCOMES = {
    "drip": (504, "002"),
    "reset": (502, "00501"),
    "cut": (502, "00501"),
    "garbage": (502, "999"),
    "truncated-json": (502, "999"),
    "empty": (502, "999"),
    "maintenance": (502, "001"),
    "redirect": (502, "999"),
    "refused-401": (502, "006"),
    "forbidden-403": (502, "006"),
    "busy-429": (502, "008"),
    "error-500": (502, "000"),
    "unavailable-503": (502, "001"),
    "timeout": (504, "002"),
    "slow": (504, "002"),
}
"""Status and code of each fault; a maintenance is in our form, which these languages do not have."""


def speaking(sandbox: str) -> dict[str, str]:
    """The settings that make the providers speak their own languages."""
    settings = {}
    for key, (dialect,) in DIALECTS.items():
        settings[f"providers__{key}__dialect"] = dialect
        settings[f"providers__{key}__base_url"] = f"{sandbox}/dialects/{dialect}"
    return settings


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """The fictive providers."""
    with programs.sandbox(tmp_path_factory.mktemp("sandbox")) as program:
        yield program


@dataclass
class Caller:
    """Who calls a gateway."""

    gateway: Program
    client: httpx.Client

    def __call__(self, path: str, **query: str) -> httpx.Response:
        """An ordinary call."""
        headers = {"Authorization": f"Bearer {fresh()}"}
        return self.client.get(self.gateway.url + path, params=TRACE | query, headers=headers)


@contextmanager
def caller(folder: Path, upstream: str, **settings: str) -> Iterator[Caller]:
    """A started gateway, with who calls it."""
    with (
        programs.gateway(folder, upstream=upstream, **(ROOMY | settings)) as gateway,
        httpx.Client(timeout=LONG) as client,
    ):
        yield Caller(gateway, client)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, sandbox: Program) -> Iterator[Caller]:
    """A gateway whose providers answer in our form."""
    with caller(tmp_path_factory.mktemp("plain"), sandbox.url) as found:
        yield found


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory, sandbox: Program) -> Iterator[Caller]:
    """A gateway whose providers answer in languages of their own."""
    settings = speaking(sandbox.url) | {"validate_upstream": "all"}
    with caller(tmp_path_factory.mktemp("foreign"), sandbox.url, **settings) as found:
        yield found


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory, sandbox: Program) -> Iterator[Caller]:
    """The same, with a deadline of a second and a breaker that never opens."""
    settings = speaking(sandbox.url) | {"upstream_timeout": "1"}
    for provider in SPEAKERS:
        settings |= {f"providers__{provider.key}__breaker__{name}": "1000" for name in ("calls", "silent")}
    with caller(tmp_path_factory.mktemp("hasty"), sandbox.url, **settings) as found:
        yield found


def path_of(endpoint: Endpoint, *, siren: str, siret: str) -> str:
    """The path of an endpoint for an entity."""
    return endpoint.path.format(siren=siren, siret=siret)


PLACES = [(entity, place) for entity in (*ENTITIES, *AT_INSEE) for place in entity.establishments]
"""Every establishment of the sandbox."""


def facts(endpoint: Endpoint, response: httpx.Response) -> Any:
    """What an answer says, but for where its links lead, and for what Sirene does not know."""
    if response.status_code == 301:
        return httpx.URL(response.headers["location"]).path
    body = response.json()
    if "errors" in body:
        return [error if isinstance(error, str) else error["code"] for error in body["errors"]]
    if "links" in body:
        body["links"] = {name: httpx.URL(link).path for name, link in body["links"].items()}
    if endpoint.operation == COMPANY_V2:
        del body["gateway_error"]
        for name in INFOGREFFE:
            del body["entreprise"][name]
    return body


@pytest.mark.parametrize(("entity", "establishment"), PLACES, ids=[place.siret for _, place in PLACES])
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.operation)
def test_answers_are_the_same(
    plain: Caller, foreign: Caller, endpoint: Endpoint, entity: Entity, establishment: Establishment
) -> None:
    """An entity is answered alike whichever language its provider speaks, and as the schema says."""
    path = path_of(endpoint, siren=entity.siren, siret=establishment.siret)
    for query in ({}, {"non_diffusables": "true"}) if endpoint.flat else ({},):
        ours, theirs = plain(path, **query), foreign(path, **query)
        incomplete = endpoint.operation == COMPANY_V2 and ours.status_code == 200
        assert theirs.status_code == (206 if incomplete else ours.status_code), theirs.text
        assert facts(endpoint, theirs) == facts(endpoint, ours)
        assert theirs.headers["content-type"] == ours.headers["content-type"]
        if theirs.status_code in {200, 206}:
            assert validator_for(SCHEMAS.of(endpoint.operation)).is_valid(theirs.json())


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.operation)
def test_the_ordinary_entity_is_on_every_endpoint(foreign: Caller, endpoint: Endpoint) -> None:
    """The documented entity is answered wherever it is asked for, and zeros are unknown."""
    known = foreign(path_of(endpoint, siren="130025265", siret="13002526500013"))
    assert known.status_code == (206 if endpoint.operation == COMPANY_V2 else 200), known.text
    assert foreign(path_of(endpoint, siren="000000000", siret="00000000000000")).status_code == 404


@pytest.mark.parametrize("special", SPECIALS, ids=lambda special: special.fault)
@pytest.mark.parametrize("number", ["siren", "siret", "vat"])
def test_faults(hasty: Caller, special: Special, number: str) -> None:
    """Each fault has its code, whatever language it is met in."""
    paths = {
        "siren": f"/v4/insee/sirene/unites_legales/{special.siren}",
        "siret": f"/v3/insee/sirene/etablissements/{special.siret}/adresse",
        "vat": f"/v3/european_commission/unites_legales/{special.siren}/numero_tva",
    }
    prefix = "28" if number == "vat" else "01"
    status, code = OUTCOMES[special.fault]
    if special.fault == "forbidden-403" and number != "vat":
        status, code = 451, "005"
    response = hasty(paths[number])
    assert (response.status_code, codes(response)) == (status, [code if len(code) == 5 else prefix + code])


def test_every_fault_has_its_outcome() -> None:
    """The table of this module knows every fault of the sandbox."""
    assert {special.fault for special in SPECIALS} == OUTCOMES.keys()


def test_calls_of_a_question_share_a_deadline(tmp_path: Path) -> None:
    """A provider that answers each of two calls in time, but not both, is too late."""

    async def slow(target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(1.5)
        raw = b'{"header":{"statut":404}}'
        location = b"location: /siren/130025265\r\n" if target.endswith("998000087") else b""
        writer.write(b"HTTP/1.1 301 X\r\n%scontent-length: %d\r\n\r\n%s" % (location, len(raw), raw))

    with stub(slow) as provider:
        settings = {
            "providers__insee__dialect": "sirene-3.11",
            "providers__insee__base_url": provider.url,
            "upstream_timeout": "2",
        }
        with caller(tmp_path, provider.url, **settings) as call:
            response = call("/v4/insee/sirene/unites_legales/998000087")
    assert (response.status_code, codes(response)) == (504, ["01002"])
    assert [head.split(" ")[1] for head in provider.requests] == ["/siren/998000087", "/siren/130025265"]


def test_links_lead_to_the_gateway(tmp_path: Path, sandbox: Program, foreign: Caller) -> None:
    """Links start with where the gateway is said to be, never with what a caller calls it; else they are paths."""
    path = "/insee/sirene/unites_legales/130025265"
    with caller(tmp_path, sandbox.url, **speaking(sandbox.url), public_url="https://api.exemple.test/") as called:
        link = called(f"/v4{path}/siege_social").json()["links"]["unite_legale"]
    assert link == f"https://api.exemple.test/v4{path}"
    assert foreign(f"/v4{path}/siege_social").json()["links"]["unite_legale"] == f"/v4{path}"


def test_the_validator_found_no_deviation(foreign: Caller) -> None:
    """The gateway itself finds its translations to be as their schemas say."""
    for endpoint in ENDPOINTS:
        foreign(path_of(endpoint, siren="130025265", siret="13002526500013"))
    metrics = foreign("/metrics").text
    assert not [line for line in metrics.splitlines() if line.startswith("gateway_upstream_deviations_total{")]
