"""What the family funds say of a household."""

from collections.abc import Mapping
from typing import Final

from apientreprise_gateway.contract.identification import Meaning
from apientreprise_gateway.sandbox.particulier.answers.shape import (
    Answer,
    Body,
    Details,
    Unknown,
    envelope,
    first_names,
    year_in,
)
from apientreprise_gateway.sandbox.particulier.person import Household, Person

_YEAR: Final = 2026
_MONTH: Final = 6
"""The month for which the latest family quotient is known."""
_ABSENT: Final = {"CNAF": "23003", "MSA": "10003"}
"""The error of each fund for somebody who has no file there."""
_COUNTRY: Final = "FRANCE"


def _quotient(person: Person, home: Household, details: Details) -> Body:
    _must_have_file(person, home)
    year, month = _period(details)
    quotient = {
        "fournisseur": home.fund,
        "valeur": home.quotient,
        "annee": year,
        "mois": month,
        "annee_calcul": year,
        "mois_calcul": month,
    }
    return envelope(_of_household(home) | {"quotient_familial": quotient})


def _quotient_v2(person: Person, home: Household, details: Details) -> Body:
    _must_have_file(person, home, v2=True)
    year, month = _period(details)
    return {
        "allocataires": [_member_v2(adult) for adult in home.adults],
        "enfants": [_member_v2(child) for child in home.children],
        "adresse": {
            "identite": _addressee(home),
            "complementInformation": home.address.extra,
            "complementInformationGeographique": None,
            "numeroLibelleVoie": home.address.street,
            "lieuDit": None,
            "codePostalVille": _town(home),
            "pays": _COUNTRY,
        },
        "quotientFamilial": home.quotient,
        "annee": year,
        "mois": month,
    }


def _quotient_by_number(_person: Person, home: Household, details: Details) -> Body:
    year, month = _period(details)
    return {
        "allocataires": [_member_of_file(adult) for adult in home.adults],
        "enfants": [_member_of_file(child) for child in home.children],
        "adresse": {
            "identite": _addressee(home),
            "complementIdentite": home.address.extra,
            "complementIdentiteGeo": None,
            "numeroRue": home.address.street,
            "lieuDit": None,
            "codePostalVille": _town(home),
            "pays": _COUNTRY,
        },
        "quotientFamilial": home.quotient,
        "annee": year,
        "mois": month,
    }


def _child_care(person: Person, home: Household, _details: Details) -> Body:
    if person not in home.adults:
        raise Unknown
    at_birth = {
        each.key: {"code_cog_insee_commune_naissance": each.birthplace.code if each.birthplace else None}
        for each in (*home.adults, *home.children)
    }
    data = _of_household(home)
    for kind, members in (("allocataires", home.adults), ("enfants", home.children)):
        data[kind] = [_member(each) | at_birth[each.key] for each in members]
    handicapped = [child for child in home.children if "allocation_enfant_handicape" in child.benefits]
    return envelope(
        data
        | {
            "parametres_calcul_participation_familiale": {
                "nombre_enfants_a_charge": len(home.children),
                "nombre_enfants_beneficiaire_aeeh": len(handicapped),
                "base_ressources_annuelles": {"valeur": home.income, "annee_calcul": _YEAR - 2},
            }
        }
    )


def _must_have_file(person: Person, home: Household, *, v2: bool = False) -> None:
    if person not in home.adults:
        raise Unknown("" if v2 else _ABSENT[home.fund])


def _period(details: Details) -> tuple[int, int]:
    """Year and month that are asked for, else the latest."""
    year = year_in(details, Meaning.BENEFIT_YEAR, _YEAR)
    return year, year_in(details, Meaning.BENEFIT_MONTH, _MONTH)


def _of_household(home: Household) -> Body:
    return {
        "allocataires": [_member(adult) for adult in home.adults],
        "enfants": [_member(child) for child in home.children],
        "adresse": {
            "destinataire": _addressee(home),
            "complement_information": home.address.extra,
            "complement_information_geographique": None,
            "numero_libelle_voie": home.address.street,
            "lieu_dit": None,
            "code_postal_ville": _town(home),
            "pays": _COUNTRY,
        },
    }


def _member(person: Person) -> Body:
    return {
        "nom_naissance": person.birth_name,
        "nom_usage": person.used_name or None,
        "prenoms": first_names(person),
        "date_naissance": person.birth.isoformat(),
        "sexe": person.sex,
    }


def _member_v2(person: Person) -> Body:
    return {
        "nomNaissance": person.birth_name,
        "nomUsuel": person.used_name or None,
        "prenoms": first_names(person),
        "anneeDateDeNaissance": f"{person.birth:%Y}",
        "moisDateDeNaissance": f"{person.birth:%m}",
        "jourDateDeNaissance": f"{person.birth:%d}",
        "sexe": person.sex,
    }


def _member_of_file(person: Person) -> Body:
    return {
        "nomPrenom": f"{person.name} {person.first_names[0]}",
        "dateDeNaissance": f"{person.birth:%d%m%Y}",
        "sexe": person.sex,
    }


def _addressee(home: Household) -> str:
    adult = home.adults[0]
    return f"{'Monsieur' if adult.sex == 'M' else 'Madame'} {adult.first_names[0]} {adult.name}"


def _town(home: Household) -> str:
    return f"{home.address.postcode} {home.address.commune.name.upper()}"


ANSWERS: Final[Mapping[str, Answer]] = {
    "v3_cnav_quotient_familial": _quotient,
    "v2_cnav_quotient_familial_v2": _quotient_v2,
    "v2_cnaf_quotient_familial": _quotient_by_number,
    "v3_cnav_participation_familiale_eaje": _child_care,
}
