"""Requests that are made in the portal: the checks of the form, and every step, on both databases."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from apientreprise_gateway.accounts import repository, request_forms, requests
from apientreprise_gateway.accounts.form_checks import Catalogue, faults, pdf_fault
from apientreprise_gateway.accounts.model import (
    Contact,
    EventName,
    Habilitation,
    HabilitationState,
    ProductKey,
    Role,
)
from apientreprise_gateway.accounts.own_form import Form, Person
from apientreprise_gateway.database.accounts import attachments, events, habilitations, tokens
from apientreprise_gateway.database.engine import reading, writing
from apientreprise_gateway.database.serving import mails

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
CATALOGUE = Catalogue(
    product=ProductKey.ENTREPRISE, scopes={"unites_legales", "associations", "effectifs"}, use_cases={"marches_publics"}
)
APPLICANT = Contact(email="camille@ville.example", given_name="Camille", family_name="Durand")
PDF = b"%PDF-1.7\n...\n%%EOF\n"


def _person(name: str) -> Person:
    return Person(email=f"{name}@ville.example", given_name=name.capitalize(), family_name="Durand")


FORM = Form(
    siret="21130055300016",
    organization="Ville d’exemple",
    eligibility="collectivite",
    title="Marchés publics",
    description="Vérifier les candidats.",
    use_case="marches_publics",
    scopes=("unites_legales", "associations"),
    legal_basis="Code de la commande publique, article R2143-13",
    legal_basis_url="https://www.legifrance.gouv.fr/",
    recipients="Service des achats",
    retention_months="12",
    volume="1000",
    applicant=_person("camille"),
    business_contact=_person("dominique"),
    technical_contact=_person("sacha"),
    dpo=_person("alix"),
    controller=_person("maxime"),
    controller_siret="21130055300016",
    terms_accepted=True,
)


def test_a_complete_form_has_no_fault() -> None:
    """It can be submitted."""
    assert faults(FORM, CATALOGUE) == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"siret": ""}, "siret"),
        ({"siret": "21130055300017"}, "siret"),
        ({"siret": "211 300 553 00016"}, "siret"),
        ({"eligibility": ""}, "eligibility"),
        ({"eligibility": "entreprise"}, "eligibility"),
        ({"title": ""}, "title"),
        ({"description": ""}, "description"),
        ({"use_case": ""}, "use_case"),
        ({"use_case": "marches_publics,aides"}, "use_case"),
        ({"scopes": ()}, "scopes"),
        ({"scopes": ("unites_legales", "invente")}, "scopes"),
        ({"legal_basis": ""}, "legal_basis"),
        ({"legal_basis": "Article L114-8 du CRPA"}, "legal_basis"),
        ({"legal_basis": "Loi ESSOC"}, "legal_basis"),
        ({"legal_basis": "la loi Lemaire, pour une République numérique"}, "legal_basis"),
        ({"eligibility": "administration_centrale", "legal_basis": "Note de service du ministre"}, "legal_basis"),
        ({"legal_basis_url": ""}, "legal_basis_url"),
        ({"legal_basis_url": "javascript:alert(1)"}, "legal_basis_url"),
        ({"legal_basis_url": "https://a b"}, "legal_basis_url"),
        ({"legal_basis_url": "http://[broken"}, "legal_basis_url"),
        ({"recipients": ""}, "recipients"),
        ({"retention_months": ""}, "retention_months"),
        ({"retention_months": "0"}, "retention_months"),
        ({"retention_months": "-1"}, "retention_months"),
        ({"retention_months": "toujours"}, "retention_months"),
        ({"retention_months": "37"}, "retention_reason"),
        ({"controller": Person()}, "controller.email"),
        ({"controller_siret": "13002526500013"}, "controller_siret"),
        ({"dpo": Person()}, "dpo.email"),
        ({"dpo": replace(FORM.dpo, email="sans adresse")}, "dpo.email"),
        ({"business_contact": replace(FORM.business_contact, family_name="")}, "business_contact.family_name"),
        ({"technical_contact": replace(FORM.technical_contact, given_name="")}, "technical_contact.given_name"),
        ({"volume": ""}, "volume"),
        ({"planned_start": "bientôt"}, "planned_start"),
        ({"terms_accepted": False}, "terms_accepted"),
    ],
)
def test_a_fault_belongs_to_its_field(change: dict[str, Any], field: str) -> None:
    """Each check names the field, and says in French what to do."""
    found = faults(replace(FORM, **change), CATALOGUE)
    assert field in {fault.field for fault in found}
    assert all(fault.message.endswith(".") for fault in found)


@pytest.mark.parametrize(
    "change",
    [
        {"siret": "35600000049837", "controller_siret": "35600000049837"},  # La Poste
        {"retention_months": "37", "retention_reason": "Contentieux."},
        {"legal_basis_url": "", "attachment_id": "6c9a"},
        {"legal_basis": "Article L114-8 du CRPA et décret n° 2019-33 du 18 janvier 2019"},
        {"eligibility": "administration_centrale"},
        {"eligibility": "editeur"},
        {"business_contact": FORM.applicant, "technical_contact": FORM.applicant},
        {"planned_start": "2027-01-04"},
    ],
)
def test_what_is_allowed_is_no_fault(change: dict[str, Any]) -> None:
    """Exceptions of the rules."""
    assert faults(replace(FORM, **change), CATALOGUE) == []


def test_an_editor_does_not_ask_for_data_of_persons() -> None:
    """Its client does."""
    particulier = replace(CATALOGUE, product=ProductKey.PARTICULIER)
    assert [fault.field for fault in faults(replace(FORM, eligibility="editeur"), particulier)] == ["eligibility"]


@pytest.mark.parametrize(
    ("content", "is_good"),
    [
        (PDF, True),
        (b"", False),
        (b"%PDF-1.7", False),
        (b"<html>%PDF-</html>", False),
        (b"MZ" + b"\0" * 2000 + PDF, False),
        (PDF.ljust(10_000_001, b"\n"), False),
    ],
)
def test_a_file_is_judged_by_its_content(content: bytes, is_good: bool) -> None:
    """Not by its name; and it is no longer than 10 MB."""
    assert (pdf_fault(content) is None) is is_good


class Desk:
    """Takes steps, each an hour after the one before, each in a transaction."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.now = NOW
        with writing(engine) as connection:
            self.by = repository.upsert_user(connection, APPLICANT, NOW).id
            self.operator = repository.upsert_user(connection, Contact(email="op@gouv.example"), NOW).id
            made = requests.begin(connection, ProductKey.ENTREPRISE, Form(), applicant=APPLICANT, by=self.by, now=NOW)
        self.id = made.id
        self.number = made.external_id

    def take(self, step: Any, *arguments: Any, **more: Any) -> Any:
        """Take a step."""
        self.now += timedelta(hours=1)
        with writing(self.engine) as connection:
            return step(connection, self.id, *arguments, by=self.by, now=self.now, **more)

    def approved(self) -> str:
        """Take all steps up to an approval; the token's id."""
        self.take(requests.save, FORM)
        self.take(requests.submit, catalogue=CATALOGUE)
        _, jti = self.take(requests.approve, catalogue=CATALOGUE)
        return str(jti)

    @property
    def habilitation(self) -> Habilitation:
        """The request."""
        with reading(self.engine) as connection:
            found = repository.habilitation(connection, self.id)
        assert found is not None
        return found

    def form(self) -> Form:
        """The form as it was typed last."""
        with reading(self.engine) as connection:
            return request_forms.form_of(connection, self.habilitation)


@pytest.fixture
def desk(engine: Engine) -> Desk:
    """A request that was just begun."""
    return Desk(engine)


def test_a_request_becomes_a_token(desk: Desk) -> None:
    """Drafted, submitted, sent back, corrected, approved; mails and people as with DataPass."""
    assert desk.number.startswith("P")
    assert desk.take(requests.save, replace(FORM, volume="")).state is HabilitationState.DRAFT
    with pytest.raises(requests.IncompleteRequestError) as incomplete:
        desk.take(requests.submit, catalogue=CATALOGUE)
    assert [fault.field for fault in incomplete.value.faults] == ["volume"]
    desk.take(requests.save, FORM)
    submitted = desk.take(requests.submit, catalogue=CATALOGUE)
    assert (submitted.state, submitted.first_submitted_at) == (HabilitationState.SUBMITTED, desk.now)
    with pytest.raises(requests.RequestRefusedError):
        desk.take(requests.save, FORM)
    sent_back = desk.take(requests.ask_for_changes, comment="Précisez le volume.")
    assert sent_back.state is HabilitationState.CHANGES_REQUESTED
    jti = desk.approved()
    assert desk.habilitation.state is HabilitationState.VALIDATED
    assert desk.habilitation.details["dpo"]["email"] == "alix@ville.example"
    with reading(desk.engine) as connection:
        token = repository.token(connection, jti)
        people = repository.contacts(connection, desk.id)
        steps = request_forms.history(connection, desk.habilitation)
        queued = set(connection.scalars(select(mails.c.recipient)))
    assert token is not None
    assert token.scopes == ("unites_legales", "associations")
    assert {role: user.email for role, user in people.items()} == {
        Role.APPLICANT: "camille@ville.example",
        Role.BUSINESS_CONTACT: "dominique@ville.example",
        Role.TECHNICAL_CONTACT: "sacha@ville.example",
    }
    assert [step.comment for step in steps if step.name is EventName.REQUEST_CHANGES] == ["Précisez le volume."]
    assert "camille@ville.example" in queued


def test_a_renewal_is_prefilled_and_makes_a_second_token(desk: Desk) -> None:
    """The first token keeps its end, and loses what the update does not ask for any more."""
    first = desk.approved()
    desk.take(requests.reopen)
    assert desk.form() == replace(FORM, terms_accepted=False)
    wanted = replace(FORM, title="Autre titre", scopes=("associations", "effectifs"))
    desk.take(requests.save, wanted)
    assert desk.form() == wanted
    assert (desk.habilitation.title, desk.habilitation.state) == (FORM.title, HabilitationState.VALIDATED)
    desk.take(requests.submit, catalogue=CATALOGUE)
    assert request_forms.stage_of(desk.habilitation) is HabilitationState.SUBMITTED
    _, second = desk.take(requests.approve, catalogue=CATALOGUE)
    with reading(desk.engine) as connection:
        old, new = repository.token(connection, first), repository.token(connection, second)
    assert old is not None
    assert new is not None
    assert (old.scopes_in_force, new.scopes_in_force) == (("associations",), ("associations", "effectifs"))
    assert old.works(desk.now)
    assert (desk.habilitation.title, desk.habilitation.reopened) == ("Autre titre", False)


def test_an_update_that_is_refused_changes_nothing(desk: Desk) -> None:
    """The habilitation stays validated as it was, and can be reopened again."""
    jti = desk.approved()
    before = desk.habilitation
    desk.take(requests.reopen)
    desk.take(requests.save, replace(FORM, title="Autre titre"))
    desk.take(requests.submit, catalogue=CATALOGUE)
    desk.take(requests.refuse, comment="Sans base légale.")
    after = desk.habilitation
    assert (after.state, after.title, after.scopes, after.reopened) == (
        before.state,
        before.title,
        before.scopes,
        False,
    )
    assert desk.form() == FORM
    with reading(desk.engine) as connection:
        token = repository.token(connection, jti)
    assert token is not None
    assert token.works(desk.now)
    desk.take(requests.reopen)
    desk.take(requests.cancel_reopening)
    assert not desk.habilitation.reopened


def test_a_revocation_is_final(desk: Desk) -> None:
    """Every token is revoked at once, and no step can be taken any more."""
    desk.approved()
    with pytest.raises(requests.RequestRefusedError):
        desk.take(requests.archive)
    desk.take(requests.revoke, comment="Fin de la mission.")
    with reading(desk.engine) as connection:
        assert connection.scalars(select(tokens.c.revoked_at)).all() == [desk.now]
    for step, more in (
        (requests.save, {"form": FORM}),
        (requests.submit, {"catalogue": CATALOGUE}),
        (requests.approve, {"catalogue": CATALOGUE}),
        (requests.reopen, {}),
        (requests.archive, {}),
        (requests.revoke, {"comment": "encore"}),
        (requests.refuse, {"comment": "encore"}),
    ):
        with pytest.raises(requests.RequestRefusedError):
            desk.take(step, **more)


@pytest.mark.parametrize("step", [requests.ask_for_changes, requests.refuse])
def test_a_decision_says_why(desk: Desk, step: Any) -> None:
    """An applicant is never left without a reason."""
    desk.take(requests.save, FORM)
    desk.take(requests.submit, catalogue=CATALOGUE)
    with pytest.raises(requests.RequestRefusedError):
        desk.take(step, comment="  ")
    desk.take(step, comment="Parce que.")


def test_a_draft_can_be_archived(desk: Desk) -> None:
    """What was never approved can be put away."""
    assert desk.take(requests.archive).state is HabilitationState.ARCHIVED


def test_what_is_of_datapass_is_managed_there(desk: Desk) -> None:
    """The portal refuses with where to go."""
    with writing(desk.engine) as connection:
        connection.execute(update(habilitations).values(source="datapass"))
    with pytest.raises(requests.RequestRefusedError, match="DataPass"):
        desk.take(requests.save, FORM)


def test_a_text_of_law_is_kept(desk: Desk) -> None:
    """A PDF of this request stands for a link; one of another does not, and few are kept."""
    with writing(desk.engine) as connection:
        kept = [
            requests.attach(
                connection, desk.id, name=f"texte\n{number}.pdf", content=PDF, now=NOW + timedelta(hours=number)
            )
            for number in range(7)
        ]
        names = connection.scalars(select(attachments.c.name).order_by(attachments.c.created_at)).all()
    assert names == [f"texte {number}.pdf" for number in range(2, 7)]
    desk.take(requests.save, replace(FORM, legal_basis_url="", attachment_id="another"))
    with pytest.raises(requests.IncompleteRequestError):
        desk.take(requests.submit, catalogue=CATALOGUE)
    desk.take(requests.save, replace(FORM, legal_basis_url="", attachment_id=kept[-1]))
    desk.take(requests.submit, catalogue=CATALOGUE)
    with writing(desk.engine) as connection, pytest.raises(requests.RequestRefusedError):
        requests.attach(connection, desk.id, name="x.pdf", content=PDF, now=NOW)


def test_a_place_that_was_given_stays_given(desk: Desk) -> None:
    """A later event that names nobody leaves the newcomer the applicant, in the form too."""
    desk.approved()
    with writing(desk.engine) as connection:
        requests.give_to(connection, desk.id, Contact(email="claude@ville.example"), by=desk.operator, now=desk.now)
    desk.take(requests.reopen)
    with reading(desk.engine) as connection:
        people = repository.contacts(connection, desk.id)
    assert people[Role.APPLICANT].email == desk.form().applicant.email == "claude@ville.example"
    assert people[Role.TECHNICAL_CONTACT].email == "sacha@ville.example"


def test_people_stay_when_bodies_are_gone(desk: Desk) -> None:
    """After a year bodies are deleted; what is told later leaves the people and the form as they are."""
    desk.approved()
    with writing(desk.engine) as connection:
        connection.execute(update(events).values(body=None))
    desk.take(requests.reopen)
    assert desk.form() == replace(FORM, terms_accepted=False)
    assert desk.habilitation.details["controller"]["email"] == "maxime@ville.example"
