"""Translates a legal unit of Sirene into the form of the published API."""

from typing import Any, Final

from apientreprise_gateway.dialects.sirene_3_11 import labels
from apientreprise_gateway.dialects.sirene_3_11.fields import (
    Fields,
    MalformedAnswerError,
    current,
    day,
    digits,
    entries,
    known_day,
    needed,
    one_of,
    text,
    yes_or_no,
)
from apientreprise_gateway.dialects.sirene_3_11.parts import FULLY, activities, band, diffusion, first_known, since

_SOLE_TRADER: Final = "1000"
_SEXES: Final = frozenset({"M", "F"})
_SIZES: Final = frozenset({"PME", "ETI", "GE"})
_STATES: Final = frozenset({"A", "C"})


def flattened(unit: Fields) -> Fields:
    """A legal unit with the fields of its current period, as Sirene gives it within an establishment."""
    return {**unit, **current(entries(unit, "periodesUniteLegale"))}


def description(unit: Fields, *, version: int) -> dict[str, Any]:
    """The published description of a legal unit, without the day on which it ceased.

    Args:
        unit: as `flattened` returns it.
        version: version of the answer.
    """
    status = diffusion(unit, "statutDiffusionUniteLegale")
    return {
        "siren": digits(unit, "siren", 9),
        "rna": text(unit, "identifiantAssociationUniteLegale"),
        "siret_siege_social": head_office(unit),
        "type": "personne_physique" if is_person(unit) else "personne_morale",
        "personne_morale_attributs": {
            "raison_sociale": text(unit, "denominationUniteLegale"),
            "sigle": text(unit, "sigleUniteLegale"),
        },
        "personne_physique_attributs": {
            "pseudonyme": text(unit, "pseudonymeUniteLegale"),
            "prenom_usuel": text(unit, "prenomUsuelUniteLegale"),
            "prenom_1": text(unit, "prenom1UniteLegale"),
            "prenom_2": text(unit, "prenom2UniteLegale"),
            "prenom_3": text(unit, "prenom3UniteLegale"),
            "prenom_4": text(unit, "prenom4UniteLegale"),
            "nom_usage": text(unit, "nomUsageUniteLegale"),
            "nom_naissance": text(unit, "nomUniteLegale"),
            "sexe": one_of(unit, "sexeUniteLegale", _SEXES),
        },
        "categorie_entreprise": one_of(unit, "categorieEntreprise", _SIZES),
        "status_diffusion": status,
        "diffusable_commercialement": status == FULLY,
        "forme_juridique": legal_form(unit),
        **activities(unit, version=version, suffix="UniteLegale", newer=unit),
        "tranche_effectif_salarie": band(unit, suffix="UniteLegale"),
        "etat_administratif": state(unit),
        "economie_sociale_et_solidaire": yes_or_no(unit, "economieSocialeSolidaireUniteLegale"),
        "date_creation": known_day(unit, "dateCreationUniteLegale"),
    }


def is_person(unit: Fields) -> bool:
    """Whether a unit is a natural person: a sole trader."""
    return needed(unit, "categorieJuridiqueUniteLegale") == _SOLE_TRADER


def head_office(unit: Fields) -> str:
    """The SIRET of a unit's head office."""
    return digits(unit, "siren", 9) + digits(unit, "nicSiegeUniteLegale", 5)


def legal_form(unit: Fields) -> dict[str, Any]:
    """The published legal category of a unit."""
    return labels.legal_form(digits(unit, "categorieJuridiqueUniteLegale", 4))


def state(unit: Fields) -> str:
    """The state of a unit: `A` for active, `C` for ceased."""
    found = one_of(unit, "etatAdministratifUniteLegale", _STATES)
    if found is None:
        raise MalformedAnswerError("etatAdministratifUniteLegale")
    return found


def ended(unit: Fields) -> int | None:
    """When a unit ceased, in Unix seconds; None if it has not, or if Sirene does not know."""
    if state(unit) == "A":
        return None
    return since(entries(unit, "periodesUniteLegale"), "changementEtatAdministratifUniteLegale")


def updated(unit: Fields) -> int:
    """When Sirene last updated a unit, in Unix seconds; else the start of its current period."""
    return first_known(day(unit, "dateDernierTraitementUniteLegale"), day(unit, "dateDebut"))
