from collections.abc import Mapping
from typing import Any

import pytest

from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.providers.entreprise.product import PROVIDERS
from apientreprise_gateway.sandbox.entreprise.answers import ANSWERS
from apientreprise_gateway.sandbox.entreprise.answers.generic import takes_associations
from apientreprise_gateway.sandbox.entreprise.entities import ENTITIES, ORDINARY
from unit.sandbox.calling import ask, path_for

ENDPOINTS = [endpoint for provider in PROVIDERS for endpoint in provider.endpoints]
PARTIAL, HIDDEN, ASSOCIATION, CLOSED, IN_ARREARS = ENTITIES[2:7]
ONLY_PAID = {"api_entreprise_v3_acoss_attestations_sociales", "api_entreprise_v2_attestations_sociales_acoss"}
SUCCESSIONS = "api_entreprise_v3_insee_successions"
EFFECTIFS = "/v3/gip_mds/etablissements/13002526500013/effectifs_mensuels/{month}/annee/{year}"


def each_endpoint(test: Any) -> Any:
    """Run a test on every endpoint of the catalogue."""
    return pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.operation)(test)


def provider_of(endpoint: Endpoint) -> str:
    """The key of the provider that answers for an endpoint."""
    return next(provider.key for provider in PROVIDERS if endpoint in provider.endpoints)


def months(target: str) -> list[tuple[str, str, str]]:
    """Year, month and scheme of each headcount of an answer."""
    entries = ask(target).json()["data"]["effectifs_mensuels"]
    return [(entry["annee"], entry["mois"], entry["regime"]) for entry in entries]


def test_answers_are_of_operations() -> None:
    """Nothing answers for an operation that the catalogue has not."""
    assert set(ANSWERS) <= {endpoint.operation for endpoint in ENDPOINTS}


@each_endpoint
def test_ordinary_entity_is_known_everywhere(endpoint: Endpoint) -> None:
    """The documented identifiers are answered on every endpoint, in the shape of its version."""
    answer = ask(path_for(endpoint, ORDINARY))
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("application/json")
    body = answer.json()
    enveloped = isinstance(body, dict) and body.keys() == {"data", "links", "meta"}
    assert enveloped is not endpoint.flat


@each_endpoint
def test_answers_are_repeatable(endpoint: Endpoint) -> None:
    """The same call gets the same bytes from another sandbox."""
    path = path_for(endpoint, ORDINARY)
    assert ask(path).body == ask(path).body


@each_endpoint
def test_every_entity_is_known_where_it_has_something_to_say(endpoint: Endpoint) -> None:
    """Entities are found wherever their identifiers fit, but for what INSEE may not diffuse."""
    for entity in ENTITIES:
        fits = entity.rna is not None or not takes_associations(endpoint)
        fits = fits and (entity.contributions_paid or endpoint.operation not in ONLY_PAID)
        fits = fits and (endpoint.operation != SUCCESSIONS or entity in {ORDINARY, CLOSED})
        hidden = entity in ({PARTIAL, HIDDEN} if endpoint.flat else {HIDDEN}) and provider_of(endpoint) == "insee"
        expected = 403 if hidden else 200 if fits else 404
        assert ask(path_for(endpoint, entity)).status == expected, entity.description


def test_v2_gives_those_who_oppose_diffusion_on_request() -> None:
    """`non_diffusables=true` opens v2 and adds the flag that says what was opened, but for whom nobody may know."""
    answer = ask(f"/v2/entreprises/{PARTIAL.siren}?non_diffusables=true")
    assert answer.status == 200
    assert answer.json()["entreprise"]["diffusable_commercialement"] is False
    assert ask(f"/v2/entreprises/{HIDDEN.siren}?non_diffusables=true").status == 403


def test_v2_has_the_flag_only_on_request() -> None:
    """Without `non_diffusables`, v2 does not say who may be diffused."""
    assert "diffusable_commercialement" not in ask("/v2/entreprises/130025265").json()["entreprise"]


def test_sole_trader_is_partially_diffusible() -> None:
    """A sole trader is a person, with a name of its own and no company name."""
    data = ask(f"/v4/insee/sirene/unites_legales/{PARTIAL.siren}").json()["data"]
    assert data["type"] == "personne_physique"
    assert data["status_diffusion"] == "partiellement_diffusible"
    assert data["personne_morale_attributs"] == {"raison_sociale": None, "sigle": None}
    assert data["personne_physique_attributs"]["nom_naissance"]


def test_the_public_gets_what_may_be_made_public() -> None:
    """A sole trader who objects to being published has neither name nor street on the endpoints for the public."""
    unit = ask(f"/v4/insee/sirene/unites_legales/diffusibles/{PARTIAL.siren}").json()["data"]
    assert unit["personne_physique_attributs"]["nom_naissance"] == "[ND]"
    place = ask(f"/v4/insee/sirene/etablissements/diffusibles/{PARTIAL.head_office.siret}").json()["data"]
    assert (place["adresse"]["libelle_voie"], place["adresse"]["libelle_commune"]) == ("[ND]", "BREST")
    assert place["enseigne"] == "[ND]"


# What INSEE alone knows.


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("entreprises/998000087", "entreprises/130025265"),
        ("etablissements/99800008700010", "etablissements/13002526500013"),
    ],
)
def test_v2_redirects_from_a_number_that_was_replaced(path: str, number: str) -> None:
    """A number that INSEE has replaced is a redirection to the one that remains."""
    answer = ask(f"/v2/{path}")
    assert (answer.status, answer.headers["location"]) == (301, f"/v2/{number}")


def test_later_versions_answer_with_who_remains() -> None:
    """From v3 on, who remains is answered, and `meta` says who was asked for."""
    unit = ask("/v4/insee/sirene/unites_legales/998000087").json()
    assert (unit["data"]["siren"], unit["meta"]["redirect_from_siren"]) == ("130025265", "998000087")
    place = ask("/v3/insee/sirene/etablissements/99800008700010").json()
    assert (place["data"]["siret"], place["meta"]["redirect_from_siret"]) == ("13002526500013", "99800008700010")
    assert ask("/v4/insee/sirene/unites_legales/998000087/siege_social").json()["data"]["siret"] == "13002526500013"


@pytest.mark.parametrize("path", ["v3/insee/sirene/unites_legales/998000095/siege_social", "v2/entreprises/998000095"])
def test_two_head_offices(path: str) -> None:
    """An entity of which INSEE knows two head offices is an error with a code of its own."""
    answer = ask(f"/{path}")
    assert (answer.status, answer.json()["errors"][0]["code"]) == (502, "01501")


@pytest.mark.parametrize("siren", ["998000087", "998000095"])
def test_others_do_not_know_them(siren: str) -> None:
    """The entities that show INSEE's ways are unknown to the other providers."""
    assert ask(f"/v3/infogreffe/rcs/unites_legales/{siren}/extrait_kbis").status == 404


def test_closed_company_is_closed_everywhere() -> None:
    """The legal unit has ceased, its establishment is shut and the register has struck it off."""
    unit = ask(f"/v4/insee/sirene/unites_legales/{CLOSED.siren}").json()["data"]
    assert (unit["etat_administratif"], unit["date_cessation"]) == ("C", 1664488800)
    place = ask(f"/v4/insee/sirene/etablissements/{CLOSED.head_office.siret}").json()["data"]
    assert (place["etat_administratif"], place["date_fermeture"]) == ("F", 1664488800)
    assert ask(f"/v3/infogreffe/rcs/unites_legales/{CLOSED.siren}/extrait_kbis").json()["data"]["date_radiation"]
    assert ask(f"/v2/entreprises/{CLOSED.siren}").json()["entreprise"]["date_radiation"] == "2022-09-30"


def test_urssaf_refuses_a_certificate() -> None:
    """A company in arrears gets an answer that holds no document."""
    data = ask(f"/v4/urssaf/unites_legales/{IN_ARREARS.siren}/attestation_vigilance").json()["data"]
    assert data["entity_status"]["code"] == "refus_de_delivrance"
    assert data["document_url"] is None


@pytest.mark.parametrize(
    "path", ["/v3/urssaf/unites_legales/{}/attestation_vigilance", "/v2/attestations_sociales_acoss/{}"]
)
def test_before_v4_a_refused_certificate_is_not_found(path: str) -> None:
    """Older versions have no answer that could say that no certificate was issued."""
    assert ask(path.format(IN_ARREARS.siren)).status == 404


def test_head_office_is_the_same_by_every_path() -> None:
    """The seat of a unit, its establishment and its address agree."""
    seat = ask("/v3/insee/sirene/unites_legales/130025265/siege_social").json()
    assert seat == ask("/v3/insee/sirene/etablissements/13002526500013").json()
    address = ask("/v3/insee/sirene/etablissements/13002526500013/adresse").json()
    assert address["data"] == seat["data"]["adresse"]


def test_v4_adds_the_second_activity() -> None:
    """The only difference between v3 and v4 of an establishment is what v4 added, links apart."""
    old = ask("/v3/insee/sirene/etablissements/13002526500021").json()["data"]
    new = ask("/v4/insee/sirene/etablissements/13002526500021").json()["data"]
    assert new.pop("activite_principale_naf_rev2") == new["unite_legale"].pop("activite_principale_naf_rev2")
    assert new == old


def test_v2_establishment_is_the_one_asked_for() -> None:
    """An establishment that is no head office says so, at its own address."""
    place = ask("/v2/etablissements/13002526500021").json()["etablissement"]
    assert (place["siret"], place["siege_social"]) == ("13002526500021", False)
    assert place["adresse"]["localite"] == "CREST"


def test_officers_are_counted_by_kind() -> None:
    """People and companies among the officers are those of the register's extract."""
    path = "/v3/infogreffe/rcs/unites_legales/130025265/"
    body = ask(path + "mandataires_sociaux").json()
    assert body["meta"] == {"personnes_physiques_count": 1, "personnes_morales_count": 1, "count": 2}
    extract = ask(path + "extrait_kbis").json()["data"]["mandataires_sociaux"]
    assert [each["data"]["fonction"] for each in body["data"]] == [each["fonction"] for each in extract]


def test_v2_extract_has_its_observations() -> None:
    """A company struck off has the observation that says so, with its day in seconds."""
    (observation,) = ask(f"/v2/extraits_rcs_infogreffe/{CLOSED.siren}").json()["observations"]
    assert observation["date_timestamp"] == 1664496000


def test_yearly_headcount_has_the_nature_asked_for() -> None:
    """`nature_effectif` picks what is counted over a year too."""
    data = ask("/v3/gip_mds/unites_legales/130025265/effectifs_annuels/2024?nature_effectif=boeth").json()["data"]
    assert (data["siren"], data["annee"]) == ("130025265", "2024")
    assert {entry["nature"] for entry in data["effectifs_annuel"]} == {"effectif_boeth_annuel"}


def test_association_is_found_by_either_identifier() -> None:
    """SIRET and RNA lead to the same association."""
    path = "/v3/ministere_interieur/rna/associations/"
    assert ask(path + "W998000004").json() == ask(path + "99800004600016").json()


def test_second_establishment_is_not_the_head_office() -> None:
    """An establishment knows its unit and that it is not its seat."""
    data = ask("/v4/insee/sirene/etablissements/13002526500021").json()["data"]
    assert data["siege_social"] is False
    assert data["unite_legale"]["siret_siege_social"] == "13002526500013"


def test_effectifs_go_back_over_the_turn_of_the_year() -> None:
    """`profondeur` adds that many earlier months, each with its two schemes."""
    target = EFFECTIFS.format(month="01", year="2024") + "?profondeur=2"
    schemes = ("regime_general", "regime_agricole")
    expected = [("2024", "01"), ("2023", "12"), ("2023", "11")]
    assert months(target) == [(*month, scheme) for month in expected for scheme in schemes]


def test_effectifs_of_one_month_by_default() -> None:
    """Without `profondeur` there is the month asked for and no other."""
    assert {entry[:2] for entry in months(EFFECTIFS.format(month="12", year="2023"))} == {("2023", "12")}


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("moyen", "effectif_moyen_mensuel"),
        ("boeth", "effectif_boeth_mensuel"),
        ("ecap", "effectif_ecap_mensuel"),
        ("assujettissement_oeth", "effectif_assujettissement_oeth_mensuel"),
        ("autre", "effectif_moyen_mensuel"),
        ("", "effectif_moyen_mensuel"),
    ],
)
def test_effectifs_have_the_nature_asked_for(asked: str, given: str) -> None:
    """`nature_effectif` picks what is counted, and an unknown one is the average."""
    target = EFFECTIFS.format(month="06", year="2024") + f"?nature_effectif={asked}"
    assert {entry["nature"] for entry in ask(target).json()["data"]["effectifs_mensuels"]} == {given}


@pytest.mark.parametrize("last", ["entreprise/130025265", "etablissement/13002526500013"])
def test_v2_effectifs_are_texts_with_two_decimals(last: str) -> None:
    """v2 repeats the period and writes the headcount as a text."""
    body: Mapping[str, str] = ask(f"/v2/effectifs_mensuels_acoss_covid/2024/06/{last}").json()
    assert (body["annee"], body["mois"]) == ("2024", "06")
    whole, _, decimals = body["effectifs_mensuels"].partition(".")
    assert whole.isdigit()
    assert len(decimals) == 2


def test_other_documents_lie_on_a_host_that_cannot_exist() -> None:
    """The addresses of documents that the gateway does not keep are absolute, on a reserved name."""
    url = ask("/v3/inpi/rne/unites_legales/open_data/130025265/actes_bilans").json()["data"]["actes"][0]["url"]
    assert url.startswith("https://documents.exemple.test/")
