"""Answers of the fictive INSEE, from v3 on."""

from collections.abc import Mapping
from typing import Final

from apientreprise_gateway.sandbox.answers.insee_v2 import entreprise, etablissement
from apientreprise_gateway.sandbox.answers.shape import (
    Answer,
    Body,
    Declined,
    address_lines,
    envelope,
    optional_timestamp,
    timestamp,
)
from apientreprise_gateway.sandbox.entities import Band, Coded, Diffusion, Entity, Establishment

_BASE: Final = "https://entreprise.exemple.test"
_NO_PERSON: Final = (
    "pseudonyme",
    "prenom_usuel",
    "prenom_1",
    "prenom_2",
    "prenom_3",
    "prenom_4",
    "nom_usage",
    "nom_naissance",
    "sexe",
)
_FIRST_NAMES: Final = 4
_FIRST_VERSION: Final = 3


def _check_diffusible(entity: Entity) -> None:
    if entity.diffusion is Diffusion.NONE:
        raise Declined(403, f"L'unité légale {entity.siren} s'oppose à la diffusion de ses données")


def _activity(activity: Coded) -> Body:
    return {"code": activity.code, "libelle": activity.label, "nomenclature": "NAFRev2"}


def _band(band: Band) -> Body:
    return {
        "code": band.code,
        "intitule": band.label,
        "date_reference": band.year,
        "de": band.low,
        "a": band.high,
    }


def _person(entity: Entity) -> Body:
    person = entity.person
    if person is None:
        return dict.fromkeys(_NO_PERSON)
    names = {
        f"prenom_{rank}": person.first_names[rank - 1] if rank <= len(person.first_names) else None
        for rank in range(1, _FIRST_NAMES + 1)
    }
    return {
        "pseudonyme": None,
        "prenom_usuel": person.first_names[0],
        **names,
        "nom_usage": None,
        "nom_naissance": person.name,
        "sexe": person.sex,
    }


def _unite_legale(entity: Entity) -> Body:
    """What v3 says of a legal unit, without its end."""
    return {
        "siren": entity.siren,
        "rna": entity.rna,
        "siret_siege_social": entity.head_office.siret,
        "type": "personne_morale" if entity.person is None else "personne_physique",
        "personne_morale_attributs": {"raison_sociale": entity.name, "sigle": entity.acronym},
        "personne_physique_attributs": _person(entity),
        "categorie_entreprise": entity.category,
        "status_diffusion": entity.diffusion,
        "diffusable_commercialement": entity.diffusion is Diffusion.FULL,
        "forme_juridique": {"code": entity.legal_form.code, "libelle": entity.legal_form.label},
        "activite_principale": _activity(entity.activity),
        "tranche_effectif_salarie": _band(entity.band),
        "etat_administratif": "A" if entity.closed is None else "C",
        "economie_sociale_et_solidaire": entity.social_economy,
        "date_creation": timestamp(entity.created),
    }


def _unite_legale_v4(entity: Entity) -> Body:
    return {**_unite_legale(entity), "activite_principale_naf_rev2": _activity(entity.activity)}


def _answer_unite_legale(entity: Entity, body: Body, *, version: int) -> Body:
    _check_diffusible(entity)
    siege = f"{_BASE}/v{version}/insee/sirene/etablissements/{entity.head_office.siret}"
    return envelope(
        {**body, "date_cessation": optional_timestamp(entity.closed)},
        links={"siege_social": siege, "siege_social_adresse": f"{siege}/adresse"},
        meta={"date_derniere_mise_a_jour": timestamp(entity.updated), "redirect_from_siren": None},
    )


def _unites_legales_v3(entity: Entity, _values: Mapping[str, str], _query: Mapping[str, str]) -> Body:
    return _answer_unite_legale(entity, _unite_legale(entity), version=3)


def _unites_legales_v4(entity: Entity, _values: Mapping[str, str], _query: Mapping[str, str]) -> Body:
    return _answer_unite_legale(entity, _unite_legale_v4(entity), version=4)


def _address(entity: Entity, establishment: Establishment) -> Body:
    address = establishment.address
    return {
        "numero_voie": address.number,
        "indice_repetition_voie": None,
        "type_voie": address.street_type,
        "libelle_voie": address.street,
        "complement_adresse": address.extra,
        "code_commune": address.city_code,
        "code_postal": address.postcode,
        "distribution_speciale": None,
        "code_cedex": None,
        "libelle_cedex": None,
        "libelle_commune": address.city,
        "libelle_commune_etranger": None,
        "code_pays_etranger": None,
        "libelle_pays_etranger": None,
        "status_diffusion": entity.diffusion,
        "acheminement_postal": address_lines(entity, establishment),
    }


def _etablissement(entity: Entity, establishment: Establishment) -> Body:
    """What v3 says of an establishment, without its legal unit."""
    return {
        "siret": establishment.siret,
        "siege_social": establishment is entity.head_office,
        "etat_administratif": "A" if entity.closed is None else "F",
        "date_fermeture": optional_timestamp(entity.closed),
        "activite_principale": _activity(entity.activity),
        "tranche_effectif_salarie": _band(entity.band),
        "status_diffusion": entity.diffusion,
        "diffusable_commercialement": entity.diffusion is Diffusion.FULL,
        "enseigne": establishment.brand,
        "adresse": _address(entity, establishment),
        "date_creation": timestamp(establishment.created),
    }


def _answer_etablissement(entity: Entity, establishment: Establishment, *, version: int) -> Body:
    _check_diffusible(entity)
    body = {**_etablissement(entity, establishment), "unite_legale": _unite_legale(entity)}
    if version > _FIRST_VERSION:
        activity = {"activite_principale_naf_rev2": _activity(entity.activity)}
        body |= {**activity, "unite_legale": _unite_legale_v4(entity)}
    return envelope(
        body,
        links={"unite_legale": f"{_BASE}/v{version}/insee/sirene/unites_legales/{entity.siren}"},
        meta={"date_derniere_mise_a_jour": timestamp(entity.updated), "redirect_from_siret": None},
    )


def _etablissements_v3(entity: Entity, values: Mapping[str, str], _query: Mapping[str, str]) -> Body:
    return _answer_etablissement(entity, entity.establishment(values["siret"]), version=3)


def _etablissements_v4(entity: Entity, values: Mapping[str, str], _query: Mapping[str, str]) -> Body:
    return _answer_etablissement(entity, entity.establishment(values["siret"]), version=4)


def _sieges_v3(entity: Entity, _values: Mapping[str, str], _query: Mapping[str, str]) -> Body:
    return _answer_etablissement(entity, entity.head_office, version=3)


def _sieges_v4(entity: Entity, _values: Mapping[str, str], _query: Mapping[str, str]) -> Body:
    return _answer_etablissement(entity, entity.head_office, version=4)


def _adresses(entity: Entity, values: Mapping[str, str], _query: Mapping[str, str]) -> Body:
    _check_diffusible(entity)
    establishment = entity.establishment(values["siret"])
    sirene = f"{_BASE}/v3/insee/sirene"
    return envelope(
        _address(entity, establishment),
        links={
            "unite_legale": f"{sirene}/unites_legales/{entity.siren}",
            "etablissement": f"{sirene}/etablissements/{establishment.siret}",
        },
        meta={"date_derniere_mise_a_jour": timestamp(entity.updated)},
    )


def _successions(entity: Entity, _values: Mapping[str, str], _query: Mapping[str, str]) -> Body:
    """Nobody of the sandbox took over from anybody."""
    _check_diffusible(entity)
    return envelope({"predecesseurs": [], "successeurs": []})


ANSWERS: Final[Mapping[str, Answer]] = {
    "api_entreprise_v4_insee_unites_legales": _unites_legales_v4,
    "api_entreprise_v3_insee_unites_legales": _unites_legales_v3,
    "api_entreprise_v4_insee_unites_legales_diffusables": _unites_legales_v4,
    "api_entreprise_v3_insee_unites_legales_diffusables": _unites_legales_v3,
    "api_entreprise_v4_insee_etablissements": _etablissements_v4,
    "api_entreprise_v3_insee_etablissements": _etablissements_v3,
    "api_entreprise_v4_insee_etablissements_diffusables": _etablissements_v4,
    "api_entreprise_v3_insee_etablissements_diffusables": _etablissements_v3,
    "api_entreprise_v4_insee_sieges_unites_legales": _sieges_v4,
    "api_entreprise_v3_insee_sieges_unites_legales": _sieges_v3,
    "api_entreprise_v4_insee_sieges_diffusables_unites_legales": _sieges_v4,
    "api_entreprise_v3_insee_sieges_diffusables_unites_legales": _sieges_v3,
    "api_entreprise_v3_insee_adresses_etablissements": _adresses,
    "api_entreprise_v3_insee_adresses_etablissements_diffusables": _adresses,
    "api_entreprise_v3_insee_successions": _successions,
    "api_entreprise_v2_entreprises_restored": entreprise,
    "api_entreprise_v2_etablissements_restored": etablissement,
}
