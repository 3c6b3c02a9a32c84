"""Answers of the fictive Agefiph."""

from collections.abc import Mapping
from typing import Final

from apientreprise_gateway.sandbox.entreprise.answers.shape import Answer, Body, timestamp
from apientreprise_gateway.sandbox.entreprise.entities import Entity

_LAST_YEAR_KNOWN: Final = "2024"
_DUMPED: Final = "2025-07-01"


def _attestation(_entity: Entity, _values: Mapping[str, str], _query: Mapping[str, str]) -> Body:
    return {"derniere_annee_de_conformite_connue": _LAST_YEAR_KNOWN, "dump_date": timestamp(_DUMPED)}


ANSWERS: Final[Mapping[str, Answer]] = {"api_entreprise_v2_attestations_agefiph": _attestation}
