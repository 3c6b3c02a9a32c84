"""Translates an establishment of Sirene into the form of the published API."""

from typing import Any, Final

from apientreprise_gateway.dialects.sirene_3_11 import adresse, unite_legale
from apientreprise_gateway.dialects.sirene_3_11.fields import (
    Fields,
    MalformedAnswerError,
    current,
    day,
    digits,
    entries,
    fields,
    flag,
    known_day,
    one_of,
    text,
)
from apientreprise_gateway.dialects.sirene_3_11.parts import FULLY, activities, band, diffusion, first_known, since

_STATES: Final = frozenset({"A", "F"})
_SIGNS: Final = ("enseigne1Etablissement", "enseigne2Etablissement", "enseigne3Etablissement")


def flattened(establishment: Fields) -> Fields:
    """An establishment with the fields of its current period, and with the SIREN added to its unit."""
    siren = digits(establishment, "siren", 9)
    return {
        **establishment,
        **current(entries(establishment, "periodesEtablissement")),
        "uniteLegale": {**fields(establishment, "uniteLegale"), "siren": siren},
    }


def description(establishment: Fields, *, version: int) -> dict[str, Any]:
    """The published description of an establishment, with its unit and its address.

    Args:
        establishment: as `flattened` returns it.
        version: version of the answer.
    """
    status = diffusion(establishment, "statutDiffusionEtablissement")
    return {
        "siret": digits(establishment, "siret", 14),
        "siege_social": flag(establishment, "etablissementSiege"),
        "etat_administratif": state(establishment),
        "date_fermeture": ended(establishment),
        **activities(establishment, version=version, suffix="Etablissement", newer=establishment),
        "tranche_effectif_salarie": band(establishment, suffix="Etablissement"),
        "status_diffusion": status,
        "diffusable_commercialement": status == FULLY,
        "enseigne": sign(establishment),
        "unite_legale": unite_legale.description(fields(establishment, "uniteLegale"), version=version),
        "adresse": adresse.description(establishment),
        "date_creation": known_day(establishment, "dateCreationEtablissement"),
    }


def sign(establishment: Fields) -> str | None:
    """The trade signs of an establishment, joined by commas; None if it has none."""
    signs = [found for found in (text(establishment, name) for name in _SIGNS) if found]
    return ", ".join(signs) or None


def state(establishment: Fields) -> str:
    """The state of an establishment: `A` for active, `F` for closed."""
    found = one_of(establishment, "etatAdministratifEtablissement", _STATES)
    if found is None:
        raise MalformedAnswerError("etatAdministratifEtablissement")
    return found


def ended(establishment: Fields) -> int | None:
    """When an establishment was closed, in Unix seconds; None if it was not, or if Sirene does not know."""
    if state(establishment) == "A":
        return None
    return since(entries(establishment, "periodesEtablissement"), "changementEtatAdministratifEtablissement")


def updated(establishment: Fields) -> int:
    """When Sirene last updated an establishment, in Unix seconds; else the start of its current period."""
    return first_known(day(establishment, "dateDernierTraitementEtablissement"), day(establishment, "dateDebut"))
