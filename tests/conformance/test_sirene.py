"""The translation of Sirene against the published sandbox cases.

Each case is told backwards: from what the published API answers to what Sirene must have said. Translated, that must
be what was published.
"""

import asyncio
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from apientreprise_gateway.contract.routes import Route
from apientreprise_gateway.dialects import DIALECTS
from apientreprise_gateway.providers.entreprise import insee
from apientreprise_gateway.upstream.response import Response
from apientreprise_gateway.upstream.source import ProviderRequest
from conformance.conftest import CATALOGUE, Json, load_cases

PUBLISHED_AT = "https://entreprise.api.gouv.fr"
STATUSES = {"diffusible": "O", "partiellement_diffusible": "P", "non_diffusible": "N"}
STREETS = {"RUE": "RUE", "PLACE": "PL", "ALLÉE": "ALL", "AVENUE": "AV", "BOULEVARD": "BD"}
NAMES = (
    "pseudonyme",
    "prenom_usuel",
    "prenom_1",
    "prenom_2",
    "prenom_3",
    "prenom_4",
    "nom_usage",
    "nom_naissance",
    "sexe",
)
(TRANSLATIONS,) = DIALECTS[insee.PROVIDER.key].values()

INVENTED = frozenset({"200"})
"""Cases that put together what cannot be together: a company with a person's names, lines of another address."""
LAST_YEAR = 2100
"""Updates after it are typing errors in the published cases."""

CASES = [
    pytest.param(case, id=f"{case['op']}-{case['case']}")
    for case in load_cases()
    if case["op"] in TRANSLATIONS and case["status"] == 200 and case["case"] not in INVENTED
]


def day(seconds: int | None) -> str | None:
    """The day that begins then in Paris."""
    return None if seconds is None else datetime.fromtimestamp(seconds, ZoneInfo("Europe/Paris")).date().isoformat()


def yes_or_no(flag: bool | None) -> str | None:
    """A flag in Sirene's words."""
    return None if flag is None else "O" if flag else "N"


def coded(data: Json, name: str) -> Json:
    """Activity and headcount in Sirene's words."""
    activity, band = data["activite_principale"], data["tranche_effectif_salarie"]
    return {
        f"activitePrincipale{name}": activity["code"],
        f"nomenclatureActivitePrincipale{name}": activity["nomenclature"],
        f"trancheEffectifs{name}": band["code"],
        f"anneeEffectifs{name}": band["date_reference"],
    }


def unit_of(data: Json) -> Json:
    """A legal unit in Sirene's words, flattened."""
    person, company = data["personne_physique_attributs"], data["personne_morale_attributs"]
    keys = ("pseudonyme", "prenomUsuel", "prenom1", "prenom2", "prenom3", "prenom4", "nomUsage", "nom", "sexe")
    return {
        **{f"{key}UniteLegale": person[name] for key, name in zip(keys, NAMES, strict=True)},
        "siren": data["siren"],
        "identifiantAssociationUniteLegale": data["rna"],
        "nicSiegeUniteLegale": data["siret_siege_social"][9:],
        "denominationUniteLegale": company["raison_sociale"],
        "sigleUniteLegale": company["sigle"],
        "categorieEntreprise": data["categorie_entreprise"],
        "statutDiffusionUniteLegale": STATUSES[data["status_diffusion"]],
        "categorieJuridiqueUniteLegale": data["forme_juridique"]["code"],
        **coded(data, "UniteLegale"),
        "etatAdministratifUniteLegale": data["etat_administratif"],
        "economieSocialeSolidaireUniteLegale": yes_or_no(data["economie_sociale_et_solidaire"]),
        "dateCreationUniteLegale": day(data["date_creation"]),
    }


def unit_answer(body: Json) -> Json:
    """What Sirene answers about a legal unit."""
    data = body["data"]
    changed = {
        "changementEtatAdministratifUniteLegale": True,
        "dateDebut": day(data["date_cessation"]),
        "dateFin": None,
    }
    updated = {"dateDernierTraitementUniteLegale": day(body["meta"]["date_derniere_mise_a_jour"])}
    return {"header": {}, "uniteLegale": {**unit_of(data), **updated, "periodesUniteLegale": [changed]}}


def address_of(data: Json) -> Json:
    """An address in Sirene's words."""
    kind = data["type_voie"]
    extra = data["complement_adresse"]
    return {
        "complementAdresseEtablissement": None if extra == "null" else extra,
        "numeroVoieEtablissement": data["numero_voie"],
        "indiceRepetitionEtablissement": data["indice_repetition_voie"],
        "typeVoieEtablissement": None if kind is None else STREETS[kind],
        "libelleVoieEtablissement": data["libelle_voie"],
        "codePostalEtablissement": data["code_postal"],
        "libelleCommuneEtablissement": data["libelle_commune"],
        "codeCommuneEtablissement": data["code_commune"],
        "distributionSpecialeEtablissement": data["distribution_speciale"],
        "codeCedexEtablissement": data["code_cedex"],
        "libelleCedexEtablissement": data["libelle_cedex"],
    }


def place_of(body: Json) -> Json:
    """An establishment in Sirene's words."""
    data = body["data"]
    period = {
        "dateFin": None,
        "dateDebut": day(data["date_fermeture"]),
        "etatAdministratifEtablissement": data["etat_administratif"],
        "changementEtatAdministratifEtablissement": True,
        "enseigne1Etablissement": data["enseigne"],
    }
    return {
        "siren": data["siret"][:9],
        "siret": data["siret"],
        "etablissementSiege": data["siege_social"],
        "statutDiffusionEtablissement": STATUSES[data["status_diffusion"]],
        "dateCreationEtablissement": day(data["date_creation"]),
        "dateDernierTraitementEtablissement": updated_of(body),
        **coded(data, "Etablissement"),
        "uniteLegale": {name: value for name, value in unit_of(data["unite_legale"]).items() if name != "siren"},
        "adresseEtablissement": address_of(data["adresse"]),
        "periodesEtablissement": [period],
    }


def updated_of(body: Json) -> str | None:
    """The day of the last update, where it is one."""
    seconds = body["meta"]["date_derniere_mise_a_jour"]
    return day(seconds) if seconds < datetime(LAST_YEAR, 1, 1, tzinfo=ZoneInfo("UTC")).timestamp() else "2100-01-01"


def address_answer(case: Json) -> Json:
    """What Sirene answers about an establishment of which the address was published only."""
    body = case["body"]
    siren, lines = case["params"]["siret"][:9], body["data"]["acheminement_postal"]
    first_name, _, name = (lines["l2"] or " ").partition(" ")
    unit = {
        "siren": siren,
        "nicSiegeUniteLegale": "00000",
        "statutDiffusionUniteLegale": STATUSES[body["data"]["status_diffusion"]],
        "categorieJuridiqueUniteLegale": "1000" if lines["l2"] else "5710",
        "etatAdministratifUniteLegale": "A",
        "denominationUniteLegale": lines["l1"] or None,
        "nomUniteLegale": first_name or None,
        "prenom1UniteLegale": name or None,
    }
    return {
        "siren": siren,
        "siret": case["params"]["siret"],
        "etablissementSiege": True,
        "statutDiffusionEtablissement": STATUSES[body["data"]["status_diffusion"]],
        "dateDernierTraitementEtablissement": updated_of(body),
        "uniteLegale": unit,
        "adresseEtablissement": address_of(body["data"]),
        "periodesEtablissement": [{"dateFin": None, "etatAdministratifEtablissement": "A"}],
    }


def answer_to(case: Json, target: str) -> Json:
    """What Sirene answers to a target."""
    if target.startswith("/siren/"):
        return unit_answer(case["body"])
    found = address_answer(case) if "acheminement_postal" in case["body"]["data"] else place_of(case["body"])
    return {"header": {}, "etablissements": [found]} if "?q=" in target else {"header": {}, "etablissement": found}


def translated(case: Json) -> Json:
    """What the translation makes of it."""
    endpoint, provider = CATALOGUE[case["op"]]
    request = ProviderRequest(
        Route(endpoint, provider),
        target="",
        values=list(case["params"].values()),
        query={},
        request_id="essai",
        base_url=PUBLISHED_AT,
    )

    async def get(target: str) -> Response:
        return Response(200, "application/json", orjson.dumps(answer_to(case, target)))

    async def ask() -> Json:
        reading = await TRANSLATIONS[case["op"]](request, get)
        body: Json = orjson.loads(reading.body)
        return body

    return asyncio.run(ask())


def compared(body: Json) -> Json:
    """A body without what is known to differ."""
    data: Any = orjson.loads(orjson.dumps(body))
    # Published cases name people in one order and the other; the published service writes the name first.
    address = data["data"].get("adresse", data["data"])
    if "acheminement_postal" in address:
        address["acheminement_postal"]["l2"] = sorted(address["acheminement_postal"]["l2"].split())
        if address["complement_adresse"] == "null":
            address["complement_adresse"] = None
    # A few published units contradict their own status, or were created at some hour of a day.
    unit = data["data"].get("unite_legale", {})
    if unit:
        unit["diffusable_commercialement"] = unit["status_diffusion"] == "diffusible"
        unit["date_creation"] = day(unit["date_creation"])
    # There is no address in v4: the published link leads nowhere, ours to v3.
    data["links"].pop("siege_social_adresse", None)
    if (
        data["meta"]["date_derniere_mise_a_jour"]
        > datetime(LAST_YEAR, 1, 1, tzinfo=ZoneInfo("UTC")).timestamp() - 86400
    ):
        del data["meta"]["date_derniere_mise_a_jour"]
    return data  # type: ignore[no-any-return]


@pytest.mark.parametrize("case", CASES)
def test_translation_says_what_was_published(case: Json) -> None:
    """An entity is described as the published API describes it, labels and days included."""
    assert compared(translated(case)) == compared(case["body"])


def test_there_are_cases() -> None:
    """Every published operation about one entity is compared."""
    assert {case.values[0]["op"] for case in CASES} == {  # type: ignore[index]
        operation for operation in TRANSLATIONS if "_v2_" not in operation and "successions" not in operation
    }
