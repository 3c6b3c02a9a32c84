"""What the official clients call, on a started gateway: the number of value added tax, introspection, the errors."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from apientreprise_gateway.controlplane.openapi import nomenclature
from apientreprise_gateway.controlplane.openapi.tokens import INTROSPECTION_SCHEMA
from support.site import ROOMY, Site, codes, fresh
from support.site import site as started
from support.stub import always, answer

VAT = "/v3/dgfip/unites_legales/130025265/numero_tva"
DECLARATIONS = "/v4/dgfip/unites_legales/130025265/liasses_fiscales/2023"
INTROSPECT = "/v3/token/introspect"
KNOWN = "5f1c8a54-35f1-4df6-8a05-6e8f0c4be001"
ELSEWHERE = "5f1c8a54-35f1-4df6-8a05-6e8f0c4be002"
REVOKED = "5f1c8a54-35f1-4df6-8a05-6e8f0c4be003"
RECORDS = {
    KNOWN: {"limit_per_minute": 12},
    ELSEWHERE: {"allowed_addresses": ["192.0.2.0/24"]},
    REVOKED: {"revoked_at": "2026-01-01T00:00:00Z"},
}
BODY = {"data": {"numero_tva": "FR68130025265"}, "links": {}, "meta": {"date_derniere_mise_a_jour": "2026-11-27"}}


def head_of(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture(name="keeper", scope="module")
def _keeper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("newer")
    tokens = folder / "tokens.json"
    tokens.write_text(json.dumps(RECORDS))
    with started(folder, tokens=str(tokens), **ROOMY) as site:
        yield site


@pytest.mark.parametrize("scopes", [[], ["open_data"], ["nothing", "of", "this"]])
def test_any_token_opens_the_vat_number(site: Site, scopes: list[str]) -> None:
    """Any valid token has the number of value added tax, whatever its scopes, without `user_id`."""
    site.provider.handler = always(answer(json.dumps(BODY).encode()))
    response = site.call(VAT, token=fresh(scopes=scopes), user_id=None)
    assert (response.status_code, response.json()) == (200, BODY)
    assert response.headers["ratelimit-limit"] == "250"
    assert site.line(response.headers["x-request-id"])["operation"] == "api_entreprise_v3_dgfip_tva"


@pytest.mark.parametrize(
    ("path", "given", "status", "code"),
    [
        (VAT, {"token": None}, 401, "00101"),
        (VAT, {"context": None}, 422, "00201"),
        (VAT.replace("130025265", "130025266"), {}, 422, "00301"),
        (VAT.replace("v3", "v4"), {}, 404, "00402"),
        (DECLARATIONS, {"token": fresh(scopes=["open_data"])}, 403, "00100"),
        (DECLARATIONS, {"user_id": None}, 422, "00204"),
        (DECLARATIONS.replace("2023", "2005"), {}, 422, "00315"),
        (DECLARATIONS.replace("2023", "23"), {}, 422, "00307"),
        (DECLARATIONS.replace("v4", "v5"), {}, 404, "00402"),
    ],
)
def test_checks_hold(site: Site, path: str, given: dict[str, Any], status: int, code: str) -> None:
    """The other checks are those of every endpoint."""
    token = (
        given.pop("token", "")
        if "token" in given
        else fresh(**{key: given.pop(key) for key in ("scopes",) if key in given})
    )
    response = site.call(path, token=token, **given)
    assert (response.status_code, codes(response)) == (status, [code])


def test_an_unknown_number(site: Site) -> None:
    """What the service of the DGFIP does not know is 404 with its own prefix and name."""
    site.provider.handler = always(answer(b"no", status=404))
    response = site.call(VAT, token=fresh())
    assert (response.status_code, codes(response)) == (404, ["43003"])
    assert response.json()["errors"][0]["meta"] == {"provider": "DGFIP - TVA"}


def test_in_a_dossier(site: Site) -> None:
    """Both are parts of a dossier; the name without a version is the newest."""
    site.provider.handler = always(answer(json.dumps(BODY).encode()))
    response = site.call(
        "/v3/dossiers/13002526500013", token=fresh(), ressources="dgfip_tva,dgfip_liasses_fiscales", year="2023"
    )
    parts = response.json()["data"]
    assert {name: part["status"] for name, part in parts.items()} == {"dgfip_tva": 200, "dgfip_liasses_fiscales": 200}
    assert any(DECLARATIONS in request for request in site.provider.requests)


def test_introspection(keeper: Site) -> None:
    """A valid token is told what it is, without traceability and whatever its scopes, in the described form."""
    token = fresh(jti=KNOWN, scopes=["b", "a"])
    response = keeper.client.get(keeper.program.url + INTROSPECT, headers=head_of(token))
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    Draft202012Validator(INTROSPECTION_SCHEMA).validate(response.json())
    data = response.json()["data"]
    assert (data["id"], data["scopes"], data["rate_limit_par_minute"]) == (KNOWN, ["a", "b"], 12)
    assert data["date_emission"] < data["date_expiration"]
    assert response.headers["cache-control"] == "no-store"
    line = keeper.line(response.headers["x-request-id"])
    assert (line["operation"], line["jti"], line["status"]) == ("api_entreprise_v3_introspect", KNOWN, 200)


@pytest.mark.parametrize(
    ("path", "token", "status", "code"),
    [
        (INTROSPECT, None, 401, "00101"),
        (INTROSPECT, "garbage", 401, "00101"),
        (INTROSPECT, fresh(jti=REVOKED), 401, "00105"),
        (INTROSPECT, fresh(jti=ELSEWHERE), 403, "00107"),
        ("/v4/token/introspect", fresh(), 404, "00402"),
        ("/v3/token/introspect/x", fresh(), 404, "00404"),
    ],
    ids=["missing", "invalid", "revoked", "elsewhere", "version", "path"],
)
def test_introspection_is_refused(keeper: Site, path: str, token: str | None, status: int, code: str) -> None:
    """What makes a token worthless anywhere makes it worthless here."""
    response = keeper.call(path, token=token)
    assert (response.status_code, codes(response)) == (status, [code])


def test_introspection_by_other_ways(keeper: Site) -> None:
    """The token may be in the query, HEAD has no body, and no other method is taken."""
    url = keeper.program.url + INTROSPECT
    assert keeper.client.get(url, params={"token": fresh(jti=KNOWN)}).json()["data"]["id"] == KNOWN
    head = keeper.client.head(url, headers=head_of(fresh()))
    assert (head.status_code, head.content) == (200, b"")
    assert keeper.client.post(url, headers=head_of(fresh())).status_code == 405
    flat = keeper.client.get(keeper.program.url + "/v2/token/introspect", headers=head_of(fresh()))
    assert (flat.status_code, list(flat.json())) == (404, ["errors"])


def test_introspection_uses_up_no_window(tmp_path: Path) -> None:
    """It counts in no group; but it counts for its address, whose ceiling is over everything."""
    with started(tmp_path, limit_ip="6", limit_json="3", ban_action="forbid") as own:
        token = fresh()
        for _ in range(5):
            response = own.call(INTROSPECT, token=token)
            assert (response.status_code, "ratelimit-limit" in response.headers) == (200, False)
        assert own.call(token=token).headers["ratelimit-remaining"] == "2"
        assert codes(own.call(INTROSPECT, token=token)) == ["00901"]


@pytest.mark.parametrize("query", ["", "?operation_id=", "?operation_id=api_entreprise_v3_dgfip_tva", "?x=y"])
def test_errors(site: Site, query: str) -> None:
    """The list of errors needs no token, may be kept for an hour, and is not sent again to who has it."""
    url = f"{site.program.url}/errors{query}"
    response = site.client.get(url)
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    assert response.headers["cache-control"] == "public, max-age=3600"
    Draft202012Validator(nomenclature.SCHEMA).validate(response.json())
    assert (len(response.json()["endpoints"]) == 1) == ("dgfip" in query)
    tag = response.headers["etag"]
    for given in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        again = site.client.get(url, headers={"If-None-Match": given})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert site.client.get(url, headers={"If-None-Match": '"x"'}).status_code == 200
    plain = site.client.get(url, headers={"Accept-Encoding": "identity"})
    packed = site.client.get(url, headers={"Accept-Encoding": "gzip"})
    assert ("content-encoding" in plain.headers, packed.headers["content-encoding"]) == (False, "gzip")
    assert plain.json() == packed.json()
    head = site.client.head(url)
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", tag)


@pytest.mark.parametrize(
    "name", ["x", "api_entreprise_v3_introspect", "%F0%9F%98%80", "a%00b", "%FF", "x&operation_id=y"]
)
def test_errors_of_an_unknown_operation(site: Site, name: str) -> None:
    """An operation that does not exist is 404, in the form of every error."""
    response = site.client.get(f"{site.program.url}/errors?operation_id={name}")
    assert (response.status_code, codes(response)) == (404, ["00404"])
    assert "etag" not in response.headers
