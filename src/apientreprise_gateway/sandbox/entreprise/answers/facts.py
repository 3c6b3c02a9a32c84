"""What the sandbox knows about an entity, by the names of fields in providers' answers.

A key is the name of a field, its name with that of its parent (`forme_juridique/code`), or its whole path
(`/data/nom`) where the name means something else elsewhere. The most precise key is used.
"""

from collections.abc import Mapping
from typing import Any, Final

from apientreprise_gateway.sandbox.entreprise.answers.shape import address_lines, vat_number
from apientreprise_gateway.sandbox.entreprise.entities import COMPLETE, Entity, Establishment, eori

Facts = Mapping[str, Any]
Path = tuple[str, ...]
"""The names on the way to a value; `ITEM` stands for an entry of an array."""

ITEM: Final = "[]"

_CLOSING_DAY: Final = "31-12"


def find(facts: Facts, path: Path) -> tuple[bool, Any]:
    """Whether the value of a field is known, and the value."""
    names = [name for name in path if name != ITEM]
    for key in ("/" + "/".join(names), "/".join(names[-2:]), *names[-1:]):
        if key in facts:
            return True, facts[key]
    return False, None


def facts_of(entity: Entity, establishment: Establishment, values: Mapping[str, str]) -> Facts:
    """All facts about an entity and one of its establishments.

    Args:
        entity: the entity that the call is about.
        establishment: the establishment that the call is about.
        values: path parameters of the call; the answer has the same year and month.
    """
    return {
        **_identifiers(entity, establishment),
        **_names(entity, establishment),
        **_address(entity, establishment),
        **_life(entity, establishment),
        **_activity(entity),
        **_status(entity),
        **_period(values),
    }


def _identifiers(entity: Entity, establishment: Establishment) -> Facts:
    return {
        "siren": entity.siren,
        "siret": establishment.siret,
        "siret_siege": entity.head_office.siret,
        "siret_siege_social": entity.head_office.siret,
        "siege": establishment is entity.head_office,
        "siege_social": establishment is entity.head_office,
        "rna": entity.rna,
        "association/id": entity.rna,
        "/data/id": eori(establishment.siret),
        "numero_eori": eori(establishment.siret),
        "tva_number": vat_number(entity.siren),
        "numero_tva": vat_number(entity.siren),
        "meta/date_derniere_mise_a_jour": entity.updated,
    }


def _names(entity: Entity, establishment: Establishment) -> Facts:
    association = entity.association
    person = entity.person
    name = entity.display_name
    return {
        "raison_sociale": name,
        "depositaire": name,
        "denomination": name,
        "denomination_sociale": name,
        "identite_entreprise/denomination": entity.name,
        "identite_entreprise/nom": person.name if person else None,
        "identite_entreprise/prenoms": list(person.first_names) if person else None,
        "/data/nom": association.title if association else name,
        "/data/libelle": name,
        "association/titre": association.title if association else name,
        "association/objet": association.purpose if association else name,
        "activites/objet": association.purpose if association else name,
        "/data/sigle": entity.acronym,
        "entreprise/sigle": entity.acronym,
        "enseigne": establishment.brand,
        "etablissements/nom": establishment.brand,
        **({} if person is None else _person(entity)),
    }


def _person(entity: Entity) -> Facts:
    person = entity.person
    if person is None:
        return {}
    return {
        "dirigeant_nom_de_naissance": person.name,
        "dirigeant_nom_usage": person.name,
        "dirigeant_prenom1": person.first_names[0],
        "dirigeant_date_de_naissance": person.born,
        "dirigeant_lieu_de_naissance": person.birthplace,
    }


def _address(entity: Entity, establishment: Establishment) -> Facts:
    address = establishment.address
    street = f"{address.street_type} {address.street}"
    return {
        **address_lines(entity, establishment),
        "adresse/numero": address.number,
        "numero_voie": address.number,
        "adresse_numero_voie": address.number,
        "type_voie": address.street_type,
        "adresse_type_voie": address.street_type,
        "libelle_voie": address.street,
        "adresse_libelle_voie": address.street,
        "nom_voie": address.street,
        "voie": f"{address.number} {street}",
        "rue": f"{address.number} {street}",
        "complement": address.extra,
        "complement_adresse": address.extra,
        "adresse_complement": address.extra,
        "distribution": address.distribution,
        "adresse_indice_repetition_voie": address.repetition,
        "code_postal": address.postcode,
        "adresse_code_postal": address.postcode,
        "code_insee": address.city_code,
        "code_insee_localite": address.city_code,
        "adresse_commune_cog": address.city_code,
        "commune": address.city,
        "adresse_commune": address.city,
        "ville": address.city,
        "localite": address.city,
        "adresse_region": address.region.label,
        "adresse_departement": address.postcode[:2],
    }


def _life(entity: Entity, establishment: Establishment) -> Facts:
    closed = entity.closed
    return {
        "date_creation": entity.created,
        "date_immatriculation": entity.created,
        "date_immatriculation_rne": entity.created,
        "date_immatriculation_timestamp": entity.created,
        "date_debut_activite": establishment.created,
        "date_mise_a_jour": entity.updated,
        "mise_a_jour": entity.updated,
        "association/date_declaration": entity.updated,
        "association/date_publication": entity.created,
        "date_cloture_exercice": _CLOSING_DAY,
        "date_dissolution": closed,
        "dissolution/date": closed,
        "date_radiation": closed,
        "date_cessation_activite": closed,
        "date_fin_personne": closed,
    }


def _activity(entity: Entity) -> Facts:
    naf = entity.activity.code.replace(".", "")
    return {
        "forme_juridique": entity.legal_form.label,
        "forme_juridique_id": entity.legal_form.code,
        "forme_juridique_label": entity.legal_form.label,
        "forme_juridique/code": entity.legal_form.code,
        "forme_juridique/libelle": entity.legal_form.label,
        "activite_principale": entity.activity.label,
        "activite_principale/code": entity.activity.code,
        "activite_principale/libelle": entity.activity.label,
        "activite_principales_objet_social": entity.activity.label,
        "code_norme_activite_entreprises": naf,
        "code_APE/code": naf,
        "code_APE/libelle": entity.activity.label,
        "tranche_effectif/code": entity.band.code,
        "tranche_effectif/libelle": entity.band.label,
        "tranche_effectif/annee": entity.band.year,
        "economie_sociale_et_solidaire": entity.social_economy,
        "capital_social/montant": entity.capital,
        "code_greffe": entity.registry.code,
    }


def _status(entity: Entity) -> Facts:
    active, paid = entity.closed is None, entity.contributions_paid
    return {
        "actif": active,
        "active": active,
        "statut": "actif" if active else "fermé",
        "association/etat": "Active" if active else "Dissoute",
        "association/code_etat": "A" if active else "D",
        "categorie_personne": "PM" if entity.person is None else "PP",
        "status": "under_investigation" if entity is COMPLETE else "up_to_date" if paid else "outdated",
        "a_jour": paid,
        "eligible": paid,
        "message": "Attestation disponible" if paid else "Attestation indisponible : compte non à jour",
    }


def _period(values: Mapping[str, str]) -> Facts:
    year, month = values.get("year") or values.get("annee"), values.get("month") or values.get("mois")
    facts: dict[str, Any] = {}
    if year is not None:
        ended = f"{year}-12-31"
        facts |= {"annee": year, "millesime": year, "fin_exercice": ended, "date_fin_exercice": ended}
    return facts if month is None else {**facts, "mois": month}
