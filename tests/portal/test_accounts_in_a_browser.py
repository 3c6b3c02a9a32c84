"""The pages of accounts, operators and editors in a browser: what axe finds, widths, links, and journeys."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import update

from apientreprise_gateway.accounts import bans, delegations, hand_overs, repository, requests, transfers
from apientreprise_gateway.accounts.first_calls import notice
from apientreprise_gateway.accounts.model import Contact, ProductKey
from apientreprise_gateway.accounts.own_form import Form, Person
from apientreprise_gateway.contract.bans import Ban, Reason
from apientreprise_gateway.database.accounts import tokens as token_rows
from apientreprise_gateway.database.engine import connect, reading, writing
from apientreprise_gateway.portal.pages.offers import catalogue_of
from apientreprise_gateway.portal.services import Demo, DemoPerson
from apientreprise_gateway.providers.products import PRODUCTS
from support import databases
from support.accounts import APPLICANT, SIRET, TECHNICAL, Known, add_call, add_habilitation, add_known
from support.browser import PHONE, opened, overflow, violations
from support.portal import OPERATOR, Site, served

EDITOR = "support@val.example"
PEOPLE = (APPLICANT, TECHNICAL, OPERATOR, EDITOR)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A portal of a demonstration, on a port of this machine."""
    folder: Path = tmp_path_factory.mktemp("portal")
    engine = connect(databases.new_sqlite(folder))
    demo = Demo(people=tuple(DemoPerson(email=email, who=email) for email in PEOPLE))
    settings = {"jwt_secrets": "a secret of the gateway that is long enough", "api_url": "https://api.test"}
    with served(engine, demo=demo, settings=settings) as running:
        running.clock.time = datetime.now(UTC)
        yield running
    engine.dispose()


@pytest.fixture(scope="module")
def known(site: Site) -> Known:
    """A habilitation with all that its pages may show."""
    now = site.clock.time
    with writing(site.engine) as connection:
        made = add_known(connection, now, called=True)
        repository.upsert_organization(connection, SIRET, "Ville de Sainte-Foy", now)
        add_habilitation(
            connection, now, title="Subventions", state="changes_requested", source="portal", external_id="P7"
        )
        for minutes in range(0, 600, 20):
            status = 429 if minutes % 100 == 0 else 200
            add_call(connection, made.token.id, now - timedelta(minutes=minutes), status=status, client_ip="192.0.2.9")
        start = int(now.timestamp()) * 1_000_000
        bans.keep(connection, [Ban(address="192.0.2.9", reason=Reason.CEILING, count=1204, start=start)], now=now)
        applicant = repository.user_by_email(connection, APPLICANT)
        assert applicant is not None
        maker = delegations.add_editor(connection, name="Logiciels du Val", now=now, by=None, form_uids=["val"])
        person = repository.upsert_user(connection, Contact(email=EDITOR), now)
        delegations.set_editor_of(connection, person.id, maker.id, now=now, by=None)
        delegations.delegate(connection, made.habilitation.id, maker.id, by=applicant.id, now=now)
        transfers.ask(connection, applicant, email=TECHNICAL, siret=SIRET, now=now)
        hand_overs.share(
            connection, made.habilitation, made.token.id, email=TECHNICAL, by=applicant.id,
            seal=site.services.sealer.seal, now=now,
        )  # fmt: skip
    return made


def log_in(page: Page, site: Site, email: str) -> None:
    """Log in by a click."""
    page.goto(f"{site.url}/compte/se-connecter")
    page.get_by_role("button", name=f"Entrer en tant que {email}").click()
    expect(page).to_have_url(f"{site.url}/compte")


def check(page: Page, site: Site, path: str) -> set[str]:
    """Read a page as everybody can; the paths that it links to."""
    answer = page.goto(site.url + path)
    assert answer is not None
    assert answer.status == 200, path
    assert violations(page) == [], path
    for width in (1280, PHONE):
        page.set_viewport_size({"width": width, "height": 844})
        assert overflow(page) <= 0, (path, width)
    page.set_viewport_size({"width": 1280, "height": 900})
    found = page.evaluate("[...document.querySelectorAll('a[href]')].map(link => link.getAttribute('href'))")
    return {each.partition("#")[0].partition("?")[0] for each in found if each.startswith("/")}


@pytest.mark.parametrize(
    ("email", "start"),
    [(APPLICANT, "/compte"), (OPERATOR, "/admin"), (EDITOR, "/editeur/habilitations")],
    ids=["applicant", "operator", "editor"],
)
def test_every_page_that_is_linked_can_be_read(
    site: Site, known: Known, browser: Browser, email: str, start: str
) -> None:
    """From the start of an account, wherever links lead: nothing is missing, axe finds nothing, nothing is too wide."""
    more = {known.path + "/renouveler", "/compte/nouvelle-demande"} if email == APPLICANT else set()
    if email == OPERATOR:
        more = {f"/admin/demandes/{known.habilitation.id}", f"/admin/jetons/{known.token.id}"}
    private = re.compile(r"/(compte|admin|editeur)(/|$)")
    with opened(browser) as page:
        log_in(page, site, email)
        seen: set[str] = set()
        waiting = {start, *more}
        while waiting:
            path = waiting.pop()
            seen.add(path)
            if path.endswith((".csv", "/piece")):
                assert page.request.get(site.url + path).status == 200
                continue
            found = check(page, site, path)
            others = {each for each in found if not private.match(each)} - seen
            for other in others:
                assert page.request.get(site.url + other).status == 200, (path, other)
            seen |= others
            waiting |= {each for each in found if private.match(each)} - seen
        assert len(seen) > 5


def go_on(page: Page, title: str) -> None:
    """Keep a step of the form, and see the next one."""
    page.get_by_role("button", name="Enregistrer et continuer").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(title)


def test_from_a_request_to_the_first_call(site: Site, page: Page, browser: Browser) -> None:
    """An applicant asks, an operator approves, the token is shown and handed over, and the first call appears."""
    log_in(page, site, APPLICANT)
    page.goto(f"{site.url}/compte/nouvelle-demande")
    page.get_by_label("Marchés publics").check()
    page.get_by_role("button", name="Commencer").click()
    page.get_by_label("Prénom").fill("Camille")
    page.get_by_label("Nom de famille").fill("Martin")
    page.get_by_label("SIRET de votre organisme").fill(SIRET)
    page.get_by_label("Collectivité territoriale").check()
    go_on(page, "L’usage")
    page.get_by_label("À quoi serviront").fill("Vérifier les candidats à nos marchés.")
    page.get_by_label("Nombre d’appels par mois").fill("500")
    go_on(page, "Les données")
    go_on(page, "Le cadre juridique")
    page.get_by_label("Texte qui vous autorise").fill("Article R. 2143-7 du code de la commande publique")
    page.get_by_label("Lien vers ce texte").fill("https://www.legifrance.gouv.fr/x")
    go_on(page, "Les données personnelles")
    page.get_by_label("Qui verra ces données").fill("Le service des marchés")
    page.get_by_label("Durée de conservation").fill("24")
    dpo = page.get_by_role("group", name="Délégué à la protection")
    dpo.get_by_label("Prénom").fill("Alix")
    dpo.get_by_label("Nom de famille").fill("Moreau")
    dpo.get_by_label("Adresse électronique").fill("alix@mairie.test")
    page.get_by_role("group", name="Responsable de traitement").get_by_label("C’est moi").check()
    go_on(page, "Les contacts")
    for name in ("Contact technique", "Contact métier"):
        page.get_by_role("group", name=name).get_by_label("C’est moi").check()
    go_on(page, "Récapitulatif et envoi")
    page.get_by_label("J’accepte").check()
    page.get_by_role("button", name="Envoyer la demande").click()
    expect(page.locator("[data-state]").first).to_have_attribute("data-state", "submitted")
    request_page = page.url
    with opened(browser) as desk:
        log_in(desk, site, OPERATOR)
        desk.goto(f"{site.url}/admin/demandes")
        desk.get_by_role("link", name="Marchés publics").first.click()
        desk.get_by_label("Valider").check()
        desk.get_by_role("button", name="Enregistrer la décision").click()
        expect(desk.locator("[data-state]").first).to_have_attribute("data-state", "validated")
    page.goto(request_page)
    page.locator("table a").first.click()
    page.get_by_role("button", name="Afficher le jeton").click()
    assert page.get_by_label("Jeton", exact=True).input_value().startswith("eyJ")
    expect(page.get_by_role("button", name="Copier le jeton")).to_be_visible()
    assert violations(page) == []
    jti = page.url.rstrip("/").split("/")[-2]
    page.goto(f"{site.url}/compte/jetons/{jti}/stats")
    expect(page.get_by_text("Aucun appel pour l’instant")).to_be_visible()
    assert violations(page) == []
    now = site.clock.time
    with writing(site.engine) as connection:
        add_call(connection, jti, now)
        notice(connection, now=now)
        connection.execute(update(token_rows).where(token_rows.c.id == jti).values(first_call_at=now))
    expect(page.get_by_text("Premier appel :")).to_be_visible()


def test_from_a_hand_over_to_the_string(site: Site, known: Known, page: Page) -> None:
    """Whoever has the link sees the string after a click, without an account; the applicant sees that it was opened."""
    log_in(page, site, APPLICANT)
    page.goto(f"{site.url}{known.token_path}/partager")
    page.get_by_label("Adresse électronique de la personne").fill("integration@editeur.test")
    page.get_by_role("button", name="Envoyer le lien").click()
    expect(page.get_by_text("Le lien est envoyé")).to_be_visible()
    page.get_by_role("button", name="Se déconnecter").click()
    expect(page).to_have_url(f"{site.url}/apres-deconnexion")
    page.goto(f"{site.url}/demo/courrier")
    page.locator("tr", has_text="integration@editeur.test").locator("a").first.click()
    page.locator("pre a").first.click()
    assert "/public/jetons/" in page.url
    assert "eyJ" not in page.content()
    assert violations(page) == []
    page.get_by_role("button").filter(has_text=re.compile("jeton", re.IGNORECASE)).click()
    expect(page.get_by_role("textbox")).to_have_value(re.compile("^eyJ"))
    assert violations(page) == []
    log_in(page, site, APPLICANT)
    page.goto(f"{site.url}{known.token_path}/partager")
    expect(page.get_by_text("1, la première le").first).to_be_visible()


def test_a_leak_ends_in_a_new_token(site: Site, page: Page) -> None:
    """The old one is revoked for good, its replacement is there at once."""
    with writing(site.engine) as connection:
        known = add_known(connection, site.clock.time, called=True, title="Un jeton publié")
    log_in(page, site, APPLICANT)
    page.goto(site.url + known.token_path)
    page.get_by_text("Révoquer ce jeton maintenant").click()
    page.get_by_label("Je révoque ce jeton").check()
    page.get_by_role("button", name="Révoquer", exact=True).click()
    expect(page.locator("[data-state]").first).to_have_attribute("data-state", "new")
    with reading(site.engine) as connection:
        old = repository.token(connection, known.token.id)
    assert old is not None
    assert old.revoked_at is not None


def test_a_renewal_gives_a_second_token(site: Site, page: Page, browser: Browser) -> None:
    """The form is filled in already; after the approval the old token keeps its end, and the page says what to do."""
    person = Person(email=APPLICANT, given_name="Camille", family_name="Martin")
    form = Form(
        siret=SIRET, organization="Ville", eligibility="collectivite", title="À renouveler", description="Tarifs.",
        use_case="marches_publics", scopes=("attestation_fiscale_dgfip",), legal_basis="Délibération du 3 mars",
        legal_basis_url="https://legi.test/a", recipients="Le service", retention_months="12", volume="100",
        business_contact=person, technical_contact=person, dpo=person, controller=person, controller_siret=SIRET,
        terms_accepted=True,
    )  # fmt: skip
    now, catalogue = site.clock.time, catalogue_of(PRODUCTS[0])
    with writing(site.engine) as connection:
        applicant = Contact(email=APPLICANT, given_name="Camille", family_name="Martin")
        made = requests.begin(connection, ProductKey.ENTREPRISE, form, applicant=applicant, by="x", now=now)
        requests.submit(connection, made.id, catalogue=catalogue, by="x", now=now)
        _, jti = requests.approve(connection, made.id, catalogue=catalogue, by="x", now=now)
        connection.execute(update(token_rows).where(token_rows.c.id == jti).values(first_call_at=now))
    log_in(page, site, APPLICANT)
    page.goto(f"{site.url}/compte/demandes/{made.id}/renouveler")
    page.get_by_role("button", name="Commencer").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Vous et votre organisme")  # the form was sent, then
    page.goto(f"{site.url}/compte/demandes/{made.id}/formulaire?etape=recapitulatif")
    page.get_by_label("J’accepte").check()
    page.get_by_role("button", name="Envoyer la demande").click()
    expect(page).to_have_url(f"{site.url}/compte/demandes/{made.id}")
    assert violations(page) == []
    with opened(browser) as desk:
        log_in(desk, site, OPERATOR)
        desk.goto(f"{site.url}/admin/demandes/{made.id}")
        desk.get_by_label("Valider").check()
        desk.get_by_role("button", name="Enregistrer la décision").click()
        expect(desk.get_by_text("La demande est validée")).to_be_visible()
    page.goto(f"{site.url}/compte/demandes/{made.id}")
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.get_by_text("Mettez le nouveau jeton dans votre logiciel").first).to_be_visible()
