"""The request form: from a use case to a request that is handed in, and its renewal."""

from typing import Any

import pytest
from sqlalchemy import Engine, select

from apientreprise_gateway.accounts import repository, request_forms, requests
from apientreprise_gateway.accounts.model import HabilitationState
from apientreprise_gateway.database.engine import reading, writing
from apientreprise_gateway.database.serving import mails
from apientreprise_gateway.portal.pages.offers import catalogue_of, offered, recommended
from apientreprise_gateway.providers.products import PRODUCTS
from support.accounts import APPLICANT, SIRET, TECHNICAL, add_known
from support.portal import Site

PDF = b"%PDF-1.4\nwords\n%%EOF\n"
PERSON = {"given_name": "Alix", "family_name": "Moreau", "email": "alix@mairie.test"}


def people(*roles: str) -> dict[str, str]:
    """The fields of somebody, for each of these roles."""
    return {f"{role}.{name}": value for role in roles for name, value in PERSON.items()}


STEPS: list[dict[str, Any]] = [
    {
        "etape": "organisme", "siret": SIRET, "organization": "Ville", "eligibility": "collectivite",
        "applicant.given_name": "Camille", "applicant.family_name": "Martin",
    },
    {
        "etape": "usage", "title": "Marchés", "description": "Vérifier les candidats.", "use_case": "marches_publics",
        "volume": "500",
    },
    {"etape": "donnees", "scopes": ["unites_legales_etablissements_insee", "attestation_fiscale_dgfip"]},
    {"etape": "droit", "legal_basis": "Article R. 2143-7 du code de la commande publique", "legal_basis_url": "https://legi.test/a"},
    {
        "etape": "donnees-personnelles", "recipients": "Le service des marchés", "retention_months": "24",
        "controller_siret": SIRET, **people("dpo", "controller"),
    },
    {"etape": "contacts", "business_contact.same": "1", **people("technical_contact")},
]  # fmt: skip


@pytest.fixture
def applicant(site: Site) -> Site:
    """The browser of somebody who asks for access."""
    site.log_in(APPLICANT)
    return site


def begin(site: Site, use_case: str = "entreprise/marches_publics") -> str:
    """Begin a request; the path of its page."""
    answer = site.post("/compte/nouvelle-demande", use_case=use_case)
    assert answer.status_code == 303
    return str(answer.headers["location"]).removesuffix("/formulaire")


def test_a_request_is_filled_in_step_by_step_and_handed_in(applicant: Site) -> None:
    """Each step leads to the next one; the last to the page of the request, which waits; a mail follows."""
    path = begin(applicant)
    for step in STEPS:
        answer = applicant.post(path + "/formulaire", **step)
        assert answer.status_code == 303, answer.text
    assert answer.headers["location"].endswith("recapitulatif")
    without_terms = applicant.post(path + "/transmettre")
    assert without_terms.status_code == 422
    assert "conditions" in without_terms.text
    assert applicant.post(path + "/transmettre", terms_accepted="1").headers["location"] == path
    text = applicant.text(path)
    assert 'data-state="submitted"' in text
    assert "Camille Martin" in text
    assert applicant.get(path + "/formulaire").status_code == 404
    with reading(applicant.engine) as connection:
        assert APPLICANT in connection.scalars(select(mails.c.recipient)).all()


def test_a_use_case_fills_the_form_in(applicant: Site) -> None:
    """The usual rights are ticked and marked."""
    text = applicant.text(begin(applicant) + "/formulaire?etape=donnees")
    assert text.count("checked") > 5
    assert "habituel" in text
    assert applicant.post("/compte/nouvelle-demande", use_case="entreprise/x").status_code == 422


def test_what_is_wrong_is_kept_and_said_beside_its_field(applicant: Site) -> None:
    """A draft may be left at any moment; the summary leads back to what is missing."""
    path = begin(applicant)
    wrong = applicant.post(path + "/formulaire", etape="organisme", siret="12", organization="<b>Ville</b>")
    assert wrong.status_code == 422
    assert 'id="champ-siret-erreur"' in wrong.text
    assert "&lt;b&gt;Ville" in wrong.text
    assert 'value="12"' in applicant.text(path + "/formulaire")
    summary = applicant.text(path + "/formulaire?etape=recapitulatif")
    assert "etape=organisme" in summary
    assert "etape=contacts" in summary
    assert applicant.post(path + "/transmettre", terms_accepted="1").status_code == 422
    assert applicant.get(path + "/formulaire?etape=x").status_code == 404


def test_a_text_is_joined_if_it_is_a_pdf(applicant: Site) -> None:
    """Whatever its name says; it is given back as a file, to people of the request alone."""
    path = begin(applicant)
    step = {"csrf": applicant.csrf("/compte"), "etape": "droit", "legal_basis": "Délibération du 3 mars"}

    def send(content: bytes) -> int:
        files = {"attachment": ("texte.pdf", content, "application/pdf")}
        return applicant.client.post(path + "/formulaire", data=step, files=files).status_code

    assert send(b"<html>") == 422
    assert send(PDF) == 303
    answer = applicant.get(path + "/piece")
    assert answer.content == PDF
    assert answer.headers["content-disposition"].startswith("attachment")
    other = applicant.another()
    other.log_in("quelqu.un@ailleurs.test")
    assert other.get(path + "/piece").status_code == 404
    assert other.get(path + "/formulaire").status_code == 404
    assert other.post(path + "/transmettre", terms_accepted="1").status_code == 404


def test_a_habilitation_made_here_is_renewed_with_its_form(applicant: Site, engine: Engine) -> None:
    """The first token keeps its end; until the approval nothing changes."""
    path = begin(applicant)
    for step in STEPS:
        applicant.post(path + "/formulaire", **step)
    applicant.post(path + "/transmettre", terms_accepted="1")
    habilitation_id = path.rsplit("/", 1)[1]
    now = applicant.clock.time
    with writing(engine) as connection:
        requests.approve(connection, habilitation_id, catalogue=catalogue_of(PRODUCTS[0]), by="operator", now=now)
    assert applicant.post(path + "/renouveler").headers["location"] == path + "/formulaire"
    assert "Marchés" in applicant.text(path + "/formulaire?etape=usage")
    with reading(engine) as connection:
        found = repository.habilitation(connection, habilitation_id)
        assert found is not None
        assert (found.state, found.reopened) == (HabilitationState.VALIDATED, True)
        assert request_forms.stage_of(found) is HabilitationState.DRAFT
    assert applicant.post(path + "/abandonner").status_code == 303
    with reading(engine) as connection:
        found = repository.habilitation(connection, habilitation_id)
    assert found is not None
    assert not found.reopened


def test_a_habilitation_of_datapass_is_renewed_there(site: Site) -> None:
    """With its link; contacts cannot begin a renewal."""
    with writing(site.engine) as connection:
        known = add_known(connection, site.clock.time, external_id="4242")
    site.log_in(APPLICANT)
    assert "https://datapass.api.gouv.fr/demandes/4242" in site.text(known.path + "/renouveler")
    site.log_in(TECHNICAL)
    assert site.get(known.path + "/renouveler").status_code == 404


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_each_right_is_offered_once_and_in_words(product: object) -> None:
    """What use cases need is among the offers."""
    found = next(each for each in PRODUCTS if each is product)
    offers = [each for group in offered(found) for each in group.offers]
    scopes = [each.scope for each in offers]
    assert len(scopes) == len(set(scopes))
    assert len({each.text for each in offers}) == len(offers)
    for case in found.use_cases:
        assert recommended(found, case.key) <= set(scopes)
