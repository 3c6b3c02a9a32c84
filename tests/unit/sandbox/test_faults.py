import asyncio
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.identifiers import is_rna, is_siren, is_siret
from apientreprise_gateway.providers.entreprise.product import PROVIDERS
from apientreprise_gateway.providers.products import PRODUCTS
from apientreprise_gateway.sandbox.app import Sandbox, create_app
from apientreprise_gateway.sandbox.entreprise.entities import ENTITIES, ORDINARY
from apientreprise_gateway.sandbox.entreprise.specials import SPECIALS, Special
from apientreprise_gateway.sandbox.faults import FAULTS
from unit.sandbox.calling import ABOUT_NOBODY, Answer, Clock, ask, get, path_for, path_of

PATH = "/v4/insee/sirene/unites_legales/{siren}"
BY_NAME = {special.fault: special for special in SPECIALS}
NAMES = {
    "slow",
    "timeout",
    "drip",
    "error-500",
    "unavailable-503",
    "garbage",
    "truncated-json",
    "empty",
    "reset",
    "cut",
    "redirect",
    "refused-401",
    "busy-429",
    "forbidden-403",
    "maintenance",
}
ENDPOINTS = [
    endpoint for provider in PROVIDERS for endpoint in provider.endpoints if endpoint.operation not in ABOUT_NOBODY
]


@cache
def ordinary() -> tuple[Clock, Sandbox]:
    """A sandbox of which nothing is asked, and its clock."""
    clock = Clock()
    return clock, create_app(products=PRODUCTS, sleep=clock.sleep)


@cache
def always(fault: str) -> Sandbox:
    """A sandbox in which every call meets a fault."""
    return create_app(products=PRODUCTS, sleep=Clock().sleep, error_rate=1.0, fault=fault)


async def _forever(_seconds: float) -> None:
    await asyncio.Event().wait()


def met(fault: str, **options: Any) -> Answer:
    """What the identifier of a fault gets."""
    return get(create_app(products=PRODUCTS, sleep=Clock().sleep), PATH.format(siren=BY_NAME[fault].siren), **options)


def test_names_are_the_documented_ones() -> None:
    """Every fault has its name and its identifiers."""
    assert set(FAULTS) == set(BY_NAME) == NAMES


@pytest.mark.parametrize("special", SPECIALS, ids=lambda special: special.fault)
def test_identifiers_follow_the_scheme(special: Special) -> None:
    """Identifiers are valid, and share the three digits that make them easy to remember."""
    assert is_siren(special.siren)
    assert is_siret(special.siret)
    assert is_rna(special.rna)
    assert special.siren[:-1] == f"99900{special.rna[-3:]}"
    assert special.siret[:-1] == f"{special.siren}0001"
    assert special.rna.startswith("W999000")


@pytest.mark.parametrize("special", SPECIALS, ids=lambda special: special.fault)
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.operation)
def test_identifiers_meet_their_fault_on_every_endpoint(endpoint: Endpoint, special: Special) -> None:
    """A fault's identifier does what the fault's name does to an ordinary entity: none gets the plain answer."""
    clock, app = ordinary()
    clock.pauses.clear()
    path = path_of(endpoint, siren=special.siren, siret=special.siret, rna=special.rna)
    answer = get(app, path)
    forced = get(always(special.fault), path_for(endpoint, ORDINARY))
    assert (answer.status, answer.dropped, answer.complete) == (forced.status, forced.dropped, forced.complete)
    plain = answer.status == 200 and answer.complete and answer.headers["content-type"].startswith("application/json")
    assert not plain or clock.pauses or special.fault in {"truncated-json", "empty"}


def test_slow_answers_after_three_seconds() -> None:
    """The answer is an ordinary one, under the identifier asked for."""
    clock = Clock()
    answer = get(create_app(products=PRODUCTS, sleep=clock.sleep), PATH.format(siren="999000011"))
    assert clock.pauses == [3.0]
    assert answer.status == 200
    assert answer.json()["data"]["siren"] == "999000011"


def test_timeout_outlasts_any_caller() -> None:
    """Nothing is sent for a minute."""
    clock = Clock()
    answer = get(create_app(products=PRODUCTS, sleep=clock.sleep), PATH.format(siren="999005044"))
    assert clock.pauses == [60.0]
    assert answer.status == 504


@pytest.mark.parametrize("fault", ["slow", "timeout"])
def test_nothing_is_sent_to_a_caller_who_left(fault: str) -> None:
    """A pause ends when the client goes away, and nobody is answered."""
    answer = get(create_app(products=PRODUCTS, sleep=_forever), PATH.format(siren=BY_NAME[fault].siren), impatient=True)
    assert answer.status is None


def test_drip_stops_when_the_caller_leaves() -> None:
    """A drip announces its whole length, and ends with the connection."""
    answer = get(
        create_app(products=PRODUCTS, sleep=_forever), PATH.format(siren=BY_NAME["drip"].siren), impatient=True
    )
    assert answer.status == 200
    assert answer.body == b""
    assert not answer.complete


def test_drip_sends_one_byte_each_half_second() -> None:
    """Each byte has its pause, and together they are the announced body."""
    clock = Clock()
    answer = get(create_app(products=PRODUCTS, sleep=clock.sleep), PATH.format(siren=BY_NAME["drip"].siren))
    assert clock.pauses == [0.5] * len(answer.body)
    assert all(len(part) <= 1 for part in answer.parts)
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert answer.json()["data"]["siren"] == BY_NAME["drip"].siren


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("error-500", 500),
        ("unavailable-503", 503),
        ("refused-401", 401),
        ("busy-429", 429),
        ("forbidden-403", 403),
        ("redirect", 302),
    ],
)
def test_errors_have_a_body_of_the_provider(fault: str, status: int) -> None:
    """An error is a JSON text that is not in the gateway's form."""
    answer = met(fault)
    assert answer.status == status
    assert answer.json().keys() == {"message"}


def test_redirect_leads_elsewhere() -> None:
    """The new address is on another host."""
    assert met("redirect").headers["location"].startswith("https://ailleurs.exemple.test")


def test_garbage_is_a_page() -> None:
    """A page for people comes with a good status."""
    answer = met("garbage")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.body.startswith(b"<!doctype html>")


def test_truncated_json_has_a_true_length() -> None:
    """The body is as long as announced and yet is no JSON."""
    answer = met("truncated-json")
    assert answer.status == 200
    assert int(answer.headers["content-length"]) == len(answer.body)
    with pytest.raises(orjson.JSONDecodeError):
        answer.json()


def test_empty_has_no_body() -> None:
    """A good status comes with nothing."""
    answer = met("empty")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "0")


def test_reset_sends_nothing() -> None:
    """The connection is closed before a byte."""
    answer = met("reset")
    assert answer.dropped
    assert answer.status is None


def test_cut_sends_half_of_what_it_announced() -> None:
    """The connection is closed in the middle of the body."""
    answer = met("cut")
    assert answer.dropped
    assert not answer.complete
    assert len(answer.body) == int(answer.headers["content-length"]) // 2


@pytest.mark.parametrize("fault", ["reset", "cut"])
def test_a_server_that_cannot_drop_says_so(fault: str) -> None:
    """Another server than the gateway's own gets a plain failure, not a wrong answer."""
    with pytest.raises(RuntimeError, match=r"gateway\.connection"):
        met(fault, droppable=False)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.operation)
def test_maintenance_speaks_the_form_of_the_gateway(endpoint: Endpoint) -> None:
    """Maintenance is already coded, with the prefix and the name of the endpoint's provider, in v2 too."""
    provider = next(provider for provider in PROVIDERS if endpoint in provider.endpoints)
    special = BY_NAME["maintenance"]
    answer = ask(path_of(endpoint, siren=special.siren, siret=special.siret, rna=special.rna))
    assert answer.status == 503
    (error,) = answer.json()["errors"]
    assert error["code"] == f"{provider.prefix}020"
    assert error["title"]
    assert error["detail"]
    assert error["meta"] == {"provider": provider.name, "retry_in": 600}


def test_the_page_of_the_sandbox_lists_every_identifier() -> None:
    """Who reads the documentation finds each entity and each fault."""
    page = (Path(__file__).parents[3] / "docs" / "bac-a-sable.md").read_text()
    for special in SPECIALS:
        assert f"| `{special.fault}` | `{special.siren}` | `{special.siret}` | `{special.rna}` |" in page
    for entity in ENTITIES:
        sirets = [establishment.siret for establishment in entity.establishments]
        assert all(f"`{identifier}`" in page for identifier in (entity.siren, *sirets))
        assert entity.rna is None or f"`{entity.rna}`" in page
