"""The rules of identities, beside what the operations of API Particulier say of their parameters."""

from datetime import date

import pytest

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.person.codes import PERSON_ERRORS
from apientreprise_gateway.contract.person.families import RULES
from apientreprise_gateway.contract.person.identity import Asked
from apientreprise_gateway.providers.particulier.dsnj import OTHER_AGE
from apientreprise_gateway.providers.particulier.product import PARTICULIER

ENDPOINTS = list(PARTICULIER.endpoints)
TODAY = date(2026, 11, 28)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: each.operation)
def test_each_operation_has_its_rules(endpoint: Endpoint) -> None:
    """The rules of a family read the parameters of its operations, and refuse with the errors that they say."""
    assert endpoint.person is not None
    rules = RULES[endpoint.person.family]
    assert rules.names == {parameter.name for parameter in endpoint.person.parameters}
    assert rules.codes - {OTHER_AGE} == set(endpoint.person.codes) <= PERSON_ERRORS.keys()


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: each.operation)
def test_documented_examples_are_right(endpoint: Endpoint) -> None:
    """A call with all examples of an operation passes its rules; so does one without the number that decides alone."""
    assert endpoint.person is not None
    rules = RULES[endpoint.person.family]
    query = {each.name: [each.example] for each in endpoint.person.parameters if each.example}
    for given in (query, {name: values for name, values in query.items() if name != "ine" or len(query) < 3}):
        found = rules.read(given, TODAY)
        assert isinstance(found, Asked), found


def test_every_set_of_rules_is_used() -> None:
    """There are no rules that no operation has."""
    assert RULES.keys() == {endpoint.person.family for endpoint in ENDPOINTS if endpoint.person is not None}
