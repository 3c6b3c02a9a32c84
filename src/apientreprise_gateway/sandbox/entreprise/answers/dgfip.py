"""Answers of the fictive DGFIP."""

from collections.abc import Mapping
from typing import Final

from apientreprise_gateway.sandbox.entreprise.answers.shape import (
    DOCUMENT_SECONDS,
    Answer,
    Body,
    document_url,
    envelope,
)
from apientreprise_gateway.sandbox.entreprise.entities import Entity

_KIND: Final = "attestation-fiscale"


def _attestation_v4(entity: Entity, _values: Mapping[str, str], _query: Mapping[str, str]) -> Body:
    return envelope(
        {
            "document_url": document_url(_KIND, entity),
            "document_url_expires_in": DOCUMENT_SECONDS,
            "date_delivrance_attestation": "2025-09-12",
            "date_periode_analysee": "2025-08-31",
        }
    )


def _attestation_v2(entity: Entity, _values: Mapping[str, str], _query: Mapping[str, str]) -> Body:
    return {"url": document_url(_KIND, entity)}


ANSWERS: Final[Mapping[str, Answer]] = {
    "api_entreprise_v4_dgfip_attestations_fiscales": _attestation_v4,
    "api_entreprise_v2_attestations_fiscales_dgfip": _attestation_v2,
}
