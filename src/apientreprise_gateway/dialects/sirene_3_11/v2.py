"""Translates legal units and establishments of Sirene into the flat form of v2.

v2 has Sirene's codes of kinds of street where later versions have words. It also has data that only Infogreffe knows:
they are left out here, and the operation answers 206.
"""

from typing import Any, Final

from apientreprise_gateway.dialects.sirene_3_11 import etablissement, labels, unite_legale
from apientreprise_gateway.dialects.sirene_3_11.adresse import joined
from apientreprise_gateway.dialects.sirene_3_11.fields import (
    Fields,
    MalformedAnswerError,
    day,
    digits,
    fields,
    flag,
    text,
)
from apientreprise_gateway.dialects.sirene_3_11.parts import FULLY, band, diffusion
from apientreprise_gateway.dialects.vat import vat_number

_TITLES: Final = {"M": "MONSIEUR", "F": "MADAME"}
_USUAL_NAMES: Final = (
    "denominationUsuelle1UniteLegale",
    "denominationUsuelle2UniteLegale",
    "denominationUsuelle3UniteLegale",
)
_FRANCE: Final = {"code": "FR", "value": "FRANCE"}


def company(unit: Fields, head_office: Fields) -> dict[str, Any]:
    """A legal unit without what only Infogreffe knows: its capital, its officers, the day it was struck off.

    Args:
        unit: as `unite_legale.flattened` returns it.
        head_office: as `etablissement.flattened` returns it.
    """
    siren = digits(unit, "siren", 9)
    form = unite_legale.legal_form(unit)
    person = unite_legale.is_person(unit)
    staff = band(unit, suffix="UniteLegale")
    activity = _activity(unit, suffix="UniteLegale")
    return {
        "siren": siren,
        "capital_social": None,
        "numero_tva_intracommunautaire": vat_number(siren),
        "forme_juridique": form["libelle"],
        "forme_juridique_code": form["code"],
        "nom_commercial": text(unit, "denominationUsuelle1UniteLegale") or "",
        "procedure_collective": False,
        "enseigne": etablissement.sign(head_office),
        "libelle_naf_entreprise": activity["libelle"],
        "naf_entreprise": activity["code"],
        "raison_sociale": text(unit, "denominationUniteLegale") or (_full_name(unit) if person else None),
        "siret_siege_social": unite_legale.head_office(unit),
        "code_effectif_entreprise": staff["code"],
        "date_creation": _needed_day(unit, "dateCreationUniteLegale"),
        "nom": text(unit, "nomUniteLegale"),
        "prenom": text(unit, "prenom1UniteLegale"),
        "date_radiation": None,
        "categorie_entreprise": text(unit, "categorieEntreprise"),
        "tranche_effectif_salarie_entreprise": staff,
        "mandataires_sociaux": [],
        "etat_administratif": {"value": unite_legale.state(unit), "date_cessation": unite_legale.ended(unit)},
    }


def establishment(place: Fields) -> dict[str, Any]:
    """An establishment, given as `etablissement.flattened` returns it."""
    address = fields(place, "adresseEtablissement")
    activity = _activity(place, suffix="Etablissement")
    commune = text(address, "codeCommuneEtablissement")
    region, region_name = labels.region(commune)
    return {
        "siege_social": flag(place, "etablissementSiege"),
        "siret": digits(place, "siret", 14),
        "naf": activity["code"],
        "libelle_naf": activity["libelle"],
        "date_mise_a_jour": etablissement.updated(place),
        "tranche_effectif_salarie_etablissement": band(place, suffix="Etablissement"),
        "date_creation_etablissement": _needed_day(place, "dateCreationEtablissement"),
        "region_implantation": {"code": region, "value": region_name},
        "commune_implantation": {"code": commune, "value": _town(address)},
        "pays_implantation": _country(address),
        "diffusable_commercialement": is_fully_public(place),
        "enseigne": etablissement.sign(place),
        "adresse": _address(place, address),
        "etat_administratif": {"value": etablissement.state(place), "date_fermeture": etablissement.ended(place)},
    }


def is_fully_public(place: Fields) -> bool:
    """Whether neither an establishment nor its unit objects to publication."""
    return (
        diffusion(place, "statutDiffusionEtablissement") == FULLY
        and diffusion(fields(place, "uniteLegale"), "statutDiffusionUniteLegale") == FULLY
    )


def _activity(of: Fields, *, suffix: str) -> dict[str, str]:
    code = text(of, f"activitePrincipale{suffix}")
    found = labels.activity(code, text(of, f"nomenclatureActivitePrincipale{suffix}"))
    return {"code": (code or "").replace(".", ""), "libelle": found["libelle"]}


def _full_name(unit: Fields) -> str:
    """A sole trader's names in Sirene's former spelling: birth name, name in use, first names."""
    names = f"{text(unit, 'nomUniteLegale') or ''}*{text(unit, 'nomUsageUniteLegale') or ''}"
    return f"{names}/{joined(*(text(unit, f'prenom{rank}UniteLegale') for rank in (1, 2, 3)))}/"


def _needed_day(of: Fields, name: str) -> int:
    found = day(of, name)
    if found is None:
        raise MalformedAnswerError(name)
    return found


def _address(place: Fields, address: Fields) -> dict[str, str | None]:
    unit = fields(place, "uniteLegale")
    number, kind, street = (text(address, f"{name}Etablissement") for name in ("numeroVoie", "typeVoie", "libelleVoie"))
    extra = text(address, "complementAdresseEtablissement")
    postcode, cedex = text(address, "codePostalEtablissement"), text(address, "codeCedexEtablissement")
    town = _town(address)
    return {
        "l1": text(unit, "denominationUniteLegale") or _addressee(unit),
        "l2": joined(*(text(unit, name) for name in _USUAL_NAMES)) or etablissement.sign(place),
        "l3": extra,
        "l4": joined(number, text(address, "indiceRepetitionEtablissement"), kind, street),
        "l5": text(address, "distributionSpecialeEtablissement"),
        "l6": joined(cedex or postcode, text(address, "libelleCedexEtablissement") or town) or None,
        "l7": _country(address)["value"],
        "numero_voie": number,
        "type_voie": kind,
        "nom_voie": street,
        "complement_adresse": extra,
        "code_postal": postcode,
        "localite": town,
        "code_insee_localite": text(address, "codeCommuneEtablissement"),
        "cedex": cedex,
    }


def _addressee(unit: Fields) -> str:
    name = text(unit, "nomUsageUniteLegale") or text(unit, "nomUniteLegale")
    return joined(_TITLES.get(text(unit, "sexeUniteLegale") or ""), text(unit, "prenom1UniteLegale"), name)


def _town(address: Fields) -> str | None:
    return text(address, "libelleCommuneEtablissement") or text(address, "libelleCommuneEtrangerEtablissement")


def _country(address: Fields) -> dict[str, str]:
    code = text(address, "codePaysEtrangerEtablissement")
    return _FRANCE if code is None else {"code": code, "value": text(address, "libellePaysEtrangerEtablissement") or ""}
