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
AREAS = {"codesBcnDepartements[]", "codesBcnRegions[]"}
"""One of these is given in place of a school."""
YOUNG = {"anneeDateNaissance": ["2006"]}
"""National service is asked about for young people alone."""


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: each.operation)
def test_each_operation_has_its_rules(endpoint: Endpoint) -> None:
    """The rules of a family read the parameters of its operations, and refuse with the errors that they say."""
    assert endpoint.person is not None
    rules = RULES[endpoint.person.family]
    assert rules.names == {parameter.name for parameter in endpoint.person.parameters}
    assert rules.codes - {OTHER_AGE} == set(endpoint.person.codes) <= PERSON_ERRORS.keys()


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: each.operation)
def test_documented_examples_are_right(endpoint: Endpoint) -> None:
    """A call with the examples of all its parameters is one that the rules let pass."""
    assert endpoint.person is not None
    examples = {each.name: [each.example] for each in endpoint.person.parameters}
    areas = AREAS & examples.keys()
    in_place_of = [{*areas, "degreEtablissement"}, *({"codeEtablissement", area} for area in areas)]
    for left_out in in_place_of:
        query = {name: values for name, values in examples.items() if name not in left_out}
        query |= YOUNG if OTHER_AGE in endpoint.codes.get(422, ()) else {}
        found = RULES[endpoint.person.family].read(query, TODAY)
        assert isinstance(found, Asked), found


def test_every_set_of_rules_is_used() -> None:
    """There are no rules that no operation has."""
    assert RULES.keys() == {endpoint.person.family for endpoint in ENDPOINTS if endpoint.person is not None}
