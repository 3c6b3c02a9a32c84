"""Tests of the OpenAPI document."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator

from apientreprise_gateway import __version__
from apientreprise_gateway.contract.codes import GATEWAY_ERRORS, PROVIDER_ERRORS
from apientreprise_gateway.contract.endpoint import AnswerKind, Endpoint, Provider
from apientreprise_gateway.controlplane.openapi import document, to_yaml
from apientreprise_gateway.controlplane.openapi.components import JSON_API_TYPE, JSON_TYPE
from apientreprise_gateway.providers.dossier import MAX_RESOURCES, RESOURCES, parameters_of
from apientreprise_gateway.providers.entreprise.dossier import DOSSIER
from apientreprise_gateway.providers.entreprise.introspection import INTROSPECTION
from apientreprise_gateway.providers.entreprise.product import ENTREPRISE, PROVIDERS
from apientreprise_gateway.providers.products import PRODUCTS

Json = dict[str, Any]

DOCUMENT = document(ENTREPRISE)
SPECIFIC_CODES = {code for provider in PROVIDERS for code in provider.errors}
TEXT = to_yaml(DOCUMENT)
LISTS = r"<https://www\.insee\.fr/fr/information/\d+>"
INVENTED = r"https?://([\w-]+\.)*exemple\.test\b"
"""Addresses of a name that nobody can have."""
OF_OTHER_PRODUCTS = {"00910", "00911"}
"""Codes of the gateway's own that a product has only where it once had other paths."""
ENDPOINTS = [
    pytest.param(endpoint, provider, id=endpoint.operation) for provider in PROVIDERS for endpoint in provider.endpoints
]
each_endpoint = pytest.mark.parametrize(("endpoint", "provider"), ENDPOINTS)


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


def responses_of(endpoint: Endpoint) -> dict[int, Json]:
    """The answers of an endpoint by status."""
    return {int(status): resolve(response) for status, response in operation_of(endpoint)["responses"].items()}


def failures_of(endpoint: Endpoint) -> dict[int, Json]:
    """Those of its answers that are errors."""
    return {status: response for status, response in responses_of(endpoint).items() if status >= 400}


def _content(response: Any) -> Any:
    """What a response contains, whatever its one media type is."""
    (content,) = response["content"].values()
    return content


def examples_of(response: Json) -> dict[str, Json]:
    """The examples of an error answer by code."""
    examples = [resolve(example) for example in _content(response)["examples"].values()]
    return {example["summary"].split(" : ")[0]: example for example in examples}


def texts(value: object) -> Iterator[str]:
    """Every text of a document, names included."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from texts(name)
            yield from texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts(part)
    elif isinstance(value, str):
        yield value


def test_is_valid_openapi() -> None:
    """The document follows the OpenAPI 3.1 specification."""
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []
    assert DOCUMENT["info"]["version"] == __version__


def test_describes_the_catalogue_and_what_goes_with_it() -> None:
    """There is one path per endpoint, the one that asks several of them, and those that need no traceability."""
    paths = {endpoint.path for provider in PROVIDERS for endpoint in provider.endpoints}

    assert set(DOCUMENT["paths"]) == paths | {
        DOSSIER.endpoint.path,
        INTROSPECTION.path,
        "/errors",
        "/privileges",
        "/pings",
        "/ping/{provider}/{source}",
        "/v{version}/ping",
    }
    assert set(DOCUMENT["paths"]["/privileges"]["get"]["responses"]) == {"200", "401", "429"}


def test_tells_the_pings() -> None:
    """Every source is named, an operation names the ping that tells about it, and pings want no token."""
    operation = DOCUMENT["paths"]["/ping/{provider}/{source}"]["get"]
    assert operation["security"] == []
    (first, second) = (parameter["schema"] | parameter for parameter in operation["parameters"])
    for provider in PROVIDERS:
        for ping in provider.pings:
            owner, _, source = ping.key.partition("/")
            assert owner in first["enum"]
            assert f"`{source}` ({owner})" in second["description"]
            for endpoint in provider.endpoints:
                named = f"Disponibilité : `/ping/{ping.key}`." in operation_of(endpoint)["description"]
                assert named is ping.covers(endpoint.operation)


def test_tells_which_scope_to_ask_for() -> None:
    """Of several names of one right that which is still given is told; of rights to fields, those that are needed."""
    entreprise, particulier = (
        "\n".join(item["get"]["description"] for item in document(product)["paths"].values()) for product in PRODUCTS
    )
    assert "`exercices` ou `chiffre_affaires_dgfip` (à demander : `chiffre_affaires_dgfip`)." in entreprise
    assert "(à demander : ceux des champs dont votre démarche a besoin)." in particulier


def test_tells_what_a_dossier_can_ask() -> None:
    """Every resource is named, and every parameter that one of them reads."""
    resources = DOSSIER.resources_of(endpoint for provider in PROVIDERS for endpoint in provider.endpoints)
    operation: Json = DOCUMENT["paths"][DOSSIER.endpoint.path]["get"]
    inline = {each["name"]: each for each in operation["parameters"] if "name" in each}
    assert set(inline[RESOURCES]["schema"]["items"]["enum"]) == set(resources)
    assert inline[RESOURCES]["schema"]["maxItems"] == MAX_RESOURCES
    assert set(inline) == parameters_of(resources.values()) | {RESOURCES, "user_id"}


@each_endpoint
def test_tells_each_endpoint(endpoint: Endpoint, provider: Provider) -> None:
    """An operation has its endpoint's name, texts and scopes."""
    operation = operation_of(endpoint)

    assert operation["operationId"] == endpoint.operation
    assert operation["summary"] == endpoint.summary
    assert operation["tags"] == [provider.name]
    assert operation["x-theme"] == endpoint.tag
    assert f"{endpoint.client_timeout} s" in operation["description"]
    assert operation.get("deprecated", False) is endpoint.deprecated
    assert provider.name in operation["description"]
    assert all(f"`{scope}`" in operation["description"] for scope in endpoint.scopes)


@each_endpoint
def test_declares_each_parameter(endpoint: Endpoint, provider: Provider) -> None:
    """An operation has its parameters, those of traceability, the request id, and what asks for a new answer."""
    parameters = [resolve(parameter) for parameter in operation_of(endpoint)["parameters"]]
    declared = {(parameter["in"], parameter["name"]): parameter["required"] for parameter in parameters}
    users = ["user_id"] if endpoint.user_id else []

    assert declared == {
        **{("path", parameter.name): True for parameter in endpoint.parameters},
        **{("query", name): True for name in ["context", "object", "recipient", *users]},
        **{("query", parameter.name): False for parameter in endpoint.query},
        ("header", "X-Request-Id"): False,
        **({("header", "Cache-Control"): False} if endpoint.cache else {}),
    }


@each_endpoint
def test_parameter_examples_are_accepted(endpoint: Endpoint, provider: Provider) -> None:
    """The example of an identifier passes the check that the gateway makes of it."""
    shown = {value["name"]: value for value in map(resolve, operation_of(endpoint)["parameters"])}

    for parameter in (*endpoint.parameters, *endpoint.query):
        example = shown[parameter.name].get("example", "")
        assert parameter.kind.accepts(str(example))


def test_parameter_examples_have_the_type_of_their_schema() -> None:
    """A number is shown as a number and a flag as a flag, so that a generated client can use them."""
    types = {"string": str, "integer": int, "boolean": bool}

    for parameter in DOCUMENT["components"]["parameters"].values():
        if "example" in parameter:
            assert type(parameter["example"]) is types[parameter["schema"]["type"]]


def test_recipient_is_a_siret_from_v3_on() -> None:
    """In v2 the recipient is free text, later it is a SIRET: each has its own description."""
    recipients = {
        endpoint.flat: resolve(parameter)["description"]
        for provider in PROVIDERS
        for endpoint in provider.endpoints
        for parameter in operation_of(endpoint)["parameters"]
        if resolve(parameter)["name"] == "recipient"
    }

    assert recipients[False].startswith("SIRET")
    assert not recipients[True].startswith("SIRET")


@each_endpoint
def test_success_has_the_shape_of_its_version(endpoint: Endpoint, provider: Provider) -> None:
    """From v3 on a success is an envelope of its own media type, in v2 a flat object."""
    success = responses_of(endpoint)[200]

    if endpoint.flat:
        assert list(success["content"]) == [JSON_TYPE]
    else:
        schema = resolve(success["content"][JSON_API_TYPE]["schema"])
        assert schema["required"] == ["data", "links", "meta"]


@each_endpoint
def test_error_codes_are_under_their_status(endpoint: Endpoint, provider: Provider) -> None:
    """Each example stands under the status that the gateway answers its code with."""
    for status, response in failures_of(endpoint).items():
        for code in examples_of(response):
            own = code.startswith("00")
            assert own or code.startswith(provider.prefix)
            if code in SPECIFIC_CODES:
                assert code in endpoint.codes[status]
            else:
                assert (GATEWAY_ERRORS[code] if own else PROVIDER_ERRORS[code[2:]]).status == status


@each_endpoint
def test_lists_every_error_that_it_may_answer(endpoint: Endpoint, provider: Provider) -> None:
    """The codes are those of the checks, of the endpoint's parameters and of its provider, and no others."""
    codes = {code for response in failures_of(endpoint).values() for code in examples_of(response)}
    legal = {"005"} if "005" in provider.statuses.values() else set()
    files = {"051", "052", "053", "054", "055", "056"} if endpoint.answer is AnswerKind.DOCUMENT else set()
    said = {"000", "001", "002", "003", "004", "006", "008", "009", "020", "999"} | legal | files

    assert codes >= {"00015", "00100", "00101", "00103", "00105", "00107", "00429", "00500", "00501"}
    assert {code for code in codes if code.startswith(("002", "003")) or not code.startswith("00")} == {
        *("00201", "00202", "00203"),
        *(["00204"] if endpoint.user_id else []),
        *([] if endpoint.flat else ["00210"]),
        *(code for parameter in (*endpoint.parameters, *endpoint.query) for code in parameter.kind.codes),
        *(provider.prefix + subcode for subcode in said),
        *itertools.chain.from_iterable(endpoint.codes.values()),
    }


@each_endpoint
def test_error_examples_have_the_shape_of_their_version(endpoint: Endpoint, provider: Provider) -> None:
    """In v2 an error is a bare text, later an object with its code."""
    for response in failures_of(endpoint).values():
        for code, example in examples_of(response).items():
            (error,) = example["value"]["errors"]
            assert isinstance(error, str) if endpoint.flat else error["code"] == code


@each_endpoint
def test_headers_follow_the_status(endpoint: Endpoint, provider: Provider) -> None:
    """The window is told to every valid token, Retry-After on 429 only, the request id always."""
    for status, response in responses_of(endpoint).items():
        headers = set(response["headers"])
        assert "X-Request-Id" in headers
        assert ("Retry-After" in headers) is (status == 429)
        assert ({"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"} <= headers) is (status != 401)


def test_unnamed_codes_are_told_in_the_description() -> None:
    """Every code of the gateway is documented, those that no operation answers with in the introduction."""
    told = set(re.findall(r"\d{5}", DOCUMENT["info"]["description"]))
    shown = {key[:5] for key in DOCUMENT["components"]["examples"]}

    assert GATEWAY_ERRORS.keys() - told - shown == OF_OTHER_PRODUCTS
    assert not told & shown


def test_is_the_same_each_time() -> None:
    """The same catalogue gives the same text."""
    assert to_yaml(document(ENTREPRISE)) == TEXT


def test_yaml_says_what_the_document_says() -> None:
    """Nothing is lost or changed on the way to YAML."""
    assert yaml.safe_load(TEXT) == DOCUMENT


def test_yaml_has_no_anchor() -> None:
    """What repeats is written out or referred to by `$ref`, never by a YAML alias."""
    assert not [token for token in yaml.scan(TEXT) if isinstance(token, yaml.AnchorToken | yaml.AliasToken)]


def test_yaml_quotes_texts_that_look_like_numbers() -> None:
    """A reader of YAML 1.2, such as a browser's, takes a code like 00429 for the text that it is."""
    number_like = [
        token
        for token in yaml.scan(TEXT)
        if isinstance(token, yaml.ScalarToken) and re.fullmatch(r"0\d+", token.value) and token.plain
    ]

    assert "'00429'" in TEXT
    assert not number_like


def test_names_no_other_host() -> None:
    """The document holds no address outside the gateway, but those of INSEE's lists of codes and invented ones."""
    assert not [text for text in texts(DOCUMENT) if "//" in re.sub(f"{LISTS}|{INVENTED}", "", text)]
    assert DOCUMENT["servers"] == [{"url": "/"}]


def test_refuses_to_mix_up_two_parts() -> None:
    """Two endpoints that would need the same component with different contents stop the build."""
    other = Provider(key="insee", name="Autre", prefix="99", endpoints=PROVIDERS[1].endpoints)

    with pytest.raises(ValueError, match="404-insee"):
        document(replace(ENTREPRISE, providers=(PROVIDERS[0], other)))


@each_endpoint
def test_errors_have_the_media_type_that_is_published(endpoint: Endpoint, provider: Provider) -> None:
    """From v3 on, an error that comes of a provider has the endpoint's type; the others are plain JSON."""
    del provider
    for status, response in failures_of(endpoint).items():
        of_provider = status in {404, 451, 502, 503, 504} and not endpoint.flat
        assert list(response["content"]) == [JSON_API_TYPE if of_provider else JSON_TYPE]


@each_endpoint
def test_partial_answers_are_of_v2(endpoint: Endpoint, provider: Provider) -> None:
    """v2 alone tells by its status that some of the data is missing; the body is the same."""
    del provider
    responses = responses_of(endpoint)
    assert (206 in responses) is endpoint.flat
    if endpoint.flat:
        assert responses[206]["content"] == responses[200]["content"]


@each_endpoint
def test_lists_are_told_from_objects(endpoint: Endpoint, provider: Provider) -> None:
    """The success of an endpoint that answers with a list is a list, that of any other an object."""
    del provider
    schema = resolve(_content(responses_of(endpoint)[200])["schema"])
    assert schema["type"] == ("array" if endpoint.array else "object")


def test_errors_of_one_provider_alone() -> None:
    """What only one provider says is told with its title and what its `meta` holds."""
    example = DOCUMENT["components"]["examples"]["04501"]["value"]["errors"][0]
    assert example["title"] == "Analyse manuelle de la situation du compte en cours"
    assert example["meta"] == {"provider": "ACOSS", "retry_in": 172_800}
    assert {key[:5] for key in DOCUMENT["components"]["examples"]} >= SPECIFIC_CODES
