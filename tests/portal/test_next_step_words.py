"""What a page says that is to be done, to whoever reads it: their own part, and why."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, update

from apientreprise_gateway.accounts import delegations, security
from apientreprise_gateway.database.accounts import tokens
from apientreprise_gateway.database.engine import writing
from support.accounts import APPLICANT, TECHNICAL, add_call, add_habilitation, add_known
from support.portal import OPERATOR, Site, make_site


@pytest.fixture
def kind() -> str:
    """The kind of database: what is read here is read in other tests on both."""
    return "sqlite"


def test_a_token_that_is_to_be_revoked_is_not_called_revoked(site: Site) -> None:
    """Neither beside its end nor in what there is to do."""
    with writing(site.engine) as connection:
        known = add_known(connection, site.clock.time, called=True)
        later = site.clock.time + timedelta(days=9)
        connection.execute(update(tokens).where(tokens.c.id == known.token.id).values(revoked_at=later))
    site.log_in(APPLICANT)
    text = site.text(known.path)
    assert "celui-ci sera révoqué" in text
    assert "révocation le 13 mars 2026" in text
    assert "révoqué le" not in text


def test_an_archived_request_is_not_in_order(site: Site) -> None:
    """It waits for nothing because it is archived."""
    with writing(site.engine) as connection:
        archived = add_habilitation(connection, site.clock.time, state="archived")
    site.log_in(APPLICANT)
    for path in ("/compte/demandes", f"/compte/demandes/{archived.id}"):
        assert "Rien à faire : la demande est archivée" in site.text(path)


def test_a_contact_is_told_whom_a_request_waits_for(site: Site) -> None:
    """What the applicant alone can do is not asked of the technical contact."""
    with writing(site.engine) as connection:
        draft = add_habilitation(connection, site.clock.time, state="draft", validated_at=None)
    site.log_in(TECHNICAL)
    for path in ("/compte/demandes", f"/compte/demandes/{draft.id}"):
        text = site.text(path)
        assert "En attente du demandeur : la demande n’est pas encore envoyée" in text
        assert "Terminez votre demande" not in text
    assert "Les données demandées" in text


def test_the_first_call_is_one_click_away(site: Site) -> None:
    """A habilitation whose token was never used links to the token."""
    with writing(site.engine) as connection:
        known = add_known(connection, site.clock.time)
    site.log_in(APPLICANT)
    assert f'<a href="{known.token_path}">Voir le jeton, et l’appel à essayer</a>' in site.text(known.path)


def test_a_token_whose_first_call_is_shown_is_not_new(site: Site) -> None:
    """The statistics read the journal, which knows of a call before the token's own row does."""
    with writing(site.engine) as connection:
        known = add_known(connection, site.clock.time)
        add_call(connection, known.token.id, site.clock.time)
    site.log_in(APPLICANT)
    text = site.text(known.token_path + "/stats")
    assert 'data-state="active"' in text
    assert 'data-state="new"' not in text


def test_an_editor_reads_of_the_client(site: Site) -> None:
    """The applicant, whose name is not shown, is the one who lowered the limit and who sends the token."""
    editor_user, now = site.log_in("lou@editeur.test"), site.clock.time
    with writing(site.engine) as connection:
        known = add_known(connection, now)
        editor = delegations.add_editor(connection, name="Logiciels", now=now, by=None)
        delegations.set_editor_of(connection, editor_user, editor.id, now=now, by=None)
        delegations.delegate(connection, known.habilitation.id, editor.id, by=editor_user, now=now)
        security.set_by_applicant(
            connection, known.habilitation.id, allowed_addresses=(), cap_per_minute=30, now=now, by=editor_user
        )
    assert "abaissées par le demandeur à 30" in site.text(known.path)
    assert "demandez un lien à votre client, le demandeur" in site.text(known.token_path)
    assert f"{known.token.ends_at:%d/%m/%Y}" in site.text("/editeur/habilitations")


def test_data_by_franceconnect_have_no_call_to_paste(engine: Engine) -> None:
    """Where a call needs a person who is logged in, the page says so in its place."""
    site = make_site(engine, settings={"api_url": "https://api.test"})
    scopes = ["ants_extrait_immatriculation_vehicule_adresse_particulier"]
    with writing(site.engine) as connection:
        known = add_known(connection, site.clock.time, product="particulier", scopes=scopes)
    site.log_in(APPLICANT)
    text = site.text(known.token_path)
    assert "Ces données se demandent par FranceConnect" in text
    assert "curl" not in text


def test_acts_and_steps_are_told_in_words(site: Site) -> None:
    """Operators read French beside the names of acts, and one line for a form that was kept many times."""
    site.log_in(APPLICANT)
    path = site.post("/compte/nouvelle-demande", use_case="entreprise/marches_publics").headers["location"]
    for title in ("Un", "Deux", "Trois"):
        site.post(path, etape="usage", title=title, description="x", use_case="marches_publics", volume="5")
    site.log_in(OPERATOR)
    assert "demande modifiée (habilitation.update)" in site.text("/admin/activite")
    request = site.text(path.removesuffix("/formulaire").replace("/compte/", "/admin/"))
    assert request.count("<td>modifiée</td>") == 1
