"""Deviations of providers, seen from outside."""

from pathlib import Path

import httpx

from support import programs
from support.programs import TRACE
from support.stub import always, answer, stub
from support.tokens import bearer

METRIC = 'gateway_upstream_deviations_total{operation="api_entreprise_v4_insee_unites_legales"} 1.0'


def test_a_deviation_is_counted_and_answered_all_the_same(tmp_path: Path) -> None:
    """An answer that lacks fields reaches the caller unchanged, and the operator in a metric and a log line."""
    with (
        stub(always(answer(b'{"data":{"siren":1},"links":{},"meta":{}}'))) as provider,
        programs.gateway(tmp_path, upstream=provider.url, validate_upstream="all") as gateway,
    ):
        url = f"{gateway.url}/v4/insee/sirene/unites_legales/130025265"
        response = httpx.get(url, params=TRACE, headers=bearer())
        assert (response.status_code, response.json()["data"]) == (200, {"siren": 1})
        assert METRIC in httpx.get(f"{gateway.url}/metrics").text
        assert gateway.logged("upstream_deviation", count=1)


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    """Without the comparison, nothing is counted."""
    with (
        stub(always(answer(b'{"data":{"siren":1},"links":{},"meta":{}}'))) as provider,
        programs.gateway(tmp_path, upstream=provider.url, validate_upstream="off") as gateway,
    ):
        url = f"{gateway.url}/v4/insee/sirene/unites_legales/130025265"
        assert httpx.get(url, params=TRACE, headers=bearer()).status_code == 200
        assert "upstream_deviations_total{" not in httpx.get(f"{gateway.url}/metrics").text
