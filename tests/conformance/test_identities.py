"""The rules of identities, beside the published parameters and cases."""

from datetime import date
from typing import Final

import pytest

from apientreprise_gateway.contract.person import families
from apientreprise_gateway.contract.person.identity import Asked
from apientreprise_gateway.contract.person.reading import Query
from apientreprise_gateway.contract.person.rules import IdentityRules
from conformance.conftest import Json, load_cases, load_particulier

OPERATIONS: Final = load_particulier()
TODAY: Final = date(2024, 6, 15)
"""The cases were written about then: ages are judged by it."""
FAMILIES: Final = {
    "v3_ants": families.ANTS,
    "v3_cnav_quotient": families.QUOTIENT,
    "v3_cnav": families.CNAV,
    "v3_cnous_etudiant_boursier_with_civility": families.CNOUS,
    "v4_cnous_etudiant_boursier_with_civility": families.CNOUS,
    "v3_cnous_etudiant_boursier_with_ine": families.CNOUS_INE,
    "v4_cnous_etudiant_boursier_with_ine": families.CNOUS_INE,
    "v3_mesri_statut_etudiant_with_civility": families.MESRI,
    "v3_mesri_statut_etudiant_with_ine": families.MESRI_INE,
    "v3_dsnj": families.DSNJ,
    "v3_gip_mds": families.GIP_MDS,
    "v3_men": families.MEN,
    "v4_men": families.MEN,
    "v3_france_travail": families.FRANCE_TRAVAIL,
    "v3_sdh": families.SDH,
    "v2_cnav_quotient": families.QUOTIENT_V2,
    "v2_cnav": families.CNAV_V2,
    "v2_cnaf": families.CNAF_V2,
    "v2_mesri": families.MESRI_V2,
    "v2_cnous": families.CNOUS_V2,
    "v2_men": families.MEN_V2,
    "v2_pole_emploi": families.FRANCE_TRAVAIL,
}
UNNAMED: Final = {
    "200-couple-2_enfants-cas-etranger-qf_msa_600",
    "200-identite-cas-etranger-qf_424",
    "200-giraud-ines-feminin-enfant",
}
"""Cases without a parameter that their operation requires: a name misspelt, a country left out."""
PERIODS: Final = ("annee", "mois")
"""Not compared: they are judged by the day of the call."""


def rules_of(operation: str) -> IdentityRules:
    """The rules of an operation, by how its name begins."""
    name = operation.removeprefix("api_particulier_")
    return next(rules for start, rules in FAMILIES.items() if name.startswith(start))


def by_identity(operation: Json) -> bool:
    """Whether the call itself says who is asked about."""
    return "france_connect" not in operation["path"]


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if by_identity(each)], ids=lambda each: each["uid"])
def test_names_are_the_published_ones(operation: Json) -> None:
    """The rules of an operation read the parameters that it has, and no others."""
    published = {each["name"] for each in operation["query_params"]} - {"recipient"}
    assert rules_of(operation["uid"]).names == published


def query_of(parameters: Json) -> Query:
    """A case's parameters as they come in a query."""
    query: dict[str, list[str]] = {}
    for name, value in parameters.items():
        if isinstance(value, list):
            query[f"{name}[]"] = [str(each) for each in value]
        else:
            query[name] = [str(value)]
    return query


def test_the_identities_of_published_cases_are_read() -> None:
    """Every published case with an answer of 200 passes our rules, if it names its person as the operation wants it."""
    operations = {each["uid"] for each in OPERATIONS if by_identity(each)}
    cases = [case for case in load_cases() if case["op"] in operations and case["status"] == 200]
    identities = [case for case in cases if case["case"] not in UNNAMED and "family_name" not in case["params"]]
    assert len(identities) > 400
    for case in identities:
        query = {name: value for name, value in query_of(case["params"]).items() if name not in PERIODS}
        found = rules_of(case["op"]).read(query, TODAY)
        wrong = [] if isinstance(found, Asked) else [fault for fault in found if fault.code != "39400"]
        assert not wrong, case
