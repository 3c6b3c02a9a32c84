"""Answers of the fictive INSEE, from v3 on."""

from collections.abc import Mapping
from typing import Final

from apientreprise_gateway.sandbox.entreprise.answers.insee_shape import (
    INDICES,
    midnight,
    optional_midnight,
    several_seats,
    street_line,
    town_line,
)
from apientreprise_gateway.sandbox.entreprise.answers.insee_v2 import entreprise, etablissement
from apientreprise_gateway.sandbox.entreprise.answers.shape import Answer, Body, Declined, envelope
from apientreprise_gateway.sandbox.entreprise.entities import Band, Coded, Diffusion, Entity, Establishment, Link
from apientreprise_gateway.sandbox.world import LINKS

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
_STREET_ENUMS: Final = ("indice_repetition_voie", "type_voie")
"""Fields that are enumerations, or null."""
_STREET_FIELDS: Final = (
    *_STREET_ENUMS,
    "numero_voie",
    "libelle_voie",
    "complement_adresse",
    "code_postal",
    "distribution_speciale",
    "code_cedex",
    "libelle_cedex",
)
_FIRST_VERSION: Final = 3


_HIDDEN: Final = "[ND]"
"""Replaces a value that may not be made public."""


def _check_diffusible(entity: Entity) -> None:
    if entity.diffusion is Diffusion.NONE:
        raise Declined(403, f"L'unité légale {entity.siren} s'oppose à la diffusion de ses données")


def _remaining(entity: Entity) -> Entity:
    """The entity that INSEE has in place of another: the one that replaced it, or itself."""
    return entity.replaced_by or entity


def _replaced(entity: Entity, number: str) -> str | None:
    """The number asked for, if INSEE has replaced it by another; else None."""
    return number if entity.replaced_by is not None else None


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
        "pseudonyme": person.pseudonym,
        "prenom_usuel": person.first_names[0],
        **names,
        "nom_usage": person.usage_name,
        "nom_naissance": person.name,
        "sexe": person.sex,
    }


def _unite_legale(entity: Entity) -> Body:
    """A legal unit in the form of v3, without the day on which it ceased."""
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
        "date_creation": midnight(entity.created),
    }


def _unite_legale_v4(entity: Entity) -> Body:
    return {**_unite_legale(entity), **_activities(entity)}


def _activities(entity: Entity) -> Body:
    """The main activity in the form of v4, in each nomenclature."""
    old = _activity(entity.activity)
    new = entity.activity_2025
    return {
        "activite_principale": old if new is None else {**_activity(new), "nomenclature": "NAF2025"},
        "activite_principale_naf_rev2": old,
    }


def _unites_legales(version: int, *, public: bool) -> Answer:
    def answer(asked: Entity, values: Mapping[str, str], _query: Mapping[str, str]) -> Body:
        entity = _remaining(asked)
        _check_diffusible(entity)
        body = _unite_legale(entity) if version == _FIRST_VERSION else _unite_legale_v4(entity)
        if public:
            body = _masked_unit(entity, body)
        siege = f"insee/sirene/etablissements/{entity.head_office.siret}"
        return envelope(
            {**body, "date_cessation": optional_midnight(entity.closed)},
            links={
                "siege_social": f"{LINKS}/v{version}/{siege}",
                "siege_social_adresse": f"{LINKS}/v{_FIRST_VERSION}/{siege}/adresse",
            },
            meta={
                "date_derniere_mise_a_jour": midnight(entity.updated),
                "redirect_from_siren": _replaced(asked, values["siren"]),
            },
        )

    return answer


def _masked_unit(entity: Entity, body: Body) -> Body:
    """A legal unit, with its identifying data masked if it objects to publication."""
    if entity.diffusion is Diffusion.FULL:
        return body
    if entity.person is None:
        return {**body, "personne_morale_attributs": {**body["personne_morale_attributs"], "sigle": _HIDDEN}}
    return {**body, "personne_physique_attributs": {name: None if name == "sexe" else _HIDDEN for name in _NO_PERSON}}


def _address(entity: Entity, establishment: Establishment) -> Body:
    address = establishment.address
    country, cedex = address.country, address.cedex
    return {
        "numero_voie": address.number,
        "indice_repetition_voie": INDICES[address.repetition].lower() if address.repetition else None,
        "type_voie": address.street_type,
        "libelle_voie": address.street,
        "complement_adresse": address.extra,
        "code_commune": address.city_code or None,
        "code_postal": address.postcode or None,
        "distribution_speciale": address.distribution,
        "code_cedex": cedex and cedex.code,
        "libelle_cedex": cedex and cedex.label,
        "libelle_commune": None if country else address.city,
        "libelle_commune_etranger": address.city if country else None,
        "code_pays_etranger": country and country.code,
        "libelle_pays_etranger": country and country.label,
        "status_diffusion": entity.diffusion,
        "acheminement_postal": _envelope_lines(entity, establishment),
    }


def _envelope_lines(entity: Entity, establishment: Establishment) -> Body:
    """The lines of the postal address: a company on the first, a person on the second; empty if there is nothing."""
    address, person = establishment.address, entity.person
    return {
        "l1": " ".join(filter(None, (entity.name, entity.trade_name))),
        "l2": "" if person is None else f"{person.name} {person.first_names[0]}",
        "l3": address.extra or "",
        "l4": street_line(address, INDICES.get(address.repetition or ""), address.street_type),
        "l5": address.distribution or "",
        "l6": town_line(address),
        "l7": address.country.label if address.country else "FRANCE",
    }


def _masked_address(entity: Entity, body: Body) -> Body:
    """An address, reduced to the town if the entity objects to publication."""
    if entity.diffusion is Diffusion.FULL:
        return body
    lines = {line: text if line == "l7" else _HIDDEN for line, text in body["acheminement_postal"].items()}
    hidden = {name: _HIDDEN for name in _STREET_FIELDS if name not in _STREET_ENUMS}
    return {**body, **hidden, **dict.fromkeys(_STREET_ENUMS), "acheminement_postal": lines}


def _etablissement(entity: Entity, establishment: Establishment, *, version: int, public: bool) -> Body:
    unit = _unite_legale(entity) if version == _FIRST_VERSION else _unite_legale_v4(entity)
    address, sign = _address(entity, establishment), establishment.brand
    if public:
        unit, address = _masked_unit(entity, unit), _masked_address(entity, address)
        sign = _HIDDEN if entity.person is not None and entity.diffusion is not Diffusion.FULL else sign
    return {
        "siret": establishment.siret,
        "siege_social": entity.is_seat(establishment),
        "etat_administratif": "A" if entity.closed is None else "F",
        "date_fermeture": optional_midnight(entity.closed),
        "activite_principale": _activity(entity.activity),
        **({} if version == _FIRST_VERSION else _activities(entity)),
        "tranche_effectif_salarie": _band(entity.band),
        "status_diffusion": entity.diffusion,
        "diffusable_commercialement": entity.diffusion is Diffusion.FULL,
        "enseigne": sign,
        "unite_legale": unit,
        "adresse": address,
        "date_creation": midnight(establishment.created),
    }


def _answer_etablissement(
    entity: Entity, establishment: Establishment, *, version: int, public: bool, replaced: str | None = None
) -> Body:
    _check_diffusible(entity)
    return envelope(
        _etablissement(entity, establishment, version=version, public=public),
        links={"unite_legale": f"{LINKS}/v{version}/insee/sirene/unites_legales/{entity.siren}"},
        meta={"date_derniere_mise_a_jour": midnight(entity.updated), "redirect_from_siret": replaced},
    )


def _asked_for(asked: Entity, siret: str) -> tuple[Entity, Establishment]:
    """The establishment of a SIRET; if its unit was replaced, the head office of the unit that remains."""
    if asked.replaced_by is not None:
        return asked.replaced_by, asked.replaced_by.head_office
    return asked, asked.establishment(siret)


def _etablissements(version: int, *, public: bool) -> Answer:
    def answer(asked: Entity, values: Mapping[str, str], _query: Mapping[str, str]) -> Body:
        entity, establishment = _asked_for(asked, values["siret"])
        replaced = _replaced(asked, values["siret"])
        return _answer_etablissement(entity, establishment, version=version, public=public, replaced=replaced)

    return answer


def _sieges(version: int, *, public: bool) -> Answer:
    def answer(asked: Entity, _values: Mapping[str, str], _query: Mapping[str, str]) -> Body:
        entity = _remaining(asked)
        if entity.seats > 1:
            raise several_seats()
        return _answer_etablissement(entity, entity.head_office, version=version, public=public)

    return answer


def _adresses(*, public: bool) -> Answer:
    def answer(asked: Entity, values: Mapping[str, str], _query: Mapping[str, str]) -> Body:
        entity, establishment = _asked_for(asked, values["siret"])
        _check_diffusible(entity)
        sirene = f"{LINKS}/v3/insee/sirene"
        address = _address(entity, establishment)
        return envelope(
            _masked_address(entity, address) if public else address,
            links={
                "unite_legale": f"{sirene}/unites_legales/{entity.siren}",
                "etablissement": f"{sirene}/etablissements/{establishment.siret}",
            },
            meta={"date_derniere_mise_a_jour": midnight(entity.updated)},
        )

    return answer


def _successions(entity: Entity, values: Mapping[str, str], _query: Mapping[str, str]) -> Body:
    """The predecessors and successors; an establishment without any is answered with 404, as by Sirene."""
    _check_diffusible(entity)
    establishment = entity.establishment(values["siret"])
    if entity.replaced_by is not None or not (establishment.predecessors or establishment.successors):
        raise Declined(404, f"L'établissement {establishment.siret} n'a ni prédécesseur ni successeur")
    return envelope(
        {
            "predecesseurs": [_link(link) for link in establishment.predecessors],
            "successeurs": [_link(link) for link in establishment.successors],
        }
    )


def _link(link: Link) -> Body:
    return {
        "siret": link.siret,
        "date_succession": link.day,
        "transfert_siege": link.moves_seat,
        "continuite_economique": link.continues,
    }


ANSWERS: Final[Mapping[str, Answer]] = {
    "api_entreprise_v4_insee_unites_legales": _unites_legales(4, public=False),
    "api_entreprise_v3_insee_unites_legales": _unites_legales(3, public=False),
    "api_entreprise_v4_insee_unites_legales_diffusables": _unites_legales(4, public=True),
    "api_entreprise_v3_insee_unites_legales_diffusables": _unites_legales(3, public=True),
    "api_entreprise_v4_insee_etablissements": _etablissements(4, public=False),
    "api_entreprise_v3_insee_etablissements": _etablissements(3, public=False),
    "api_entreprise_v4_insee_etablissements_diffusables": _etablissements(4, public=True),
    "api_entreprise_v3_insee_etablissements_diffusables": _etablissements(3, public=True),
    "api_entreprise_v4_insee_sieges_unites_legales": _sieges(4, public=False),
    "api_entreprise_v3_insee_sieges_unites_legales": _sieges(3, public=False),
    "api_entreprise_v4_insee_sieges_diffusables_unites_legales": _sieges(4, public=True),
    "api_entreprise_v3_insee_sieges_diffusables_unites_legales": _sieges(3, public=True),
    "api_entreprise_v3_insee_adresses_etablissements": _adresses(public=False),
    "api_entreprise_v3_insee_adresses_etablissements_diffusables": _adresses(public=True),
    "api_entreprise_v3_insee_successions": _successions,
    "api_entreprise_v2_entreprises_restored": entreprise,
    "api_entreprise_v2_etablissements_restored": etablissement,
}
