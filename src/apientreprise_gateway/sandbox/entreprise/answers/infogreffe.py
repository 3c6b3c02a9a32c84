"""Answers of the fictive Infogreffe."""

from collections.abc import Mapping
from typing import Final

from apientreprise_gateway.sandbox.entreprise.answers.shape import Answer, Body, envelope, optional_timestamp, timestamp
from apientreprise_gateway.sandbox.entreprise.entities import Entity, Officer

_EXTRACTED: Final = "2025-10-01"
_END_OF_LIFE_YEARS: Final = 99
_NO_ADDRESS: Final = (
    "nom_postal",
    "numero",
    "type",
    "voie",
    "ligne_1",
    "ligne_2",
    "localite",
    "code_postal",
    "bureau_distributeur",
    "pays",
)


def _officer(officer: Officer) -> Body:
    """An officer, natural or legal person, with null in the fields that do not apply."""
    person = officer.person
    return {
        "numero_identification": officer.company_siren,
        "type": "personne_morale" if person is None else "personne_physique",
        "fonction": officer.role,
        "nom": person and person.name,
        "prenom": person and person.first_names[0],
        "date_naissance": person and person.born,
        "raison_sociale": officer.company,
    }


def _address(entity: Entity) -> Body:
    address = entity.head_office.address
    return {
        "nom_postal": f"{address.number} {address.street_type} {address.street}",
        "numero": address.number,
        "type": address.street_type,
        "voie": address.street,
        "ligne_1": address.extra,
        "ligne_2": address.distribution,
        "localite": address.cedex and address.cedex.label,
        "code_postal": address.postcode,
        "bureau_distributeur": address.city,
        "pays": "FRANCE",
    }


def _person(entity: Entity) -> Body:
    person = entity.person
    if person is None:
        nothing = {"valeur": None, "code": None}
        return {
            "adresse": dict.fromkeys(_NO_ADDRESS),
            "nationalite": nothing,
            "nom": None,
            "prenom": None,
            "naissance": {"pays": nothing, "date": None, "lieu": None},
        }
    return {
        "adresse": _address(entity),
        "nationalite": {"valeur": "FRANÇAISE", "code": "FR"},
        "nom": person.name,
        "prenom": person.first_names[0],
        "naissance": {"pays": {"valeur": "FRANCE", "code": "FR"}, "date": person.born, "lieu": person.birthplace},
    }


def _company(entity: Entity) -> Body:
    if entity.person is not None:
        return {
            "forme_juridique": {"valeur": None, "code": None},
            "denomination": None,
            "date_cloture_exercice_comptable": None,
            "date_fin_de_vie": None,
        }
    year, rest = entity.created.split("-", 1)
    return {
        "forme_juridique": {"valeur": entity.legal_form.label, "code": entity.legal_form.code},
        "denomination": entity.name,
        "date_cloture_exercice_comptable": "12-31",
        "date_fin_de_vie": f"{int(year) + _END_OF_LIFE_YEARS}-{rest}",
    }


def _observations(entity: Entity) -> list[Body]:
    if entity.closed is None:
        return []
    return [{"numero": "1", "libelle": "Radiation à la suite de la cessation de l'activité", "date": entity.closed}]


def _capital(entity: Entity) -> Body:
    if entity.capital is None:
        return {"montant": None, "devise": None, "code_devise": None}
    return {"montant": float(entity.capital), "devise": "Euros", "code_devise": "EUR"}


def _extrait_rcs(entity: Entity, _values: Mapping[str, str], _query: Mapping[str, str]) -> Body:
    return envelope(
        {
            "siren": entity.siren,
            "date_radiation": entity.closed,
            "date_extrait": _EXTRACTED,
            "date_immatriculation": entity.created,
            "mandataires_sociaux": [_officer(officer) for officer in entity.officers],
            "observations": _observations(entity),
            "nom_commercial": entity.trade_name,
            "etablissement_principal": {
                "activite": entity.activity.label,
                "origine_fonds": "Création",
                "mode_exploitation": "Exploitation directe",
                "code_ape": entity.activity.code.replace(".", ""),
            },
            "capital": _capital(entity),
            "greffe": {"valeur": entity.registry.label, "code": entity.registry.code},
            "personne_physique": _person(entity),
            "personne_morale": _company(entity),
        }
    )


def _extrait_rcs_v2(entity: Entity, _values: Mapping[str, str], _query: Mapping[str, str]) -> Body:
    return {
        "siren": entity.siren,
        "date_immatriculation": entity.created,
        "date_immatriculation_timestamp": timestamp(entity.created),
        "date_extrait": _EXTRACTED,
        "observations": [
            {**observation, "date_timestamp": timestamp(observation["date"])} for observation in _observations(entity)
        ],
    }


def _mandataire(entity: Entity, officer: Officer) -> Body:
    person = officer.person
    born = None if person is None else person.born
    return {
        **_officer(officer),
        "numero_identification": officer.company_siren or "",
        "date_naissance_timestamp": optional_timestamp(born),
        "lieu_naissance": None if person is None else person.birthplace,
        "pays_naissance": None if person is None else "FRANCE",
        "code_pays_naissance": None if person is None else "FR",
        "nationalite": None if person is None else "FRANÇAISE",
        "code_nationalite": None if person is None else "FR",
        "code_greffe": entity.registry.code,
        "libelle_greffe": entity.registry.label,
    }


def _mandataires(entity: Entity, _values: Mapping[str, str], _query: Mapping[str, str]) -> Body:
    entries = [envelope(_mandataire(entity, officer)) for officer in entity.officers]
    people = sum(officer.person is not None for officer in entity.officers)
    meta = {
        "personnes_physiques_count": people,
        "personnes_morales_count": len(entries) - people,
        "count": len(entries),
    }
    return {"data": entries, "links": {}, "meta": meta}


ANSWERS: Final[Mapping[str, Answer]] = {
    "api_entreprise_v3_infogreffe_extraits_rcs": _extrait_rcs,
    "api_entreprise_v2_extraits_rcs_infogreffe": _extrait_rcs_v2,
    "api_entreprise_v3_infogreffe_mandataires_sociaux": _mandataires,
}
