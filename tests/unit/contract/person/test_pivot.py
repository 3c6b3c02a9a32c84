"""Tests of identities that FranceConnect gives: they are written as a caller would have given them."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.identification import CallMode
from apientreprise_gateway.contract.person.families import PIVOT, RULES
from apientreprise_gateway.contract.person.identity import Asked, Identity
from apientreprise_gateway.contract.person.pivot import by_token, written
from apientreprise_gateway.providers.particulier.product import PARTICULIER

TODAY = date(2026, 11, 28)
BY_TOKEN = [each for each in PARTICULIER.endpoints if each.person is not None and each.person.france_connect]
FLAT_FAMILIES = sorted({each.person.family for each in BY_TOKEN if each.person and each.person.mode is CallMode.QUERY})
NAMES = st.text("ABCÉ' -", min_size=1, max_size=8).filter(str.strip).map(lambda text: " ".join(text.split()))


def _identity(parts: dict[str, Any]) -> Identity:
    return Identity(**parts)


IDENTITIES = st.fixed_dictionaries(
    {
        "birth_name": NAMES,
        "first_names": st.lists(NAMES.map(lambda text: text.replace(" ", "-")), min_size=1, max_size=4).map(tuple),
        "birth_year": st.integers(1900, 2020),
        "birth_month": st.integers(1, 12),
        "birth_day": st.integers(1, 28),
        "sex": st.sampled_from("MF"),
        "birth_country": st.just("99100"),
        "birth_commune": st.sampled_from(["35238", "2A004", "97411"]),
    }
).map(_identity)


def _query(parameters: tuple[tuple[str, str], ...]) -> Mapping[str, list[str]]:
    query: dict[str, list[str]] = {}
    for name, value in parameters:
        query.setdefault(name, []).append(value)
    return query


@given(IDENTITIES)
def test_the_pivot_identity_is_read_as_it_is_written(identity: Identity) -> None:
    """From v3 on the provider is asked with the parameters of a call by civil status, in canonical form."""
    parameters = written(identity, PIVOT)
    assert PIVOT.read(_query(parameters), TODAY) == Asked(identity, parameters)


@pytest.mark.parametrize("family", FLAT_FAMILIES)
@given(IDENTITIES)
def test_flat_operations_have_names_of_their_own(family: str, identity: Identity) -> None:
    """In v2 the parameters are those that the family reads, and give back what it knows of the person."""
    parameters = written(identity, RULES[family])
    found = RULES[family].read(_query(parameters), TODAY)
    assert isinstance(found, Asked)
    assert found.parameters == parameters
    assert found.identity.birth_name == identity.birth_name
    assert found.identity.first_names == identity.first_names[: len(found.identity.first_names)]
    assert (found.identity.birth_year, found.identity.birth_commune) == (identity.birth_year, identity.birth_commune)


def test_who_was_born_abroad() -> None:
    """The country stands in where an operation has one parameter for both; else the town is left out."""
    abroad = Identity(birth_name="A", first_names=("B",), birth_country="99352", birth_year=1990)
    assert ("lieuDeNaissance", "99352") in written(abroad, RULES["mesri_v2"])
    names = [name for name, _ in written(abroad, RULES["cnav_v2"])]
    assert "codePaysLieuDeNaissance" in names
    assert "codeInseeLieuDeNaissance" not in names
    assert "dateDeNaissance" not in [name for name, _ in written(abroad, RULES["cnous_v2"])]


@pytest.mark.parametrize("endpoint", BY_TOKEN, ids=lambda each: each.operation)
def test_a_call_itself_says_nothing_of_the_person(endpoint: Endpoint) -> None:
    """With an access token, no parameter is read that names somebody."""
    assert endpoint.person is not None
    found = by_token(endpoint.person)
    assert found is not None
    assert found.always is endpoint.path.endswith("/france_connect")
    assert found.rules.names <= {"annee", "mois", "campaignYear", "immatriculation"}


def test_operations_without_access_tokens() -> None:
    """The others take none."""
    others = [each.person for each in PARTICULIER.endpoints if each.person and not each.person.france_connect]
    assert others
    assert [by_token(person) for person in others] == [None] * len(others)
