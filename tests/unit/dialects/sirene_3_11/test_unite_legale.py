"""Legal units of Sirene, as they are answered."""

from typing import Any

import pytest

from apientreprise_gateway.contract.errors import Refusal
from unit.dialects.sirene_3_11.answers import NAMES, PERSON, SIREN, period, place, unit
from unit.dialects.sirene_3_11.asked import PLACE_V4, PUBLIC_UNIT, UNIT_V3, UNIT_V4, body_of, data_of, sirene
from unit.dialects.speaking import BASE_URL, ask


def described(*periods: dict[str, Any], operation: str = UNIT_V4, **changes: Any) -> Any:
    """The data of a unit that says this."""
    return data_of(operation, sirene(unit_of=unit(*periods, **changes)))


def test_a_company() -> None:
    """Every field of a company is answered in the published form."""
    body = body_of(UNIT_V3, sirene())
    assert body["data"] == {
        "siren": SIREN,
        "rna": None,
        "siret_siege_social": "13002526500013",
        "type": "personne_morale",
        "personne_morale_attributs": {"raison_sociale": "COOPERATIVE DES TROIS VALLONS", "sigle": "C3V"},
        "personne_physique_attributs": {
            "pseudonyme": None,
            "prenom_usuel": None,
            "prenom_1": None,
            "prenom_2": None,
            "prenom_3": None,
            "prenom_4": None,
            "nom_usage": None,
            "nom_naissance": None,
            "sexe": None,
        },
        "categorie_entreprise": "PME",
        "status_diffusion": "diffusible",
        "diffusable_commercialement": True,
        "forme_juridique": {"code": "5710", "libelle": "SAS, société par actions simplifiée"},
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
        "etat_administratif": "A",
        "economie_sociale_et_solidaire": True,
        "date_creation": 1238968800,
        "date_cessation": None,
    }
    sirene_url = f"{BASE_URL}/v3/insee/sirene/etablissements/13002526500013"
    assert body["links"] == {"siege_social": sirene_url, "siege_social_adresse": f"{sirene_url}/adresse"}
    assert body["meta"] == {"date_derniere_mise_a_jour": 1739228400, "redirect_from_siren": None}


def test_a_person() -> None:
    """A sole trader has names and no company name."""
    found = described(period(**PERSON), **NAMES)
    assert found["type"] == "personne_physique"
    assert found["forme_juridique"] == {"code": "1000", "libelle": "Entrepreneur individuel"}
    assert found["personne_morale_attributs"] == {"raison_sociale": None, "sigle": None}
    person = found["personne_physique_attributs"]
    assert (person["nom_naissance"], person["prenom_1"], person["prenom_2"]) == ("KERGOFF", "NOLWENN", "ANNE")
    assert (person["prenom_usuel"], person["sexe"], person["prenom_3"]) == ("NOLWENN", "F", None)


def test_the_current_period_counts() -> None:
    """What a unit was before is not answered, wherever the current period stands."""
    old = period(dateFin="2015-12-31", denominationUniteLegale="TROIS VALLONS", nicSiegeUniteLegale="00021")
    for periods in [(period(), old), (old, period())]:
        assert described(*periods)["personne_morale_attributs"]["raison_sociale"] == "COOPERATIVE DES TROIS VALLONS"
        assert described(*periods)["siret_siege_social"] == "13002526500013"


def test_a_unit_that_has_ceased() -> None:
    """The day on which it ceased is that of the change, not that of a later period."""
    ceased = period(etatAdministratifUniteLegale="C", dateDebut="2022-12-25")
    change = period(
        etatAdministratifUniteLegale="C",
        changementEtatAdministratifUniteLegale=True,
        dateDebut="2022-09-30",
        dateFin="2022-12-24",
    )
    found = described(ceased, change, period(dateFin="2022-09-29"))
    assert (found["etat_administratif"], found["date_cessation"]) == ("C", 1664488800)


def test_a_unit_that_ceased_nobody_knows_when() -> None:
    """A unit of which Sirene has forgotten the change has no day."""
    found = described(period(etatAdministratifUniteLegale="C"))
    assert (found["etat_administratif"], found["date_cessation"]) == ("C", None)


def test_an_active_unit_has_no_end() -> None:
    """A unit that was taken up again is active, whatever it was."""
    changes = period(changementEtatAdministratifUniteLegale=True, dateDebut="2024-01-01")
    assert described(changes)["date_cessation"] is None


def test_days_are_those_of_paris() -> None:
    """A day begins when it does in Paris, in summer and in winter, before 1970 too."""
    for day, seconds in [("2023-02-14", 1676329200), ("2021-10-29", 1635458400), ("1952-05-11", -556765200)]:
        assert described(dateCreationUniteLegale=day)["date_creation"] == seconds


@pytest.mark.parametrize("day", ["1900-01-01", None, "[ND]"])
def test_an_unknown_day_is_none(day: str | None) -> None:
    """What Sirene puts where it does not know a day is null."""
    assert described(dateCreationUniteLegale=day)["date_creation"] is None


def test_an_update_without_a_day() -> None:
    """Where Sirene does not say when it touched a unit, what it says holds since its period began."""
    body = body_of(UNIT_V4, sirene(unit_of=unit(dateDernierTraitementUniteLegale=None)))
    assert body["meta"]["date_derniere_mise_a_jour"] == 1451602800


def test_an_association() -> None:
    """An association has its number."""
    assert described(identifiantAssociationUniteLegale="W262001597")["rna"] == "W262001597"


def test_v4_tells_of_both_activities() -> None:
    """From v4 on the activity is said in NAF 2025, if Sirene knows it, and in NAF rév. 2."""
    found = described(activitePrincipaleNAF25UniteLegale="10.39H")
    assert found["activite_principale"] == {
        "code": "10.39H",
        "libelle": "Autre transformation et conservation de fruits",
        "nomenclature": "NAF2025",
    }
    assert found["activite_principale_naf_rev2"]["code"] == "10.39B"
    assert described()["activite_principale"] == described()["activite_principale_naf_rev2"]
    old = described(activitePrincipaleNAF25UniteLegale="10.39H", operation=UNIT_V3)
    assert (old["activite_principale"]["code"], "activite_principale_naf_rev2" in old) == ("10.39B", False)


def test_an_old_activity() -> None:
    """The codes of older nomenclatures have no label, and are none of NAF rév. 2."""
    ceased = period(activitePrincipaleUniteLegale="70.2C", nomenclatureActivitePrincipaleUniteLegale="NAF1993")
    found = described(ceased)
    assert found["activite_principale"] == {
        "code": "70.2C",
        "libelle": "ancienne révision NAF (NAF1993) non supportée",
        "nomenclature": "NAF1993",
    }
    assert found["activite_principale_naf_rev2"] == {
        "code": None,
        "libelle": "non référencé",
        "nomenclature": "NAFRev2",
    }


def test_unknown_codes() -> None:
    """A code that no table has is answered without being explained, and is null where it must be one of some."""
    found = described(
        period(categorieJuridiqueUniteLegale="1234", activitePrincipaleUniteLegale="99.99X"),
        trancheEffectifsUniteLegale="99",
        categorieEntreprise="ENORME",
    )
    assert found["forme_juridique"] == {"code": "1234", "libelle": "non référencé"}
    assert found["activite_principale"]["libelle"] == "non référencé"
    assert (found["tranche_effectif_salarie"]["code"], found["tranche_effectif_salarie"]["intitule"]) == (
        None,
        "non référencé",
    )
    assert found["categorie_entreprise"] is None


def test_no_headcount() -> None:
    """A unit of which no headcount is known has an empty band."""
    assert set(
        described(trancheEffectifsUniteLegale=None, anneeEffectifsUniteLegale=None)["tranche_effectif_salarie"].values()
    ) == {None}


@pytest.mark.parametrize(("said", "answered"), [("O", True), ("N", False), (None, None), ("[ND]", None)])
def test_social_economy(said: str | None, answered: bool | None) -> None:
    """Whether it is part of the social economy may be unknown."""
    assert described(period(economieSocialeSolidaireUniteLegale=said))["economie_sociale_et_solidaire"] is answered


# Diffusion.


def test_everything_is_answered_where_it_may_be() -> None:
    """The endpoint that is not for the public tells of a person who objects to being published."""
    found = described(period(**PERSON), **NAMES, statutDiffusionUniteLegale="P")
    assert (found["status_diffusion"], found["diffusable_commercialement"]) == ("partiellement_diffusible", False)
    assert found["personne_physique_attributs"]["nom_naissance"] == "KERGOFF"


def test_a_masked_person() -> None:
    """What may be made public of a person who objects to it says not even how many first names they have."""
    found = described(period(**PERSON), **NAMES, statutDiffusionUniteLegale="P", operation=PUBLIC_UNIT)
    person = found["personne_physique_attributs"]
    assert person.pop("sexe") is None
    assert set(person.values()) == {"[ND]"}
    assert found["siren"] == SIREN


def test_a_masked_company() -> None:
    """What may be made public of a company that objects to it is all but its acronym."""
    found = described(statutDiffusionUniteLegale="P", operation=PUBLIC_UNIT)
    assert found["personne_morale_attributs"] == {"raison_sociale": "COOPERATIVE DES TROIS VALLONS", "sigle": "[ND]"}


def test_a_hidden_unit() -> None:
    """Who may not be published at all is unknown to the public, and told of to those who may know."""
    hidden = sirene(unit_of=unit(statutDiffusionUniteLegale="N"))
    assert data_of(UNIT_V4, hidden)["status_diffusion"] == "non_diffusible"
    with pytest.raises(Refusal) as refused:
        ask(PUBLIC_UNIT, SIREN, hidden)
    assert (refused.value.status, refused.value.errors[0].code) == (404, "01003")


def test_what_sirene_has_masked_stays_so() -> None:
    """`[ND]` is passed on as text, and is null where the published schema wants one of some values."""
    hidden: dict[str, Any] = dict.fromkeys(("prenom1UniteLegale", "prenomUsuelUniteLegale", "sexeUniteLegale"), "[ND]")
    found = described(period(**PERSON | {"nomUniteLegale": "[ND]"}), **hidden, statutDiffusionUniteLegale="P")
    person = found["personne_physique_attributs"]
    assert (person["nom_naissance"], person["prenom_1"], person["sexe"]) == ("[ND]", "[ND]", None)


# What is needed.


@pytest.mark.parametrize(
    "changes",
    [
        {"siren": None},
        {"siren": "13002526"},
        {"siren": "１３００２５２６５"},
        {"siren": 130025265},
        {"statutDiffusionUniteLegale": None},
        {"statutDiffusionUniteLegale": "X"},
        {"dateCreationUniteLegale": "hier"},
        {"dateCreationUniteLegale": "2023-02-30"},
        {"sigleUniteLegale": ["C3V"]},
        {"periodesUniteLegale": None},
        {"periodesUniteLegale": []},
        {"periodesUniteLegale": [None]},
        {"periodesUniteLegale": [period(dateFin="2015-12-31")]},
        {"periodesUniteLegale": [period(etatAdministratifUniteLegale=None)]},
        {"periodesUniteLegale": [period(etatAdministratifUniteLegale="[ND]")]},
        {"periodesUniteLegale": [period(nicSiegeUniteLegale="13")]},
        {"periodesUniteLegale": [period(categorieJuridiqueUniteLegale=None)]},
        {"dateDernierTraitementUniteLegale": None, "periodesUniteLegale": [period(dateDebut=None)]},
    ],
)
def test_what_an_answer_cannot_do_without(changes: dict[str, Any]) -> None:
    """An answer that lacks what ours promises, or says it otherwise, is an error."""
    for operation in (UNIT_V3, UNIT_V4, PUBLIC_UNIT):
        with pytest.raises(Refusal) as refused:
            ask(operation, SIREN, sirene(unit_of=unit() | changes))
        assert (refused.value.status, refused.value.errors[0].code) == (502, "01999")


def test_the_unit_of_an_establishment_is_the_same() -> None:
    """A unit is described alike by itself and with its establishment."""
    alone = described()
    del alone["date_cessation"]
    assert data_of(PLACE_V4, sirene(places=(place(),)))["unite_legale"] == alone
