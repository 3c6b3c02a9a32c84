"""Attestations, transfers and the pages of makers of software."""

import httpx
import pytest
import respx
from sqlalchemy import Engine, select

from apientreprise_gateway.accounts import delegations, repository
from apientreprise_gateway.accounts.model import Role
from apientreprise_gateway.database.accounts import activity
from apientreprise_gateway.database.engine import reading, writing
from apientreprise_gateway.portal.attestations import COMPANY, FISCAL
from support.accounts import APPLICANT, BUSINESS, SIRET, TECHNICAL, Known, add_known
from support.portal import OPERATOR, Site, make_site

GATEWAY = "http://gateway.test"
SIREN = "130025265"
PAGE = "/compte/telecharger-documents"


@pytest.fixture
def site(engine: Engine) -> Site:
    """A portal that knows a gateway."""
    secrets = {"jwt_secrets": "a secret of the gateway that is long enough", "gateway_url": GATEWAY}
    return make_site(engine, settings=secrets)


@pytest.fixture
def known(site: Site) -> Known:
    """A habilitation in force with the fiscal attestation."""
    with writing(site.engine) as connection:
        return add_known(connection, site.clock.time, called=True)


@respx.mock
def test_attestations_are_asked_for_with_a_token_of_a_minute(site: Site, known: Known) -> None:
    """The calls say for whom, why and who asks; links are shown, and what the source refuses in its words."""
    company = respx.get(GATEWAY + COMPANY.format(siren=SIREN)).respond(
        json={"data": {"personne_morale_attributs": {"raison_sociale": "DINUM <b>"}}}
    )
    fiscal = respx.get(GATEWAY + FISCAL.format(siren=SIREN)).respond(
        json={"data": {"document_url": "https://api.test/documents/x"}}
    )
    site.log_in(BUSINESS)
    answer = site.post(PAGE, jeton=known.token.id, siren="130 025 265")
    assert answer.status_code == 200
    assert "DINUM &lt;b&gt;" in answer.text
    assert 'href="https://api.test/documents/x"' in answer.text
    request = fiscal.calls.last.request
    with reading(site.engine) as connection:
        person = repository.user_by_email(connection, BUSINESS)
        assert "attestations.asked" in connection.scalars(select(activity.c.act)).all()
    assert person is not None
    assert request.url.params["user_id"] == person.id
    assert request.url.params["recipient"] == SIRET
    assert request.headers["authorization"].startswith("Bearer eyJ")
    assert known.token.id not in request.headers["authorization"]
    assert company.called


@respx.mock
def test_what_a_source_refuses_is_said_in_the_gateway_s_words(site: Site, known: Known) -> None:
    """With the code and the request id; a gateway that is away is a calm page."""
    refusal = {"errors": [{"code": "01003", "title": "x", "detail": "Entité non trouvée."}]}
    respx.get(GATEWAY + COMPANY.format(siren=SIREN)).respond(404, json=refusal)
    respx.get(GATEWAY + FISCAL.format(siren=SIREN)).respond(404, json=refusal, headers={"X-Request-Id": "r-1"})
    site.log_in(APPLICANT)
    text = site.post(PAGE, jeton=known.token.id, siren=SIREN).text
    assert "Entité non trouvée." in text
    assert "01003" in text
    assert "r-1" in text
    respx.get(GATEWAY + COMPANY.format(siren=SIREN)).mock(side_effect=httpx.ConnectError("away"))
    assert site.post(PAGE, jeton=known.token.id, siren=SIREN).status_code == 503


@respx.mock
def test_ten_companies_a_minute_for_each_person(site: Site, known: Known) -> None:
    """The eleventh is refused before any call."""
    respx.get(path__regex=".*").respond(json={"data": {}})
    site.log_in(APPLICANT)
    statuses = [site.post(PAGE, jeton=known.token.id, siren=SIREN).status_code for _ in range(11)]
    assert statuses == [200] * 10 + [429]
    site.clock.pass_by(seconds=61)
    assert site.post(PAGE, jeton=known.token.id, siren=SIREN).status_code == 200


@pytest.mark.parametrize("email", [TECHNICAL, OPERATOR, "quelqu.un@ailleurs.test"])
def test_attestations_are_for_the_applicant_and_the_business_contact(site: Site, known: Known, email: str) -> None:
    """Whoever names another token is refused beside the field."""
    site.log_in(email)
    assert "Aucune de vos habilitations" in site.text(PAGE)
    assert site.post(PAGE, jeton=known.token.id, siren=SIREN).status_code == 422
    assert site.post(PAGE, jeton=known.token.id, siren="1").status_code == 422
    assert site.get("/compte/telecharcher-documents").headers["location"] == PAGE


def test_a_place_is_offered_accepted_and_waits_for_the_service(site: Site, known: Known) -> None:
    """Each sees whose turn it is; nobody else can accept."""
    newcomer, other = site.another(), site.another()
    site.log_in(APPLICANT)
    newcomer.log_in("suite@mairie.test")
    other.log_in("quelqu.un@ailleurs.test")
    assert site.post("/compte/transferer", siret=SIRET, email="x").status_code == 422
    assert site.post("/compte/transferer", siret=SIRET, email="Suite@mairie.test").status_code == 303
    assert "Au tour de suite@mairie.test" in site.text("/compte/transferer")
    assert "On vous propose" in newcomer.text("/compte")
    with reading(site.engine) as connection:
        from apientreprise_gateway.accounts import transfers

        person = repository.user_by_email(connection, APPLICANT)
        assert person is not None
        (offer,) = transfers.of_person(connection, person)
    path = f"/compte/transferer/{offer.id}"
    assert other.post(path + "/annuler").status_code == 404
    other.post(path + "/accepter")
    assert "Accepter" in newcomer.text("/compte/transferer")
    assert newcomer.post(path + "/accepter").status_code == 303
    assert "Au tour du service" in site.text("/compte/transferer")
    with reading(site.engine) as connection:
        assert repository.contacts(connection, known.habilitation.id)[Role.APPLICANT].email == APPLICANT


def test_an_editor_sees_its_habilitations_and_takes_them_as_csv(site: Site) -> None:
    """Those of its forms; cells that begin like a formula are escaped; nobody else has the page."""
    with writing(site.engine) as connection:
        add_known(connection, site.clock.time, title="=HYPERLINK()", form_uid="form-val", external_id="77")
        maker = delegations.add_editor(connection, name="Val", now=site.clock.time, by=None, form_uids=["form-val"])
    person = site.log_in("support@val.example")
    assert site.get("/editeur/habilitations").status_code == 404
    with writing(site.engine) as connection:
        delegations.set_editor_of(connection, person, maker.id, now=site.clock.time, by=None)
    assert "HYPERLINK" in site.text("/editeur/habilitations?q=77")
    assert "HYPERLINK" not in site.text("/editeur/habilitations?q=rien")
    head, row = site.text("/editeur/habilitations.csv").splitlines()
    assert head == "datapass_id,datapass_url,intitule,token_expiration,siret,demandeur_email"
    assert row.startswith("77,https://datapass.api.gouv.fr/demandes/77,'=HYPERLINK()")
