"""Masks the data of legal units and establishments that may not be made public.

A legal unit or an establishment may object to publication. INSEE then gives its identifying data to administrations
only: they are replaced by `[ND]` here, or by null where the published schema has an enumeration.
"""

from typing import Any, Final

from apientreprise_gateway.dialects.sirene_3_11.fields import HIDDEN
from apientreprise_gateway.dialects.sirene_3_11.parts import NOT_AT_ALL, PARTIALLY

_ADDRESS: Final = {
    "numero_voie": HIDDEN,
    "indice_repetition_voie": None,
    "type_voie": None,
    "libelle_voie": HIDDEN,
    "complement_adresse": HIDDEN,
    "code_postal": HIDDEN,
    "distribution_speciale": HIDDEN,
    "code_cedex": HIDDEN,
    "libelle_cedex": HIDDEN,
}
_ENVELOPE: Final = dict.fromkeys(("l1", "l2", "l3", "l4", "l5", "l6"), HIDDEN)

Description = dict[str, Any]


def is_hidden(*descriptions: Description) -> bool:
    """Whether one of the descriptions may not be made public at all."""
    return any(found["status_diffusion"] == NOT_AT_ALL for found in descriptions)


def is_masked(*descriptions: Description) -> bool:
    """Whether one of the descriptions may be made public only in part."""
    return any(found["status_diffusion"] == PARTIALLY for found in descriptions)


def masked_unit(unit: Description) -> Description:
    """A legal unit with its identifying data masked: a person's name and sex, a company's acronym."""
    if unit["type"] == "personne_morale":
        return {**unit, "personne_morale_attributs": {**unit["personne_morale_attributs"], "sigle": HIDDEN}}
    person = {**dict.fromkeys(unit["personne_physique_attributs"], HIDDEN), "sexe": None}
    company = {name: value and HIDDEN for name, value in unit["personne_morale_attributs"].items()}
    return {**unit, "personne_physique_attributs": person, "personne_morale_attributs": company}


def masked_address(address: Description) -> Description:
    """An address with everything more precise than the town masked."""
    return {**address, **_ADDRESS, "acheminement_postal": {**address["acheminement_postal"], **_ENVELOPE}}


def masked_establishment(establishment: Description) -> Description:
    """An establishment with its unit, its address and a sole trader's trade sign masked."""
    unit = establishment["unite_legale"]
    sign = {"enseigne": HIDDEN} if unit["type"] == "personne_physique" else {}
    masks = {"unite_legale": masked_unit(unit), "adresse": masked_address(establishment["adresse"])}
    return {**establishment, **sign, **masks}
