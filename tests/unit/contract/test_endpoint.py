"""Tests of what an endpoint is, and of the catalogue as a whole."""

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest

from apientreprise_gateway.contract import parameters as common
from apientreprise_gateway.contract.codes import GATEWAY_ERRORS, PROVIDER_ERRORS
from apientreprise_gateway.contract.endpoint import AnswerKind, Endpoint, Provider
from apientreprise_gateway.contract.parameters import SIREN, SIRET, SIRET_OR_EORI, Parameter, ParameterKind
from apientreprise_gateway.providers.entreprise import parameters as own
from apientreprise_gateway.providers.entreprise.groups import GROUPS, JSON
from apientreprise_gateway.providers.entreprise.parameters import FISCAL_YEAR
from apientreprise_gateway.providers.entreprise.product import PROVIDERS

ENDPOINTS = [endpoint for provider in PROVIDERS for endpoint in provider.endpoints]
OPEN_TO_ALL = {"api_entreprise_v3_dgfip_tva"}
"""What any valid token may call."""
KINDS = [value for value in {**vars(common), **vars(own)}.values() if isinstance(value, ParameterKind)]
each_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.operation)
each_provider = pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.key)


def endpoint(path: str, *parameters: Parameter, **changes: Any) -> Endpoint:
    """An endpoint at a path."""
    return Endpoint(
        operation="one", path=path, summary="", tag="", scopes=("a",), parameters=parameters, group=JSON, **changes
    )


# What an endpoint is.


@pytest.mark.parametrize(
    ("path", "version", "route"),
    [("/v2/a", 2, "/a"), ("/v3/a/b", 3, "/a/b"), ("/v12/a", 12, "/a")],
)
@pytest.mark.parametrize("prefix", ["", "/api"])
def test_version_and_route(path: str, version: int, route: str, prefix: str) -> None:
    """An endpoint knows its prefix and version, and its path without them."""
    made = endpoint(prefix + path)
    assert (made.prefix, made.version, made.route, made.flat) == (prefix, version, route, version == 2)


@pytest.mark.parametrize("path", ["", "/", "/a", "/v3", "/v3/", "/v0/a", "/v03/a", "v3/a", "/v3a/a", "/v/a", "/V3/a"])
def test_path_without_a_version(path: str) -> None:
    """A path that does not start with a version is refused."""
    with pytest.raises(ValueError, match="does not start with a version"):
        endpoint(path)


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/v3/{siren}", ()),
        ("/v3/a", (Parameter("siren", SIREN),)),
        ("/v3/{siren}", (Parameter("siret", SIRET),)),
        ("/v3/{siren}/{siret}", (Parameter("siret", SIRET), Parameter("siren", SIREN))),
    ],
)
def test_parameters_that_do_not_match(path: str, parameters: tuple[Parameter, ...]) -> None:
    """Parameters other than those of the path, or in another order, are refused."""
    with pytest.raises(ValueError, match="parameters declared"):
        endpoint(path, *parameters)


@pytest.mark.parametrize(("answer", "seconds"), [(AnswerKind.JSON, 5), (AnswerKind.DOCUMENT, 12)])
def test_client_timeout(answer: AnswerKind, seconds: int) -> None:
    """A document takes longer than data, and its caller is advised to wait longer."""
    assert endpoint("/v3/a", answer=answer).client_timeout == seconds


def test_aliases() -> None:
    """An endpoint may have other paths, with their version cut off like its own."""
    assert endpoint("/v4/a", aliases=("/v4/b",)).routes == ("/a", "/b")


@pytest.mark.parametrize("alias", ["/a", "/v3/b", "/api/v4/b", "/v4/{siren}"])
def test_alias_that_does_not_match(alias: str) -> None:
    """An alias has the version and the parameters of its endpoint."""
    with pytest.raises(ValueError, match="one:"):
        endpoint("/v4/a", aliases=(alias,))


# Kinds.


def test_kind_with_one_error() -> None:
    """Most kinds have one error, whatever is wrong with a value."""
    assert SIREN.codes == ("00301",)
    assert [SIREN.code_of(value) for value in ("", "130025266", "x")] == ["00301"] * 3


def test_fiscal_year_has_two_errors() -> None:
    """What looks like a year is out of range, anything else is no year."""
    this_year = str(datetime.now(UTC).year)
    assert FISCAL_YEAR.codes == ("00307", "00315")
    assert [FISCAL_YEAR.code_of(value) for value in ("2005", this_year, "9999", "0000")] == ["00315"] * 4
    assert [FISCAL_YEAR.code_of(value) for value in ("", "05", "20244", "-2024", "abcd", "２０２４")] == ["00307"] * 6


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_range_code_has_a_form(kind: ParameterKind) -> None:
    """A kind that tells what is out of range says how to tell it."""
    assert (kind.form is None) == (kind.range_code == "")


@pytest.mark.parametrize(
    ("value", "sent"),
    [("13002526500013", "FR13002526500013"), ("FR13002526500013", "FR13002526500013"), ("DE123", "DE123")],
)
def test_siret_is_sent_as_eori(value: str, sent: str) -> None:
    """The customs are asked for EORI numbers: a SIRET without its country is completed."""
    assert SIRET_OR_EORI.sent_as is not None
    assert SIRET_OR_EORI.sent_as(value) == sent
    assert SIRET_OR_EORI.accepts(sent)


def test_same_name_same_kind() -> None:
    """Kinds with the same name differ in nothing that is documented but their examples' wording."""
    by_name: dict[str, set[tuple[str, str]]] = {}
    for kind in KINDS:
        by_name.setdefault(kind.name, set()).add((kind.code, kind.description))
    assert all(len(said) == 1 for said in by_name.values())


# The catalogue.


def test_unique_names() -> None:
    """No two endpoints share a name or a path, no two providers a key or prefix, no two groups a name."""
    for names in (
        [endpoint.operation for endpoint in ENDPOINTS],
        [endpoint.path for endpoint in ENDPOINTS],
        [provider.key for provider in PROVIDERS],
        [provider.prefix for provider in PROVIDERS],
        [group.name for group in GROUPS],
    ):
        assert len(set(names)) == len(names)


def test_order_of_providers() -> None:
    """Providers are listed by their prefix."""
    prefixes = [provider.prefix for provider in PROVIDERS]
    assert prefixes == sorted(prefixes)


@each_provider
def test_prefix(provider: Provider) -> None:
    """A provider's prefix is two digits, none of the gateway's."""
    assert len(provider.prefix) == 2
    assert provider.prefix.isdigit()
    assert provider.prefix != "00"


@each_provider
def test_own_statuses(provider: Provider) -> None:
    """What a provider's own statuses mean is something that can be said of a provider."""
    assert set(provider.statuses.values()) <= set(PROVIDER_ERRORS)


@each_endpoint
def test_name_tells_the_version(endpoint: Endpoint) -> None:
    """An endpoint's name, as published, tells its product and version."""
    assert endpoint.operation.startswith(f"api_entreprise_v{endpoint.version}_")


@each_endpoint
def test_described(endpoint: Endpoint) -> None:
    """An endpoint says what it is, in one line, and which scopes open it."""
    assert endpoint.summary.strip() == endpoint.summary != ""
    assert "\n" not in endpoint.summary
    assert endpoint.tag
    assert endpoint.scopes or endpoint.operation in OPEN_TO_ALL
    assert all(endpoint.scopes)
    assert len(set(endpoint.scopes)) == len(endpoint.scopes)


@each_endpoint
def test_one_parameter_names_the_entity(endpoint: Endpoint) -> None:
    """Exactly one parameter of the path says whose data is asked for, but where it is nobody's (a dictionary)."""
    nobodys = endpoint.path.endswith("/dictionnaire")
    assert [parameter.kind.names_entity for parameter in endpoint.parameters].count(True) == (0 if nobodys else 1)


@each_endpoint
def test_no_parameter_twice(endpoint: Endpoint) -> None:
    """The parameters of path and query have different names, none of which is a traceability parameter's."""
    names = [parameter.name for parameter in itertools.chain(endpoint.parameters, endpoint.query)]
    assert len({*names, "context", "object", "recipient", "user_id", "token"}) == len(names) + 5


@each_endpoint
def test_v2_only(endpoint: Endpoint) -> None:
    """The flag of v2 bodies is set on v2 endpoints alone, and those are all deprecated."""
    assert endpoint.flat or not endpoint.gateway_error
    assert endpoint.deprecated or not endpoint.flat


@each_endpoint
def test_lists_are_of_v2(endpoint: Endpoint) -> None:
    """Only v2 has bodies that are a list: later ones are envelopes."""
    assert endpoint.flat or not endpoint.array


@each_provider
def test_own_codes(provider: Provider) -> None:
    """The errors that an endpoint declares are its provider's own, with texts, at a status of an error."""
    for endpoint in provider.endpoints:
        codes = list(itertools.chain.from_iterable(endpoint.codes.values()))
        assert set(codes) <= set(provider.errors)
        assert all(code.startswith(provider.prefix) for code in codes)
        assert len(set(codes)) == len(codes)
        assert all(400 <= status <= 599 for status in endpoint.codes)


def test_every_specific_error_is_declared() -> None:
    """Each error of one provider alone is that of an endpoint."""
    declared = {code for endpoint in ENDPOINTS for codes in endpoint.codes.values() for code in codes}
    assert declared == {code for provider in PROVIDERS for code in provider.errors}


def test_error_without_words() -> None:
    """A provider that declares an error of its own and has no words for it is refused."""
    declaring = endpoint("/v3/a", codes={502: ("01777",)})
    with pytest.raises(ValueError, match="no words for 01777"):
        Provider(key="one", name="One", prefix="01", endpoints=(declaring,))


@each_provider
def test_all_of_the_dgfip_asks_for_the_user(provider: Provider) -> None:
    """Every endpoint of the DGFIP wants to know which agent asks, and no other does."""
    assert {endpoint.user_id for endpoint in provider.endpoints} == {provider.key == "dgfip"}


@each_endpoint
def test_group_is_known(endpoint: Endpoint) -> None:
    """An endpoint's group is one of those listed."""
    assert endpoint.group in GROUPS


def test_every_group_is_used() -> None:
    """Each group counts the calls of an endpoint."""
    assert {endpoint.group.name for endpoint in ENDPOINTS} == {group.name for group in GROUPS}


def test_settings_of_limits() -> None:
    """Groups with the same setting have the same limit; every setting has the published name."""
    limits = {group.limit for group in GROUPS}
    assert sorted(limit.setting for limit in limits) == [
        "limit_agefiph",
        "limit_documents",
        "limit_effectifs",
        "limit_json",
        "limit_strict",
    ]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_kinds(kind: ParameterKind) -> None:
    """A kind accepts its own example, and has an error of ours if it ever refuses."""
    assert kind.accepts(kind.example)
    assert set(kind.codes) <= set(GATEWAY_ERRORS)
    assert kind.code in GATEWAY_ERRORS if not kind.accepts("\ufffd") else kind.code == ""


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.code], ids=lambda kind: kind.name)
def test_unreadable_values_are_refused(kind: ParameterKind) -> None:
    """A value that is not UTF-8 is refused by every kind that refuses anything."""
    assert not kind.accepts("\ufffd")
