"""The catalogue of API Particulier against the published operations."""

from collections.abc import Iterator

import orjson
import pytest

from apientreprise_gateway.contract.endpoint import Endpoint, Provider
from apientreprise_gateway.contract.errors import Refusal
from apientreprise_gateway.contract.lifetime import DAY, HOUR
from apientreprise_gateway.controlplane.openapi.cases import cases_of
from apientreprise_gateway.providers.particulier.product import PARTICULIER, PROVIDERS
from conformance.conftest import Json, load_facts
from conformance.differences import NONE, Aspect, Difference
from conformance.particulier import COMPARED, DIFFERENCES, NEWER, SUCCESSOR, listed, load_published

PUBLISHED = load_published()
FACTS = load_facts()
LIFETIMES = {None: "None", HOUR: "1h", DAY: "24h"}
WORDS = ("enum", "minLength", "maxLength", "pattern", "minimum", "maximum")
"""What a schema says of a value besides its type."""
HOST = "https://particulier.api.gouv.fr"
WITHOUT_OPERATION = {"franceconnect", "insee_metadonnees"}
"""Pings of what is asked on the way to an answer, which no operation of ours answers with."""
NEWER_PINGS = {"cnav_allocation_rentree_scolaire"}

Differing = set[tuple[str, str]]
"""What differs: what the reference says, and what we say."""

each_endpoint = pytest.mark.parametrize(
    ("endpoint", "provider"), [pytest.param(*pair, id=operation) for operation, pair in COMPARED.items()]
)


def differing(*pairs: tuple[object, object]) -> Differing:
    """The pairs whose sides are not equal, as texts."""
    return {(str(reference), str(ours)) for reference, ours in pairs if reference != ours}


def one_sided(reference: set[str], ours: set[str]) -> Differing:
    """What only one of two sets has."""
    return {(name, NONE) for name in reference - ours} | {(NONE, name) for name in ours - reference}


def test_every_published_operation_is_offered() -> None:
    """The catalogue has every published operation, and no other but those that are newer than the list."""
    assert COMPARED.keys() == PUBLISHED.keys()
    assert len(COMPARED) == 47
    assert len(list(PARTICULIER.endpoints)) == len(COMPARED) + len(NEWER) + 1


@each_endpoint
def test_path_and_mode(endpoint: Endpoint, provider: Provider) -> None:
    """Each operation has its published path and mode, and takes FranceConnect where that may say whom it is about."""
    published, person = PUBLISHED[endpoint.operation], endpoint.person
    assert person is not None
    assert (endpoint.path, person.mode) == (published["path"], published["call_mode"])
    assert published["path_params"] == []
    by_token = published["call_mode"] == "france_connect" or "franceConnectToken" in published["security"]
    assert person.france_connect is by_token


@each_endpoint
def test_query_parameters(endpoint: Endpoint, provider: Provider) -> None:
    """The parameters have the published names and rules, and are required where they are published so."""
    assert endpoint.person is not None
    published = {
        parameter["name"]: parameter
        for parameter in PUBLISHED[endpoint.operation]["query_params"]
        if parameter["name"] != "recipient"
    }
    ours = {parameter.name: parameter for parameter in endpoint.person.parameters}
    found = one_sided(set(published), set(ours))
    for name in published.keys() & ours.keys():
        theirs, own = published[name], ours[name]
        value = theirs["items"] if theirs["type"] == "array" else theirs
        sides = [
            ("required", theirs["required"], own.required),
            ("several", theirs["type"] == "array", own.several),
            ("type", value["type"], own.schema["type"]),
            *((word, value.get(word, NONE), own.schema.get(word, NONE)) for word in WORDS),
        ]
        found |= differing(*((f"{name}: {word} {theirs}", f"{name}: {word} {mine}") for word, theirs, mine in sides))
    assert found == listed(Aspect.QUERY, endpoint.operation)


@each_endpoint
def test_recipient(endpoint: Endpoint, provider: Provider) -> None:
    """The recipient is required where it is published so, and nothing else of traceability is."""
    names = {parameter["name"]: parameter for parameter in PUBLISHED[endpoint.operation]["query_params"]}
    required = ("recipient",) if names["recipient"]["required"] else ()
    assert PARTICULIER.version_of(endpoint).traceability.required == required
    assert not names.keys() & {"context", "object"}


@each_endpoint
def test_scopes(endpoint: Endpoint, provider: Provider) -> None:
    """The scopes of which any one opens the endpoint are the published ones."""
    published = set(PUBLISHED[endpoint.operation]["scopes_any_of"])
    assert one_sided(published, set(endpoint.scopes)) == listed(Aspect.SCOPES, endpoint.operation)


@each_endpoint
def test_rate_limit(endpoint: Endpoint, provider: Provider) -> None:
    """The endpoint counts with all others, up to the published figure."""
    seed = PUBLISHED[endpoint.operation]["rate_limit"]["seed"]
    group = endpoint.group
    assert (seed["group"], seed["limit"], seed["period_s"]) == (group.name, group.limit.calls, group.seconds)


@each_endpoint
def test_provider(endpoint: Endpoint, provider: Provider) -> None:
    """The provider has the name and the prefix with which the published service answers, and the published key."""
    published = PUBLISHED[endpoint.operation]["provider"]
    assert (published["meta_provider_runtime"], published["code_prefix_runtime"]) == (provider.name, provider.prefix)
    found = set() if published["key"] == provider.key else {("key of another name", "own key")}
    assert found == listed(Aspect.PROVIDER, endpoint.operation)


@each_endpoint
def test_answer_has_the_published_form(endpoint: Endpoint, provider: Provider) -> None:
    """Answers are data, in an envelope from v3 on."""
    published = PUBLISHED[endpoint.operation]["response"]
    assert published["kind"] == "data"
    assert (published["envelope"] is None) is endpoint.flat


@each_endpoint
def test_cache(endpoint: Endpoint, provider: Provider) -> None:
    """An answer may be kept as long as was published, if at all."""
    published = PUBLISHED[endpoint.operation]["cache"]
    kept = endpoint.cache is not None
    found = differing(
        (str(published["ttl"]), LIFETIMES[endpoint.cache]),
        (f"no-cache declared: {published['bypass_header_declared']}", f"no-cache declared: {kept}"),
    )
    assert found == listed(Aspect.CACHE, endpoint.operation)


@each_endpoint
def test_deprecation(endpoint: Endpoint, provider: Provider) -> None:
    """What is deprecated is what was published as such."""
    found = differing((PUBLISHED[endpoint.operation]["deprecated"], endpoint.deprecated))
    assert found == listed(Aspect.DEPRECATION, endpoint.operation)


@each_endpoint
def test_ping_of_an_operation(endpoint: Endpoint, provider: Provider) -> None:
    """The ping that tells about an operation is the published one."""
    url = PUBLISHED[endpoint.operation]["ping_url"]
    published = NONE if url is None else url.removeprefix(f"{HOST}/api/").removesuffix("/ping")
    ping = provider.ping_of(endpoint.operation)
    ours = NONE if ping is None else ping.key
    assert differing((published, ours)) == listed(Aspect.PING, endpoint.operation)


def test_pings() -> None:
    """There are the published pings, which keep a good answer as long; none calls its provider for an invented person,
    though some published ones do, with a person of the provider's."""
    published = {ping["key"]: ping for ping in FACTS["pings"] if ping["api"] == "api_particulier"}
    ours = {ping.key: ping for provider in PROVIDERS for ping in provider.pings}
    assert ours.keys() - NEWER_PINGS == published.keys() - WITHOUT_OPERATION
    assert not any(ping.probed for ping in ours.values())
    for key in ours.keys() & published.keys():
        assert ours[key].cache_seconds == published[key]["cache_s"]
        if isinstance(watched := published[key]["watches"], list):
            watching = [operation for operation, (_, provider) in COMPARED.items() if watches(provider, key, operation)]
            assert {PUBLISHED[operation]["controller"] + "#show" for operation in watching} == set(watched)


def watches(provider: Provider, key: str, operation: str) -> bool:
    """Whether a ping of a provider watches an operation."""
    ping = provider.ping_of(operation)
    return ping is not None and ping.key == key


def test_gone() -> None:
    """What is published as gone is gone, but for what is served all the same, as the project was asked to."""
    published = {entry["path"] for entry in FACTS["gone"] if entry["api"] == "api_particulier"}
    assert published - set(PARTICULIER.gone) == {"/api/v2/composition-familiale"}
    assert set(PARTICULIER.gone) <= published


@each_endpoint
def test_every_published_error_may_be_answered(endpoint: Endpoint, provider: Provider) -> None:
    """Every published status of an operation is one of ours, with its codes, or in v2 its word."""
    ours = errors_of(endpoint, provider)
    found: Differing = set()
    for status, name in published_errors(PUBLISHED[endpoint.operation], provider):
        if status not in ours.get(name, ()):
            found.add((f"{status} {name}", ", ".join(sorted(ours.get(name, ()))) or NONE))
    assert found <= listed(Aspect.CODES, endpoint.operation)


def test_listed_errors_are_differences() -> None:
    """Every listed difference of errors is one, of some operation."""
    found = set()
    for endpoint, provider in COMPARED.values():
        ours = errors_of(endpoint, provider)
        found |= {
            f"{status} {name}"
            for status, name in published_errors(PUBLISHED[endpoint.operation], provider)
            if status not in ours.get(name, ())
        }
    assert found == {difference.reference for difference in DIFFERENCES if difference.aspect is Aspect.CODES}


def published_errors(operation: Json, provider: Provider) -> Iterator[tuple[str, str]]:
    """Status and code of each published error, PP in place of its provider's prefix; in v2 its word, or nothing.

    The published documents give errors of any provider another prefix than the one with which the service answers: in
    their place PP stands as well.
    """
    prefixes = {provider.prefix, operation["provider"]["code_prefix_declared"]}
    for status, names in operation["statuses"].items():
        for name in names:
            if name.startswith("flat:"):
                yield status, name.removeprefix("flat:").replace("None", "")
            else:
                common = name[:2] in prefixes and (name[2] == "0" or name[2:] == "999")
                yield status, f"PP{name[2:]}" if common else name


def errors_of(endpoint: Endpoint, provider: Provider) -> dict[str, set[str]]:
    """The statuses of our errors by code, PP in place of the prefix of common ones, and by word; by nothing all."""
    form, found = PARTICULIER.version_of(endpoint).errors, {"": set[str]()}
    assert endpoint.person is not None
    for case in cases_of(endpoint, provider, PARTICULIER):
        status, body = form.render(Refusal(case.status, case.error), endpoint)
        code = case.error.code
        word = orjson.loads(body).get("error", "")
        for name in {"", code, word, code.replace(provider.prefix, "PP", 1)}:
            found.setdefault(name, set()).add(str(status))
    for code in endpoint.person.codes:
        found.setdefault(code, set()).add("400" if endpoint.flat else "422")
    return found


def test_the_successor() -> None:
    """The newest version of the pupils has the published path and parameters."""
    (published,) = [each for each in FACTS["changes_in_successor_repository"] if each.get("uid") == SUCCESSOR]
    (endpoint,) = [each for each in PARTICULIER.endpoints if each.operation == SUCCESSOR]
    assert endpoint.person is not None
    assert endpoint.path == published["path"]
    names = {parameter["name"]: parameter["required"] for parameter in published["query_params"]}
    assert {"recipient": True, **{each.name: each.required for each in endpoint.person.parameters}} == names


def test_differences_are_of_compared_operations() -> None:
    """Every listed difference is of operations that the tests compare, and is listed once."""
    entries = [(entry.aspect, name, entry.reference, entry.ours) for entry in DIFFERENCES for name in entry.operations]
    assert {name for _, name, _, _ in entries} <= COMPARED.keys()
    assert len(set(entries)) == len(entries)


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda entry: f"{entry.aspect}-{entry.reference}")
def test_differences_have_a_reason(difference: Difference) -> None:
    """Every listed difference names operations and says why in a sentence."""
    assert difference.operations
    assert difference.reason.endswith(".")
