"""The order of the checks: a call that fails several is answered by the first of them."""

import time
import uuid
from typing import Any, NamedTuple

import pytest

from support import tokens
from support.site import ATTESTATION_FISCALE, UNITE_LEGALE, Gate, Site, codes, fresh
from support.stub import always, answer

BAD_SIREN = "/v4/dgfip/unites_legales/abc/attestation_fiscale"
BROKEN = always(answer(b"{}", status=500))
UNTRACED: dict[str, Any] = {"context": None, "object": None, "recipient": None, "user_id": None}


class Case(NamedTuple):
    name: str
    path: str
    method: str
    token: str
    """none, garbage, expired (of the exhausted one), exhausted (and without a scope), scopeless, good."""
    traced: bool
    status: int
    codes: list[str]


MISSING = ["00201", "00202", "00203", "00204"]
CASES = (
    Case("path before method and token", "/v4/nowhere", "POST", "none", False, 404, ["00404"]),
    Case("version before method and token", "/v9/dgfip/unites_legales/abc/attestation_fiscale", "POST", "none", False,
         404, ["00402"]),
    Case("method before a missing token", BAD_SIREN, "POST", "none", False, 405, ["00405"]),
    Case("method before a full window", BAD_SIREN, "POST", "exhausted", False, 405, ["00405"]),
    Case("a missing token before all the rest", BAD_SIREN, "GET", "none", False, 401, ["00101"]),
    Case("an invalid token before all the rest", BAD_SIREN, "GET", "garbage", False, 401, ["00101"]),
    Case("an expired token before its full window", BAD_SIREN, "GET", "expired", False, 401, ["00103"]),
    Case("a full window before scope", BAD_SIREN, "GET", "exhausted", False, 429, ["00429"]),
    Case("scope before traceability", BAD_SIREN, "GET", "scopeless", False, 403, ["00100"]),
    Case("traceability before identifiers", BAD_SIREN, "GET", "good", False, 422, MISSING),
    Case("identifiers before the provider", BAD_SIREN, "GET", "good", True, 422, ["00301"]),
    Case("the provider comes last", ATTESTATION_FISCALE, "GET", "good", True, 502, ["03000"]),
)  # fmt: skip


@pytest.fixture(scope="module")
def exhausted() -> str:
    """The `jti` of a token without scope."""
    return str(uuid.uuid4())


def _token(kind: str, jti: str) -> str | None:
    match kind:
        case "none":
            return None
        case "garbage":
            return "garbage"
        case "expired":
            return tokens.token(jti=jti, exp=int(time.time()) - 10)
        case "exhausted":
            return tokens.token(jti=jti, scopes=[])
        case "scopeless":
            return fresh(scopes=["other"])
    return fresh()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_earliest_failing_check_answers(site: Site, exhausted: str, case: Case) -> None:
    """A call that fails several checks gets the answer of the earliest, and the provider is only asked after all."""
    for _ in range(5):
        site.call(ATTESTATION_FISCALE, token=_token("exhausted", exhausted))
    site.provider.handler = BROKEN
    changes: dict[str, Any] = {} if case.traced else UNTRACED
    response = site.call(case.path, method=case.method, token=_token(case.token, exhausted), **changes)
    assert (response.status_code, codes(response)) == (case.status, case.codes)
    assert bool(site.provider.requests) == (case.status == 502)


def test_a_duplicate_is_refused_before_the_provider(site: Site) -> None:
    """A call that is already in flight is refused without the provider being asked again."""
    token, gate = fresh(), Gate()
    site.provider.handler = gate
    with site.in_background(lambda: site.call(token=token)) as first:
        assert gate.arrived.wait(30)
        response = site.call(token=token)
        gate.opened.set()
    assert (response.status_code, codes(response)) == (409, ["00015"])
    assert first.result().status_code == 200
    assert len(site.provider.requests) == 1


def test_an_identifier_is_judged_before_duplicates(site: Site) -> None:
    """A malformed identifier is answered with 422 even while a call of the same token is in flight."""
    token, gate = fresh(), Gate()
    site.provider.handler = gate
    with site.in_background(lambda: site.call(token=token)) as first:
        assert gate.arrived.wait(30)
        response = site.call(UNITE_LEGALE + "0", token=token)
        gate.opened.set()
    assert (response.status_code, codes(response)) == (422, ["00301"])
    assert first.result().status_code == 200
