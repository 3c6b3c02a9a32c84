"""Tests of the series that are shown before their first count."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from apientreprise_gateway.contract.bans import Reason
from apientreprise_gateway.contract.codes import GATEWAY_ERRORS
from apientreprise_gateway.controlplane import front
from apientreprise_gateway.dataplane.call import Check, Unlogged
from apientreprise_gateway.gateway.app import Gateway
from apientreprise_gateway.gateway.denials import CopyAction
from apientreprise_gateway.gateway.series import FAILURES, StorePart
from apientreprise_gateway.gateway.settings import load
from apientreprise_gateway.providers.entreprise.product import PROVIDERS
from apientreprise_gateway.providers.products import PRODUCTS
from apientreprise_gateway.server.limits import Closing
from apientreprise_gateway.store.errors import About
from support.tokens import SECRET

ROOT = Path(__file__).resolve().parents[3]
GROUPS = {endpoint.group.name for provider in PROVIDERS for endpoint in provider.endpoints}
BANS = set(Reason) - {Reason.OTHER}  # nobody bans for what is not known
FAULTS = set(About) - {About.STORE}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The samples of a gateway that has counted nothing yet, each with its value."""
    log = tmp_path_factory.mktemp("log") / "access"
    gateway = Gateway(load(jwt_secrets=SECRET, upstream_url="http://127.0.0.1:9", access_log=str(log)))
    return set(generate_latest(gateway.metrics).decode().splitlines())


@pytest.mark.parametrize(
    ("metric", "label", "values"),
    [
        ("gateway_errors_total", "code", FAILURES),
        ("gateway_bans_total", "reason", BANS),
        ("gateway_connections_cut_total", "reason", Closing),
        ("gateway_shadow_refusals_total", "check", (*Check, front.CHECK)),
        ("gateway_calls_without_line_total", "outcome", Unlogged),
        ("gateway_revocations_copy_failures_total", "action", CopyAction),
        ("gateway_jwks_fetches_total", "outcome", ("ok", "failed")),
        ("gateway_near_limit_total", "group", GROUPS),
    ],
)
def test_what_alerts_wait_for_is_there_from_the_start(
    shown: set[str], metric: str, label: str, values: Iterable[str]
) -> None:
    """Counters whose growth is asked for are shown before the first count, which would not be seen as growth else."""
    assert {sample for sample in shown if sample.startswith(f"{metric}{{")} >= {
        f'{metric}{{{label}="{value}"}} 0.0' for value in values
    }


def test_combinations_are_there_from_the_start(shown: set[str]) -> None:
    """Where two labels tell counts apart, every combination is shown before its first count."""
    for part in StorePart:
        for about in FAULTS:
            assert f'gateway_store_faults_total{{about="{about}",part="{part}"}} 0.0' in shown
    for group in GROUPS:
        for decision in ("admitted", "refused"):
            assert f'gateway_limiter_decisions_total{{decision="{decision}",group="{group}"}} 0.0' in shown


def test_deaths_of_workers_are_there_from_the_start(shown: set[str]) -> None:
    """A first worker that dies is seen as growth."""
    assert "gateway_worker_deaths_total 0.0" in shown


def test_the_rules_know_what_a_failure_is() -> None:
    """The codes that rules and dashboard call failures are those that are shown from the start, and errors of ours."""
    texts = [
        (ROOT / "deploy" / name).read_text() for name in ("prometheus/alerts.yml", "grafana/dashboards/gateway.json")
    ]
    named = {match for text in texts for match in re.findall(r'code=~\\?"([\d|]+)', text)}
    assert named == {"|".join(FAILURES)}
    assert set(FAILURES) <= set(GATEWAY_ERRORS)


def test_each_operation_tells_its_product(shown: set[str]) -> None:
    """Every operation that is served has one series, which names its product."""
    named = {name for name in shown if name.startswith("gateway_operation_info{")}
    assert named == {
        f'gateway_operation_info{{operation="{endpoint.operation}",product="{product.key}"}} 1.0'
        for product in PRODUCTS
        for endpoint in (*product.itself.endpoints, *product.endpoints)
    }


def test_each_ping_tells_its_product(shown: set[str]) -> None:
    """Every source of data has one series, which names its product."""
    named = {name for name in shown if name.startswith("gateway_ping_info{")}
    assert named == {
        f'gateway_ping_info{{product="{product.key}",provider="{provider.key}",source="{ping.key}"}} 1.0'
        for product in PRODUCTS
        for provider in product.providers
        for ping in provider.pings
    }
