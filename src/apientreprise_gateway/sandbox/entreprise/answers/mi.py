"""Answers of the fictive ministry of the interior."""

from collections.abc import Mapping
from typing import Final

from apientreprise_gateway.sandbox.entreprise.answers.shape import Answer, Body, Declined, envelope
from apientreprise_gateway.sandbox.entreprise.entities import Address, Entity


def _seat(address: Address) -> Body:
    return {
        "complement": address.extra,
        "numero_voie": address.number,
        "type_voie": address.street_type.capitalize(),
        "libelle_voie": address.street,
        "distribution": address.distribution,
        "code_insee": address.city_code,
        "code_postal": address.postcode,
        "commune": address.city.title(),
    }


def _association(entity: Entity, values: Mapping[str, str], _query: Mapping[str, str]) -> Body:
    asked = values["siret_or_rna"]
    association = entity.association
    if association is None:
        raise Declined(404, f"Aucune association ne porte l'identifiant {asked}")
    head_office = entity.head_office
    return envelope(
        {
            "rna_id": association.rna,
            "titre": association.title,
            "objet": association.purpose,
            "siret": head_office.siret if asked == association.rna else asked,
            "siret_siege_social": head_office.siret,
            "date_creation": entity.created,
            "date_declaration": entity.updated,
            "date_publication": entity.created,
            "date_dissolution": entity.closed,
            "adresse_siege": _seat(head_office.address),
            "etat": entity.closed is None,
            "groupement": "simple",
            "mise_a_jour": entity.updated,
        }
    )


ANSWERS: Final[Mapping[str, Answer]] = {"api_entreprise_v3_mi_associations": _association}
