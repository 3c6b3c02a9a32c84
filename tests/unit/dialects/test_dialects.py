"""The languages that providers speak."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apientreprise_gateway.contract.errors import Refusal
from apientreprise_gateway.dialects import DIALECTS
from apientreprise_gateway.providers.entreprise.product import PROVIDERS
from apientreprise_gateway.upstream.response import Response
from unit.dialects.speaking import Provider, ask, said

KEYS = {provider.key: provider for provider in PROVIDERS}
SPOKEN = [
    (operation, dialect)
    for dialects in DIALECTS.values()
    for dialect, translations in dialects.items()
    for operation in translations
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
NUMBERS = {"siren": "130025265", "siret": "13002526500013"}


@pytest.mark.parametrize("key", DIALECTS)
def test_a_dialect_covers_its_provider(key: str) -> None:
    """Every operation of a provider can be asked in each language that it is said to speak, and no other can."""
    for translations in DIALECTS[key].values():
        assert translations.keys() == {endpoint.operation for endpoint in KEYS[key].endpoints}


def number_for(operation: str) -> str:
    """A number that an operation takes."""
    endpoint = next(e for provider in PROVIDERS for e in provider.endpoints if e.operation == operation)
    return NUMBERS[endpoint.parameters[0].name]


@pytest.mark.parametrize(("operation", "dialect"), SPOKEN)
@settings(max_examples=30, deadline=None)
@given(content=JSON, status=st.sampled_from([200, 200, 200, 301, 400, 404, 503]), location=st.text(max_size=40))
def test_whatever_is_answered_is_read(operation: str, dialect: str, content: Any, status: int, location: str) -> None:
    """Any JSON with any status becomes an answer or a coded error, and nothing else."""
    assert dialect
    provider = Provider(otherwise=said(content, status=status, location=location))
    with pytest.raises(Refusal) as refused:
        ask(operation, number_for(operation), provider)
    assert refused.value.errors[0].code[2:] in {"001", "003", "999"}


@pytest.mark.parametrize(("operation", "dialect"), SPOKEN)
@pytest.mark.parametrize(
    "answer",
    [
        Response(200, "text/html", b"<h1>Bienvenue</h1>"),
        Response(200, "application/json", b'{"header": {"statut": 200}, "uniteLeg'),
        Response(200, "application/json", b""),
        Response(200, "application/json", orjson.dumps({"message": "ok"})),
    ],
    ids=["page", "truncated", "empty", "other"],
)
def test_what_cannot_be_read_is_unknown(operation: str, dialect: str, answer: Response) -> None:
    """A success that is not what the language promises is PP999."""
    assert dialect
    with pytest.raises(Refusal) as refused:
        ask(operation, number_for(operation), Provider(otherwise=answer))
    assert (refused.value.status, refused.value.errors[0].code[2:]) == (502, "999")


@pytest.mark.parametrize(("operation", "dialect"), SPOKEN)
@pytest.mark.parametrize(
    ("status", "expected", "subcode"),
    [
        (401, 502, "006"),
        (404, 404, "003"),
        (429, 502, "008"),
        (500, 502, "000"),
        (502, 502, "000"),
        (503, 502, "001"),
        (504, 502, "001"),
        (302, 502, "999"),
        (400, 502, "999"),
    ],
)
def test_statuses(operation: str, dialect: str, status: int, expected: int, subcode: str) -> None:
    """A status that is no success means the same as with any provider."""
    assert dialect
    with pytest.raises(Refusal) as refused:
        ask(operation, number_for(operation), Provider(otherwise=said({}, status=status)))
    assert (refused.value.status, refused.value.errors[0].code[2:]) == (expected, subcode)
