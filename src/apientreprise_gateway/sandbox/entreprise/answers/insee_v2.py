"""Answers of the fictive INSEE in v2: a company with its head office, and an establishment."""

from collections.abc import Mapping

from apientreprise_gateway.sandbox.entreprise.answers.insee_shape import (
    midnight,
    optional_midnight,
    several_seats,
    street_line,
    town_line,
)
from apientreprise_gateway.sandbox.entreprise.answers.shape import Body, Declined, timestamp, vat_number
from apientreprise_gateway.sandbox.entreprise.entities import Band, Diffusion, Entity, Establishment, Officer, Person


def entreprise(entity: Entity, _values: Mapping[str, str], query: Mapping[str, str]) -> Body:
    """The answer about an entity; one that objects to publication must be asked for with `non_diffusables=true`."""
    if entity.replaced_by is not None:
        raise _moved("entreprises", entity.replaced_by.siren)
    if entity.seats > 1:
        raise several_seats()
    company = _company(entity)
    if _everyone(entity, query):
        company["diffusable_commercialement"] = entity.diffusion is Diffusion.FULL
    return {
        "entreprise": company,
        "etablissement_siege": _establishment(entity, entity.head_office),
        "gateway_error": False,
    }


def etablissement(entity: Entity, values: Mapping[str, str], query: Mapping[str, str]) -> Body:
    """The answer about an establishment, on the same condition."""
    if entity.replaced_by is not None:
        raise _moved("etablissements", entity.replaced_by.head_office.siret)
    _everyone(entity, query)
    return {
        "etablissement": _establishment(entity, entity.establishment(values["siret"])),
        "gateway_error": False,
    }


def _moved(path: str, number: str) -> Declined:
    return Declined(301, f"Ce numéro a été remplacé par {number}", location=f"/v2/{path}/{number}")


def _everyone(entity: Entity, query: Mapping[str, str]) -> bool:
    """Whether the call also asks for entities that object to publication.

    Raises:
        Declined: the entity objects and is not asked for, or may not be made public at all.
    """
    everyone = query.get("non_diffusables") == "true"
    if entity.diffusion is Diffusion.NONE or (entity.diffusion is Diffusion.PARTIAL and not everyone):
        raise Declined(403, f"L'entreprise {entity.siren} s'oppose à la diffusion de ses données")
    return everyone


def _band(band: Band) -> Body:
    return {
        "de": band.low,
        "a": band.high,
        "code": band.code,
        "date_reference": band.year,
        "intitule": band.label,
    }


def _officer(officer: Officer) -> Body:
    """An officer; v2 has no null here, so missing values are an empty text or 0."""
    person = officer.person
    return {
        "nom": person.name if person else "",
        "prenom": person.first_names[0] if person else "",
        "fonction": officer.role,
        "date_naissance": person.born if person else "",
        "date_naissance_timestamp": timestamp(person.born) if person else 0,
        "dirigeant": person is not None,
        "raison_sociale": officer.company or "",
        "identifiant": officer.company_siren or "",
        "type": "PP" if person else "PM",
    }


def _full_name(person: Person) -> str:
    """A sole trader's names in Sirene's former spelling."""
    return f"{person.name}*{person.usage_name or ''}/{' '.join(person.first_names[:3])}/"


def _company(entity: Entity) -> Body:
    person = entity.person
    return {
        "siren": entity.siren,
        "capital_social": entity.capital,
        "numero_tva_intracommunautaire": vat_number(entity.siren),
        "forme_juridique": entity.legal_form.label,
        "forme_juridique_code": entity.legal_form.code,
        "nom_commercial": entity.trade_name or "",
        "procedure_collective": False,
        "enseigne": entity.head_office.brand,
        "libelle_naf_entreprise": entity.activity.label,
        "naf_entreprise": entity.activity.code.replace(".", ""),
        "raison_sociale": entity.name if person is None else _full_name(person),
        "siret_siege_social": entity.head_office.siret,
        "code_effectif_entreprise": entity.band.code,
        "date_creation": midnight(entity.created),
        "nom": person.name if person else None,
        "prenom": person.first_names[0] if person else None,
        "date_radiation": entity.closed,
        "categorie_entreprise": entity.category,
        "tranche_effectif_salarie_entreprise": _band(entity.band),
        "mandataires_sociaux": [_officer(officer) for officer in entity.officers],
        "etat_administratif": {
            "value": "A" if entity.closed is None else "C",
            "date_cessation": optional_midnight(entity.closed),
        },
    }


def _address(entity: Entity, establishment: Establishment) -> Body:
    """An address, with INSEE's abbreviation of the kind of street."""
    address = establishment.address
    return {
        "l1": entity.name or _addressee(entity),
        "l2": entity.trade_name or establishment.brand,
        "l3": address.extra,
        "l4": street_line(address, address.repetition, address.street_code),
        "l5": address.distribution,
        "l6": town_line(address),
        "l7": address.country.label if address.country else "FRANCE",
        "numero_voie": address.number,
        "type_voie": address.street_code,
        "nom_voie": address.street,
        "complement_adresse": address.extra,
        "code_postal": address.postcode or None,
        "localite": address.city,
        "code_insee_localite": address.city_code or None,
        "cedex": address.cedex and address.cedex.code,
    }


def _addressee(entity: Entity) -> str:
    person = entity.person
    title = "MADAME" if person is not None and person.sex == "F" else "MONSIEUR"
    if person is None or person.usage_name is None:
        return f"{title} {entity.display_name}"
    return f"{title} {person.first_names[0]} {person.usage_name}"


def _establishment(entity: Entity, establishment: Establishment) -> Body:
    address = establishment.address
    country = address.country
    return {
        "siege_social": entity.is_seat(establishment),
        "siret": establishment.siret,
        "naf": entity.activity.code.replace(".", ""),
        "libelle_naf": entity.activity.label,
        "date_mise_a_jour": midnight(entity.updated),
        "tranche_effectif_salarie_etablissement": _band(entity.band),
        "date_creation_etablissement": midnight(establishment.created),
        "region_implantation": {
            "code": None if country else address.region.code,
            "value": None if country else address.region.label,
        },
        "commune_implantation": {"code": address.city_code or None, "value": address.city},
        "pays_implantation": {
            "code": country.code if country else "FR",
            "value": country.label if country else "FRANCE",
        },
        "diffusable_commercialement": entity.diffusion is Diffusion.FULL,
        "enseigne": establishment.brand,
        "adresse": _address(entity, establishment),
        "etat_administratif": {
            "value": "A" if entity.closed is None else "F",
            "date_fermeture": optional_midnight(entity.closed),
        },
    }
