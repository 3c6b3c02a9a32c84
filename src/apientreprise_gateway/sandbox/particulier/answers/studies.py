"""What the ministries of education and the CNOUS say of pupils and students."""

from collections.abc import Mapping
from typing import Final

from apientreprise_gateway.contract.identification import Meaning
from apientreprise_gateway.sandbox.particulier.answers.shape import (
    Answer,
    Body,
    Details,
    Unknown,
    day,
    envelope,
    year_in,
)
from apientreprise_gateway.sandbox.particulier.person import Household, Person, Schooling, Studies

_CAMPAIGN: Final = 2025
"""The year in which the current year of grants began."""
_MONTHS: Final = 10
"""Months for which a grant is paid."""
_SCHOOL_YEAR: Final = "2025-2026"
_REGIMES: Final = {
    "RF1": "formation initiale",
    "RF2": "formation initiale hors apprentissage",
    "RF3": "reprise d'études non financée sans convention",
    "RF4": "contrat d'apprentissage",
    "RF5": "formation continue",
    "RF6": "formation continue hors contrat professionnel",
    "RF7": "contrat de professionnalisation",
}
_CONTINUED: Final = frozenset({"RF3", "RF5", "RF6", "RF7"})
_BOARDING: Final = (
    "EXTERNE LIBRE",
    "EXTERNE SURVEILLE",
    "DEMI-PENSIONNAIRE DANS L'ETABLISSEMENT",
    "INTERNE DANS L'ETABLISSEMENT",
    "INTERNE EXTERNE",
    "INTERNE HEBERGE",
    "DEMI-PENSIONNAIRE HORS L'ETABLISSEMENT",
)


def _studies(person: Person) -> Studies:
    if person.studies is None:
        raise Unknown
    return person.studies


def _grant(person: Person, details: Details, *, version: int) -> Body:
    studies = _studies(person)
    if not studies.grant:
        raise Unknown
    struck_off = studies.struck_off is not None
    holds = not struck_off
    status: Body = {"est_boursier": holds}
    if version >= 4:
        status = {
            "statut_boursier": {
                "est_boursier": holds,
                "est_radie": struck_off,
                "date_radiation": day(studies.struck_off),
            }
        }
    data = status | {
        "periode_versement_bourse": {
            "date_rentree": f"{year_in(details, Meaning.CAMPAIGN_YEAR, _CAMPAIGN):04}-09-01",
            "duree": _MONTHS,
        },
        "etablissement_etudes": {"nom_commune": studies.commune.name, "nom_etablissement": studies.institution},
        "echelon_bourse": {"echelon": studies.grant, "echelon_bourse_regionale_provisoire": False},
        "email": person.email,
        "identite": {
            "nom": person.birth_name,
            "prenoms": list(person.first_names),
            "date_naissance": person.birth.isoformat(),
            "nom_commune_naissance": _birthplace(person),
            "sexe": person.sex,
        },
    }
    if version >= 5:
        data["ine"] = studies.ine
    return envelope(data)


def _grants(version: int) -> Answer:
    return lambda person, _home, details: _grant(person, details, version=version)


def _grant_v2(person: Person, _home: Household, _details: Details) -> Body:
    studies = _studies(person)
    if not studies.grant:
        raise Unknown
    second = {"prenom2": person.first_names[1]} if len(person.first_names) > 1 else {}
    return {
        "nom": person.birth_name,
        "prenom": person.first_names[0],
        **second,
        "dateNaissance": person.birth.isoformat(),
        "lieuNaissance": _birthplace(person),
        "sexe": person.sex,
        "boursier": studies.struck_off is None,
        "echelonBourse": studies.grant,
        "email": person.email,
        "dateDeRentree": f"{_CAMPAIGN}-09-01",
        "dureeVersement": _MONTHS,
        "statut": 0,
        "statutLibelle": "définitif",
        "villeEtudes": studies.commune.name,
        "etablissement": studies.institution,
    }


def _birthplace(person: Person) -> str:
    return "" if person.birthplace is None else person.birthplace.name


def _admissions(person: Person, _home: Household, _details: Details) -> Body:
    studies = _studies(person)
    common = {
        "regime_formation": {"libelle": _REGIMES[studies.regime], "code": studies.regime},
        "code_cog_insee_commune": studies.commune.code,
        "etablissement_etudes": {"uai": studies.uai, "nom": studies.institution},
    }
    return envelope(
        {
            "identite": {
                "nom_naissance": person.birth_name,
                "prenom": person.first_names[0],
                "date_naissance": person.birth.isoformat(),
            },
            "admissions": [
                {"date_debut": start, "date_fin": end, "est_inscrit": enrolled, **common}
                for start, end, enrolled in _years(studies)
            ],
        }
    )


def _admissions_v2(person: Person, _home: Household, _details: Details) -> Body:
    studies = _studies(person)
    regime = "formation continue" if studies.regime in _CONTINUED else "formation initiale"
    return {
        "ine": studies.ine,
        "nom": person.birth_name,
        "prenom": person.first_names[0],
        "dateNaissance": person.birth.isoformat(),
        "inscriptions": [
            {
                "dateDebutInscription": start,
                "dateFinInscription": end,
                "statut": "inscrit" if enrolled else "admis",
                "regime": regime,
                "codeCommune": studies.commune.code,
                "etablissement": {"uai": studies.uai, "nom": studies.institution},
            }
            for start, end, enrolled in _years(studies)
        ],
    }


def _years(studies: Studies) -> list[tuple[str, str, bool]]:
    """First and last day of each year, and whether the student is enrolled: next year, who is enrolled is admitted."""
    this_year = ("2025-09-01", "2026-08-31", studies.enrolled)
    return [this_year, ("2026-09-01", "2027-08-31", False)] if studies.enrolled else [this_year]


def _school(person: Person, details: Details) -> Schooling:
    """The school of a pupil, if it is where the call looks; every region is the right one."""
    found = person.schooling
    if found is None:
        raise Unknown
    department = found.commune.department.rjust(3, "0")
    sought = details.get(Meaning.SCHOOL, "")
    departments = {code.rjust(3, "0") for code in details.get(Meaning.DEPARTMENTS, department).split()}
    if sought:
        fits = sought.upper() == found.uai
    else:
        fits = details.get(Meaning.SCHOOL_LEVEL, found.degree) == found.degree and department in departments
    if not fits:
        raise Unknown
    return found


def _pupil(person: Person, details: Details, *, version: int) -> Body:
    school = _school(person, details)
    data: Body = {
        "identite": _identity(person),
        "module_elementaire_formation": {"code_mef_stat": school.course, "libelle": school.course_name},
        "etablissement": {"code_uai": school.uai, "code_ministere_tutelle": "06"},
        "annee_scolaire": details.get(Meaning.SCHOOL_YEAR, _SCHOOL_YEAR),
        "est_scolarise": True,
        "statut_eleve": {"code": "ST", "libelle": "SCOLAIRE"},
        "est_boursier": school.grant is not None,
        "echelon_bourse": school.grant,
    }
    if version >= 5:
        data["regime_pensionnat"] = {"code": school.boarding, "libelle": _BOARDING[int(school.boarding)]}
    return envelope(data)


def _pupils(version: int) -> Answer:
    return lambda person, _home, details: _pupil(person, details, version=version)


def _pupil_v2(person: Person, _home: Household, details: Details) -> Body:
    school = _school(person, details)
    return {
        "eleve": _identity(person),
        "code_etablissement": school.uai,
        "annee_scolaire": details.get(Meaning.SCHOOL_YEAR, _SCHOOL_YEAR),
        "est_scolarise": True,
        "est_boursier": school.grant is not None,
        "niveau_bourse": school.grant,
        "status_eleve": {"code": "ST", "libelle": "SCOLAIRE"},
    }


def _identity(person: Person) -> Body:
    return {
        "nom": person.birth_name,
        "prenom": person.first_names[0],
        "sexe": person.sex,
        "date_naissance": person.birth.isoformat(),
    }


ANSWERS: Final[Mapping[str, Answer]] = {
    **{f"v{version}_cnous_etudiant_boursier": _grants(version) for version in (3, 4, 5)},
    "v2_cnous_student_scholarship": _grant_v2,
    "v3_mesri_statut_etudiant": _admissions,
    "v2_mesri_student_status": _admissions_v2,
    **{f"v{version}_men_scolarites": _pupils(version) for version in (3, 4, 5)},
    "v2_men_scolarites": _pupil_v2,
}
