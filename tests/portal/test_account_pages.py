"""The pages of an account: habilitations, tokens, their calls, what is set, who follows."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select

from apientreprise_gateway.accounts import bans, delegations, hand_overs, repository, security
from apientreprise_gateway.contract.bans import Ban, Reason
from apientreprise_gateway.database.accounts import activity
from apientreprise_gateway.database.engine import reading, writing
from apientreprise_gateway.database.serving import mails
from support.accounts import APPLICANT, BUSINESS, TECHNICAL, Known, add_call, add_habilitation, add_known
from support.portal import AUDITOR, OPERATOR, Site, make_site

STRANGER = "quelqu.un@ailleurs.test"


@pytest.fixture
def site(engine: Engine) -> Site:
    """A portal that signs tokens."""
    secrets = {"jwt_secrets": "a secret of the gateway that is long enough", "api_url": "https://api.test"}
    return make_site(engine, settings=secrets)


@pytest.fixture
def known(site: Site) -> Known:
    """A habilitation in force, whose token was called."""
    with writing(site.engine) as connection:
        return add_known(connection, site.clock.time, called=True)


def test_the_list_holds_every_request_of_a_person(site: Site) -> None:
    """Of both products, drafts and refused ones too, with titles as links and states; nobody else's."""
    states = ("draft", "submitted", "changes_requested", "validated", "refused", "revoked", "archived")
    with writing(site.engine) as connection:
        for number, state in enumerate(states):
            product = "particulier" if number % 2 else "entreprise"
            add_habilitation(connection, site.clock.time, state=state, title=f"Demande {number}", product=product)
        add_habilitation(connection, site.clock.time, title="D’un autre", people={})
    site.log_in(APPLICANT)
    text = site.text("/compte/demandes")
    assert all(
        f"Demande {number}</a>" in text and f'data-state="{state}"' in text for number, state in enumerate(states)
    )
    assert "D’un autre" not in text
    assert "7 demandes" in text


def test_an_empty_list_says_what_to_do(site: Site) -> None:
    """Whoever expected something is told which address is looked for."""
    site.log_in(STRANGER)
    text = site.text("/compte/demandes")
    assert STRANGER in text
    assert 'href="/demander-un-acces"' in text


@pytest.mark.parametrize("page", ["", "/stats", "/premier-appel.json", "/partager", "/appels.csv"])
def test_what_is_somebody_else_s_does_not_exist(site: Site, known: Known, page: str) -> None:
    """The answer is that of an id that was never given."""
    site.log_in(STRANGER)
    unknown = "/compte/jetons/00000000-0000-4000-8000-000000000000"
    for path in (known.token_path, unknown):
        answer = site.get(path + page)
        assert answer.status_code == 404
        assert known.habilitation.title not in answer.text
    assert site.get(known.path).status_code == 404
    assert site.post(known.token_path + "/afficher").status_code == 404
    assert site.post(known.path + "/securite", allowed_addresses="").status_code == 404


def test_the_page_of_a_habilitation_says_what_it_is(site: Site, known: Known) -> None:
    """Its state, number, rights by provider, people and tokens, each with its own words."""
    site.log_in(APPLICANT)
    text = site.text(known.path)
    for said in (known.habilitation.external_id, "INSEE", "Camille Martin", "Sacha Petit", "Tout est en ordre"):
        assert said in text
    assert text.index("data-state") == text.index('data-state="validated"')
    assert 'data-state="active"' in text


def test_only_the_applicant_is_shown_the_string_after_a_fresh_login(site: Site, known: Known) -> None:
    """Each time is a row; the string is in no other page, and in no row."""
    site.log_in(APPLICANT)
    assert "eyJ" not in site.text(known.token_path)
    shown = site.post(known.token_path + "/afficher")
    assert shown.status_code == 200
    assert "eyJ" in shown.text
    assert shown.headers["cache-control"] == "no-store"
    site.clock.pass_by(minutes=16)
    again = site.post(known.token_path + "/afficher")
    assert again.status_code == 303
    assert "recent=1" in again.headers["location"]
    with reading(site.engine) as connection:
        acts = connection.scalars(select(activity.c.act).where(activity.c.object_id == known.token.id)).all()
    assert acts.count("token.shown") == 1


@pytest.mark.parametrize("email", [TECHNICAL, BUSINESS, OPERATOR, AUDITOR])
def test_others_who_see_a_token_never_see_its_string(site: Site, known: Known, email: str) -> None:
    """Contacts are told whom to ask."""
    site.log_in(email)
    text = site.text(known.token_path)
    assert "Afficher le jeton" not in text
    assert "Camille Martin" in text
    assert site.post(known.token_path + "/afficher").status_code == 404


def test_a_setting_opens_the_string_to_the_technical_contact(engine: Engine) -> None:
    """To that contact alone, with the applicant."""
    secrets = {"jwt_secrets": "a secret of the gateway that is long enough", "technical_contact_sees_tokens": True}
    site = make_site(engine, settings=secrets)
    with writing(engine) as connection:
        known = add_known(connection, site.clock.time)
    site.log_in(TECHNICAL)
    assert "eyJ" in site.post(known.token_path + "/afficher").text
    site.log_in(BUSINESS)
    assert site.post(known.token_path + "/afficher").status_code == 404


def test_a_leaked_token_is_revoked_and_replaced_at_once(site: Site, known: Known) -> None:
    """The box must be ticked; the new token ends with the old one."""
    site.log_in(APPLICANT)
    assert site.post(known.token_path + "/revoquer").status_code == 422
    answer = site.post(known.token_path + "/revoquer", confirmation="1", reason="Publié par erreur")
    assert answer.status_code == 303
    with reading(site.engine) as connection:
        old, new = (repository.token(connection, each) for each in (known.token.id, answer.headers["location"][15:]))
    assert old is not None
    assert new is not None
    assert old.revoked_at == site.clock.time
    assert (new.exp, new.scopes, new.replaces) == (old.exp, old.scopes, old.id)
    assert 'data-state="revoked"' in site.text(known.token_path)
    assert 'data-state="new"' in site.text(answer.headers["location"])


def test_a_token_is_handed_over_by_a_link(site: Site, known: Known) -> None:
    """The form proposes the technical contact; the link can be withdrawn; a wrong address is said beside its field."""
    site.log_in(APPLICANT)
    assert f'value="{TECHNICAL}"' in site.text(known.token_path + "/partager")
    wrong = site.post(known.token_path + "/partager", email="x")
    assert wrong.status_code == 422
    assert 'aria-invalid="true"' in wrong.text
    assert site.post(known.token_path + "/partager", email=TECHNICAL).status_code == 303
    text = site.text(known.token_path + "/partager")
    assert "pas encore ouvert" in text
    with reading(site.engine) as connection:
        (link,) = hand_overs.of_token(connection, known.token.id)
        assert connection.scalars(select(mails.c.recipient)).all() == [TECHNICAL]
    assert site.post(f"{known.token_path}/partager/{link.id}/revoquer").status_code == 303
    assert "révoqué le" in site.text(known.token_path + "/partager")


def test_calls_are_shown_with_their_request_ids_and_refusals_apart(site: Site, known: Known) -> None:
    """Over four periods, with the time of the figures; the identifiers are for the people of the token alone."""
    with writing(site.engine) as connection:
        first = add_call(connection, known.token.id, site.clock.time - timedelta(minutes=3))
        refused = add_call(connection, known.token.id, site.clock.time - timedelta(minutes=2), status=429)
    site.log_in(TECHNICAL)
    for period in ("", "?periode=10+minutes", "?periode=8+days", "?periode=90+days", "?periode=%00"):
        text = site.text(f"{known.token_path}/stats{period}")
        assert first in text
        assert refused in text
        assert "00429" in text
        assert "130025265" in text
        assert "Chiffres arrêtés au 4 mars 2026 à 11 h 00" in text
    site.log_in(OPERATOR)
    assert "130025265" not in site.text(known.token_path + "/stats")


def test_the_first_call_is_waited_for(site: Site) -> None:
    """With a ready call before it, and an answer for the script that asks again."""
    with writing(site.engine) as connection:
        known = add_known(connection, site.clock.time)
    site.log_in(APPLICANT)
    text = site.text(known.token_path + "/stats")
    assert "Aucun appel pour l’instant" in text
    assert "curl -H" in text
    assert site.get(known.token_path + "/premier-appel.json").json() == {"first_call_at": None, "refused_at": None}


def test_the_calls_of_a_token_are_taken_as_csv(site: Site, known: Known) -> None:
    """A cell that a spreadsheet would run is escaped; who took them is a row."""
    with writing(site.engine) as connection:
        add_call(connection, known.token.id, site.clock.time - timedelta(days=1), user_id="=cmd()")
        add_call(connection, "another", site.clock.time)
    site.log_in(BUSINESS)
    answer = site.get(known.token_path + "/appels.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    head, *rows = answer.text.splitlines()
    assert head.startswith("event,time,request_id")
    assert len(rows) == 1
    assert "'=cmd()" in rows[0]
    with reading(site.engine) as connection:
        assert "calls.exported" in connection.scalars(select(activity.c.act)).all()


def test_a_ban_is_shown_with_its_address_and_end(site: Site, known: Known) -> None:
    """On the token that called from there, in the hour of Paris."""
    now = site.clock.time
    with writing(site.engine) as connection:
        add_call(connection, known.token.id, now - timedelta(minutes=5), client_ip="192.0.2.9")
        start = int(now.timestamp()) * 1_000_000
        ban = Ban(address="192.0.2.9", reason=Reason.CEILING, count=1001, start=start)
        bans.keep(connection, [ban], now=now)
    site.log_in(TECHNICAL)
    text = site.text(known.token_path)
    assert "192.0.2.9" in text
    assert "4 mars 2026 à 23 h 00" in text
    assert "192.0.2.9" in site.text(known.path)


def test_the_applicant_sets_addresses_and_a_limit(site: Site, known: Known) -> None:
    """What is wrong is said beside its field, and what was typed is kept."""
    site.log_in(APPLICANT)
    path = known.path + "/securite"
    wrong = site.post(path, allowed_addresses="192.0.2.1\nici", limit_per_minute="12")
    assert wrong.status_code == 422
    assert "Ligne 2" in wrong.text
    assert "192.0.2.1\nici" in wrong.text
    assert site.post(path, allowed_addresses="192.0.2.1\n2001:db8::/48", limit_per_minute="12").status_code == 303
    with reading(site.engine) as connection:
        found = security.settings_of(connection, known.habilitation.id)
    assert found == security.SecuritySettings(allowed_addresses=("192.0.2.1", "2001:db8::/48"), cap_per_minute=12)
    assert "192.0.2.1" in site.text(known.path)


def test_an_editor_sees_a_delegated_habilitation_without_its_token(site: Site, known: Known) -> None:
    """Added and removed by the applicant; afterwards it does not exist for the editor."""
    editor_id = site.log_in("support@editeur.example")
    with writing(site.engine) as connection:
        maker = delegations.add_editor(connection, name="Logiciels du Val", now=site.clock.time, by=None)
        delegations.set_editor_of(connection, editor_id, maker.id, now=site.clock.time, by=None)
    other = site.another()
    other.log_in(APPLICANT)
    path = known.path + "/delegations"
    assert site.get(known.path).status_code == 404
    assert other.post(path, editor_id="nobody").status_code == 422
    assert other.post(path, editor_id=maker.id).status_code == 303
    assert "Logiciels du Val" in other.text(path)
    text = site.text(known.path)
    assert "Camille" not in text
    assert site.post(known.token_path + "/afficher").status_code == 404
    assert site.get(known.token_path + "/appels.csv").status_code == 404
    with reading(site.engine) as connection:
        (made,) = delegations.of_habilitation(connection, known.habilitation.id)
    assert other.post(f"{path}/{made.id}/retirer").status_code == 303
    assert site.get(known.path).status_code == 404


def test_a_title_with_markup_is_text(site: Site) -> None:
    """Whatever a form held, no page runs it."""
    with writing(site.engine) as connection:
        known = add_known(connection, site.clock.time, title="<script>alert(1)</script>\"'", description="<img src=x>")
    site.log_in(APPLICANT)
    for path in ("/compte/demandes", known.path, known.token_path, known.token_path + "/stats"):
        answer = site.get(path)
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert "<img src=x>" not in answer.text
