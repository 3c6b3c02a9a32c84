"""Tests of the check of the traceability parameters."""

import pytest

from apientreprise_gateway.contract.errors import Refusal
from apientreprise_gateway.contract.query import UNDECODABLE
from apientreprise_gateway.dataplane.checks import require_traceability

GIVEN = {"context": "c", "object": "o", "recipient": "13002526500013", "user_id": "u"}
THREE = ("context", "object", "recipient")
FOUR = (*THREE, "user_id")


def codes(parameters: dict[str, str], *, required: tuple[str, ...] = THREE, siret: bool = True) -> list[str]:
    """The codes of the refusal; none if there is none."""
    try:
        require_traceability(parameters, required=required, siret_recipient=siret)
    except Refusal as refusal:
        return [error.code if refusal.status == 422 else f"with {refusal.status}" for error in refusal.errors]
    return []


@pytest.mark.parametrize("siret", [True, False])
@pytest.mark.parametrize("required", [THREE, FOUR])
def test_all_given(required: tuple[str, ...], siret: bool) -> None:
    """A call that says everything passes."""
    assert codes(GIVEN, required=required, siret=siret) == []


@pytest.mark.parametrize(
    ("name", "code"), [("context", "00201"), ("object", "00202"), ("recipient", "00203"), ("user_id", "00204")]
)
@pytest.mark.parametrize("value", [None, "", " ", "\t\n", "\u00a0", "\u2003", UNDECODABLE, f"a{UNDECODABLE}"])
def test_each_has_its_code(name: str, code: str, value: str | None) -> None:
    """A parameter that is missing, blank or unreadable is reported with its code."""
    parameters = GIVEN | {name: value or ""}
    if value is None:
        del parameters[name]
    assert codes(parameters, required=FOUR) == [code]
    assert codes(parameters, required=FOUR, siret=False) == [code]


def test_all_missing_are_reported_together() -> None:
    """The missing ones are reported together, in the order of their codes."""
    assert codes({}, required=FOUR) == ["00201", "00202", "00203", "00204"]
    assert codes({"object": "o"}, required=THREE) == ["00201", "00203"]


def test_missing_goes_before_wrong() -> None:
    """While something is missing, the recipient's number is not judged yet."""
    assert codes({"object": "o", "recipient": "not a siret"}) == ["00201"]


@pytest.mark.parametrize("recipient", ["Mairie", "13002526500014", "130025265", " 13002526500013", "13002526500013\n"])
def test_recipient(recipient: str) -> None:
    """From v3 on the recipient is a SIRET; in v2 any text will do."""
    assert codes(GIVEN | {"recipient": recipient}) == ["00210"]
    assert codes(GIVEN | {"recipient": recipient}, siret=False) == []


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, []),
        ({"recipient": ""}, []),
        ({"recipient": "13002526500013"}, []),
        ({"recipient": "Mairie"}, ["00210"]),
        ({"recipient": " "}, ["00210"]),
        ({"recipient": UNDECODABLE}, ["00210"]),
    ],
)
def test_recipient_that_is_not_required(given: dict[str, str], found: list[str]) -> None:
    """Where the recipient is not required it may be absent or empty, but nothing else than a SIRET."""
    assert codes(given, required=()) == found


def test_user_id_is_not_judged_where_it_is_not_required() -> None:
    """A parameter that is not required may be blank."""
    assert codes(GIVEN | {"user_id": " "}) == []


def test_any_text_will_do() -> None:
    """Context and object are free text."""
    assert codes(GIVEN | {"context": "é" * 5000, "object": "<script>\x00"}) == []
