"""The languages of real providers that the sandbox speaks."""

from typing import Any
from urllib.parse import quote

import pytest

from apientreprise_gateway.dialects import DIALECTS
from apientreprise_gateway.providers.products import PRODUCTS
from apientreprise_gateway.sandbox.app import create_app
from apientreprise_gateway.sandbox.entreprise import dialects
from apientreprise_gateway.sandbox.entreprise.entities import AT_INSEE, ENTITIES, ORDINARY
from apientreprise_gateway.sandbox.entreprise.specials import SPECIALS
from unit.sandbox.calling import Clock, ask, get

SIRENE = "/dialects/sirene-3.11"
VIES = "/dialects/vies-rest"
REPLACED, TWO_SEATS, _ABROAD = AT_INSEE
PARTIAL, HIDDEN = ENTITIES[2:4]


def search(path: str, query: str) -> Any:
    """What a search answers."""
    return ask(f"{SIRENE}{path}?q={quote(query)}")


def seats(siren: str) -> Any:
    """What a search for the head office of a unit answers."""
    return search("/siret", f"siren:{siren} AND etablissementSiege:true")


def links(siret: str) -> Any:
    """What a search for the links of an establishment answers."""
    either = f"siretEtablissementPredecesseur:{siret} OR siretEtablissementSuccesseur:{siret}"
    return search("/siret/liensSuccession", either)


def test_every_dialect_is_spoken() -> None:
    """Whatever language a provider may be set to speak, the sandbox speaks."""
    assert dialects.DIALECTS.keys() == {name for spoken in DIALECTS.values() for name in spoken}


def test_a_legal_unit() -> None:
    """A legal unit has its periods, the current one first."""
    body = ask(f"{SIRENE}/siren/130025265").json()
    assert body["header"] == {"statut": 200, "message": "OK"}
    unit = body["uniteLegale"]
    assert (unit["siren"], unit["statutDiffusionUniteLegale"]) == ("130025265", "O")
    (period,) = unit["periodesUniteLegale"]
    assert (period["dateFin"], period["denominationUniteLegale"]) == (None, ORDINARY.name)


def test_a_unit_that_has_ceased_has_two_periods() -> None:
    """The change is in the current period."""
    now, before = ask(f"{SIRENE}/siren/998000053").json()["uniteLegale"]["periodesUniteLegale"]
    assert (now["etatAdministratifUniteLegale"], now["changementEtatAdministratifUniteLegale"]) == ("C", True)
    assert (before["etatAdministratifUniteLegale"], before["dateFin"]) == ("A", "2022-09-30")


def test_an_establishment() -> None:
    """An establishment has its address and its unit, which has no periods there."""
    place = ask(f"{SIRENE}/siret/13002526500021").json()["etablissement"]
    assert (place["siren"], place["nic"], place["etablissementSiege"]) == ("130025265", "00021", False)
    assert place["adresseEtablissement"]["typeVoieEtablissement"] == "CHE"
    assert place["uniteLegale"]["nicSiegeUniteLegale"] == "00013"
    assert not {"siren", "dateDebut", "periodesUniteLegale"} & place["uniteLegale"].keys()


def test_who_objects_is_told_of_to_an_administration() -> None:
    """Who objects to being published is given in full, with that objection; who nobody may know is refused."""
    unit = ask(f"{SIRENE}/siren/{PARTIAL.siren}").json()["uniteLegale"]
    assert (unit["statutDiffusionUniteLegale"], unit["prenom1UniteLegale"]) == ("P", "Nolwenn")
    for path in (f"/siren/{HIDDEN.siren}", f"/siret/{HIDDEN.head_office.siret}"):
        assert ask(SIRENE + path).status == 403


def test_a_number_that_was_replaced() -> None:
    """A unit that was entered twice is answered with the address of the one that remains."""
    unit = ask(f"{SIRENE}/siren/{REPLACED.siren}")
    assert (unit.status, unit.headers["location"]) == (301, f"{SIRENE}/siren/130025265")
    place = ask(f"{SIRENE}/siret/{REPLACED.head_office.siret}")
    assert (place.status, place.headers["location"]) == (301, f"{SIRENE}/siret?q=siren%3A130025265")


def test_searches_for_a_head_office() -> None:
    """A search gives the establishments that it finds, and 404 for none."""
    assert [place["siret"] for place in seats("130025265").json()["etablissements"]] == ["13002526500013"]
    assert len(seats(TWO_SEATS.siren).json()["etablissements"]) == 2
    for siren in ("000000000", REPLACED.siren, HIDDEN.siren):
        assert seats(siren).status == 404


def test_searches_for_links() -> None:
    """A search gives the links on either side, and 404 for none."""
    body = links("13002526500013").json()
    assert body["header"]["total"] == 1
    assert body["liensSuccession"] == links("99800005300012").json()["liensSuccession"]
    assert links("13002526500021").status == 404
    assert links("00000000000000").status == 404


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/siren/000000000", 404),
        ("/siret/00000000000000", 404),
        ("/siren/13002526500013", 404),
        ("/siret/130025265", 404),
        ("/siret?q=siren:130025265", 400),
        ("/siret", 400),
        ("/siret/liensSuccession", 400),
        ("/informations", 400),
    ],
)
def test_what_is_not_found_or_not_understood(target: str, status: int) -> None:
    """Anything else has a status, in Sirene's form."""
    answer = ask(SIRENE + target)
    assert (answer.status, answer.json()["header"]["statut"]) == (status, status)


@pytest.mark.parametrize(
    ("number", "valid"),
    [("07130025265", True), ("08130025265", False), ("12000000000", False), ("XX", False), ("75998000087", False)],
)
def test_vies(number: str, valid: bool) -> None:
    """The number of an entity is in use, with its own check digits only."""
    body = ask(f"{VIES}/ms/FR/vat/{number}").json()
    assert (body["isValid"], body["userError"]) == (valid, "VALID" if valid else "INVALID")


def test_vies_knows_no_other_country() -> None:
    """The same number of another country is nobody's, and another path is not understood."""
    assert ask(f"{VIES}/ms/BE/vat/07130025265").json()["isValid"] is False
    assert ask(f"{VIES}/check-status").status == 404


def test_another_language_is_unknown() -> None:
    """A language that is not spoken is a path like any other that is unknown."""
    assert ask("/dialects/klingon/siren/130025265").status == 404
    assert ask("/dialects/").status == 404


@pytest.mark.parametrize("special", SPECIALS, ids=lambda special: special.fault)
def test_faults_are_met_in_every_language(special: Any) -> None:
    """The identifiers that meet a fault meet it in these languages too."""
    own = get(
        create_app(products=PRODUCTS, sleep=Clock().sleep),
        f"/v4/insee/sirene/unites_legales/{special.siren}",
        impatient=True,
    )
    for target in (f"{SIRENE}/siren/{special.siren}", f"{SIRENE}/siret/{special.siret}"):
        answer = get(create_app(products=PRODUCTS, sleep=Clock().sleep), target, impatient=True)
        assert (answer.status, answer.dropped, answer.complete) == (own.status, own.dropped, own.complete)
