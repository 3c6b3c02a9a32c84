"""Answers of the fictive Urssaf network."""

from collections.abc import Mapping
from typing import Final

from apientreprise_gateway.sandbox.entreprise.answers import headcount
from apientreprise_gateway.sandbox.entreprise.answers.shape import (
    DOCUMENT_SECONDS,
    Answer,
    Body,
    Declined,
    document_url,
    envelope,
)
from apientreprise_gateway.sandbox.entreprise.entities import Entity

_KIND: Final = "attestation-vigilance"


def _issued(entity: Entity) -> Body:
    return {
        "entity_status": {
            "code": "ok",
            "libelle": "Attestation de vigilance délivrée",
            "description": "Les déclarations et les paiements de cette unité légale sont à jour.",
        },
        "date_debut_validite": "2025-09-30",
        "date_fin_validite": "2026-03-31",
        "code_securite": f"BAS{entity.siren}SABLE"[:15],
        "document_url": document_url(_KIND, entity),
        "document_url_expires_in": DOCUMENT_SECONDS,
    }


def _declined() -> Body:
    return {
        "entity_status": {
            "code": "refus_de_delivrance",
            "libelle": "Attestation de vigilance non délivrée",
            "description": "Des cotisations de cette unité légale restent à payer.",
        },
        "date_debut_validite": None,
        "date_fin_validite": None,
        "code_securite": None,
        "document_url": None,
        "document_url_expires_in": None,
    }


def _attestation_vigilance(entity: Entity, _values: Mapping[str, str], _query: Mapping[str, str]) -> Body:
    return envelope(_issued(entity) if entity.contributions_paid else _declined())


def _attestation_v3(entity: Entity, _values: Mapping[str, str], _query: Mapping[str, str]) -> Body:
    return envelope({"document_url": _document(entity), "expires_in": DOCUMENT_SECONDS})


def _attestation_v2(entity: Entity, _values: Mapping[str, str], _query: Mapping[str, str]) -> Body:
    return {"url": _document(entity)}


def _document(entity: Entity) -> str:
    """The URL of the certificate; before v4 no answer can say that none was issued."""
    if not entity.contributions_paid:
        raise Declined(404, f"Aucune attestation n'est délivrée à l'unité légale {entity.siren}")
    return document_url(_KIND, entity)


def _effectifs(entity: Entity, values: Mapping[str, str], _query: Mapping[str, str]) -> Body:
    year, month = int(values["annee"]), int(values["mois"])
    staff = sum(headcount.of_month(place, year=year, month=month) for place in entity.establishments)
    return {
        "siren": entity.siren,
        "annee": values["annee"],
        "mois": values["mois"],
        "effectifs_mensuels": headcount.as_text(staff),
    }


ANSWERS: Final[Mapping[str, Answer]] = {
    "api_entreprise_v4_acoss_attestations_sociales": _attestation_vigilance,
    "api_entreprise_v3_acoss_attestations_sociales": _attestation_v3,
    "api_entreprise_v2_attestations_sociales_acoss": _attestation_v2,
    "api_entreprise_v2_effectifs_mensuels_entreprise_acoss_covid": _effectifs,
}
