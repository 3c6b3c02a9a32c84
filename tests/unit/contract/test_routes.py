"""Tests of the lookup of endpoints."""

from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apientreprise_gateway.contract.endpoint import Endpoint, Provider
from apientreprise_gateway.contract.parameters import SIREN, SIRET, Parameter
from apientreprise_gateway.contract.routes import Routes
from apientreprise_gateway.providers.entreprise.groups import JSON
from apientreprise_gateway.providers.entreprise.product import PROVIDERS

CATALOGUE = Routes(PROVIDERS)
ENDPOINTS = [endpoint for provider in PROVIDERS for endpoint in provider.endpoints]
each_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.operation)


def endpoint(path: str, *parameters: Parameter) -> Endpoint:
    """An endpoint at a path."""
    return Endpoint(operation=path, path=path, summary="", tag="", scopes=("a",), parameters=parameters, group=JSON)


def routes(*endpoints: Endpoint) -> Routes:
    """The paths of one provider."""
    return Routes([Provider(key="one", name="One", prefix="99", endpoints=endpoints)])


def path_of(endpoint: Endpoint, values: list[str]) -> bytes:
    """The path with these values, encoded."""
    path = endpoint.path
    for parameter, value in zip(endpoint.parameters, values, strict=True):
        path = path.replace(f"{{{parameter.name}}}", quote(value, safe=""), 1)
    return path.encode()


@each_endpoint
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_round_trip(endpoint: Endpoint, data: st.DataObject) -> None:
    """The path of an endpoint finds it and its provider, and its values come back whatever they are."""
    values = [data.draw(st.text(min_size=1)) for _ in endpoint.parameters]
    match = CATALOGUE.find(path_of(endpoint, values))
    assert match is not None
    assert match.route is not None
    assert match.route.endpoint is endpoint
    assert endpoint in match.route.provider.endpoints
    assert match.version == endpoint.version
    assert match.values == values


@each_endpoint
def test_unknown_version(endpoint: Endpoint) -> None:
    """A known path at a version that it never had is known, without an endpoint."""
    path = path_of(endpoint, [parameter.kind.example for parameter in endpoint.parameters])
    for version in (1, 9, 9999):
        match = CATALOGUE.find(path.replace(f"/v{endpoint.version}/".encode(), f"/v{version}/".encode(), 1))
        assert match is not None
        assert match.route is None
        assert match.version == version


@each_endpoint
def test_more_and_less(endpoint: Endpoint) -> None:
    """A path with a segment more or less is unknown, or that of another endpoint."""
    path = path_of(endpoint, [parameter.kind.example for parameter in endpoint.parameters])
    for wrong in (path + b"/", path + b"/more", path.rpartition(b"/")[0], b"/" + path, path[1:], path.upper()):
        match = CATALOGUE.find(wrong)
        assert match is None or match.route is None or match.route.endpoint is not endpoint, wrong


def test_all_endpoints_are_listed() -> None:
    """Iterating gives every endpoint once, in the order of the catalogue."""
    assert [route.endpoint for route in CATALOGUE] == ENDPOINTS


def test_versions_live_side_by_side() -> None:
    """The same path may be there at several versions."""
    three, four = (
        endpoint("/v3/a/{siren}", Parameter("siren", SIREN)),
        endpoint("/v4/a/{siren}", Parameter("siren", SIREN)),
    )
    both = routes(three, four)
    for wanted in (three, four):
        match = both.find(f"/v{wanted.version}/a/1".encode())
        assert match is not None
        assert match.route is not None
        assert match.route.endpoint is wanted


def test_same_parameter_by_another_name() -> None:
    """Versions of a path may name their parameters differently, and may still not be the same path twice."""
    one, other = (
        endpoint("/v3/a/{siren}", Parameter("siren", SIREN)),
        endpoint("/v3/a/{siret}", Parameter("siret", SIRET)),
    )
    with pytest.raises(ValueError, match=r"/v3/a/\{siret\}"):
        routes(one, other)


def test_two_providers_with_the_same_path() -> None:
    """Two endpoints with the same path are refused, also between providers."""
    provider = Provider(key="one", name="One", prefix="99", endpoints=(endpoint("/v3/a"),))
    other = Provider(key="two", name="Two", prefix="98", endpoints=(endpoint("/v3/a"),))
    with pytest.raises(ValueError, match="two endpoints have the path /v3/a"):
        Routes([provider, other])


@pytest.mark.parametrize("endpoint", [each for each in ENDPOINTS if each.aliases], ids=lambda each: each.operation)
def test_alias_finds_its_endpoint(endpoint: Endpoint) -> None:
    """Each of an endpoint's paths finds it."""
    for alias in endpoint.aliases:
        match = CATALOGUE.find(alias.replace("{siren_or_rna}", "W262001597").encode())
        assert match is not None
        assert match.route is not None
        assert (match.route.endpoint, match.values) == (endpoint, ["W262001597"])


def test_literal_wins_over_parameter() -> None:
    """Where a segment could be either, it is the literal."""
    literal, parameter = endpoint("/v3/a/b"), endpoint("/v3/a/{siren}", Parameter("siren", SIREN))
    for both in (routes(literal, parameter), routes(parameter, literal)):
        found = both.find(b"/v3/a/b")
        assert found is not None
        assert found.route is not None
        assert found.route.endpoint is literal
        other = both.find(b"/v3/a/c")
        assert other is not None
        assert other.values == ["c"]


def test_encoded_slash_is_part_of_a_value() -> None:
    """An encoded slash does not separate."""
    match = CATALOGUE.find(b"/v3/insee/sirene/unites_legales/1%2F2")
    assert match is not None
    assert match.values == ["1/2"]
    assert CATALOGUE.find(b"/v3/insee%2Fsirene/unites_legales/1") is None


def test_values_are_decoded_once() -> None:
    """A value that was encoded twice is decoded once, and a plus stays one."""
    match = CATALOGUE.find(b"/v3/insee/sirene/unites_legales/%2531+2")
    assert match is not None
    assert match.values == ["%31+2"]


def test_value_that_is_not_utf8() -> None:
    """A value that is not UTF-8 is one that no rule accepts."""
    match = CATALOGUE.find(b"/v3/insee/sirene/unites_legales/%ff")
    assert match is not None
    assert match.values == ["\ufffd"]
    assert not SIREN.accepts(match.values[0])


@pytest.mark.parametrize(
    "path",
    [
        b"",
        b"/",
        b"//",
        b"/v3",
        b"/v3/",
        b"/v3//",
        b"v3/insee",
        b"/v/insee/sirene/unites_legales/1",
        b"/3/insee/sirene/unites_legales/1",
        b"/V3/insee/sirene/unites_legales/1",
        b"/v3.0/insee/sirene/unites_legales/1",
        b"/v-3/insee/sirene/unites_legales/1",
        b"/v+3/insee/sirene/unites_legales/1",
        b"/v 3/insee/sirene/unites_legales/1",
        b"/v\xb3/insee/sirene/unites_legales/1",
        b"/v33333/insee/sirene/unites_legales/1",
        b"/insee/sirene/unites_legales/1",
        b"/v3/insee/sirene",
        b"/v3/insee/sirene/unites_legales",
        b"/v3/insee//sirene/unites_legales/1",
        b"/v3/unknown",
        b"/v3/../v3/insee/sirene/unites_legales/1",
        b"*",
        b"\xff\xfe",
    ],
)
def test_unknown_paths(path: bytes) -> None:
    """A path that is at no version in the catalogue is unknown."""
    assert CATALOGUE.find(path) is None


@pytest.mark.parametrize("version", [b"v03", b"v003", b"v0003"])
def test_version_has_one_spelling(version: bytes) -> None:
    """A version with zeros in front is no version: an endpoint has one path."""
    assert CATALOGUE.find(b"/" + version + b"/insee/sirene/unites_legales/1") is None


def test_too_deep() -> None:
    """A path with very many segments is unknown, and costs nothing."""
    assert CATALOGUE.find(b"/v3" + b"/insee" * 100_000) is None
    assert CATALOGUE.find(b"/v3/insee/sirene/unites_legales/1" + b"/1" * 20) is None


@given(path=st.binary(max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_bytes(path: bytes) -> None:
    """Whatever the bytes, the lookup has an answer."""
    CATALOGUE.find(path)
    CATALOGUE.find(b"/v3/insee/sirene/unites_legales/" + path)


@pytest.mark.parametrize(
    ("path", "version"),
    [
        ("/v2/x", 2),
        ("/v10/x", 10),
        ("/v2/", None),
        ("/v2", None),
        ("/v/x", None),
        ("/v2x/x", None),
        ("/v²/x", None),
        ("/v٣/x", None),
        ("/v99999/x", None),
        ("x/v2/x", None),
        ("", None),
        ("/api/v2/x", None),
    ],
)
@pytest.mark.parametrize("prefix", ["", "/api"])
def test_version_of_a_path(path: str, version: int | None, prefix: str) -> None:
    """A version is `v` and a few ASCII digits, at the start or after the prefix of some endpoint."""
    found = routes(endpoint(f"{prefix}/v2/x")).find((prefix + path).encode("latin-1", "replace"))
    assert (None if found is None else found.version) == version


def test_prefixes_are_apart() -> None:
    """Endpoints with a prefix and without may have the same path below their version."""
    plain, prefixed, other = endpoint("/v2/x"), endpoint("/api/v2/x"), endpoint("/api/v3/x")
    known = routes(plain, prefixed, other)
    for path, wanted in ((b"/v2/x", plain), (b"/api/v2/x", prefixed), (b"/api/v3/x", other)):
        found = known.find(path)
        assert found is not None
        assert found.route is not None
        assert found.route.endpoint is wanted
    unserved = known.find(b"/v3/x")
    assert unserved is not None
    assert unserved.route is None
