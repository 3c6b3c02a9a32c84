"""What is published since the lists of the other tests were made, as far as it is served, against what tells of it."""

import functools
import re
from copy import deepcopy
from typing import Any

import pytest

from apientreprise_gateway.contract.endpoint import AnswerKind, Endpoint, Provider
from apientreprise_gateway.contract.lifetime import HOUR
from apientreprise_gateway.controlplane.openapi import document, nomenclature
from apientreprise_gateway.controlplane.openapi.tokens import INTROSPECTION_SCHEMA
from apientreprise_gateway.providers.entreprise.groups import JSON
from apientreprise_gateway.providers.entreprise.product import ENTREPRISE, PROVIDERS
from apientreprise_gateway.providers.entreprise.schemas import SCHEMAS
from conformance.conftest import NEWER, NEWER_PINGS, load_newer

TEXT = load_newer()
PREFIX = "api_entreprise_"
DOCUMENT = document(ENTREPRISE)
SERVED = {
    endpoint.operation: (endpoint, provider)
    for provider in PROVIDERS
    for endpoint in provider.endpoints
    if endpoint.operation in NEWER
}
PLATFORM = {"/v3/token/introspect", "/errors"}
"""What the gateway answers itself."""

each_newer = pytest.mark.parametrize(
    ("endpoint", "provider"), [pytest.param(*pair, id=operation) for operation, pair in SERVED.items()]
)


def cells(line: str) -> list[str]:
    """The cells of a row of a table."""
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


@functools.cache
def rows() -> dict[str, dict[str, str]]:
    """The newer operations of API Entreprise, by path: the cells of their rows by column."""
    lines = [line for line in TEXT.partition("## 4.")[0].splitlines() if line.startswith("|")]
    head = next(place for place, line in enumerate(lines) if line.startswith("| path | id | path kinds"))
    names = cells(lines[head])
    table = {}
    for line in lines[head + 2 :]:
        if not line.startswith("| /"):
            break
        row = dict(zip(names, cells(line), strict=True))
        table[row["path"]] = row
    return table


def row_of(endpoint: Endpoint) -> dict[str, str]:
    """What is told of an endpoint."""
    return rows()[endpoint.path]


def test_what_is_live_is_served() -> None:
    """Every newer operation that is live is served, and nothing of what is in trial."""
    live = {path for path, row in rows().items() if row["state"].startswith("live")}
    assert live == {endpoint.path for endpoint, _ in SERVED.values()} | PLATFORM
    assert live <= DOCUMENT["paths"].keys()
    assert not (rows().keys() - live) & DOCUMENT["paths"].keys()


@each_newer
def test_name_and_place(endpoint: Endpoint, provider: Provider) -> None:
    """An operation has the published name, and its provider the published name and prefix."""
    row = row_of(endpoint)
    assert PREFIX + row["id"] == endpoint.operation
    assert row["provider, PP"] == f"{provider.name}, {provider.prefix}"


@each_newer
def test_parameters_and_scopes(endpoint: Endpoint, provider: Provider) -> None:
    """It takes the published parameters, with the published errors, and any of the published scopes opens it."""
    row = row_of(endpoint)
    assert [parameter.name for parameter in endpoint.parameters] == [
        kind.split()[0] for kind in row["path kinds"].split("; ")
    ]
    published = re.findall(r"\b00\d{3}\b", row["422 own"].partition("(")[0])
    assert [code for parameter in endpoint.parameters for code in parameter.kind.codes] == published
    scopes = row["scopes, any of"]
    assert list(endpoint.scopes) == ([] if scopes.startswith("none") else scopes.split(", "))


@each_newer
def test_limits_and_cache(endpoint: Endpoint, provider: Provider) -> None:
    """It counts with all JSON endpoints, and may be kept for an hour."""
    row = row_of(endpoint)
    assert (row["pool"], endpoint.group, endpoint.answer) == ("json", JSON, AnswerKind.JSON)
    assert row["cache"].startswith("1 h")
    assert endpoint.cache is HOUR


@each_newer
def test_who_asks(endpoint: Endpoint, provider: Provider) -> None:
    """The number of value added tax wants no agent; the tax declarations do, as before."""
    assert endpoint.user_id is (provider.key == "dgfip")


@each_newer
def test_errors(endpoint: Endpoint, provider: Provider) -> None:
    """It may answer with the published errors of its provider."""
    responses = DOCUMENT["paths"][endpoint.path]["get"]["responses"]
    texts = str(
        {
            name: DOCUMENT["components"]["responses"][each["$ref"].rpartition("/")[2]]
            for name, each in responses.items()
            if "$ref" in each
        }
    )
    for subcode in ("003", "000", "008", "009", "999", "020", "002"):
        assert provider.prefix + subcode in texts
    assert ("03501" in texts) == ("03501" in row_of(endpoint)["state"])


@pytest.mark.parametrize("key", NEWER_PINGS)
def test_pings(key: str) -> None:
    """A newer ping is told of, and watches an operation that names it."""
    (ping,) = [ping for provider in PROVIDERS for ping in provider.pings if ping.key == key]
    assert f"ping {key}" in rows()[SERVED[ping.probe][0].path]["state"]


def test_what_is_succeeded_is_deprecated() -> None:
    """Every operation that a newer one succeeds is marked."""
    published = TEXT.partition("### Deprecations")[2].partition("###")[0]
    succeeded = [cells(line)[0] for line in published.splitlines() if line.startswith("| v3")]
    assert succeeded == ["v3 european_commission numero_tva", "v3 dgfip liasses_fiscales"]
    for text in succeeded:
        version, provider, name = text.split()
        (endpoint,) = [
            endpoint
            for each in PROVIDERS
            for endpoint in each.endpoints
            if endpoint.path.startswith(f"/{version}/{provider}/")
            and f"/{name}" in endpoint.path
            and endpoint.operation not in NEWER
        ]
        assert endpoint.deprecated


def fields(schema: dict[str, Any]) -> dict[str, bool]:
    """The fields of an object, and whether each is required."""
    return {name: name in schema.get("required", ()) for name in schema["properties"]}


def test_body_of_the_vat_number() -> None:
    """Its body has the published fields: the number, and the day of the file, which may be unknown."""
    body = SCHEMAS.of("api_entreprise_v3_dgfip_tva")["properties"]
    assert "numero_tva: data {numero_tva* s} closed" in TEXT
    assert fields(body["data"]) == {"numero_tva": True}
    assert "meta {date_derniere_mise_a_jour* d?} closed" in TEXT
    assert fields(body["meta"]) == {"date_derniere_mise_a_jour": True}
    assert body["meta"]["properties"]["date_derniere_mise_a_jour"]["type"] == ["string", "null"]


def test_body_of_the_tax_declarations() -> None:
    """Its body is that of v3, but for what each figure says of itself."""
    older, newer = (
        deepcopy(SCHEMAS.of(f"api_entreprise_v{version}_dgfip_liasses_fiscales"))["properties"] for version in (3, 4)
    )
    assert (
        "data.declarations[].donnees[] = {code_nref* s, valeurs* [s] min 1 (null holes possible), intitule s}" in TEXT
    )
    figures = newer["data"]["properties"]["declarations"]["items"]["properties"].pop("donnees")["items"]
    assert fields(figures) == {"code_nref": True, "intitule": False, "valeurs": True}
    assert figures["properties"]["valeurs"]["items"]["type"] == ["string", "null"]
    older["data"]["properties"]["declarations"]["items"]["properties"].pop("donnees")
    assert newer == older


def told(start: str, end: str) -> str:
    """What is told between two texts."""
    return TEXT.partition(start)[2].partition(end)[0]


def test_body_of_the_introspection() -> None:
    """A token is told of in the published fields, all of them and no other."""
    data, links = (INTROSPECTION_SCHEMA["properties"][name] for name in ("data", "links"))
    published = told("introspect: data closed, all required:\n{", " closed}; links")
    delegation = data["properties"]["delegation"]
    for schema, names in (
        (data, [*re.findall(r"(?:^|, )(\w+) ", published.partition("delegation")[0]), "delegation"]),
        (delegation, re.findall(r"(\w+)\* s", published.partition("delegation ?{")[2])),
        (links, re.findall(r"(\w+)\* uri", told("links {", "closed; meta {}. Editor"))),
    ):
        assert list(schema["properties"]) == schema["required"] == names
        assert schema["additionalProperties"] is False


def test_body_of_the_errors() -> None:
    """The list of errors has the published parts, and what the published one has of a code."""
    properties = nomenclature.SCHEMA["properties"]
    published = told("/errors: {", "Unknown operation_id")
    parts = ["api", "providers", "generic_subcodes", "platform_codes", "endpoints"]
    assert [name for name in re.findall(r"(\w+)\*", published) if name in parts] == parts == list(properties)
    entry = properties["platform_codes"]["additionalProperties"]["items"]
    assert "{code*, title*, detail*, meta}" in published
    assert list(entry["properties"]) == ["code", "title", "detail", "meta"]
    assert list(properties["endpoints"]["additionalProperties"]["properties"]) == ["provider", "errors"]
