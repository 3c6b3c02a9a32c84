"""Answers in the form of API Sirene 3.11, about entities that do not exist."""

from typing import Any

Json = dict[str, Any]

SIREN = "130025265"
SIRET = "13002526500013"


def period(**changes: Any) -> Json:
    """The current period of a legal unit."""
    return {
        "dateFin": None,
        "dateDebut": "2016-01-01",
        "etatAdministratifUniteLegale": "A",
        "changementEtatAdministratifUniteLegale": False,
        "nomUniteLegale": None,
        "nomUsageUniteLegale": None,
        "denominationUniteLegale": "COOPERATIVE DES TROIS VALLONS",
        "denominationUsuelle1UniteLegale": None,
        "denominationUsuelle2UniteLegale": None,
        "denominationUsuelle3UniteLegale": None,
        "categorieJuridiqueUniteLegale": "5710",
        "activitePrincipaleUniteLegale": "10.39B",
        "nomenclatureActivitePrincipaleUniteLegale": "NAFRev2",
        "nicSiegeUniteLegale": "00013",
        "economieSocialeSolidaireUniteLegale": "O",
        "societeMissionUniteLegale": None,
        "caractereEmployeurUniteLegale": None,
    } | changes


PERSON: Json = {
    "categorieJuridiqueUniteLegale": "1000",
    "denominationUniteLegale": None,
    "nomUniteLegale": "KERGOFF",
    "nomUsageUniteLegale": None,
}
"""What makes the period of a unit that of a sole trader."""
NAMES: Json = {
    "sexeUniteLegale": "F",
    "prenom1UniteLegale": "NOLWENN",
    "prenom2UniteLegale": "ANNE",
    "prenomUsuelUniteLegale": "NOLWENN",
    "sigleUniteLegale": None,
}
"""What makes a unit one."""


def unit(*periods: Json, **changes: Any) -> Json:
    """A legal unit, with its periods, the current one first."""
    return {
        "siren": SIREN,
        "statutDiffusionUniteLegale": "O",
        "unitePurgeeUniteLegale": None,
        "dateCreationUniteLegale": "2009-04-06",
        "sigleUniteLegale": "C3V",
        "sexeUniteLegale": None,
        "prenom1UniteLegale": None,
        "prenom2UniteLegale": None,
        "prenom3UniteLegale": None,
        "prenom4UniteLegale": None,
        "prenomUsuelUniteLegale": None,
        "pseudonymeUniteLegale": None,
        "identifiantAssociationUniteLegale": None,
        "trancheEffectifsUniteLegale": "12",
        "anneeEffectifsUniteLegale": "2023",
        "dateDernierTraitementUniteLegale": "2025-02-11T08:36:24",
        "nombrePeriodesUniteLegale": len(periods) or 1,
        "categorieEntreprise": "PME",
        "anneeCategorieEntreprise": "2023",
        "periodesUniteLegale": list(periods) or [period()],
    } | changes


def address(**changes: Any) -> Json:
    """The address of an establishment."""
    return {
        "complementAdresseEtablissement": "BATIMENT C",
        "numeroVoieEtablissement": "14",
        "indiceRepetitionEtablissement": None,
        "dernierNumeroVoieEtablissement": None,
        "typeVoieEtablissement": "AV",
        "libelleVoieEtablissement": "DES TANNEURS",
        "codePostalEtablissement": "26000",
        "libelleCommuneEtablissement": "VALENCE",
        "libelleCommuneEtrangerEtablissement": None,
        "distributionSpecialeEtablissement": None,
        "codeCommuneEtablissement": "26362",
        "codeCedexEtablissement": None,
        "libelleCedexEtablissement": None,
        "codePaysEtrangerEtablissement": None,
        "libellePaysEtrangerEtablissement": None,
    } | changes


def place_period(**changes: Any) -> Json:
    """The current period of an establishment."""
    return {
        "dateFin": None,
        "dateDebut": "2009-04-06",
        "etatAdministratifEtablissement": "A",
        "changementEtatAdministratifEtablissement": False,
        "enseigne1Etablissement": None,
        "enseigne2Etablissement": None,
        "enseigne3Etablissement": None,
        "denominationUsuelleEtablissement": None,
        "activitePrincipaleEtablissement": "10.39B",
        "nomenclatureActivitePrincipaleEtablissement": "NAFRev2",
        "caractereEmployeurEtablissement": None,
    } | changes


def place(*periods: Json, of: Json | None = None, at: Json | None = None, **changes: Any) -> Json:
    """An establishment.

    Args:
        periods: its periods, the current one first.
        of: what its legal unit says otherwise than `unit` does.
        at: what its address says otherwise than `address` does.
        changes: what it says otherwise itself.
    """
    whole = unit()
    now = whole.pop("periodesUniteLegale")[0]
    del whole["siren"], now["dateDebut"], now["dateFin"]
    return {
        "siren": SIREN,
        "nic": "00013",
        "siret": SIRET,
        "statutDiffusionEtablissement": "O",
        "dateCreationEtablissement": "2009-04-06",
        "trancheEffectifsEtablissement": "12",
        "anneeEffectifsEtablissement": "2023",
        "activitePrincipaleRegistreMetiersEtablissement": None,
        "dateDernierTraitementEtablissement": "2025-02-11T08:36:24",
        "etablissementSiege": True,
        "nombrePeriodesEtablissement": len(periods) or 1,
        "uniteLegale": {**whole, **now} | (of or {}),
        "adresseEtablissement": address(**(at or {})),
        "adresse2Etablissement": {},
        "periodesEtablissement": list(periods) or [place_period()],
    } | changes


def link(before: str, after: str, **changes: Any) -> Json:
    """A link of succession."""
    return {
        "siretEtablissementPredecesseur": before,
        "siretEtablissementSuccesseur": after,
        "dateLienSuccession": "2022-10-01",
        "transfertSiege": False,
        "continuiteEconomique": True,
        "dateDernierTraitementLienSuccession": "2022-10-14T11:12:05",
    } | changes


def header(**more: Any) -> Json:
    """What every answer starts with."""
    return {"statut": 200, "message": "OK"} | more


def of_unit(found: Json) -> Json:
    """The answer about a legal unit."""
    return {"header": header(), "uniteLegale": found}


def of_place(found: Json) -> Json:
    """The answer about an establishment."""
    return {"header": header(), "etablissement": found}


def of_places(*found: Json) -> Json:
    """What a search for establishments answers."""
    return {"header": header(total=len(found), debut=0, nombre=len(found)), "etablissements": list(found)}


def of_links(*found: Json, **head: Any) -> Json:
    """What a search for links answers."""
    return {
        "header": header(total=len(found), debut=0, nombre=len(found)) | head,
        "liensSuccession": list(found),
    }
