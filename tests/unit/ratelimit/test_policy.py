"""Tests of the policy."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.groups import Group
from apientreprise_gateway.gateway.settings import load
from apientreprise_gateway.providers.entreprise.groups import GROUPS
from apientreprise_gateway.providers.entreprise.product import ENTREPRISE, PROVIDERS
from apientreprise_gateway.providers.particulier.groups import GROUPS as PARTICULIER_GROUPS
from apientreprise_gateway.providers.particulier.product import PARTICULIER
from apientreprise_gateway.ratelimit.policy import Policy, own_limits
from apientreprise_gateway.ratelimit.port import COMMON, AddressRule

SETTINGS = list(dict.fromkeys(group.limit.setting for group in GROUPS))
FIGURES: Mapping[str, int] = {setting: 10 + place for place, setting in enumerate(SETTINGS)}
ENDPOINTS = [endpoint for provider in PROVIDERS for endpoint in provider.endpoints]
PUBLISHED = {
    "json": 250,
    "documents": 50,
    "attestation_fiscale": 5,
    "actes_bilans": 5,
    "actes_inpi": 5,
    "bilans_inpi": 5,
    "effectifs": 250,
    "agefiph": 250,
}


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.operation)
def test_limit_of_every_endpoint(endpoint: Endpoint) -> None:
    """An endpoint's limit is the figure of its group."""
    assert Policy(GROUPS, FIGURES).limit_of(endpoint) == FIGURES[endpoint.group.limit.setting]


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.operation)
def test_published_figures(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any setting, the limits are those that are published."""
    for setting in SETTINGS:
        monkeypatch.delenv(f"GATEWAY_{setting.upper()}", raising=False)
    settings = load()
    policy = Policy(GROUPS, {setting: settings.limit(setting) for setting in SETTINGS})
    assert policy.limit_of(endpoint) == PUBLISHED[endpoint.group.name]


def test_missing_figure() -> None:
    """A figure that is missing is named."""
    with pytest.raises(ValueError, match="limit_strict"):
        Policy(GROUPS, {setting: 5 for setting in SETTINGS if setting != "limit_strict"})


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("value", [0, -1])
def test_figure_below_one(setting: str, value: int) -> None:
    """A figure below 1 is named."""
    with pytest.raises(ValueError, match=setting):
        Policy(GROUPS, {**FIGURES, setting: value})


def test_figures_are_copied() -> None:
    """What happens to the mapping afterwards changes no limit."""
    figures = dict(FIGURES)
    policy = Policy(GROUPS, figures)
    figures.clear()
    assert policy.limit_of(ENDPOINTS[0]) == FIGURES[ENDPOINTS[0].group.limit.setting]


# Limits of single tokens.


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_no_limit_of_its_own(group: Group) -> None:
    """A token without a limit of its own has that of everybody."""
    assert own_limits(250, group, None) == (250, None)


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
@pytest.mark.parametrize("own", [1, 249, 250])
def test_lower_limit_of_its_own(group: Group, own: int) -> None:
    """A token may be held to less than everybody, in every group."""
    assert own_limits(250, group, own) == (own, None)


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
@pytest.mark.parametrize("own", [251, 100_000])
def test_higher_limit_of_its_own(group: Group, own: int) -> None:
    """A token may have more than everybody where a group is shared, not where it protects a single provider."""
    assert own_limits(250, group, own) == (own if group.shared else 250, None)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("own", [1, 20, 100_000])
def test_own_limit_beside_a_short_window(shared: bool, own: int) -> None:
    """Where a group counts by the second, a token's own limit is one of a minute beside it."""
    group = Group("short", GROUPS[0].limit, shared=shared, seconds=1)
    assert own_limits(20, group, own) == (20, own)
    assert own_limits(20, group, None) == (20, None)


def test_shared_groups() -> None:
    """The groups of several providers are those of JSON and of documents; each other protects one."""
    assert {group.name for group in GROUPS if group.shared} == {"json", "documents"}


# Addresses.


def test_a_product_without_a_ceiling() -> None:
    """The calls of a product that says nothing of addresses count for the ceiling of all."""
    assert Policy(GROUPS, FIGURES).rule_of(ENTREPRISE) == COMMON


@pytest.mark.parametrize("figure", [0, 30])
def test_a_product_with_a_ceiling(figure: int) -> None:
    """The calls of a product with a ceiling count for that alone, with the figure of its setting."""
    assert PARTICULIER.ceiling is not None
    policy = Policy((), {PARTICULIER.ceiling.setting: figure})
    rule = AddressRule(counter="calls:particulier", ceiling=figure, by_token=True, early=100_000)
    assert policy.rule_of(PARTICULIER) == rule


def test_a_ceiling_without_a_figure() -> None:
    """A ceiling whose figure is missing is no ceiling of 0."""
    with pytest.raises(KeyError, match="limit_ip_particulier"):
        Policy((), {}).rule_of(PARTICULIER)


GROUPS_OF_ALL = [*GROUPS, *PARTICULIER_GROUPS]
_calls = st.integers(1, 2000)


@given(st.sampled_from(GROUPS_OF_ALL), _calls, st.none() | _calls, st.none() | _calls)
def test_a_cap_only_lowers(group: Group, figure: int, own: int | None, cap: int | None) -> None:
    """A cap is the most that a token may call in a minute, in each group, and changes nothing where that is less."""
    limit, minute = own_limits(figure, group, own)
    capped, capped_minute = own_limits(figure, group, own, cap)
    if group.seconds == 60:
        assert (capped, capped_minute) == (limit if cap is None else min(limit, cap), None)
        return
    most = min(minute or limit * 60 // group.seconds, limit * 60 // group.seconds)
    assert capped == limit
    if cap is None or cap >= most:
        assert (capped_minute or most) >= most
        assert capped_minute == minute or (minute is not None and capped_minute == min(minute, cap or minute))
    else:
        assert capped_minute == cap
