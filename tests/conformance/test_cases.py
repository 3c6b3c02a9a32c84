"""The published sandbox cases, replayed through a started gateway."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.parameters import Parameter
from apientreprise_gateway.documents.places import holders
from apientreprise_gateway.providers.entreprise.groups import GROUPS
from conformance.conftest import CATALOGUE, Json, load_cases
from conformance.differences import Aspect, listed
from support.programs import TRACE, gateway
from support.site import GOOD, PDF
from support.stub import Handler, answer, stub
from support.tokens import bearer

_FILE = "/files/document.pdf"
UNLIMITED = dict.fromkeys(("limit_ip", *(group.limit.setting for group in GROUPS)), "1000000")


@dataclass(frozen=True, slots=True)
class Case:
    """A published case of one of our endpoints."""

    endpoint: Endpoint
    name: str
    parameters: dict[str, str]
    status: int
    body: Any

    @property
    def path(self) -> str:
        """The path that it is asked at."""
        return self.endpoint.path.format(**self.parameters)

    @property
    def query(self) -> dict[str, str]:
        """The endpoint's own query parameters that it has."""
        names = {parameter.name for parameter in self.endpoint.query}
        return {name: value for name, value in self.parameters.items() if name in names}

    @property
    def targets(self) -> list[str]:
        """What the provider may be asked: with the values as the case has them, or as the provider spells them."""
        passed_on = self.query | ({"user_id": TRACE["user_id"]} if self.endpoint.user_id else {})
        sent = {
            parameter.name: parameter.kind.sent_as(self.parameters[parameter.name])
            for parameter in self.endpoint.parameters
            if parameter.kind.sent_as is not None
        }
        paths = dict.fromkeys((self.path, self.endpoint.path.format(**self.parameters | sent)))
        return [f"{path}?{urlencode(passed_on)}" for path in paths]

    @property
    def answered_otherwise(self) -> list[str]:
        """What we answer instead, where that is a listed difference."""
        return [
            ours for reference, ours in listed(Aspect.CASES, self.endpoint.operation) if reference == self.difference
        ]

    @property
    def difference(self) -> str:
        """How the listed differences call it."""
        return f"{self.name}: {self.status}"

    @property
    def wrong(self) -> list[Parameter]:
        """Its parameters that our rules refuse."""
        declared = (*self.endpoint.parameters, *self.endpoint.query)
        return [
            parameter
            for parameter in declared
            if parameter.name in self.parameters and not parameter.kind.accepts(self.parameters[parameter.name])
        ]

    @property
    def wrong_codes(self) -> list[str]:
        """The error of each of them."""
        return [parameter.kind.code_of(self.parameters[parameter.name]) for parameter in self.wrong]


def _case(facts: Json) -> Case:
    endpoint, _ = CATALOGUE[facts["op"]]
    parameters = {name: str(value) for name, value in facts["params"].items()}
    return Case(endpoint, facts["case"], parameters, facts["status"], facts["body"])


CASES = [_case(facts) for facts in load_cases() if facts["op"] in CATALOGUE]
UNDECLARED = {("api_entreprise_v3_dgfip_chiffres_affaires", "siret", "year")}
"""Cases with a parameter that the published operation does not declare either."""
REPLAYED = [case for case in CASES if not case.wrong]
REFUSED = [case for case in CASES if case.wrong]
OPERATIONS = sorted({case.endpoint.operation for case in CASES})


def _id(case: Case) -> str:
    return f"{case.endpoint.operation}-{case.name}"


def _key(target: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """A path and query, whatever the order of the query."""
    path, _, query = target.partition("?")
    return path, tuple(sorted(parse_qsl(query, keep_blank_values=True)))


def _provider(url: str) -> Handler:
    """A provider that knows the replayed cases and the files of their documents, and fails on anything else."""
    answers = {
        _key(target): answer(json.dumps(_with_own_files(case, url)).encode(), status=case.status)
        for case in REPLAYED
        for target in case.targets
    }
    assert len(answers) == sum(len(case.targets) for case in REPLAYED), "two cases ask the same"
    answers[_key(_FILE)] = answer(PDF, content_type="application/pdf")
    unknown = answer(b"{}", status=500)

    async def handler(target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answers.get(_key(target), unknown))

    return handler


def _with_own_files(case: Case, url: str) -> Any:
    """The body of a case whose documents are with our own provider: the gateway fetches them from nobody else."""
    body = json.loads(json.dumps(case.body))
    document = case.endpoint.document
    if document is None or case.status != 200:
        return body
    for holder, _ in holders(body, document):
        if holder[document.address[-1]] is not None:
            holder[document.address[-1]] = url + _FILE
    return body


def _with_published_addresses(case: Case, body: Any, url: str) -> Any:
    """An answer with the published addresses, once it is sure that those it had are links of the gateway's."""
    document = case.endpoint.document
    if document is None or case.status != 200:
        return body
    ours = [holder for holder, _ in holders(body, document)]
    published = [holder for holder, _ in holders(case.body, document)]
    for mine, theirs in zip(ours, published, strict=True):
        if theirs[document.address[-1]] is not None:
            assert mine[document.address[-1]].startswith(f"{url.rstrip('/')}/documents/")
            assert 0 < mine[document.expires_in] <= (document.seconds or 86_400)
        mine |= {name: theirs[name] for name in (document.address[-1], document.expires_in)}
    return body


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a started gateway whose providers know the cases."""
    folder = tmp_path_factory.mktemp("gateway")
    with (
        stub(GOOD) as provider,
        gateway(folder, upstream=provider.url, **UNLIMITED) as program,
        httpx.Client(base_url=program.url, headers=bearer()) as client,
    ):
        provider.handler = _provider(provider.url)
        yield client


@pytest.mark.parametrize("case", REPLAYED, ids=_id)
def test_case_is_answered_as_published(client: httpx.Client, case: Case) -> None:
    """The caller gets the status and the body of the case, or what is listed as a deliberate difference."""
    response = client.get(case.path, params=case.query | TRACE)
    if case.answered_otherwise:
        codes = [error["code"] for error in response.json()["errors"]]
        assert case.answered_otherwise == [" ".join([str(response.status_code), *codes])]
        return
    assert response.status_code == case.status
    assert _with_published_addresses(case, response.json(), str(client.base_url)) == case.body


@pytest.mark.parametrize("case", REFUSED, ids=_id)
def test_case_with_a_wrong_identifier_is_refused(client: httpx.Client, case: Case) -> None:
    """A case whose parameters our rules refuse gets 422 with the code of each wrong one."""
    response = client.get(case.path, params=case.query | TRACE)
    assert response.status_code == 422
    assert [error["code"] for error in response.json()["errors"]] == case.wrong_codes


@pytest.mark.parametrize("operation", CATALOGUE)
def test_refused_cases_are_the_listed_ones(operation: str) -> None:
    """Our rules refuse no published case but those listed as deliberate differences."""
    refused = {
        (case.difference, " ".join(["422", *case.wrong_codes]))
        for case in REFUSED
        if case.endpoint.operation == operation
    }
    replayed = {case.difference for case in REPLAYED if case.endpoint.operation == operation}
    assert refused == {entry for entry in listed(Aspect.CASES, operation) if entry[0] not in replayed}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_operation_has_a_replayed_case(operation: str) -> None:
    """Every operation that has cases has at least one that is replayed."""
    assert [case.name for case in REPLAYED if case.endpoint.operation == operation]


def test_every_parameter_of_a_case_is_declared() -> None:
    """No case has a parameter that its endpoint does not know, and all have those of the path."""
    for case in CASES:
        if (case.endpoint.operation, *case.parameters) in UNDECLARED:
            continue
        in_path = {parameter.name for parameter in case.endpoint.parameters}
        assert in_path <= case.parameters.keys() <= in_path | {parameter.name for parameter in case.endpoint.query}
