"""Rate limits on the wire: which counters there are, and what the headers say."""

import time
from collections.abc import Iterator

import httpx
import pytest

from support.site import (
    ATTESTATION_FISCALE,
    ATTESTATION_FISCALE_V2,
    EXTRAIT_RCS,
    ROOMY,
    UNITE_LEGALE,
    VIGILANCE,
    Gate,
    Site,
    codes,
    fresh,
)
from support.site import site as started
from support.stub import always, answer

NAMES = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")
BILANS = "/v3/inpi/rne/unites_legales/open_data/130025265/actes_bilans"
EFFECTIFS = "/v3/gip_mds/etablissements/13002526500013/effectifs_mensuels/01/annee/2020"
AGEFIPH = "/v2/attestations_agefiph/13002526500013"


@pytest.fixture(scope="module")
def tight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A gateway with a limit of its own for each group, and the periods of the documentation."""
    limits = {"json": "7", "documents": "6", "strict": "3", "effectifs": "4", "agefiph": "2"}
    settings = {f"limit_{name}": value for name, value in limits.items()}
    with started(tmp_path_factory.mktemp("tight"), window="first-call", **settings, **ROOMY) as tight:
        yield tight


def _figures(response: httpx.Response) -> tuple[int, int]:
    return int(response.headers["ratelimit-limit"]), int(response.headers["ratelimit-remaining"])


def _check_headers(response: httpx.Response) -> None:
    limit, remaining, reset = (int(response.headers[name]) for name in NAMES)
    assert 0 <= remaining <= limit
    assert 0 <= reset - time.time() <= 61, "a Unix time in the next minute"
    assert ("retry-after" in response.headers) == (response.status_code == 429)


EMPTY = "HTTP/1.1 {} X\r\ncontent-length: 0\r\n\r\n"
MAINTENANCE = answer(b'{"errors":[{"code":"01020","title":"t","detail":"d","meta":{"retry_in":5}}]}', status=503)
LATE = answer(b'{"errors":[{"code":"01002","title":"t","detail":"d","meta":{}}]}', status=504)
PROVIDERS_SAY = {
    404: EMPTY.format(404).encode(),
    451: EMPTY.format(403).encode(),
    502: EMPTY.format(500).encode(),
    503: MAINTENANCE,
    504: LATE,
}
"""What a provider answers, by the status that becomes of it."""


@pytest.mark.parametrize("status", [200, 403, 404, 422, 451, 502, 503, 504])
def test_headers_on_every_answer_to_a_valid_token(site: Site, status: int) -> None:
    """Whatever the answer to a valid token, it carries the three headers, and no `Retry-After`."""
    if status in PROVIDERS_SAY:
        site.provider.handler = always(PROVIDERS_SAY[status])
    token = fresh(scopes=["other"]) if status == 403 else fresh()
    response = site.call(token=token, context=None if status == 422 else "tests")
    assert response.status_code == status
    assert _figures(response) == (250, 249)
    _check_headers(response)


def test_headers_on_a_duplicate(site: Site) -> None:
    """A call refused as a duplicate was counted, and says so."""
    token, gate = fresh(), Gate()
    site.provider.handler = gate
    with site.in_background(lambda: site.call(token=token)):
        assert gate.arrived.wait(30)
        response = site.call(token=token)
        gate.opened.set()
    assert response.status_code == 409
    assert _figures(response) == (250, 248)
    _check_headers(response)


def test_headers_on_head(site: Site) -> None:
    """HEAD counts as GET does."""
    token = fresh()
    site.call(token=token)
    assert _figures(site.call(method="HEAD", token=token)) == (250, 248)


@pytest.mark.parametrize(
    ("path", "method", "token"),
    [
        (UNITE_LEGALE, "GET", None),
        (UNITE_LEGALE, "GET", "garbage"),
        ("/nowhere", "GET", "good"),
        ("/v9/entreprises/130025265", "GET", "good"),
        (UNITE_LEGALE, "POST", "good"),
        ("/privileges", "GET", "good"),
    ],
)
def test_no_headers_without_a_counted_call(site: Site, path: str, method: str, token: str | None) -> None:
    """Without a valid token on an endpoint there is no counter, and so no header."""
    response = site.call(path, method=method, token=fresh() if token == "good" else token)
    assert not {*NAMES, "retry-after"} & response.headers.keys()


def test_the_sixth_attestation_fiscale_of_a_minute_is_refused(site: Site) -> None:
    """Five calls a minute on the attestation fiscale, v2 and v4 together; then 429 with a useful `Retry-After`."""
    token = fresh()
    paths = [ATTESTATION_FISCALE, ATTESTATION_FISCALE_V2, ATTESTATION_FISCALE, ATTESTATION_FISCALE_V2]
    for used, path in enumerate([*paths, ATTESTATION_FISCALE], 1):
        response = site.call(path, token=token)
        assert response.status_code == 200
        assert _figures(response) == (5, 5 - used)
    asked = len(site.provider.requests)
    for path in (ATTESTATION_FISCALE, ATTESTATION_FISCALE_V2):
        refused = site.call(path, token=token)
        assert refused.status_code == 429
        assert _figures(refused) == (5, 0)
        _check_headers(refused)
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert len(refused.json()["errors"]) == 1
    assert codes(site.call(ATTESTATION_FISCALE, token=token)) == ["00429"]
    assert len(site.provider.requests) == asked, "a refused call asks no provider"


def test_reset_is_the_oldest_call_plus_a_minute(site: Site) -> None:
    """Reset stays with the oldest call while the window fills."""
    token, before = fresh(), time.time()
    resets = [int(site.call(token=token).headers["ratelimit-reset"]) for _ in range(3)]
    assert len(set(resets)) == 1
    assert before + 59 <= resets[0] <= time.time() + 61


def test_tokens_do_not_share_counters(site: Site) -> None:
    """A token with a full window leaves the others theirs."""
    token = fresh()
    for _ in range(6):
        site.call(ATTESTATION_FISCALE, token=token)
    assert site.call(ATTESTATION_FISCALE, token=token).status_code == 429
    response = site.call(ATTESTATION_FISCALE, token=fresh())
    assert (response.status_code, _figures(response)) == (200, (5, 4))


def test_a_token_is_its_jti(site: Site) -> None:
    """A token that was issued anew with the same `jti` has the same counter."""
    jti = "11111111-2222-4333-8444-555555555555"
    site.call(token=fresh(jti=jti))
    assert _figures(site.call(token=fresh(jti=jti, sub="anew"))) == (250, 248)


def test_json_endpoints_share_one_counter_and_documents_another(site: Site) -> None:
    """The JSON endpoints share 250, the documents share 50, and the groups know nothing of each other."""
    token = fresh()
    assert _figures(site.call(UNITE_LEGALE, token=token)) == (250, 249)
    assert _figures(site.call(EXTRAIT_RCS, token=token)) == (250, 248)
    assert _figures(site.call(VIGILANCE, token=token)) == (50, 49)
    assert _figures(site.call(VIGILANCE, token=token)) == (50, 48)
    assert _figures(site.call(BILANS, token=token)) == (5, 4)
    assert _figures(site.call(ATTESTATION_FISCALE, token=token)) == (5, 4)
    assert _figures(site.call(EFFECTIFS, token=token)) == (250, 249)
    assert _figures(site.call(AGEFIPH, token=token)) == (250, 249)
    assert _figures(site.call(UNITE_LEGALE, token=token)) == (250, 247)


def test_documents_are_refused_beyond_fifty(site: Site) -> None:
    """The 51st document of a minute is refused; JSON endpoints are still answered."""
    token = fresh()
    assert {site.call(VIGILANCE, token=token).status_code for _ in range(50)} == {200}
    assert site.call(VIGILANCE, token=token).status_code == 429
    assert site.call(UNITE_LEGALE, token=token).status_code == 200


@pytest.mark.parametrize(
    ("path", "limit"),
    [(UNITE_LEGALE, 7), (VIGILANCE, 6), (ATTESTATION_FISCALE, 3), (BILANS, 3), (EFFECTIFS, 4), (AGEFIPH, 2)],
)
def test_every_figure_is_a_setting(tight: Site, path: str, limit: int) -> None:
    """The settings say how many calls of a group pass in a minute."""
    token = fresh()
    answers = [tight.call(path, token=token) for _ in range(limit + 1)]
    assert [response.status_code for response in answers] == [200] * limit + [429]
    assert [_figures(response)[1] for response in answers] == [*reversed(range(limit)), 0]
    assert {_figures(response)[0] for response in answers} == {limit}


def test_a_first_call_opens_the_period(tight: Site) -> None:
    """With `GATEWAY_WINDOW=first-call` Reset and `Retry-After` point at the end of the period."""
    token, before = fresh(), time.time()
    answers = [tight.call(ATTESTATION_FISCALE, token=token) for _ in range(4)]
    resets = {int(response.headers["ratelimit-reset"]) for response in answers}
    assert len(resets) == 1
    end = resets.pop()
    assert before + 59 <= end <= time.time() + 61
    assert time.time() + int(answers[-1].headers["retry-after"]) >= end - 2


def test_user_id_is_required_on_every_dgfip_endpoint(site: Site) -> None:
    """By default `user_id` is required on DGFIP endpoints, and nowhere else."""
    token = fresh()
    response = site.call(ATTESTATION_FISCALE, token=token, user_id=None)
    assert (response.status_code, codes(response)) == (422, ["00204"])
    assert site.call(ATTESTATION_FISCALE_V2, token=token, user_id=" ").status_code == 422
    assert site.call(UNITE_LEGALE, token=token, user_id=None).status_code == 200


@pytest.mark.parametrize(("setting", "v4", "v2"), [("v2", 200, 422), ("none", 200, 200), ("all", 422, 422)])
def test_where_user_id_is_required_is_a_setting(
    tmp_path_factory: pytest.TempPathFactory, setting: str, v4: int, v2: int
) -> None:
    """`GATEWAY_USER_ID_REQUIRED` says on which versions of DGFIP endpoints `user_id` is required."""
    with started(tmp_path_factory.mktemp(setting), user_id_required=setting) as own:
        token = fresh()
        statuses = [
            own.call(path, token=token, user_id=None).status_code
            for path in (ATTESTATION_FISCALE, ATTESTATION_FISCALE_V2)
        ]
    assert statuses == [v4, v2]


def test_user_id_is_passed_on_to_the_provider(site: Site) -> None:
    """DGFIP is told which agent asks; INSEE is not."""
    site.call(ATTESTATION_FISCALE, token=fresh(), user_id="agent 7&x=é")
    site.call(UNITE_LEGALE, token=fresh())
    assert "user_id=agent+7%26x%3D%C3%A9" in site.provider.requests[0]
    assert "user_id" not in site.provider.requests[1]
