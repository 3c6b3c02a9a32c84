"""VIES: what is asked of it, and what its answers become."""

from typing import Any

import orjson
import pytest
from jsonschema_rs import validator_for

from apientreprise_gateway.contract.errors import Refusal
from apientreprise_gateway.providers.entreprise.schemas import SCHEMAS
from unit.dialects.speaking import Provider, ask, said

OPERATION = "api_entreprise_v3_european_commission_vies"
TARGET = "/ms/FR/vat/07130025265"


def checked(**changes: Any) -> dict[str, Any]:
    """An answer of VIES."""
    return {
        "isValid": True,
        "requestDate": "2026-03-02T10:00:00.000Z",
        "userError": "VALID",
        "name": "---",
        "address": "---",
        "requestIdentifier": "",
        "vatNumber": "07130025265",
    } | changes


def code(provider: Provider) -> tuple[int, str]:
    """Status and code of the error that becomes of an answer."""
    with pytest.raises(Refusal) as refused:
        ask(OPERATION, "130025265", provider)
    return refused.value.status, refused.value.errors[0].code


def test_a_number_in_use() -> None:
    """The number is made of the SIREN, asked for without its country, and given with it."""
    provider = Provider({TARGET: said(checked())})
    reading = ask(OPERATION, "130025265", provider)
    body = orjson.loads(reading.body)
    assert (reading.status, provider.asked) == (200, [TARGET])
    assert body == {"data": {"tva_number": "FR07130025265"}, "links": {}, "meta": {}}
    assert validator_for(SCHEMAS.of(OPERATION)).is_valid(body)


@pytest.mark.parametrize(
    ("siren", "number"), [("404833048", "83404833048"), ("732829320", "44732829320"), ("000000000", "12000000000")]
)
def test_check_digits(siren: str, number: str) -> None:
    """The check digits are those of real numbers."""
    provider = Provider()
    with pytest.raises(Refusal):
        ask(OPERATION, siren, provider)
    assert provider.asked == [f"/ms/FR/vat/{number}"]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("INVALID", (404, "28003")),
        ("MS_UNAVAILABLE", (502, "28001")),
        ("SERVICE_UNAVAILABLE", (502, "28001")),
        ("TIMEOUT", (502, "28001")),
        ("MS_MAX_CONCURRENT_REQ", (502, "28008")),
        ("GLOBAL_MAX_CONCURRENT_REQ", (502, "28008")),
        ("IP_BLOCKED", (502, "28008")),
        ("VAT_BLOCKED", (502, "28008")),
        ("INVALID_INPUT", (502, "28999")),
        ("INVALID_REQUESTER_INFO", (502, "28999")),
    ],
)
def test_errors(error: str, expected: tuple[int, str]) -> None:
    """What VIES says of a failure has a code, whether it comes with a success or in the form of its errors."""
    said_so = said(checked(isValid=False, userError=error))
    assert code(Provider(otherwise=said_so)) == expected
    wrapped = {"actionSucceed": False, "errorWrappers": [{"error": error}]}
    assert code(Provider(otherwise=said(wrapped))) == expected


def test_an_error_counts_more_than_the_status() -> None:
    """A failure that VIES explains is not judged by its status."""
    wrapped = {"actionSucceed": False, "errorWrappers": [{"error": "MS_UNAVAILABLE"}]}
    assert code(Provider(otherwise=said(wrapped, status=500))) == (502, "28001")


@pytest.mark.parametrize(
    "changes",
    [
        {"isValid": False},
        {"isValid": "true"},
        {"vatNumber": "82552049447"},
        {"vatNumber": ["07130025265"]},
        {"userError": None},
        {"userError": ["VALID"]},
    ],
)
def test_contradictions(changes: dict[str, Any]) -> None:
    """An answer that contradicts itself, or is about another number, confirms nothing."""
    assert code(Provider(otherwise=said(checked(**changes)))) == (502, "28999")
