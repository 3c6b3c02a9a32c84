"""Addresses of Sirene, as they are answered."""

from typing import Any

import pytest
from jsonschema_rs import validator_for

from apientreprise_gateway.providers.entreprise.schemas import SCHEMAS
from unit.dialects.sirene_3_11.answers import NAMES, PERSON, SIREN, SIRET, place
from unit.dialects.sirene_3_11.asked import ADDRESS, PLACE_V3, PUBLIC_ADDRESS, body_of, data_of, sirene
from unit.dialects.speaking import BASE_URL

LINES = ("l1", "l2", "l3", "l4", "l5", "l6", "l7")
VALID = validator_for(SCHEMAS.of(ADDRESS))


def described(*, operation: str = ADDRESS, of: dict[str, Any] | None = None, status: str = "O", **at: Any) -> Any:
    """The data of an address that says this; it is as its schema says."""
    body = body_of(operation, sirene(places=(place(at=at, of=of, statutDiffusionEtablissement=status),)))
    assert VALID.is_valid(body)
    return body["data"]


def lines(**at: Any) -> list[str]:
    """The lines of the envelope."""
    envelope = described(**at)["acheminement_postal"]
    return [envelope[line] for line in LINES]


def test_an_address() -> None:
    """Every field of an address is answered in the published form, the same as with its establishment."""
    body = body_of(ADDRESS, sirene())
    assert body["data"] == {
        "numero_voie": "14",
        "indice_repetition_voie": None,
        "type_voie": "AVENUE",
        "libelle_voie": "DES TANNEURS",
        "complement_adresse": "BATIMENT C",
        "code_commune": "26362",
        "code_postal": "26000",
        "distribution_speciale": None,
        "code_cedex": None,
        "libelle_cedex": None,
        "libelle_commune": "VALENCE",
        "libelle_commune_etranger": None,
        "code_pays_etranger": None,
        "libelle_pays_etranger": None,
        "status_diffusion": "diffusible",
        "acheminement_postal": {
            "l1": "COOPERATIVE DES TROIS VALLONS",
            "l2": "",
            "l3": "BATIMENT C",
            "l4": "14 AVENUE DES TANNEURS",
            "l5": "",
            "l6": "26000 VALENCE",
            "l7": "FRANCE",
        },
    }
    assert body["links"] == {
        "unite_legale": f"{BASE_URL}/v3/insee/sirene/unites_legales/{SIREN}",
        "etablissement": f"{BASE_URL}/v3/insee/sirene/etablissements/{SIRET}",
    }
    assert body["meta"] == {"date_derniere_mise_a_jour": 1739228400}
    assert data_of(PLACE_V3, sirene())["adresse"] == body["data"]


@pytest.mark.parametrize(
    ("code", "word"),
    [("RUE", "RUE"), ("ALL", "ALLÉE"), ("ALLEE", "ALLÉE"), ("ALLÉE", "ALLÉE"), ("LIEU DIT", "LIEU-DIT"), (None, None)],
)
def test_kinds_of_street(code: str | None, word: str | None) -> None:
    """The kind of a street is named by its code, or by the word, with accents or without."""
    assert described(typeVoieEtablissement=code)["type_voie"] == word


def test_a_kind_of_street_that_is_not_published() -> None:
    """A kind of street that the published schema does not name stays with the name of the street."""
    found = described(typeVoieEtablissement="PARC", libelleVoieEtablissement="DE LA GARE")
    assert (found["type_voie"], found["libelle_voie"]) == (None, "PARC DE LA GARE")
    assert found["acheminement_postal"]["l4"] == "14 PARC DE LA GARE"


@pytest.mark.parametrize(
    ("said", "number", "published", "line"),
    [
        ("B", "14", "bis", "14 BIS AVENUE DES TANNEURS"),
        ("TER", "14", "ter", "14 TER AVENUE DES TANNEURS"),
        ("Q", "14", "quarter", "14 QUATER AVENUE DES TANNEURS"),
        ("D", "14 D", None, "14 D AVENUE DES TANNEURS"),
    ],
)
def test_indices(said: str, number: str, published: str | None, line: str) -> None:
    """An index is as published, the misspelt one included; one that is not published stays with the number."""
    found = described(indiceRepetitionEtablissement=said)
    assert (found["numero_voie"], found["indice_repetition_voie"]) == (number, published)
    assert found["acheminement_postal"]["l4"] == line


def test_a_place_without_a_number() -> None:
    """Number and street are texts, empty where there are none."""
    found = described(numeroVoieEtablissement=None, typeVoieEtablissement=None, libelleVoieEtablissement=None)
    assert (found["numero_voie"], found["libelle_voie"], found["acheminement_postal"]["l4"]) == ("", "", "")


def test_special_delivery() -> None:
    """Where there is a CEDEX, the letter goes there."""
    found = lines(
        distributionSpecialeEtablissement="CS 12345",
        codeCedexEtablissement="26904",
        libelleCedexEtablissement="VALENCE CEDEX 9",
    )
    assert found[4:6] == ["CS 12345", "26904 VALENCE CEDEX 9"]


def test_abroad() -> None:
    """A letter that goes abroad has the town and country there."""
    found = lines(
        codePostalEtablissement=None,
        codeCommuneEtablissement=None,
        libelleCommuneEtablissement=None,
        libelleCommuneEtrangerEtablissement="1000 BRUXELLES",
        codePaysEtrangerEtablissement="99131",
        libellePaysEtrangerEtablissement="BELGIQUE",
    )
    assert found[5:] == ["1000 BRUXELLES", "BELGIQUE"]


def test_to_a_person() -> None:
    """A letter to a sole trader has their name on the second line."""
    assert described(of=PERSON | NAMES)["acheminement_postal"]["l2"] == "KERGOFF NOLWENN"
    assert described(of=PERSON | NAMES)["acheminement_postal"]["l1"] == ""


@pytest.mark.parametrize(
    ("usual", "line"),
    [
        ("LES TROIS VALLONS", "COOPERATIVE DES TROIS VALLONS LES TROIS VALLONS"),
        ("COOPERATIVE DES TROIS VALLONS", "COOPERATIVE DES TROIS VALLONS"),
    ],
)
def test_to_a_company_with_a_usual_name(usual: str, line: str) -> None:
    """A letter to a company has its usual name behind its own, if they differ."""
    assert described(of={"denominationUsuelle1UniteLegale": usual})["acheminement_postal"]["l1"] == line


def test_a_masked_address() -> None:
    """What may be made public of an address is its town."""
    found = described(operation=PUBLIC_ADDRESS, status="P")
    assert {name for name, value in found.items() if value == "[ND]"} == {
        "numero_voie",
        "libelle_voie",
        "complement_adresse",
        "code_postal",
        "distribution_speciale",
        "code_cedex",
        "libelle_cedex",
    }
    assert (found["type_voie"], found["indice_repetition_voie"]) == (None, None)
    assert (found["code_commune"], found["libelle_commune"]) == ("26362", "VALENCE")
    assert set(found["acheminement_postal"].values()) == {"[ND]", "FRANCE"}
    assert described(status="P")["libelle_voie"] == "DES TANNEURS"


def test_what_sirene_has_masked_stays_so() -> None:
    """A line of which a part is hidden is hidden."""
    hidden: dict[str, Any] = dict.fromkeys(
        (
            "numeroVoieEtablissement",
            "typeVoieEtablissement",
            "libelleVoieEtablissement",
            "indiceRepetitionEtablissement",
        ),
        "[ND]",
    )
    found = described(**hidden, codePostalEtablissement="[ND]", complementAdresseEtablissement="[ND]")
    assert (found["numero_voie"], found["type_voie"], found["libelle_voie"]) == ("[ND]", None, "[ND]")
    assert found["acheminement_postal"]["l4"] == "[ND]"
    assert found["acheminement_postal"]["l6"] == "[ND]"
