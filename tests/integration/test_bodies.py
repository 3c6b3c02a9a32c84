"""What answers look like: bodies, methods, headers."""

import json

import pytest

from support.site import (
    ATTESTATION_FISCALE_V2,
    ENTREPRISE_V2,
    GOOD_BODY,
    UNITE_LEGALE,
    Site,
    codes,
    fresh,
)
from support.stub import always, answer
from support.wire import request, wire

PATHS = (UNITE_LEGALE, ENTREPRISE_V2, "/v9/insee/sirene/unites_legales/130025265", "/nowhere")
PREFLIGHT = {"Origin": "https://example.org", "Access-Control-Request-Method": "GET"}


def test_a_success_is_passed_on_byte_for_byte(site: Site) -> None:
    """A provider's answer in the promised form reaches the caller unchanged."""
    response = site.call(token=fresh())
    assert (response.status_code, response.content) == (200, GOOD_BODY)
    assert response.headers["content-type"] == "application/vnd.api+json"
    assert response.headers["cache-control"] == "no-store"


def test_v3_errors_are_objects(site: Site) -> None:
    """A v3 error has code, title, detail, source and meta, with the published texts."""
    response = site.call("/v4/insee/sirene/etablissements/123", token=fresh())
    assert response.status_code == 422
    assert response.headers["content-type"].startswith("application/json")
    assert response.json() == {
        "errors": [
            {
                "code": "00302",
                "title": "Entité non traitable",
                "detail": "Le numéro de siret n'est pas correctement formatté",
                "source": {"parameter": "siret"},
                "meta": {},
            }
        ]
    }


def test_v2_errors_are_texts(site: Site) -> None:
    """A v2 error is a bare text, without the flag on an endpoint that never had it."""
    response = site.call("/v2/attestations_fiscales_dgfip/123", token=fresh())
    assert response.status_code == 422
    assert response.json() == {"errors": ["Le numéro de siren n'est pas correctement formatté"]}


def test_v2_reports_all_missing_parameters(site: Site) -> None:
    """Every missing traceability parameter has its text in a v2 answer."""
    response = site.call(ATTESTATION_FISCALE_V2, token=fresh(), context=None, object=" ", recipient="", user_id=None)
    assert response.status_code == 422
    errors = response.json()["errors"]
    assert [name in error for name, error in zip(("context", "object", "recipient", "user_id"), errors, strict=True)]
    assert len(errors) == 4


def test_a_v2_recipient_may_be_any_text(site: Site) -> None:
    """In v2 `recipient` is any text; from v3 on it must be a SIRET."""
    assert site.call(ENTREPRISE_V2, token=fresh(), recipient="la mairie").status_code == 200
    response = site.call(token=fresh(), recipient="la mairie")
    assert (response.status_code, codes(response)) == (422, ["00210"])


FLAGGED = [
    "/v2/entreprises/130025265",
    "/v2/etablissements/13002526500013",
    "/v2/entreprises_artisanales_cma/130025265",
]
"""Paths of v2 whose answers carry `gateway_error`."""
WORDED = {"errors": [{"code": "01003", "title": "Entité non trouvée", "detail": "Rien.", "meta": {}}]}
"""An error that a provider words itself."""


@pytest.mark.parametrize("path", FLAGGED)
@pytest.mark.parametrize(
    ("given", "status"),
    [
        (answer(b"oops", status=404), 404),
        (answer(json.dumps(WORDED).encode(), status=404), 404),
        (answer(b"oops", status=401), 502),
        (answer(b"oops", status=429), 502),
        (answer(b"oops", status=500), 502),
        (answer(b"oops", status=504), 502),
        (answer(b"oops"), 502),
    ],
    ids=["404", "404-worded", "401", "429", "500", "504", "no-json"],
)
def test_v2_flags_what_came_of_asking(site: Site, path: str, given: bytes, status: int) -> None:
    """Whatever came of asking carries `gateway_error: true` on the endpoints of v2 that had it, a 404 included."""
    site.provider.handler = always(given)
    response = site.call(path, token=fresh())
    body = response.json()
    assert (response.status_code, list(body), body["gateway_error"]) == (status, ["errors", "gateway_error"], True)
    assert all(isinstance(error, str) for error in body["errors"])


@pytest.mark.parametrize("path", FLAGGED)
def test_v2_flags_a_wrong_number(site: Site, path: str) -> None:
    """A number that is none carries the flag too, as the published v2 left judging it to the way to the provider."""
    response = site.call(path[:-1] + "9", token=fresh())
    assert (response.status_code, response.json()["gateway_error"]) == (422, True)


@pytest.mark.parametrize("path", FLAGGED)
def test_v2_flags_nothing_else(site: Site, path: str) -> None:
    """What is refused before the provider would be asked carries no flag, nor does a forbidden answer."""
    refused = [
        (site.call(path, token=None), 401),
        (site.call(path, token=fresh(scopes=["nothing"])), 403),
        (site.call(path, token=fresh(), context=None), 422),
        (site.call(path.replace("/v2/", "/v2/un"), token=fresh()), 404),
    ]
    site.provider.handler = always(answer(b"oops", status=451))
    if "artisanales" not in path:
        refused.append((site.call(path, token=fresh()), 451))
    for response, status in refused:
        assert (response.status_code, list(response.json())) == (status, ["errors"])


def test_v2_flags_no_other_endpoint(site: Site) -> None:
    """An endpoint of v2 that never had the flag does not get it, whatever happens."""
    for status in (404, 500):
        site.provider.handler = always(answer(b"oops", status=status))
        response = site.call(ATTESTATION_FISCALE_V2, token=fresh())
        assert list(response.json()) == ["errors"]


@pytest.mark.parametrize("version", ["0", "1", "2", "5", "9", "9999"])
def test_an_unknown_version_of_a_known_path(site: Site, version: str) -> None:
    """A known path at a version that it does not have is 404 with its own code, in that version's shape."""
    response = site.call(f"/v{version}/insee/sirene/unites_legales/130025265", token=fresh())
    assert response.status_code == 404
    if version == "2":
        assert response.json() == {"errors": ["Cette ressource n'existe pas dans la version demandée."]}
    else:
        assert codes(response) == ["00402"]


@pytest.mark.parametrize("version", ["04", "004"])
def test_a_version_is_written_without_zeros(site: Site, version: str) -> None:
    """A version with leading zeros does not exist, so it is not answered as the one that it resembles."""
    assert site.call(f"/v{version}/insee/sirene/unites_legales/130025265", token=fresh()).status_code == 404


@pytest.mark.parametrize("path", ["/", "/v3", "/v3/", "/nowhere", "/v4/insee", "/v4//x", "/V4/insee", "/v4/x/../y"])
def test_an_unknown_path_is_json(site: Site, path: str) -> None:
    """A path that names nothing is 404, with a coded JSON body."""
    with wire(site.program.port) as line:
        line.send(request(path=path, token=fresh()))
        got = line.answer()
    assert (got.status, got.codes) == (404, ["00404"])
    assert got.headers["content-type"].startswith("application/json")


def test_a_trailing_slash_is_another_path(site: Site) -> None:
    """A path with a slash at its end is not redirected; it is unknown."""
    assert site.call(UNITE_LEGALE + "/", token=fresh()).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", [UNITE_LEGALE, ENTREPRISE_V2])
def test_other_methods_are_refused(site: Site, method: str, path: str) -> None:
    """Any method but GET and HEAD is 405 with `Allow`, and a preflight is no exception."""
    response = site.call(path, method=method, token=fresh(), headers=PREFLIGHT)
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD"
    assert response.json()["errors"]
    assert not site.provider.requests


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
@pytest.mark.parametrize("path", [*PATHS, "/livez", "/privileges", "/openapi.yaml", "/docs"])
def test_no_answer_has_a_cors_header(site: Site, method: str, path: str) -> None:
    """No answer on any path tells a browser that a page may read it."""
    response = site.call(path, method=method, token=fresh(), headers=PREFLIGHT)
    assert not [name for name in response.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("path", [*PATHS, "/v4/insee/sirene/unites_legales/1", "/livez"])
def test_head_has_the_headers_of_get(site: Site, path: str) -> None:
    """HEAD gives the status and headers of GET, the length included, and no body."""
    got, head = (site.call(path, method=method, token=fresh()) for method in ("GET", "HEAD"))
    changing = {"date", "x-request-id", "ratelimit-reset"}
    assert head.status_code == got.status_code
    assert {k: v for k, v in head.headers.items() if k not in changing} == {
        k: v for k, v in got.headers.items() if k not in changing
    }
    assert int(head.headers["content-length"]) == len(got.content) > 0
    assert head.content == b""


def test_head_leaves_its_connection_usable(site: Site) -> None:
    """After a HEAD the next answer on the connection starts where it should."""
    token = fresh()
    with wire(site.program.port) as line:
        line.send(request(method="HEAD", token=token))
        assert line.answer(method="HEAD").status == 200
        line.send(request(token=token))
        assert line.answer().body == GOOD_BODY


@pytest.mark.parametrize("size", [1, 1000, 300_000])
def test_a_body_of_a_get_is_ignored(site: Site, size: int) -> None:
    """A GET with a body is answered as one without, and its connection goes on."""
    token = fresh()
    with wire(site.program.port) as line:
        for _ in range(3):
            line.send(request(token=token, headers={"Content-Length": str(size)}) + b"x" * size)
            assert line.answer().status == 200


def test_unknown_parameters_are_ignored(site: Site) -> None:
    """Query parameters that no endpoint knows change nothing and reach no provider."""
    assert site.call(token=fresh(), colour="blue", callback="alert").status_code == 200
    assert "colour" not in site.provider.requests[0]


def test_nothing_of_the_caller_reaches_the_provider(site: Site) -> None:
    """The provider sees neither the caller's token nor its headers."""
    token = fresh()
    site.call(token=token, headers={"Cookie": "a=b", "X-Secret": "s"})
    head = site.provider.requests[0].lower()
    assert token.lower() not in head
    assert "authorization" not in head
    assert "cookie" not in head
    assert "x-secret" not in head
