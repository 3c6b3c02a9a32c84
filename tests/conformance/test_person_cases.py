"""The published cases about persons, replayed: who is known there is known here, and errors have their status.

Each is read by the rules of its operation, asked of our sandbox as the gateway would ask it, and read as the gateway
reads it. Parameters and statuses count; what is said of somebody is invented.
"""

import asyncio
import json
from collections import Counter
from datetime import date
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import httpx
import pytest

from apientreprise_gateway.contract.endpoint import Endpoint, Provider
from apientreprise_gateway.contract.errors import Refusal
from apientreprise_gateway.contract.identification import CallMode
from apientreprise_gateway.contract.person.families import RULES
from apientreprise_gateway.contract.person.identity import Asked
from apientreprise_gateway.contract.routes import Route
from apientreprise_gateway.providers.particulier.product import PARTICULIER
from apientreprise_gateway.sandbox.app import create_app
from apientreprise_gateway.upstream.reading import read
from apientreprise_gateway.upstream.response import Response
from conformance.conftest import load_cases
from conformance.particulier import CATALOGUE

TODAY: Final = date(2026, 12, 1)
REFUSED: Final = {
    ("v3_dsnj_service_national_with_civility", "39400"): 8,
    ("v2_cnous_student_scholarship", "00361"): 4,
    ("v2_mesri_student_status", "00361"): 3,
    ("v2_mesri_student_status", "00360"): 2,
    ("v2_cnav_quotient_familial_v2", "00361"): 2,
    ("v2_cnav_quotient_familial_v2", "00356"): 1,
    ("v3_cnav_quotient_familial_with_civility", "00356"): 1,
    ("v2_men_scolarites", "00364"): 1,
    ("v3_men_scolarites_with_civility", "00427"): 1,
    ("v3_cnav_complementaire_sante_solidaire_with_civility", "00400"): 1,
    ("v3_cnous_etudiant_boursier_with_civility", "00421"): 1,
    ("v3_cnous_etudiant_boursier_with_ine", "00360"): 1,
    ("v3_mesri_statut_etudiant_with_civility", "00420"): 1,
}
"""Cases whose parameters our rules refuse, by their first error: persons who are too old for national service, the
names of FranceConnect's claims in v2, years that have passed, parameters of another operation or misspelt."""


class Case(NamedTuple):
    """A published case about a person."""

    endpoint: Endpoint
    provider: Provider
    name: str
    parameters: dict[str, Any]
    status: int


def difference_of(case: Case) -> str:
    """Why a case has another status here; empty if it has the same."""
    if case.status == 429:
        return "a provider whose quota is reached is 502 PP008: 429 is for the callers of the gateway"
    if case.status == 403:
        return "403 says that a token has too few scopes, which a person cannot"
    if case.status == 500 and case.endpoint.flat:
        return "500 is a fault of the gateway's own; an internal error of a provider is 503 in v2"
    if case.status in (400, 422) and not case.endpoint.codes.get(422):
        return "the operation has no published error that refuses an identity, so that nobody is found"
    return ""


def _query(case: Case) -> list[tuple[str, str]] | str:
    """What the provider is asked, or the first error of our rules."""
    given: dict[str, list[str]] = {}
    for name, value in case.parameters.items():
        if isinstance(value, list):
            given[f"{name}[]"] = [str(each) for each in value]
        else:
            given[name] = [str(value)]
    person = case.endpoint.person
    assert person is not None
    asked = RULES[person.family].read(given, TODAY)
    if not isinstance(asked, Asked):
        return asked[0].code
    if person.mode is CallMode.FRANCE_CONNECT:  # which says the rest, in the names of the other calls
        return [(name, value) for name, values in given.items() for value in values]
    return list(asked.parameters)


def _status(case: Case, answer: httpx.Response) -> int:
    """The status that the gateway makes of a provider's answer."""
    version = PARTICULIER.version_of(case.endpoint)
    route = Route(case.endpoint, case.provider)
    try:
        found = read(route, Response(answer.status_code, answer.headers["content-type"], answer.content))
    except Refusal as refusal:
        return version.errors.render(refusal, case.endpoint)[0]
    return found.status


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    """All of them; skips where they are absent."""
    return [
        Case(*CATALOGUE[each["op"]], each["case"], each["params"], each["status"])
        for each in load_cases()
        if each["op"] in CATALOGUE
    ]


def test_every_case_has_its_status(cases: list[Case]) -> None:
    """Whoever got data gets data, and every error is one of its status, but for differences with their reasons."""
    wrong: list[str] = []
    replayed = 0

    async def replay() -> None:
        nonlocal replayed
        transport = httpx.ASGITransport(create_app(products=(PARTICULIER,)))
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
            for case in cases:
                query = _query(case)
                if isinstance(query, str):
                    continue
                replayed += 1
                status = _status(case, await client.get(f"{case.endpoint.path}?{urlencode(query)}"))
                if (status == case.status) == bool(difference_of(case)):
                    wrong.append(f"{case.endpoint.operation} {case.name} {json.dumps(case.parameters)}: {status}")

    asyncio.run(replay())
    assert wrong == []
    assert replayed >= 580


def test_what_our_rules_refuse(cases: list[Case]) -> None:
    """The cases that are not replayed are those that are listed."""
    refused = ((case, _query(case)) for case in cases)
    found = Counter(
        (case.endpoint.operation.removeprefix("api_particulier_"), code)
        for case, code in refused
        if isinstance(code, str)
    )
    assert found == REFUSED
