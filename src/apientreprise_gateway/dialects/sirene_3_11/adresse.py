"""Translates the address of an establishment into the form of the published API."""

from typing import Any

from apientreprise_gateway.dialects.sirene_3_11 import labels
from apientreprise_gateway.dialects.sirene_3_11.fields import HIDDEN, Fields, fields, text
from apientreprise_gateway.dialects.sirene_3_11.parts import diffusion
from apientreprise_gateway.dialects.sirene_3_11.unite_legale import is_person

_FRANCE = "FRANCE"


def description(establishment: Fields) -> dict[str, Any]:
    """The published description of an establishment's address.

    The published API has only some kinds of street and some suffixes of house numbers. Another kind of street is put
    before the street name, another suffix after the number, so that none is lost.
    """
    address = fields(establishment, "adresseEtablissement")
    street = labels.street(text(address, "typeVoieEtablissement"))
    _, index = labels.index(text(address, "indiceRepetitionEtablissement"))
    unnamed_street = text(address, "typeVoieEtablissement") if street is None else None
    unnamed_index = text(address, "indiceRepetitionEtablissement") if index is None else None
    return {
        "numero_voie": joined(text(address, "numeroVoieEtablissement"), unnamed_index),
        "indice_repetition_voie": index,
        "type_voie": street,
        "libelle_voie": joined(unnamed_street, text(address, "libelleVoieEtablissement")),
        "complement_adresse": text(address, "complementAdresseEtablissement"),
        "code_commune": text(address, "codeCommuneEtablissement"),
        "code_postal": text(address, "codePostalEtablissement"),
        "distribution_speciale": text(address, "distributionSpecialeEtablissement"),
        "code_cedex": text(address, "codeCedexEtablissement"),
        "libelle_cedex": text(address, "libelleCedexEtablissement"),
        "libelle_commune": text(address, "libelleCommuneEtablissement"),
        "libelle_commune_etranger": text(address, "libelleCommuneEtrangerEtablissement"),
        "code_pays_etranger": text(address, "codePaysEtrangerEtablissement"),
        "libelle_pays_etranger": text(address, "libellePaysEtrangerEtablissement"),
        "status_diffusion": diffusion(establishment, "statutDiffusionEtablissement"),
        "acheminement_postal": _envelope(fields(establishment, "uniteLegale"), address),
    }


def joined(*parts: str | None) -> str:
    """The parts joined by spaces, empty if there are none; `[ND]` alone if one of them is hidden."""
    return HIDDEN if HIDDEN in parts else " ".join(part for part in parts if part)


def _envelope(unit: Fields, address: Fields) -> dict[str, str]:
    """The numbered lines of the postal address (L1 to L7)."""
    code = text(address, "typeVoieEtablissement")
    index, _ = labels.index(text(address, "indiceRepetitionEtablissement"))
    street = (
        text(address, "numeroVoieEtablissement"),
        index,
        labels.street(code) or code,
        text(address, "libelleVoieEtablissement"),
    )
    return {
        "l1": "" if is_person(unit) else _company(unit),
        "l2": joined(text(unit, "nomUniteLegale"), text(unit, "prenom1UniteLegale")) if is_person(unit) else "",
        "l3": joined(text(address, "complementAdresseEtablissement")),
        "l4": joined(*street),
        "l5": joined(text(address, "distributionSpecialeEtablissement")),
        "l6": _city(address),
        "l7": text(address, "libellePaysEtrangerEtablissement") or _FRANCE,
    }


def _company(unit: Fields) -> str:
    name, usual = text(unit, "denominationUniteLegale"), text(unit, "denominationUsuelle1UniteLegale")
    return joined(name, None if usual == name else usual)


def _city(address: Fields) -> str:
    if text(address, "codeCedexEtablissement"):
        return joined(text(address, "codeCedexEtablissement"), text(address, "libelleCedexEtablissement"))
    if text(address, "codePaysEtrangerEtablissement"):
        return joined(text(address, "libelleCommuneEtrangerEtablissement"))
    return joined(text(address, "codePostalEtablissement"), text(address, "libelleCommuneEtablissement"))
