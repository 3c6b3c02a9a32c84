"""The control plane, on the same port as the data plane and outside of its limits."""

import random
import re
import string
import time
from pathlib import Path

import pytest

from apientreprise_gateway.contract.codes import GATEWAY_ERRORS
from support import tokens
from support.site import ATTESTATION_FISCALE, UNITE_LEGALE, Site, codes, fresh, wait_until
from support.site import site as started
from support.stores import free_port
from support.stub import always, answer


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/livez", "application/json"),
        ("/readyz", "application/json"),
        ("/metrics", "text/plain"),
        ("/openapi.yaml", "application/yaml"),
        ("/docs", "text/html"),
    ],
)
def test_pages_that_need_no_token(site: Site, path: str, kind: str) -> None:
    """Health, metrics and documentation are answered to anybody."""
    response = site.client.get(site.program.url + path)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith(kind)
    assert response.content


def test_other_methods(site: Site) -> None:
    """The control plane refuses other methods as the data plane does."""
    response = site.client.post(site.program.url + "/livez")
    assert (response.status_code, codes(response)) == (405, ["00405"])
    assert response.headers["allow"] == "GET, HEAD"


def test_privileges(site: Site) -> None:
    """A token learns its scopes without traceability, from header or query; an invalid one is refused with its code."""
    url, token = site.program.url + "/privileges", fresh(scopes=["b", "a"])
    assert site.client.get(url, headers={"Authorization": f"Bearer {token}"}).json() == {
        "data": {"privileges": ["a", "b"]}
    }
    assert site.client.get(url, params={"token": token}).status_code == 200
    for given, code in ((None, "00101"), ("garbage", "00101"), (fresh(exp=1), "00103")):
        response = site.call("/privileges", token=given)
        assert (response.status_code, codes(response)) == (401, [code])


def test_no_asset_is_elsewhere(site: Site) -> None:
    """The documentation page refers to this server alone, and all that it refers to is there."""
    page = site.client.get(site.program.url + "/docs").text
    references = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert references
    for reference in references:
        if not reference.startswith(("data:", "#")):
            assert reference.startswith("/")
            assert not reference.startswith("//")
            assert site.client.get(site.program.url + reference).status_code == 200
    script = site.client.get(site.program.url + "/docs/init.js").text
    assert "http" not in script


def test_the_control_plane_counts_for_nobody(tmp_path: Path) -> None:
    """Calls to the control plane use up neither a token's window nor an address's."""
    with started(tmp_path, limit_ip="5", limit_json="2") as own:
        token = fresh()
        for path in ("/livez", "/readyz", "/metrics", "/privileges", "/openapi.yaml", "/docs") * 3:
            assert own.call(path, token=token).status_code == 200
        assert own.call(token=token).headers["ratelimit-remaining"] == "1"


def test_metrics_on_a_port_of_their_own(tmp_path: Path) -> None:
    """With `GATEWAY_METRICS_PORT` the same metrics are on that port too."""
    port = free_port()
    with started(tmp_path, metrics_port=str(port)) as own:
        own.call(token=fresh())
        for url in (own.program.url, f"http://127.0.0.1:{port}"):
            text = own.client.get(url + "/metrics").text
            assert 'gateway_answers_total{operation="api_entreprise_v4_insee_unites_legales",status="200"} 1.0' in text


def test_samples_after_calls(tmp_path: Path) -> None:
    """Answers, errors, provider calls, decisions and lines are counted."""
    with started(tmp_path) as own:
        own.call(token=fresh())
        own.call(token=None)
        own.call("/nowhere", token=None)
        own.call(UNITE_LEGALE + "1", token=fresh())
        own.provider.handler = always(answer(b"", status=500))
        own.call(ATTESTATION_FISCALE, token=fresh())
        own.lines()
        expected = {
            'gateway_answers_total{operation="api_entreprise_v4_insee_unites_legales",status="200"}': 1,
            'gateway_answers_total{operation="api_entreprise_v4_insee_unites_legales",status="401"}': 1,
            'gateway_answers_total{operation="api_entreprise_v4_insee_unites_legales",status="422"}': 1,
            'gateway_answers_total{operation="none",status="404"}': 2,
            'gateway_answer_seconds_count{operation="api_entreprise_v4_insee_unites_legales"}': 3,
            'gateway_errors_total{code="00101"}': 1,
            'gateway_errors_total{code="00301"}': 1,
            'gateway_errors_total{code="03000"}': 1,
            'gateway_provider_calls_total{outcome="ok",provider="insee"}': 1,
            'gateway_provider_calls_total{outcome="000",provider="dgfip"}': 1,
            'gateway_provider_seconds_count{provider="dgfip"}': 1,
            'gateway_limiter_decisions_total{decision="admitted",group="json"}': 2,
            "gateway_in_flight": 0,
            "gateway_bans_in_force": 0,
        }
        assert {name: own.metric(name) for name in expected} == expected
        wait_until(lambda: own.metric("gateway_access_lines_total") == 6)


def test_labels_stay_bounded(site: Site) -> None:
    """Random paths, methods, identifiers and tokens add no time series once each kind of answer was given."""
    draw = random.Random(7)

    def word() -> str:
        return "".join(draw.choices(string.ascii_letters + string.digits, k=draw.randint(1, 30)))

    def call(number: int) -> None:
        site.call(
            (f"/{word()}", f"/v{number}/{word()}/{word()}", f"{UNITE_LEGALE[:-9]}{word()}", UNITE_LEGALE)[number % 4],
            method=("GET", "POST", "DELETE", "OPTIONS")[number // 4 % 4],
            token=(word(), fresh(), tokens.token(secret=word() * 40), None)[number // 16 % 4],
            context=word(),
        )

    for number in range(64):
        call(number)
    before = _series(site)
    for number in range(64, 64 * 5):
        call(number)
    assert _series(site) == before
    known = {*GATEWAY_ERRORS}
    assert set(re.findall(r'gateway_errors_total{code="(00\d+)"', "\n".join(before))) <= known


def _series(site: Site) -> set[str]:
    text = site.client.get(site.program.url + "/metrics").text
    names = {line.rpartition(" ")[0] for line in text.splitlines() if line.startswith("gateway_")}
    return {name for name in names if not name.startswith("gateway_provider_up")}  # comes by itself, after a while


def test_what_operators_are_warned_of(tmp_path: Path) -> None:
    """Calls near a limit and tokens near their end are shown before they fail; the event loop's lag always is."""
    soon = int(time.time()) + 5 * 86_400
    with started(tmp_path, limit_json="10") as own:
        token = fresh(exp=soon)
        assert [own.call(token=token).status_code for _ in range(11)] == [200] * 10 + [429]
        assert own.metric('gateway_near_limit_total{group="json"}') == 3
        wait_until(lambda: own.metric("gateway_event_loop_lag_seconds_count") > 3)
        wait_until(lambda: own.metric('gateway_tokens_expiring{within="7d"}') == 1)
        assert own.metric('gateway_tokens_expiring{within="30d"}') == 1
        told = [line for line in own.program.all_logged().splitlines() if "token_expires_soon" in line]
        assert len(told) == 1
        assert token not in told[0]
