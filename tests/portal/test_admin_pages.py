"""The pages of operators and auditors."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select

from apientreprise_gateway.accounts import bans, delegations, repository, request_forms, requests, security, transfers
from apientreprise_gateway.accounts.model import Contact, HabilitationState, ProductKey, Role
from apientreprise_gateway.accounts.own_form import Form, Person
from apientreprise_gateway.contract.bans import Ban, Reason
from apientreprise_gateway.database.accounts import activity
from apientreprise_gateway.database.engine import reading, writing
from apientreprise_gateway.database.serving import jobs, mails
from apientreprise_gateway.database.tables import searches
from apientreprise_gateway.portal.pages.offers import catalogue_of
from apientreprise_gateway.providers.products import PRODUCTS
from support.accounts import APPLICANT, SIRET, TECHNICAL, Known, add_call, add_known
from support.portal import AUDITOR, OPERATOR, Site, make_site

PAGES = (
    "/admin", "/admin/demandes", "/admin/habilitations", "/admin/blocages", "/admin/courriels", "/admin/taches",
    "/admin/activite", "/admin/transferts", "/admin/journal", "/admin/editeurs",
)  # fmt: skip


def request_of(site: Site) -> str:
    """A request that waits for an examination; its id."""
    person = Person(email="alix@mairie.test", given_name="Alix", family_name="Moreau")
    form = Form(
        siret=SIRET, organization="Ville", eligibility="collectivite", title="Cantine", description="Tarifs.",
        use_case="marches_publics", scopes=("attestation_fiscale_dgfip",), legal_basis="Délibération du 3 mars",
        legal_basis_url="https://legi.test/a", recipients="Le service", retention_months="12", volume="100",
        business_contact=person, technical_contact=person, dpo=person, controller=person, controller_siret=SIRET,
        terms_accepted=True,
    )  # fmt: skip
    applicant = Contact(email=APPLICANT, given_name="Camille", family_name="Martin")
    now = site.clock.time
    with writing(site.engine) as connection:
        made = requests.begin(connection, ProductKey.ENTREPRISE, form, applicant=applicant, by="x", now=now)
        requests.submit(connection, made.id, catalogue=catalogue_of(PRODUCTS[0]), by="x", now=now)
    return made.id


@pytest.fixture
def known(site: Site) -> Known:
    """A habilitation in force, whose token was called."""
    with writing(site.engine) as connection:
        return add_known(connection, site.clock.time, called=True)


def acts(site: Site) -> list[str]:
    """What was done, in its order."""
    with reading(site.engine) as connection:
        return list(connection.scalars(select(activity.c.act).order_by(activity.c.id)))


@pytest.mark.parametrize("path", PAGES)
def test_the_pages_are_for_operators_and_auditors(site: Site, path: str) -> None:
    """They do not exist for anybody else; a stranger is asked to log in."""
    assert site.get(path).status_code == 303
    site.log_in(APPLICANT)
    assert site.get(path).status_code == 404
    for email in (OPERATOR, AUDITOR):
        site.log_in(email)
        assert site.get(path).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/admin/demandes/{id}",
        "/admin/demandes/{id}/limite",
        "/admin/demandes/{id}/jetons",
        "/admin/jetons/{jti}/revoquer",
    ],
)
def test_auditors_change_nothing(site: Site, known: Known, path: str) -> None:
    """What acts is the operators' alone."""
    site.log_in(AUDITOR)
    answer = site.post(path.format(id=known.habilitation.id, jti=known.token.id), decision="valider", comment="x")
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("decision", "comment", "state"),
    [("valider", "", "validated"), ("modifier", "Précisez.", "changes_requested"), ("refuser", "Non.", "refused")],
)
def test_a_request_is_examined(site: Site, decision: str, comment: str, state: str) -> None:
    """It is in the queue until the decision, and its applicant is told by mail."""
    habilitation_id = request_of(site)
    site.log_in(OPERATOR)
    path = f"/admin/demandes/{habilitation_id}"
    assert habilitation_id in site.text("/admin/demandes")
    assert "Alix Moreau" in site.text(path)
    assert site.post(path, decision="x").status_code == 422
    if comment:
        assert site.post(path, decision=decision).status_code == 422
    assert site.post(path, decision=decision, comment=comment).status_code == 303
    assert f'data-state="{state}"' in site.text(path)
    assert habilitation_id not in site.text("/admin/demandes")
    with reading(site.engine) as connection:
        found = repository.habilitation(connection, habilitation_id)
        assert found is not None
        assert found.state is HabilitationState(state)
        assert len(repository.tokens_of(connection, habilitation_id)) == (decision == "valider")
        assert [each.name.value for each in request_forms.history(connection, found)][:2] == ["create", "submit"]
        assert APPLICANT in connection.scalars(select(mails.c.recipient)).all()
    site.log_in(APPLICANT)
    assert (comment in site.text(f"/compte/demandes/{habilitation_id}")) or not comment


def test_people_and_habilitations_are_found_by_what_an_operator_has(site: Site, known: Known) -> None:
    """A mail address, a SIRET, a number, a title, a jti; the search is a row that does not hold it."""
    site.log_in(OPERATOR)
    number = known.habilitation.external_id
    for wanted in ("CAMILLE@mairie", SIRET, "217 500 016 00019", number, f"n°{number}", "marchés publics", "Martin"):
        text = site.post("/admin/recherche", q=wanted).text
        assert known.habilitation.title in text or "Camille Martin" in text, wanted
    assert known.token.id in site.post("/admin/recherche", q=known.token.id).text
    assert "Rien ne correspond" in site.post("/admin/recherche", q="%_").text
    assert acts(site).count("accounts.searched") == 9
    assert "CAMILLE" not in site.text("/admin/activite")


def test_a_token_is_revoked_at_a_date_with_a_replacement(site: Site, known: Known) -> None:
    """The reason is asked for and sent; the page shows no string."""
    site.log_in(OPERATOR)
    path = f"/admin/jetons/{known.token.id}"
    assert "eyJ" not in site.text(path)
    assert site.post(path + "/revoquer", date="demain", comment="x").status_code == 422
    assert site.post(path + "/revoquer").status_code == 422
    assert site.post(path + "/revoquer", date="2026-04-01", comment="Fuite", replacement="1").status_code == 303
    assert 'data-state="revoked_later"' in site.text(path)
    with reading(site.engine) as connection:
        new, _ = repository.tokens_of(connection, known.habilitation.id)
        assert new.exp == known.token.exp
        kinds = connection.scalars(select(mails.c.kind)).all()
    assert len(kinds) == 1


def test_an_operator_sets_a_limit_and_makes_a_token(site: Site, known: Known) -> None:
    """For a habilitation in force alone."""
    site.log_in(OPERATOR)
    path = f"/admin/demandes/{known.habilitation.id}"
    assert site.post(path + "/limite", limit_per_minute="x").status_code == 422
    assert site.post(path + "/limite", limit_per_minute="2000").status_code == 303
    assert site.post(path + "/jetons").headers["location"].startswith("/admin/jetons/")
    with reading(site.engine) as connection:
        assert security.settings_of(connection, known.habilitation.id).limit_per_minute == 2000
        assert len(repository.tokens_of(connection, known.habilitation.id)) == 2


def test_people_are_asked_to_account_for_calls(site: Site, known: Known) -> None:
    """Of their own tokens; a request id of another one is refused."""
    with writing(site.engine) as connection:
        mine = add_call(connection, known.token.id, site.clock.time)
        foreign = add_call(connection, "another", site.clock.time)
    site.log_in(OPERATOR)
    path = f"/admin/demandes/{known.habilitation.id}/controle"
    assert site.post(path, request_ids=foreign, reason="Pourquoi ?").status_code == 422
    assert site.post(path, request_ids=mine, reason="Pourquoi ?", volume="0").status_code == 422
    assert site.post(path, request_ids=mine, reason="Pourquoi ?", volume="12").status_code == 303
    site.log_in(TECHNICAL)
    assert "Pourquoi ?" in site.text(known.path)


def test_the_journal_is_searched_with_a_reason_that_is_kept(site: Site, known: Known) -> None:
    """Operators find the last 14 days, auditors all; the CSV file has the same calls."""
    with writing(site.engine) as connection:
        late = add_call(connection, known.token.id, site.clock.time - timedelta(days=13))
        early = add_call(connection, known.token.id, site.clock.time - timedelta(days=15))
    site.log_in(OPERATOR)
    path = "/admin/journal"
    assert site.post(path, jti=known.token.id).status_code == 422
    assert site.post(path, reason="Plainte").status_code == 422
    assert site.post(path, jti=known.token.id, reason="x", since="hier").status_code == 422
    text = site.post(path, jti=known.token.id, reason="Plainte 12").text
    assert late in text
    assert early not in text
    site.log_in(AUDITOR)
    assert early in site.post(path, jti=known.token.id, reason="Contrôle", since="2026-01-01").text
    answer = site.post(path, jti=known.token.id, reason="Contrôle", format="csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert len(answer.text.splitlines()) == 3
    with reading(site.engine) as connection:
        rows = connection.execute(select(searches).order_by(searches.c.id)).all()
    assert [(row.reason, row.rows) for row in rows] == [("Plainte 12", 1), ("Contrôle", 2), ("Contrôle", 2)]
    assert "Plainte 12" in site.text(path)
    assert OPERATOR in site.text(path)


def test_an_operator_looks_at_an_account_visibly_and_without_strings(site: Site, known: Known) -> None:
    """Every page is a row; nothing can be changed; the way back is on each page."""
    site.log_in(OPERATOR)
    with reading(site.engine) as connection:
        person = repository.user_by_email(connection, APPLICANT)
    assert person is not None
    assert site.post(f"/admin/personnes/{person.id}/voir").status_code == 303
    text = site.text(known.token_path)
    assert "Vous regardez le compte de" in text
    assert "Afficher le jeton" not in text
    assert site.post(known.token_path + "/afficher", page=known.token_path).status_code == 404
    assert site.post(known.path + "/securite", page=known.path).status_code == 404
    assert site.get("/admin").status_code == 404
    assert site.post("/compte/transferer", page="/compte", siret=SIRET, email="x@y.test").status_code == 404
    assert acts(site).count("account.seen") >= 3
    assert site.post("/admin/revenir", page=known.path).status_code == 303
    assert site.get("/admin").status_code == 200


def test_the_data_of_a_person_are_given_out_and_erased(site: Site, known: Known) -> None:
    """A person with a role in a habilitation in force stays."""
    stranger = site.another().log_in("quelqu.un@ailleurs.test")
    site.log_in(OPERATOR)
    with reading(site.engine) as connection:
        person = repository.user_by_email(connection, APPLICANT)
    assert person is not None
    answer = site.post(f"/admin/personnes/{person.id}/exporter")
    assert answer.json()["email"] == APPLICANT
    site.post(f"/admin/personnes/{stranger}/effacer")
    assert site.get(f"/admin/personnes/{stranger}").status_code == 404
    site.post(f"/admin/personnes/{person.id}/effacer")
    assert site.get(f"/admin/personnes/{person.id}").status_code == 200


def test_an_editor_is_added_and_given_to_a_person(site: Site, known: Known) -> None:
    """Who then has the editors' pages."""
    other = site.another()
    person = other.log_in(TECHNICAL)
    site.log_in(OPERATOR)
    assert site.post("/admin/editeurs", name="").status_code in (303, 422)
    assert site.post("/admin/editeurs", name="Val", form_uids="form-a form-b").status_code == 303
    with reading(site.engine) as connection:
        editor = next(each for each in delegations.all_editors(connection) if each.name == "Val")
    assert editor.form_uids == ("form-a", "form-b")
    assert site.post(f"/admin/personnes/{person}/editeur", editor_id=editor.id).status_code == 303
    assert other.get("/editeur/habilitations").status_code == 200


def test_a_transfer_is_confirmed(site: Site, known: Known) -> None:
    """With what is known of both people; then the newcomer is the applicant."""
    now = site.clock.time
    newcomer = "suite@mairie.test"
    site.another().log_in(newcomer)
    with writing(site.engine) as connection:
        sender, taker = (repository.user_by_email(connection, each) for each in (APPLICANT, newcomer))
        assert sender is not None
        assert taker is not None
        offer = transfers.ask(connection, sender, email=newcomer, siret=SIRET, now=now)
        transfers.accept(connection, offer.id, taker, now=now)
    site.log_in(OPERATOR)
    assert newcomer in site.text("/admin/transferts")
    assert site.post(f"/admin/transferts/{offer.id}", decision="confirmer").status_code == 303
    with reading(site.engine) as connection:
        assert repository.contacts(connection, known.habilitation.id)[Role.APPLICANT].email == newcomer


def test_bans_mails_and_jobs_are_listed(site: Site, known: Known) -> None:
    """With causes and ends, and without mail addresses."""
    now = site.clock.time
    row: dict[str, Any] = {"name": "a_job", "due_at": now, "failures": 2, "error": "ValueError"}
    with writing(site.engine) as connection:
        add_call(connection, known.token.id, now - timedelta(minutes=5), client_ip="192.0.2.9")
        ban = Ban(address="192.0.2.9", reason=Reason.IGNORED_429, count=50, start=int(now.timestamp()) * 1_000_000)
        bans.keep(connection, [ban], now=now)
        connection.execute(insert(jobs).values(row))
    site.log_in(AUDITOR)
    text = site.text("/admin/blocages")
    assert "192.0.2.9" in text
    assert known.token.id[:8] in text
    assert "a_job" in site.text("/admin/taches")
    site.text("/admin/courriels")


def test_operators_need_proconnect_where_it_is_set(engine: Engine) -> None:
    """A link in a mail is too little then."""
    given = {"issuer": "https://issuer.test", "client_id": "c", "client_secret": "s"}
    site = make_site(engine, settings={f"proconnect_{name}": value for name, value in given.items()})
    site.log_in(OPERATOR, via="mail")
    assert site.get("/admin").status_code == 404
    site.log_in(OPERATOR, via="proconnect")
    assert site.get("/admin").status_code == 200
