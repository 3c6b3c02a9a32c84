"""Companies and establishments of Sirene in the form of v2."""

from typing import Any

import orjson
import pytest
from jsonschema_rs import validator_for

from apientreprise_gateway.contract.errors import Refusal
from apientreprise_gateway.providers.entreprise.schemas import SCHEMAS
from unit.dialects.sirene_3_11.answers import NAMES, PERSON, SIREN, SIRET, period, place, place_period, unit
from unit.dialects.sirene_3_11.asked import COMPANY_V2, PLACE_V2, body_of, sirene
from unit.dialects.speaking import ask

PERSON_OF = PERSON | NAMES


def established(**changes: Any) -> Any:
    """An establishment that says this; its answer is as its schema says."""
    body = body_of(PLACE_V2, sirene(places=(place(**changes),)), non_diffusables="true")
    assert validator_for(SCHEMAS.of(PLACE_V2)).is_valid(body)
    assert body["gateway_error"] is False
    return body["etablissement"]


def company(
    *, status: str = "O", periods: tuple[Any, ...] = (), places: tuple[Any, ...] | None = None, **said: Any
) -> Any:
    """A company that says this; its answer is as its schema says."""
    found = unit(*periods, statutDiffusionUniteLegale=status, **said)
    body = body_of(COMPANY_V2, sirene(unit_of=found, places=places))
    assert validator_for(SCHEMAS.of(COMPANY_V2)).is_valid(body)
    return body["entreprise"]


def test_an_establishment() -> None:
    """Every field of an establishment is answered in the form of v2."""
    assert established() == {
        "siege_social": True,
        "siret": SIRET,
        "naf": "1039B",
        "libelle_naf": "Transformation et conservation de fruits",
        "date_mise_a_jour": 1739228400,
        "tranche_effectif_salarie_etablissement": {
            "de": 20,
            "a": 49,
            "code": "12",
            "date_reference": "2023",
            "intitule": "20 à 49 salariés",
        },
        "date_creation_etablissement": 1238968800,
        "region_implantation": {"code": "84", "value": "Auvergne-Rhône-Alpes"},
        "commune_implantation": {"code": "26362", "value": "VALENCE"},
        "pays_implantation": {"code": "FR", "value": "FRANCE"},
        "diffusable_commercialement": True,
        "enseigne": None,
        "adresse": {
            "l1": "COOPERATIVE DES TROIS VALLONS",
            "l2": None,
            "l3": "BATIMENT C",
            "l4": "14 AV DES TANNEURS",
            "l5": None,
            "l6": "26000 VALENCE",
            "l7": "FRANCE",
            "numero_voie": "14",
            "type_voie": "AV",
            "nom_voie": "DES TANNEURS",
            "complement_adresse": "BATIMENT C",
            "code_postal": "26000",
            "localite": "VALENCE",
            "code_insee_localite": "26362",
            "cedex": None,
        },
        "etat_administratif": {"value": "A", "date_fermeture": None},
    }


@pytest.mark.parametrize(
    ("commune", "region"),
    [
        ("75056", {"code": "11", "value": "Île-de-France"}),
        ("2A004", {"code": "94", "value": "Corse"}),
        ("97411", {"code": "04", "value": "La Réunion"}),
        ("97502", {"code": None, "value": None}),
        (None, {"code": None, "value": None}),
    ],
)
def test_regions(commune: str | None, region: dict[str, str | None]) -> None:
    """The region is that of the town's department; overseas, not every town lies in one."""
    assert established(at={"codeCommuneEtablissement": commune})["region_implantation"] == region


def test_abroad() -> None:
    """An establishment abroad has the town and country there."""
    found = established(
        at={
            "codePostalEtablissement": None,
            "codeCommuneEtablissement": None,
            "libelleCommuneEtablissement": None,
            "libelleCommuneEtrangerEtablissement": "BRUXELLES",
            "codePaysEtrangerEtablissement": "99131",
            "libellePaysEtrangerEtablissement": "BELGIQUE",
        }
    )
    assert found["pays_implantation"] == {"code": "99131", "value": "BELGIQUE"}
    assert found["commune_implantation"] == {"code": None, "value": "BRUXELLES"}
    assert (found["adresse"]["l6"], found["adresse"]["l7"]) == ("BRUXELLES", "BELGIQUE")


def test_to_a_person() -> None:
    """A letter to a sole trader has their title and the name that they use."""
    assert established(of=PERSON_OF)["adresse"]["l1"] == "MADAME NOLWENN KERGOFF"
    assert established(of=PERSON_OF | {"nomUsageUniteLegale": "MOAL"})["adresse"]["l1"] == "MADAME NOLWENN MOAL"


def test_the_second_line() -> None:
    """The second line has the usual names of the unit, or else the sign of the place."""
    assert established(of={"denominationUsuelle1UniteLegale": "C3V"})["adresse"]["l2"] == "C3V"
    sign = established(periodesEtablissement=[place_period(enseigne1Etablissement="LE PRESSOIR")])
    assert (sign["adresse"]["l2"], sign["enseigne"]) == ("LE PRESSOIR", "LE PRESSOIR")


def test_a_company() -> None:
    """Every field of a company is answered in the form of v2, but for what only Infogreffe knows: hence 206."""
    reading = ask(COMPANY_V2, SIREN, sirene())
    body = orjson.loads(reading.body)
    assert (reading.status, body["gateway_error"]) == (206, True)
    assert body["etablissement_siege"] == established()
    assert body["entreprise"] == {
        "siren": SIREN,
        "capital_social": None,
        "numero_tva_intracommunautaire": "FR07130025265",
        "forme_juridique": "SAS, société par actions simplifiée",
        "forme_juridique_code": "5710",
        "nom_commercial": "",
        "procedure_collective": False,
        "enseigne": None,
        "libelle_naf_entreprise": "Transformation et conservation de fruits",
        "naf_entreprise": "1039B",
        "raison_sociale": "COOPERATIVE DES TROIS VALLONS",
        "siret_siege_social": SIRET,
        "code_effectif_entreprise": "12",
        "date_creation": 1238968800,
        "nom": None,
        "prenom": None,
        "date_radiation": None,
        "categorie_entreprise": "PME",
        "tranche_effectif_salarie_entreprise": {
            "de": 20,
            "a": 49,
            "code": "12",
            "date_reference": "2023",
            "intitule": "20 à 49 salariés",
        },
        "mandataires_sociaux": [],
        "etat_administratif": {"value": "A", "date_cessation": None},
    }


@pytest.mark.parametrize(("usage", "name"), [(None, "KERGOFF*/NOLWENN ANNE/"), ("MOAL", "KERGOFF*MOAL/NOLWENN ANNE/")])
def test_a_person(usage: str | None, name: str) -> None:
    """A sole trader's company name is made of their names, as v2 wrote it."""
    found = company(periods=(period(**PERSON | {"nomUsageUniteLegale": usage}),), **NAMES)
    assert (found["raison_sociale"], found["nom"], found["prenom"]) == (name, "KERGOFF", "NOLWENN")


def test_a_company_that_has_ceased() -> None:
    """Its end is told of; the day it was struck off, which only Infogreffe knows, is not."""
    ceased = period(
        etatAdministratifUniteLegale="C", changementEtatAdministratifUniteLegale=True, dateDebut="2022-09-30"
    )
    found = company(periods=(ceased,))
    assert found["etat_administratif"] == {"value": "C", "date_cessation": 1664488800}
    assert found["date_radiation"] is None


@pytest.mark.parametrize("status", ["P", "N"])
@pytest.mark.parametrize(("operation", "number"), [(COMPANY_V2, SIREN), (PLACE_V2, SIRET)])
def test_who_objects_is_told_of_on_request(operation: str, number: str, status: str) -> None:
    """Who objects to being published is 451, unless `non_diffusables=true` asks for them."""
    objecting = sirene(
        unit_of=unit(statutDiffusionUniteLegale=status),
        places=(place(of={"statutDiffusionUniteLegale": status}, statutDiffusionEtablissement=status),),
    )
    for query in ({}, {"non_diffusables": "false"}, {"non_diffusables": ""}):
        with pytest.raises(Refusal) as refused:
            ask(operation, number, objecting, **query)
        assert (refused.value.status, refused.value.errors[0].code) == (451, "01005")
    body = body_of(operation, objecting, non_diffusables="true")
    assert (body.get("entreprise") or body["etablissement"])["diffusable_commercialement"] is False


def test_the_flag_is_there_on_request() -> None:
    """Without `non_diffusables`, v2 does not say who may be diffused."""
    assert "diffusable_commercialement" not in body_of(COMPANY_V2, sirene())["entreprise"]
    assert body_of(COMPANY_V2, sirene(), non_diffusables="true")["entreprise"]["diffusable_commercialement"] is True


@pytest.mark.parametrize("operation", [COMPANY_V2, PLACE_V2])
def test_a_creation_without_a_day(operation: str) -> None:
    """v2 promises the day of the creation: without one there is no answer."""
    provider = sirene(unit_of=unit(dateCreationUniteLegale=None), places=(place(dateCreationEtablissement=None),))
    with pytest.raises(Refusal) as refused:
        ask(operation, SIREN if operation == COMPANY_V2 else SIRET, provider)
    assert refused.value.errors[0].code == "01999"
