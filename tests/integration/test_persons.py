"""Fictive persons behind a gateway: every documented call works, and every special name has its code."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.identification import CallMode
from apientreprise_gateway.providers.particulier.product import PARTICULIER
from apientreprise_gateway.sandbox.particulier.specials import BY_NAME, SPECIALS
from support import programs
from support.programs import Program
from support.site import LONG, codes, wait_until

ENDPOINTS = tuple(PARTICULIER.endpoints)
RECIPIENT = [("recipient", "13002526500013")]
GRANTS = "/v5/cnous/etudiant_boursier/identite"
QUOTIENT = "/v3/dss/quotient_familial/identite"
OUTCOMES = {
    "INCONNU": (404, "26003"),
    "HOMONYME": (409, "26015"),
    "REFUSE": (422, "26561"),
    "SECRET": (451, "26005"),
    "TARD": (504, "26002"),
    "RACCROCHE": (502, "00501"),
    "COUPE": (502, "00501"),
    "ILLISIBLE": (502, "26999"),
    "TRONQUE": (502, "26999"),
    "VIDE": (502, "26999"),
    "MAINTENANCE": (503, "26020"),
    "DETOUR": (502, "26999"),
    "PORTE-CLOSE": (502, "26006"),
    "INTERDIT": (502, "26006"),
    "QUOTA": (502, "26008"),
    "ERREUR": (502, "26000"),
    "PANNE": (502, "26001"),
}
"""Status and code of special names, asked of the CNOUS."""
LATE = {"LENT", "GOUTTE", "MUET"}
"""Names that take longer than a test should."""


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of cases."""
    return tmp_path_factory.mktemp("cases")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, cases: Path) -> Iterator[Program]:
    """A demonstration."""
    with programs.start(tmp_path_factory.mktemp("demo"), "demo", "--cases", str(cases)) as program:
        wait_until(lambda: "Ctrl+C" in program.output.read_text())
        yield program


@pytest.fixture(scope="module")
def base(demo: Program) -> str:
    """Its address."""
    return _address_of(demo)


def _address_of(demo: Program) -> str:
    found = re.search(r"Gateway: +(http\S+)/docs", demo.output.read_text())
    assert found is not None
    return found[1]


@pytest.fixture(scope="module")
def token(base: str) -> Callable[[int], str]:
    """Test tokens of every scope, by number: each has a window of calls of its own."""

    @cache
    def mint(_number: int) -> str:
        answer = httpx.post(f"{base}/sandbox/tokens", json={"product": "api_particulier"}, timeout=LONG)
        assert answer.status_code == 201
        return str(answer.json()["token"])

    return mint


def _ask(base: str, endpoint: Endpoint, token: str) -> httpx.Response:
    """Call an operation with the examples of its parameters."""
    assert endpoint.person is not None
    header = {"Authorization": f"Bearer {token}"} if endpoint.version > 2 else {"X-Api-Key": token}
    given = [(each.name, each.example) for each in endpoint.person.parameters if each.example]
    return httpx.get(f"{base}{endpoint.path}?{urlencode(given + RECIPIENT)}", headers=header, timeout=LONG)


@pytest.mark.parametrize("rank", range(len(ENDPOINTS)), ids=lambda rank: ENDPOINTS[rank].operation)
def test_every_example_works(base: str, token: Callable[[int], str], rank: int) -> None:
    """The examples of each operation get 200 and every field, FranceConnect's with the token of the same person."""
    endpoint = ENDPOINTS[rank]
    assert endpoint.person is not None
    by_token = endpoint.person.mode is CallMode.FRANCE_CONNECT
    answer = _ask(base, endpoint, "fc-claire-martin" if by_token else token(rank // 15))
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body if endpoint.flat else body["data"]


def _cnous(base: str, name: str, token: str) -> httpx.Response:
    person = BY_NAME[name].person
    given: dict[str, str | int] = {
        "nomNaissance": person.birth_name,
        "prenoms[]": person.first_names[0],
        "anneeDateNaissance": person.birth.year,
        "moisDateNaissance": person.birth.month,
        "jourDateNaissance": person.birth.day,
        "codeCogInseeCommuneNaissance": "35238",
        **dict(RECIPIENT),
    }
    return httpx.get(base + GRANTS, params=given, headers={"Authorization": f"Bearer {token}"}, timeout=LONG)


@pytest.mark.parametrize("name", OUTCOMES)
def test_special_names(base: str, token: Callable[[int], str], name: str) -> None:
    """Each special name gets the code of what it stands for."""
    answer = _cnous(base, name, token(10))
    assert (answer.status_code, codes(answer)) == (OUTCOMES[name][0], [OUTCOMES[name][1]])


def test_special_names_by_token(base: str) -> None:
    """FranceConnect vouches for special names as well."""
    path = GRANTS.replace("identite", "france_connect")
    for name in ("INCONNU", "PANNE", "REFUSE"):
        given = {"Authorization": f"Bearer fc-nom-{name.lower()}"}
        answer = httpx.get(base + path, params=dict(RECIPIENT), headers=given, timeout=LONG)
        assert (answer.status_code, codes(answer)) == (OUTCOMES[name][0], [OUTCOMES[name][1]])


def test_every_special_name_has_its_outcome() -> None:
    """The table of this module knows every special name but those that single operations have."""
    single = {special.name for special in SPECIALS if special.codes} - OUTCOMES.keys()
    assert {special.name for special in SPECIALS} == OUTCOMES.keys() | LATE | single


def test_a_token_of_one_scope_sees_one_field(base: str) -> None:
    """Of a household, a token of the page shows what its scopes name."""
    order = {"product": "api_particulier", "scopes": ["cnaf_enfants"]}
    minted = httpx.post(f"{base}/sandbox/tokens", json=order, timeout=LONG).json()
    endpoint = next(each for each in ENDPOINTS if each.path == QUOTIENT)
    answer = _ask(base, endpoint, minted["token"])
    assert (answer.status_code, list(answer.json()["data"])) == (200, ["enfants"])


def test_no_other_gateway_takes_a_test_token(base: str, token: Callable[[int], str], tmp_path: Path) -> None:
    """A second demonstration refuses the tokens of the first."""
    endpoint = next(each for each in ENDPOINTS if each.path == QUOTIENT)
    assert _ask(base, endpoint, token(11)).status_code == 200
    with programs.start(tmp_path, "demo") as other:
        wait_until(lambda: "Ctrl+C" in other.output.read_text())
        answer = _ask(_address_of(other), endpoint, token(11))
    assert (answer.status_code, codes(answer)) == (401, ["00101"])


def test_cases_of_a_user(base: str, token: Callable[[int], str], cases: Path) -> None:
    """A file that is put into the folder answers the next call."""
    body = '{"data": {"statut_service_national": "en_regle", "commentaires": "cas"}, "links": {}, "meta": {}}'
    operation = "api_particulier_v3_dsnj_service_national_with_civility"
    endpoint = next(each for each in ENDPOINTS if each.operation == operation)
    case = f"operation: {operation}\nparameters: {{nomNaissance: Martin}}\nstatus: 200\nbody: {body}\n"
    (cases / "un.yaml").write_text(case)
    try:
        assert _ask(base, endpoint, token(12)).json()["data"]["commentaires"] == "cas"
    finally:
        (cases / "un.yaml").unlink()
    assert _ask(base, endpoint, token(12)).json()["data"]["commentaires"] is None


def test_a_wrong_file_is_told_of(demo: Program, cases: Path) -> None:
    """Somebody who saves a wrong file reads where it is wrong, before anybody calls."""
    (cases / "deux.yaml").write_text("- operation: rien\n  status: 200\n")
    try:
        wait_until(lambda: "deux.yaml:1: there is no operation 'rien'" in demo.errors.read_text())
    finally:
        (cases / "deux.yaml").unlink()
