"""Tests of the OpenAPI document of a product whose operations are about persons."""

from datetime import date
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from apientreprise_gateway.contract import query
from apientreprise_gateway.contract.endpoint import Endpoint, Provider
from apientreprise_gateway.contract.errors import OWN_ERRORS
from apientreprise_gateway.contract.identification import CallMode
from apientreprise_gateway.contract.person.families import RULES
from apientreprise_gateway.contract.person.identity import Asked
from apientreprise_gateway.controlplane.nomenclature import nomenclature
from apientreprise_gateway.controlplane.openapi import document, to_yaml
from apientreprise_gateway.controlplane.openapi.cases import cases_of
from apientreprise_gateway.controlplane.openapi.components import JSON_API_TYPE, JSON_TYPE
from apientreprise_gateway.providers.particulier.product import PARTICULIER

Json = dict[str, Any]

DOCUMENT = document(PARTICULIER)
ENDPOINTS = [
    pytest.param(endpoint, provider, id=endpoint.operation)
    for provider in PARTICULIER.providers
    for endpoint in provider.endpoints
]
each_endpoint = pytest.mark.parametrize(("endpoint", "provider"), ENDPOINTS)
TODAY = date(2026, 11, 28)


def resolve(value: Json) -> Json:
    """What a value says, or what the component that it refers to says."""
    if "$ref" not in value:
        return value
    found: Json = DOCUMENT
    for step in value["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return found


def operation_of(endpoint: Endpoint) -> Json:
    """What the document says of an endpoint."""
    operation: Json = DOCUMENT["paths"][endpoint.path]["get"]
    return operation


def errors_of(reference: Json) -> dict[str, Json]:
    """The examples of an error answer by name, whatever their media type."""
    contents = resolve(reference)["content"].values()
    return {name: resolve(example) for content in contents for name, example in content["examples"].items()}


def parameters_of(endpoint: Endpoint) -> list[Json]:
    """Its parameters in the query."""
    found = map(resolve, operation_of(endpoint)["parameters"])
    return [parameter for parameter in found if parameter["in"] == "query"]


def test_is_valid_openapi() -> None:
    """The document follows the OpenAPI 3.1 specification, and YAML loses nothing of it."""
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []
    assert yaml.safe_load(to_yaml(DOCUMENT)) == DOCUMENT


def test_describes_the_catalogue_and_what_goes_with_it() -> None:
    """There is one path per endpoint, and the pages beside them."""
    assert DOCUMENT["paths"].keys() == {endpoint.path for endpoint in PARTICULIER.endpoints} | {
        *("/v3/token/introspect", "/api/introspect", "/api/errors"),
        *("/api/pings", "/api/{key}/ping", "/api/ping"),
    }


@each_endpoint
def test_declares_each_parameter(endpoint: Endpoint, provider: Provider) -> None:
    """An operation has the parameters of its identity beside the recipient, required as they are published."""
    del provider
    assert endpoint.person is not None
    declared = {parameter["name"]: parameter["required"] for parameter in parameters_of(endpoint)}
    assert declared == {
        "recipient": not endpoint.flat,
        **{parameter.name: parameter.required for parameter in endpoint.person.parameters},
    }


@each_endpoint
def test_arrays_repeat_their_name(endpoint: Endpoint, provider: Provider) -> None:
    """A parameter that may come several times is an array whose values each have the name."""
    del provider
    for parameter in parameters_of(endpoint):
        several = parameter["name"].endswith("[]")
        assert (parameter["schema"]["type"] == "array") is several
        assert several is (parameter.get("style") == "form" and parameter.get("explode") is True)


@each_endpoint
def test_examples_are_a_person_together(endpoint: Endpoint, provider: Provider) -> None:
    """The examples of all parameters together are accepted."""
    del provider
    assert endpoint.person is not None
    rules = RULES[endpoint.person.family]
    shown = {
        parameter["name"]: parameter["example"]
        for parameter in parameters_of(endpoint)
        if "example" in parameter and parameter["name"] != "recipient"
    }
    text = urlencode(shown, doseq=True).encode("ascii")
    assert isinstance(rules.read(query.read_all(text, rules.names), TODAY), Asked)


@each_endpoint
def test_says_how_the_token_is_passed(endpoint: Endpoint, provider: Provider) -> None:
    """v2 takes no bearer but that of FranceConnect, later versions no parameter; France Connect's own paths its token
    alone."""
    del provider
    assert endpoint.person is not None
    security: list[Json] = operation_of(endpoint).get("security") or DOCUMENT["security"]
    ways = {name for each in security for name in each}
    if endpoint.person.mode is CallMode.FRANCE_CONNECT:
        assert ways == {"france_connect"}
    elif endpoint.flat:
        both = {"france_connect"} if endpoint.person.france_connect else set()
        assert ways == {"jeton_entete", "jeton_v2"} | both
    else:
        assert ways == {"jeton", "jeton_entete"}


@each_endpoint
def test_errors_about_the_identity(endpoint: Endpoint, provider: Provider) -> None:
    """Each code of the identity is told, of a parameter that the operation has, at the status of its version."""
    assert endpoint.person is not None
    names = {parameter.name for parameter in endpoint.person.parameters}
    found = {case.error.code: case.error for case in cases_of(endpoint, provider, PARTICULIER) if case.status == 422}
    for code in endpoint.person.codes:
        source = found[code].source
        assert source is not None
        assert source["parameter"] in names
        assert found[code].detail == OWN_ERRORS[code].detail
    status = "400" if endpoint.flat else "422"
    shown = {name[:5] for name in errors_of(operation_of(endpoint)["responses"][status])}
    assert set(endpoint.person.codes) <= shown


@each_endpoint
def test_errors_are_about_what_the_rules_say(endpoint: Endpoint, provider: Provider) -> None:
    """What is told to be wrong with a call that gives nothing, or nonsense, is what its rules find wrong."""
    assert endpoint.person is not None
    rules = RULES[endpoint.person.family]
    told = {
        case.error.code: case.error.source for case in cases_of(endpoint, provider, PARTICULIER) if case.status == 422
    }
    for value in ("", "\x00", "?"):
        asked = rules.read({name: [value] for name in rules.names}, TODAY)
        for fault in () if isinstance(asked, Asked) else asked:
            assert fault.code in told
            if told[fault.code] is not None and fault.code not in {"00361", "00363"}:  # of several parameters
                assert told[fault.code] == {"parameter": fault.parameter}


@each_endpoint
def test_error_bodies_have_the_form_of_their_version(endpoint: Endpoint, provider: Provider) -> None:
    """In v2 an error is a word and two texts, or a list of texts, later an object with its code."""
    del provider
    for status, reference in operation_of(endpoint)["responses"].items():
        if int(status) < 400:
            continue
        for example in errors_of(reference).values():
            value = example["value"]
            if not endpoint.flat:
                assert value["errors"][0]["code"] == example["summary"][:5]
            elif "errors" in value:
                assert isinstance(value["errors"][0], str)
            else:
                assert value.keys() == {"error", "reason", "message"}


@each_endpoint
def test_windows_are_told(endpoint: Endpoint, provider: Provider) -> None:
    """Answers tell the window, which is of one second, or of a minute for a token with a limit of its own."""
    del provider
    for status, reference in operation_of(endpoint)["responses"].items():
        headers = resolve(reference)["headers"]
        assert ("RateLimit-Limit" in headers) is (status != "401")
    assert "seconde" in DOCUMENT["components"]["headers"]["RateLimit-Limit"]["description"]


def test_pings_are_named() -> None:
    """Every source is told by its key, and operations name the page that tells of theirs."""
    (parameter,) = DOCUMENT["paths"]["/api/{key}/ping"]["get"]["parameters"]
    pings = [ping for provider in PARTICULIER.providers for ping in provider.pings]
    assert parameter["schema"]["enum"] == [ping.key for ping in pings]
    assert all(f"`{ping.key}` : {ping.name}" in parameter["description"] for ping in pings)
    operation = DOCUMENT["paths"]["/v3/sdh/statut_sportif/identifiant"]["get"]
    assert "`/api/sdh_statut_sportif/ping`" in operation["description"]


def test_introspect_is_told() -> None:
    """The page of a token's rights says what it answers, with the errors of v2."""
    operation = DOCUMENT["paths"]["/api/introspect"]["get"]
    (schema,) = [content["schema"] for content in operation["responses"]["200"]["content"].values()]
    assert resolve(schema)["required"] == ["_id", "name", "scopes"]
    (refused,) = resolve(operation["responses"]["401"])["content"].values()
    assert refused["schema"] == {"$ref": "#/components/schemas/ErreurParticulierV2"}


def test_nomenclature() -> None:
    """Errors are listed by operation at the status that is answered, without those of other products."""
    content = nomenclature(PARTICULIER).content
    assert content["api"] == "particulier"
    assert content["endpoints"].keys() == {endpoint.operation for endpoint in PARTICULIER.endpoints}
    platform = {entry["code"] for entries in content["platform_codes"].values() for entry in entries}
    assert {"00203", "00210", "00910"} <= platform
    assert not {"00201", "00202"} & platform
    flat = content["endpoints"]["api_particulier_v2_men_scolarites"]["errors"]
    assert "422" not in flat
    assert {"00361", "00410"} <= {entry["code"] for entry in flat["400"]}


@each_endpoint
def test_successes_have_an_example(endpoint: Endpoint, provider: Provider) -> None:
    """A success is shown as the sandbox answers it, and as its schema says; FranceConnect shows no identity."""
    del provider
    (content,) = operation_of(endpoint)["responses"]["200"]["content"].values()
    example = content["example"]
    Draft202012Validator(PARTICULIER.schemas.of(endpoint.operation)).validate(example)
    assert endpoint.person is not None
    if endpoint.person.mode is CallMode.FRANCE_CONNECT and "ants" not in endpoint.operation:
        assert "identite" not in example["data"]


@each_endpoint
def test_errors_have_the_media_type_of_who_finds_them(endpoint: Endpoint, provider: Provider) -> None:
    """From v3 on, what is found once a provider was asked has the type of successes; the rest is plain JSON."""
    for reference in operation_of(endpoint)["responses"].values():
        for media_type, content in resolve(reference)["content"].items():
            if "examples" not in content:
                continue
            for name in content["examples"]:
                asked = name[:2] == provider.prefix or name[:5] in {*provider.errors, "00501"}
                assert media_type == (JSON_API_TYPE if asked and not endpoint.flat else JSON_TYPE)
