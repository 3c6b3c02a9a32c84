"""Special persons: their names and numbers get the same error from every provider."""

from datetime import date

import pytest

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.identification import CallMode
from apientreprise_gateway.contract.person.families import RULES
from apientreprise_gateway.contract.person.identity import Asked
from apientreprise_gateway.sandbox.faults import FAULTS
from apientreprise_gateway.sandbox.particulier.persons import PERSONS
from apientreprise_gateway.sandbox.particulier.specials import NUMBERS, SPECIALS, Special
from unit.sandbox.calling import Answer
from unit.sandbox.particulier.asking import ENDPOINTS, ask, examples_of, pivot_of

_TODAY = date(2026, 12, 1)
_STATUSES = {
    "slow": 200,
    "drip": 200,
    "reset": None,
    "cut": 200,
    "garbage": 200,
    "truncated-json": 200,
    "empty": 200,
    "maintenance": 503,
    "redirect": 302,
    "refused-401": 401,
    "forbidden-403": 403,
    "busy-429": 429,
    "error-500": 500,
    "unavailable-503": 503,
    "timeout": 504,
}


def _ask(endpoint: Endpoint, special: Special) -> Answer | None:
    """Ask about a special person; None if the way of asking has no name for it."""
    assert endpoint.person is not None
    numbered = [each for each in endpoint.person.parameters if each.meaning in NUMBERS and each.required]
    given = examples_of(endpoint)
    if endpoint.person.mode is CallMode.FRANCE_CONNECT:
        given = [(name, value) for name, value in given if name == "immatriculation"] + pivot_of(special.person)
    elif numbered and special.digits:
        name = numbered[0]
        given = [(each, NUMBERS[name.meaning](special.digits) if each == name.name else value) for each, value in given]
    elif numbered:
        return None
    else:
        given = [
            (name, special.name if name in {"nomNaissance", "nom"} else value) for name, value in given if name != "ine"
        ]
    assert isinstance(RULES[endpoint.person.family].read(_lists(given), _TODAY), Asked)
    return ask(endpoint, given)


def _lists(given: list[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in given:
        found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize("special", SPECIALS, ids=lambda special: special.name)
def test_special_persons(special: Special) -> None:
    """Every operation that can name a special person gets its error, by parameters that the gateway accepts."""
    asked = 0
    for endpoint in ENDPOINTS:
        answer = _ask(endpoint, special)
        if answer is None:
            continue
        asked += 1
        if special.fault:
            assert answer.status == _STATUSES[special.fault], endpoint.operation
            continue
        own = {code: status for status, codes in endpoint.codes.items() for code in codes}
        code = next((code for code in special.codes if code in own), None)
        if code:
            assert answer.json()["errors"][0]["code"] == code, endpoint.operation
        assert answer.status == (own[code] if code else special.status)
    assert asked >= 40


def test_every_error_of_the_catalogue_has_a_person() -> None:
    """Whatever a provider alone may answer with, somebody gets it; every fault as well."""
    codes = {code for endpoint in ENDPOINTS for codes in endpoint.codes.values() for code in codes}
    assert {code for special in SPECIALS for code in special.codes} == codes
    assert {special.fault for special in SPECIALS if special.fault} == FAULTS.keys()


def test_each_is_one() -> None:
    """No name and no digits are given twice, and none is an ordinary person's."""
    digits = [special.digits for special in SPECIALS if special.digits]
    names = [special.name for special in SPECIALS]
    assert len(set(digits)) == len(digits)
    assert len(set(names)) == len(names)
    assert not set(names) & {person.birth_name for person in PERSONS}


def test_job_seekers_go_by_the_name_too() -> None:
    """France Travail takes the name of a special person, in any case."""
    seekers = [endpoint for endpoint in ENDPOINTS if "france_travail_statut" in endpoint.operation]
    assert [ask(endpoint, [("identifiant", "panne")]).status for endpoint in seekers] == [503]
