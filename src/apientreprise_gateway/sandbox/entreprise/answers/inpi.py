"""Answers of the fictive INPI."""

from collections.abc import Mapping
from typing import Final

from apientreprise_gateway.sandbox.entreprise.answers.shape import Answer, Body, document_url, envelope
from apientreprise_gateway.sandbox.entreprise.entities import Entity

_YEARS: Final = (2024, 2023, 2022)


def _deed(entity: Entity) -> Body:
    decision = "Dissolution" if entity.complete else None
    return {
        "id": f"acte-{entity.siren}-1",
        "nom_document": f"Statuts_{entity.siren}",
        "date_depot": entity.created,
        "date_mise_a_jour": entity.updated,
        "types_actes": [{"type_acte": "Statuts constitutifs", "type_decision": decision}],
        "url": document_url("actes/1", entity),
    }


def _accounts(entity: Entity, year: int) -> Body:
    return {
        "id": f"bilan-{entity.siren}-{year}",
        "nom_document": f"Comptes_{entity.siren}_{year}",
        "date_depot": f"{year + 1}-06-23",
        "date_cloture": f"{year}-12-31",
        "date_mise_a_jour": f"{year + 1}-07-02",
        "type": "bilan complet" if year == _YEARS[0] else "bilan simplifié",
        "url": document_url(f"bilans/{year}", entity),
    }


def _filed_years(entity: Entity) -> tuple[int, ...]:
    return tuple(year for year in _YEARS if entity.closed is None or f"{year}-12-31" < entity.closed)


def _actes_bilans(entity: Entity, _values: Mapping[str, str], _query: Mapping[str, str]) -> Body:
    return envelope(
        {
            "actes": [_deed(entity)],
            "bilans": [_accounts(entity, year) for year in _filed_years(entity)],
        }
    )


ANSWERS: Final[Mapping[str, Answer]] = {"api_entreprise_v3_inpi_rne_actes_bilans": _actes_bilans}
