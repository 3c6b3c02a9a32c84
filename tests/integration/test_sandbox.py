"""The sandbox behind the gateway: its ordinary entity everywhere, and every fault with its code."""

from collections.abc import Iterator

import httpx
import pytest

from apientreprise_gateway.contract.endpoint import Endpoint, Provider
from apientreprise_gateway.providers.entreprise.product import PROVIDERS
from apientreprise_gateway.sandbox.entreprise.specials import SPECIALS, Special
from support import programs
from support.programs import TRACE, Program
from support.site import LONG, ROOMY, codes, fresh

PERIOD = {"year": "2024", "fiscal_year": "2024", "year_v2": "2024", "dictionary_year": "2024", "month": "06"}


def named(siren: str, siret: str, rna: str) -> dict[str, str]:
    """The value of each kind of parameter that asks for an entity."""
    mixed = {"siret_or_rna": rna, "siren_or_rna": rna, "siren_or_siret_or_rna": rna, "siret_or_eori": siret}
    return PERIOD | {"siren": siren, "siret": siret} | mixed


ORDINARY = named("130025265", "13002526500013", "W262001597")
UNKNOWN = named("000000000", "00000000000000", "W000000000")
ENDPOINTS = [
    pytest.param(provider, endpoint, id=endpoint.path) for provider in PROVIDERS for endpoint in provider.endpoints
]
OUTCOMES = {
    "drip": (504, "002"),
    "reset": (502, "00501"),
    "cut": (502, "00501"),
    "garbage": (502, "999"),
    "truncated-json": (502, "999"),
    "empty": (502, "999"),
    "maintenance": (503, "020"),
    "redirect": (502, "999"),
    "refused-401": (502, "006"),
    "forbidden-403": (502, "006"),
    "busy-429": (502, "008"),
    "error-500": (502, "000"),
    "unavailable-503": (502, "001"),
    "timeout": (504, "002"),
    "slow": (504, "002"),
}
"""Status and code of each fault; three digits follow the provider's prefix."""
SLOW = {"drip", "timeout", "slow"}
"""Faults that outlast a deadline of a second."""


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """The fictive providers."""
    with programs.sandbox(tmp_path_factory.mktemp("sandbox")) as program:
        yield program


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory, sandbox: Program) -> Iterator[Program]:
    """A gateway in front of them, with the usual deadline."""
    with programs.gateway(tmp_path_factory.mktemp("patient"), upstream=sandbox.url, **ROOMY) as program:
        yield program


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory, sandbox: Program) -> Iterator[Program]:
    """A gateway in front of them that waits a second."""
    with programs.gateway(
        tmp_path_factory.mktemp("hasty"), upstream=sandbox.url, upstream_timeout="1", **ROOMY
    ) as program:
        yield program


def _get(gateway: Program, endpoint: Endpoint, values: dict[str, str]) -> httpx.Response:
    path = endpoint.path
    for parameter in endpoint.parameters:
        path = path.replace("{" + parameter.name + "}", values[parameter.kind.name])
    return httpx.get(gateway.url + path, params=TRACE, headers={"Authorization": f"Bearer {fresh()}"}, timeout=LONG)


@pytest.mark.parametrize(("provider", "endpoint"), ENDPOINTS)
def test_the_ordinary_entity_is_on_every_endpoint(patient: Program, provider: Provider, endpoint: Endpoint) -> None:
    """The documented entity is answered with 200 and an object wherever it is asked for."""
    response = _get(patient, endpoint, ORDINARY)
    assert response.status_code == 200, f"{provider.name}: {response.text}"
    assert response.json()
    if not endpoint.flat:
        assert response.json().keys() >= {"data", "links", "meta"}


@pytest.mark.parametrize(("provider", "endpoint"), ENDPOINTS)
def test_an_association_by_its_siret_too(patient: Program, provider: Provider, endpoint: Endpoint) -> None:
    """Where a RNA number is accepted, the SIRET of the ordinary entity is as well."""
    siret = dict.fromkeys(("siret_or_rna", "siren_or_siret_or_rna"), "13002526500013")
    response = _get(patient, endpoint, ORDINARY | siret)
    assert response.status_code == 200, f"{provider.name}: {response.text}"


@pytest.mark.parametrize(("provider", "endpoint"), ENDPOINTS)
def test_zeros_are_unknown(patient: Program, provider: Provider, endpoint: Endpoint) -> None:
    """All-zero identifiers are 404 PP003, wherever an entity is named."""
    if not any(parameter.kind.names_entity for parameter in endpoint.parameters):
        assert _get(patient, endpoint, UNKNOWN).status_code == 200
        return
    response = _get(patient, endpoint, UNKNOWN)
    assert response.status_code == 404
    if not endpoint.flat:
        assert codes(response) == [provider.prefix + "003"]


def test_every_fault_has_its_outcome() -> None:
    """The table of this module knows every fault of the sandbox."""
    assert {special.fault for special in SPECIALS} == OUTCOMES.keys()


@pytest.mark.parametrize("special", SPECIALS, ids=lambda special: special.fault)
@pytest.mark.parametrize("prefix", ["01", "03", "13", "21"])
def test_faults(patient: Program, hasty: Program, special: Special, prefix: str) -> None:
    """Each special identifier gets the documented code of what it stands for, through every kind of endpoint."""
    provider = next(provider for provider in PROVIDERS if provider.prefix == prefix)
    endpoint = provider.endpoints[0]
    values = named(special.siren, special.siret, special.rna)
    response = _get(hasty if special.fault in SLOW else patient, endpoint, values)
    status, code = OUTCOMES[special.fault]
    if (special.fault, prefix) == ("forbidden-403", "01"):
        status, code = 451, "005"
    assert response.status_code == status
    if not endpoint.flat:
        assert codes(response) == [code if len(code) == 5 else prefix + code]
    if special.fault == "maintenance" and not endpoint.flat:
        assert response.json()["errors"][0]["meta"]["retry_in"] == 600


def test_a_slow_provider_is_waited_for(patient: Program) -> None:
    """An answer after 3 seconds is within the usual deadline of 10."""
    special = next(special for special in SPECIALS if special.fault == "slow")
    assert _get(patient, PROVIDERS[0].endpoints[0], ORDINARY | {"siren": special.siren}).status_code == 200
