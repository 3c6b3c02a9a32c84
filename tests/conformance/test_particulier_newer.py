"""What API Particulier has published since the lists were made, as far as it is served, against what tells of it."""

import re

import pytest

from apientreprise_gateway.contract.endpoint import Endpoint, Provider
from apientreprise_gateway.contract.lifetime import HOUR
from apientreprise_gateway.contract.masks import MaskRules, Needs
from apientreprise_gateway.providers.particulier.product import PARTICULIER
from apientreprise_gateway.providers.particulier.schemas import SCHEMAS
from conformance.conftest import load_newer
from conformance.particulier import CATALOGUE, NEWER

TEXT = load_newer().partition("## 4. API Particulier delta")[2]
PLATFORM = ("/v3/token/introspect", "/api/errors", "/api/attestations/")
"""What the gateway answers itself, or does not serve."""
each_newer = pytest.mark.parametrize(
    ("endpoint", "provider"), [pytest.param(*CATALOGUE[operation], id=operation) for operation in sorted(NEWER)]
)


def rows() -> dict[str, list[str]]:
    """The rows of what is newer by the path that they begin with, without the pages."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in TEXT.splitlines() if line[:3] == "| /"]
    return {row[0]: row for row in cells if not row[0].startswith(PLATFORM)}


def test_what_is_newer_is_served() -> None:
    """Every newer operation is served, at its path, and nothing else is newer."""
    paths: set[str] = set()
    for text in rows():
        first, *others = text.split(", ")
        paths |= {first, *(first.rpartition("/")[0] + other for other in others)}
    assert paths == {CATALOGUE[operation][0].path for operation in NEWER}


@each_newer
def test_name(endpoint: Endpoint, provider: Provider) -> None:
    """An operation has the published name."""
    assert endpoint.operation.startswith("api_particulier_")
    name = endpoint.operation.removeprefix("api_particulier_")
    assert name.rpartition("_with_")[0] + "_with_" in TEXT
    assert name.rpartition("_with_")[2] in {"civility", "france_connect", "ine"}


@each_newer
def test_as_its_elder(endpoint: Endpoint, provider: Provider) -> None:
    """It is found as its elder is, and shown as that one, but for what is told."""
    if provider.key == "cnav":
        elder, _ = CATALOGUE[endpoint.operation.replace("rentree_scolaire", "adulte_handicape")]
        assert endpoint.person is elder.person
        assert (endpoint.scopes, endpoint.cache) == (("cnav_allocation_rentree_scolaire",), HOUR)
    else:
        elder, _ = CATALOGUE[endpoint.operation.replace("_v5_", "_v4_")]
        assert elder.deprecated
        assert endpoint.scopes == (*elder.scopes, "cnous_ine")
        assert elder.mask is not None
        fields = {**elder.mask.fields, "data.ine": Needs(any_of=frozenset({"cnous_ine"}))}
        assert endpoint.mask == MaskRules(fields=fields)
    assert not endpoint.deprecated


def test_own_errors() -> None:
    """The errors that are told of are declared, with their statuses."""
    back_to_school, grants = (
        CATALOGUE[f"api_particulier_{name}_with_civility"][0]
        for name in ("v3_cnav_allocation_rentree_scolaire", "v5_cnous_etudiant_boursier")
    )
    assert "404 36003, 35003; 422 36560" in TEXT
    assert back_to_school.codes == {404: ("35003",), 422: ("36560",)}
    assert "422 00368, 26561, 26562 (FranceConnect 51564), 409 26015" in TEXT
    assert grants.codes == {409: ("26015",), 422: ("26561", "26562")}
    assert grants.person is not None
    assert "00368" in grants.person.codes


def test_first_names_of_grants() -> None:
    """v5 takes up to three first names."""
    assert "prenoms[] 1 to 3 on identite" in TEXT
    person = CATALOGUE["api_particulier_v5_cnous_etudiant_boursier_with_civility"][0].person
    assert person is not None
    assert [parameter.most for parameter in person.parameters if parameter.several] == [3]


def test_body_of_the_allowance() -> None:
    """Who receives the allowance of the new school year is told as published."""
    told = re.search(r"ARS data closed: {status\* enum (\S+), date_debut_droit\* s\?}", TEXT)
    assert told is not None
    data = SCHEMAS.of("api_particulier_v3_cnav_allocation_rentree_scolaire_with_civility")["properties"]["data"]
    assert data["required"] == ["status", "date_debut_droit"]
    assert data["properties"]["status"]["enum"] == told[1].split("|")
    assert data["properties"]["date_debut_droit"]["type"] == ["string", "null"]


@pytest.mark.parametrize("mode", ["civility", "france_connect", "ine"])
def test_body_of_grants(mode: str) -> None:
    """v5 says what v4 says, and the INE besides."""
    newer, elder = (
        dict(SCHEMAS.of(f"api_particulier_v{number}_cnous_etudiant_boursier_with_{mode}")["properties"]["data"])
        for number in (5, 4)
    )
    assert newer["required"] == [*elder["required"], "ine"]
    assert {**elder["properties"], "ine": {"type": "string"}} == newer["properties"]


def test_ping() -> None:
    """The newer ping is told of, and watches the newer allowance."""
    assert "ping cnav_allocation_rentree_scolaire" in TEXT
    (ping,) = [
        ping
        for provider in PARTICULIER.providers
        for ping in provider.pings
        if ping.key == "cnav_allocation_rentree_scolaire"
    ]
    assert all("allocation_rentree_scolaire" in operation for operation in ping.operations)
