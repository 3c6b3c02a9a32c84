"""The catalogue against the published operations."""

from collections import Counter
from collections.abc import Iterator

import pytest

from apientreprise_gateway.contract import lifetime
from apientreprise_gateway.contract.endpoint import AnswerKind, Endpoint, Provider
from apientreprise_gateway.controlplane.openapi import document
from apientreprise_gateway.gateway.settings import fields_of
from apientreprise_gateway.providers.entreprise.groups import DOCUMENTS, JSON
from apientreprise_gateway.providers.entreprise.product import ENTREPRISE
from apientreprise_gateway.providers.products import PRODUCTS
from conformance.conftest import CATALOGUE, Json, load_operations
from conformance.differences import DIFFERENCES, NONE, Aspect, Difference, listed

PUBLISHED = load_operations()
DOCUMENT = document(ENTREPRISE)
MEMBERS = Counter(endpoint.group.name for endpoint, _ in CATALOGUE.values())
SHARED_GROUPS = {JSON.name, DOCUMENTS.name}
TRACEABILITY_AND_TOKEN = {"context", "recipient", "object", "token", "error_format"}
KINDS = {"fiscal_year": "year", "year_v2": "year", "dictionary_year": "year"}
"""The published name of those of our kinds that it knows by one name, although their rules differ."""
ANSWERS = {"data": AnswerKind.JSON, "document": AnswerKind.DOCUMENT, "mixed": AnswerKind.DOCUMENT}
LIFETIMES = {
    None: "None",
    lifetime.HOUR: "1h",
    lifetime.DAY: "24h",
    lifetime.UNTIL_3: "until the next 03:00",
    lifetime.UNTIL_8: "until the next 08:00",
    lifetime.END_OF_DAY: "until end of day",
    lifetime.END_OF_MONTH: "until end of month",
}
SCHEMA_WORDS = ("type", "enum", "minimum", "maximum", "default")

Differing = set[tuple[str, str]]
"""What differs: what the reference says, and what we say."""

each_endpoint = pytest.mark.parametrize(
    ("endpoint", "provider"), [pytest.param(*pair, id=operation) for operation, pair in CATALOGUE.items()]
)


def differing(*pairs: tuple[object, object]) -> Differing:
    """The pairs whose sides are not equal, as texts."""
    return {(str(reference), str(ours)) for reference, ours in pairs if reference != ours}


def one_sided(reference: set[str], ours: set[str]) -> Differing:
    """What only one of two sets has."""
    return {(name, NONE) for name in reference - ours} | {(NONE, name) for name in ours - reference}


def test_every_published_operation_is_offered() -> None:
    """The catalogue has every published operation, of v2 and later, and no other."""
    assert CATALOGUE.keys() == PUBLISHED.keys()
    assert Counter(endpoint.version == 2 for endpoint, _ in CATALOGUE.values()) == {False: 51, True: 31}


@each_endpoint
def test_path_is_the_published_one(endpoint: Endpoint, provider: Provider) -> None:
    """Each operation exists in the reference, at the same path."""
    assert endpoint.operation in PUBLISHED
    assert differing((PUBLISHED[endpoint.operation]["path"], endpoint.path)) == listed(Aspect.PATH, endpoint.operation)


@each_endpoint
def test_path_parameters_are_the_published_ones(endpoint: Endpoint, provider: Provider) -> None:
    """The path parameters have the published names and kinds."""
    # The reference writes `siret|rna` for what our kinds call `siret_or_rna`.
    published = {
        f"{parameter['name']}: {parameter['kind'].replace('|', '_or_')}"
        for parameter in PUBLISHED[endpoint.operation]["path_params"]
    }
    ours = {
        f"{parameter.name}: {KINDS.get(parameter.kind.name, parameter.kind.name)}" for parameter in endpoint.parameters
    }
    assert one_sided(published, ours) == listed(Aspect.PARAMETERS, endpoint.operation)


@each_endpoint
def test_query_parameters_are_the_published_ones(endpoint: Endpoint, provider: Provider) -> None:
    """The query parameters besides those of every operation have the published names and rules."""
    published = {
        parameter["name"]: parameter
        for parameter in PUBLISHED[endpoint.operation]["query_params"]
        if parameter["name"] not in TRACEABILITY_AND_TOKEN
    }
    ours = {parameter.name: parameter.kind for parameter in endpoint.query}
    found = one_sided(set(published), {*ours, *(["user_id"] if endpoint.user_id else [])})
    for name in published.keys() & ours.keys():
        rules, kind = published[name], ours[name]
        sides = [(word, rules.get(word, NONE), kind.schema.get(word, NONE)) for word in SCHEMA_WORDS]
        if "allow_empty" in rules:
            sides.append(("allow_empty", rules["allow_empty"], kind.accepts("")))
        found |= differing(*((f"{name}: {word} {theirs}", f"{name}: {word} {own}") for word, theirs, own in sides))
    assert found == listed(Aspect.QUERY, endpoint.operation)


@each_endpoint
def test_own_query_parameters_are_optional(endpoint: Endpoint, provider: Provider) -> None:
    """The reference requires none of an operation's own query parameters, as our catalogue assumes."""
    own = {parameter.name for parameter in endpoint.query}
    assert not [
        parameter["name"]
        for parameter in PUBLISHED[endpoint.operation]["query_params"]
        if parameter["name"] in own and parameter["required"]
    ]


@each_endpoint
def test_scopes_are_the_published_ones(endpoint: Endpoint, provider: Provider) -> None:
    """The scopes of which any one opens the endpoint are the published ones."""
    published = set(PUBLISHED[endpoint.operation]["scopes_any_of"])
    assert one_sided(published, set(endpoint.scopes)) == listed(Aspect.SCOPES, endpoint.operation)


@each_endpoint
def test_rate_limit_is_the_published_one(endpoint: Endpoint, provider: Provider) -> None:
    """The endpoint counts in the published group, or on its own, up to the published figure."""
    seed = PUBLISHED[endpoint.operation]["rate_limit"]["seed"]
    figure = fields_of(PRODUCTS)[endpoint.group.limit.setting].default
    published = f"group {seed['group']}" if seed["counter"] == "shared" else "own counter"
    found = differing(
        (published, counter_of(endpoint)), (f"{seed['limit']} per {seed['period_s']} s", f"{figure} per 60 s")
    )
    assert found == listed(Aspect.LIMITS, endpoint.operation)


def counter_of(endpoint: Endpoint) -> str:
    """Whom an endpoint shares its counter with."""
    name = endpoint.group.name
    if name in SHARED_GROUPS:
        return f"group {name}"
    return "own counter" if MEMBERS[name] == 1 else "counter shared with other operations of its kind"


@each_endpoint
def test_provider_is_the_published_one(endpoint: Endpoint, provider: Provider) -> None:
    """The provider has the published name and code prefix."""
    published = PUBLISHED[endpoint.operation]["provider"]
    theirs = f"{published['meta_provider_runtime']}, {published['code_prefix_runtime']}"
    ours = f"{provider.name}, {provider.prefix}"
    assert differing((theirs, ours)) == listed(Aspect.PROVIDER, endpoint.operation)


@each_endpoint
def test_answer_has_the_published_form(endpoint: Endpoint, provider: Provider) -> None:
    """Documents are documents, and the envelope, its media type and the form of errors are the published ones."""
    published = PUBLISHED[endpoint.operation]["response"]
    (media_type,) = resolve(operation_of(endpoint)["responses"]["200"])["content"]
    found = differing(
        (ANSWERS[published["kind"]], endpoint.answer),
        (published["content_type_success"], media_type),
        (f"envelope: {bool(published['envelope'])}", f"envelope: {not endpoint.flat}"),
        (f"gateway_error: {published.get('gateway_error_flag', False)}", f"gateway_error: {endpoint.gateway_error}"),
    )
    if "errors_default_format" in published:
        ours = "flat strings" if endpoint.flat else "json_api objects"
        found |= differing((f"errors: {published['errors_default_format']}", f"errors: {ours}"))
    assert found == listed(Aspect.ANSWER, endpoint.operation)


@each_endpoint
def test_cache_is_the_published_one(endpoint: Endpoint, provider: Provider) -> None:
    """An answer may be kept as long as was published, if at all, and the document tells that it may be."""
    published = PUBLISHED[endpoint.operation]["cache"]
    headers = resolve(operation_of(endpoint)["responses"]["200"])["headers"]
    sent = {resolve(parameter)["name"] for parameter in operation_of(endpoint)["parameters"]}
    declared = {
        "Cache-Control": (published.get("bypass_header_declared", False), "Cache-Control" in sent),
        "X-Response-Cached": (published["x_response_cached_declared"], "X-Response-Cached" in headers),
        "X-Cache-Expires-in": (published.get("x_cache_expires_in_declared", False), "X-Cache-Expires-in" in headers),
    }
    ttl, _, _ = str(published["ttl"]).partition(" (key: ")
    found = differing(
        (ttl, LIFETIMES[endpoint.cache]),
        *((f"{name}: {theirs}", f"{name}: {ours}") for name, (theirs, ours) in declared.items()),
    )
    assert found == listed(Aspect.CACHE, endpoint.operation)


@each_endpoint
def test_what_tells_answers_apart_is_published(endpoint: Endpoint, provider: Provider) -> None:
    """Where a published key names parameters, they are those by which we tell kept answers apart."""
    _, _, key = str(PUBLISHED[endpoint.operation]["cache"]["ttl"]).partition(" (key: path + ")
    if key:
        ours = {parameter.name for parameter in endpoint.query if not parameter.kind.names_agent}
        assert set(key.rstrip(")").split(" + ")) == ours


@each_endpoint
def test_client_timeout_is_the_published_one(endpoint: Endpoint, provider: Provider) -> None:
    """What a caller is advised to wait is what was published, where anything was."""
    published = PUBLISHED[endpoint.operation].get("recommended_client_timeout_s", endpoint.client_timeout)
    assert endpoint.client_timeout == published


@each_endpoint
def test_deprecation_is_the_published_one(endpoint: Endpoint, provider: Provider) -> None:
    """From v3 on, what is deprecated is what was published as such; of v2 the reference does not say."""
    published = PUBLISHED[endpoint.operation].get("deprecated")
    assert (published is None) == endpoint.flat
    found = set() if published is None else differing((published, endpoint.deprecated))
    assert found == listed(Aspect.DEPRECATION, endpoint.operation)


@each_endpoint
def test_every_published_error_code_is_documented(endpoint: Endpoint, provider: Provider) -> None:
    """Every published status and code of an operation is in our document, at the same status."""
    ours = documented_codes(endpoint)
    found: Differing = set()
    for status, code in published_codes(PUBLISHED[endpoint.operation]):
        if code is None:
            found |= differing((status, status if status in operation_of(endpoint)["responses"] else NONE))
        elif ours.get(code) != status:
            found.add((f"{status} {pattern(code, provider)}", ours.get(code, NONE)))
    assert found == listed(Aspect.CODES, endpoint.operation)


def published_codes(operation: Json) -> Iterator[tuple[str, str | None]]:
    """The statuses of an operation, but 200, with each of their codes; None for a status without any."""
    for status, texts in operation["statuses"].items():
        if status == "200":
            continue
        codes = [text for text in texts if len(text) == 5 and text.isdigit()]
        for code in codes or [None]:
            yield status, code


def documented_codes(endpoint: Endpoint) -> dict[str, str]:
    """The statuses by code that our document gives an operation."""
    return {
        example.partition("-")[0]: status
        for status, response in operation_of(endpoint)["responses"].items()
        for content in resolve(response).get("content", {}).values()
        for example in content.get("examples", {})
    }


def pattern(code: str, provider: Provider) -> str:
    """A code, without its prefix if every provider has it."""
    common = code[2] == "0" or code.endswith("999")
    return f"PP{code[2:]}" if common and code.startswith(provider.prefix) else code


def operation_of(endpoint: Endpoint) -> Json:
    """What our document says of an endpoint."""
    operation: Json = DOCUMENT["paths"][endpoint.path]["get"]
    return operation


def resolve(value: Json) -> Json:
    """What a value of our document says, or what the component that it refers to says."""
    if "$ref" not in value:
        return value
    found: Json = DOCUMENT
    for step in value["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return found


def test_differences_are_of_our_operations() -> None:
    """Every listed difference is of operations that the tests compare, and is listed once."""
    entries = [(entry.aspect, name, entry.reference, entry.ours) for entry in DIFFERENCES for name in entry.operations]
    assert {name for _, name, _, _ in entries} <= CATALOGUE.keys()
    assert len(set(entries)) == len(entries)


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda entry: f"{entry.aspect}-{entry.reference}")
def test_differences_have_a_reason(difference: Difference) -> None:
    """Every listed difference names operations and says why in a sentence."""
    assert difference.operations
    assert difference.reason.endswith(".")
