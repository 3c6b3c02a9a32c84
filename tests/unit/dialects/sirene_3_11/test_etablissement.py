"""Establishments of Sirene, as they are answered."""

from typing import Any

import pytest

from apientreprise_gateway.contract.errors import Refusal
from unit.dialects.sirene_3_11.answers import NAMES, PERSON, SIREN, SIRET, place, place_period
from unit.dialects.sirene_3_11.asked import (
    PLACE_V3,
    PLACE_V4,
    PUBLIC_PLACE,
    PUBLIC_SEAT,
    SEAT_V4,
    body_of,
    data_of,
    sirene,
)
from unit.dialects.speaking import BASE_URL, ask

PERSON_OF = PERSON | NAMES


def described(*periods: dict[str, Any], operation: str = PLACE_V4, **changes: Any) -> Any:
    """The data of an establishment that says this."""
    return data_of(operation, sirene(places=(place(*periods, **changes),)))


def test_an_establishment() -> None:
    """Every field of an establishment is answered in the published form, its unit and address apart."""
    body = body_of(PLACE_V3, sirene())
    data = body["data"]
    assert data.pop("unite_legale")["siren"] == SIREN
    assert data.pop("adresse")["code_commune"] == "26362"
    assert data == {
        "siret": SIRET,
        "siege_social": True,
        "etat_administratif": "A",
        "date_fermeture": None,
        "activite_principale": {
            "code": "10.39B",
            "libelle": "Transformation et conservation de fruits",
            "nomenclature": "NAFRev2",
        },
        "tranche_effectif_salarie": {
            "code": "12",
            "intitule": "20 à 49 salariés",
            "date_reference": "2023",
            "de": 20,
            "a": 49,
        },
        "status_diffusion": "diffusible",
        "diffusable_commercialement": True,
        "enseigne": None,
        "date_creation": 1238968800,
    }
    assert body["links"] == {"unite_legale": f"{BASE_URL}/v3/insee/sirene/unites_legales/{SIREN}"}
    assert body["meta"] == {"date_derniere_mise_a_jour": 1739228400, "redirect_from_siret": None}


def test_the_seat_is_an_establishment() -> None:
    """The head office is answered as the establishment that it is."""
    assert body_of(SEAT_V4, sirene()) == body_of(PLACE_V4, sirene())


def test_v4_tells_of_both_activities() -> None:
    """From v4 on the activity of the establishment and that of its unit are said in both nomenclatures."""
    found = described(
        activitePrincipaleNAF25Etablissement="10.39G", of={"activitePrincipaleNAF25UniteLegale": "10.39H"}
    )
    for level, code in [(found, "10.39G"), (found["unite_legale"], "10.39H")]:
        assert (level["activite_principale"]["code"], level["activite_principale"]["nomenclature"]) == (code, "NAF2025")
        assert level["activite_principale_naf_rev2"]["code"] == "10.39B"


def test_signs() -> None:
    """What stands above the door may be in three parts."""
    assert described(place_period(enseigne1Etablissement="LES TROIS", enseigne3Etablissement="VALLONS"))[
        "enseigne"
    ] == ("LES TROIS, VALLONS")


def test_a_closed_establishment() -> None:
    """The day on which it was closed is that of the change."""
    closed = place_period(
        etatAdministratifEtablissement="F", changementEtatAdministratifEtablissement=True, dateDebut="2022-09-30"
    )
    found = described(closed, place_period(dateFin="2022-09-29"))
    assert (found["etat_administratif"], found["date_fermeture"]) == ("F", 1664488800)


def test_an_establishment_that_closed_nobody_knows_when() -> None:
    """One of which Sirene has forgotten the change has no day."""
    assert described(place_period(etatAdministratifEtablissement="F"))["date_fermeture"] is None


def test_a_masked_person() -> None:
    """What may be made public of a sole trader's place is its town, not its sign."""
    found = described(
        place_period(enseigne1Etablissement="TERRE ET GRES"),
        of=PERSON_OF | {"statutDiffusionUniteLegale": "P"},
        statutDiffusionEtablissement="P",
        operation=PUBLIC_PLACE,
    )
    assert found["enseigne"] == "[ND]"
    assert found["unite_legale"]["personne_physique_attributs"]["nom_naissance"] == "[ND]"
    assert (found["adresse"]["libelle_voie"], found["adresse"]["libelle_commune"]) == ("[ND]", "VALENCE")
    assert found["adresse"]["acheminement_postal"]["l2"] == "[ND]"


def test_a_masked_company() -> None:
    """A company's sign may be made public, its address may not."""
    found = described(
        place_period(enseigne1Etablissement="LES TROIS VALLONS"),
        statutDiffusionEtablissement="P",
        operation=PUBLIC_PLACE,
    )
    assert found["enseigne"] == "LES TROIS VALLONS"
    assert found["adresse"]["numero_voie"] == "[ND]"


@pytest.mark.parametrize("operation", [PUBLIC_PLACE, PUBLIC_SEAT])
@pytest.mark.parametrize("level", ["unit", "place"])
def test_either_objection_counts(operation: str, level: str) -> None:
    """A place is masked where it objects to being published, and where its unit does."""
    changes: Any = {
        "unit": {"of": {"statutDiffusionUniteLegale": "P"}},
        "place": {"statutDiffusionEtablissement": "P"},
    }[level]
    found = data_of(operation, sirene(places=(place(**changes),)))
    assert found["adresse"]["code_postal"] == "[ND]"
    assert found["unite_legale"]["personne_morale_attributs"]["sigle"] == "[ND]"


@pytest.mark.parametrize("operation", [PUBLIC_PLACE, PUBLIC_SEAT])
def test_a_hidden_establishment(operation: str) -> None:
    """Who may not be published at all is unknown to the public."""
    hidden = sirene(places=(place(of={"statutDiffusionUniteLegale": "N"}, statutDiffusionEtablissement="N"),))
    with pytest.raises(Refusal) as refused:
        ask(operation, SIREN if operation == PUBLIC_SEAT else SIRET, hidden)
    assert (refused.value.status, refused.value.errors[0].code) == (404, "01003")


@pytest.mark.parametrize(
    "changes",
    [
        {"siret": None},
        {"siren": "130"},
        {"etablissementSiege": "oui"},
        {"uniteLegale": None},
        {"adresseEtablissement": []},
        {"periodesEtablissement": None},
        {"periodesEtablissement": [place_period(etatAdministratifEtablissement="X")]},
        {"statutDiffusionEtablissement": "?"},
        {"dateDernierTraitementEtablissement": "jamais"},
    ],
)
def test_what_an_answer_cannot_do_without(changes: dict[str, Any]) -> None:
    """An answer that lacks what ours promises, or says it otherwise, is an error."""
    with pytest.raises(Refusal) as refused:
        ask(PLACE_V4, SIRET, sirene(places=(place() | changes,)))
    assert (refused.value.status, refused.value.errors[0].code) == (502, "01999")
