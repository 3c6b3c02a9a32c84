"""Tests of the comparison of answers with their schemas."""

import json
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from apientreprise_gateway.dataplane.validation import LOG_SECONDS, SAMPLE_SECONDS, AnswerValidator
from apientreprise_gateway.providers.entreprise.schemas import SCHEMAS

OPERATION = "api_entreprise_v2_attestations_agefiph"
GOOD = orjson.dumps({"derniere_annee_de_conformite_connue": "2023", "dump_date": 1700000000})
BAD = orjson.dumps({"derniere_annee_de_conformite_connue": ["secret"], "dump_date": 1700000000})


class Site:
    """A validator with a clock to turn, and what it told."""

    def __init__(self, *, sample: bool) -> None:
        self.now = 1000.0
        self.told: list[str] = []
        self.validator = AnswerValidator(
            {OPERATION: SCHEMAS}, sample=sample, on_deviation=self.told.append, clock=lambda: self.now
        )

    def compare(self, body: bytes) -> list[Any]:
        """Compare an answer; what was logged."""
        with capture_logs() as logs:
            self.validator.compare(OPERATION, body)
        return list(logs)


def test_what_is_as_it_should_be() -> None:
    """An answer that fits its schema is neither counted nor logged."""
    site = Site(sample=False)
    assert site.compare(GOOD) == []
    assert site.told == []


def test_deviation() -> None:
    """A deviation is counted each time, and logged once an hour, with its place and without the data."""
    site = Site(sample=False)
    (line,) = site.compare(BAD)
    assert (line["event"], line["operation"]) == ("upstream_deviation", OPERATION)
    assert line["at"] == "derniere_annee_de_conformite_connue"
    assert "secret" not in json.dumps(line)
    assert site.compare(BAD) == []
    site.now += LOG_SECONDS
    assert len(site.compare(BAD)) == 1
    assert site.told == [OPERATION] * 3


def test_sample() -> None:
    """While sampling, one answer a second of each operation is compared."""
    site = Site(sample=True)
    for _ in range(5):
        site.compare(BAD)
    assert len(site.told) == 1
    site.now += SAMPLE_SECONDS
    site.compare(BAD)
    assert len(site.told) == 2


@pytest.mark.parametrize("body", [b"[]", b"{}", b'"text"', b"null", b"1"])
def test_any_json(body: bytes) -> None:
    """Whatever JSON comes, the comparison ends."""
    Site(sample=False).compare(body)


def test_every_operation_has_a_schema_that_can_be_compared() -> None:
    """The schema of every operation is understood."""
    AnswerValidator(dict.fromkeys(SCHEMAS.operations, SCHEMAS), sample=True, on_deviation=lambda _operation: None)


def test_every_schema_is_understood() -> None:
    """An answer of each operation can be compared with its schema."""
    told: list[str] = []
    validator = AnswerValidator(dict.fromkeys(SCHEMAS.operations, SCHEMAS), sample=False, on_deviation=told.append)
    for operation in SCHEMAS.operations:
        validator.compare(operation, b"0")
    assert told == list(SCHEMAS.operations)


def test_an_operation_without_a_schema() -> None:
    """An operation whose answers cannot be compared is found at the start."""
    with pytest.raises(ValueError, match="api_nothing"):
        AnswerValidator({"api_nothing": SCHEMAS}, sample=False, on_deviation=lambda _operation: None)
