"""Tests of the login by ProConnect, against the server that it is made with."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, select

from apientreprise_gateway.database import accounts, serving
from apientreprise_gateway.portal.login import oidc
from support.oidc_provider import OidcServer, oidc_server, query_of
from support.portal import OPERATOR, URL, Site, make_site

START = "/compte/se-connecter/proconnect"
MFA_PROVIDER = "71144ab3-ee1a-4401-b7b3-79b44f7daeeb"
MARIE: dict[str, Any] = {
    "sub": "marie-1",
    "email": "Marie@Mairie.test",
    "given_name": "Marie Claire",
    "usual_name": "Petit",
    "uid": "m1",
    "idp_id": "an-agency",
    "siret": "21060016700013",
    "phone_number": "0102030405",
    "amr": ["pwd"],
    "acr": "eidas1",
}
_URL = re.compile(r'<a href="(http[^"]+)">continuez')


@pytest.fixture(scope="module")
def server() -> Iterator[OidcServer]:
    """One provider for all tests."""
    with oidc_server(URL) as running:
        yield running


@pytest.fixture
def kind() -> str:
    """The kind of database; the first test is run on both."""
    return "sqlite"


@pytest.fixture
def site(engine: Engine, server: OidcServer) -> Site:
    """A portal that is a client of the provider."""
    return make_site(engine, settings=server.settings())


def address_in(answer: httpx.Response) -> str:
    """Where a page sends the browser."""
    assert answer.status_code == 200, answer.text
    found = _URL.search(answer.text)
    assert found is not None, answer.text
    return unescape(found[1])


def set_out(site: Site, **fields: str) -> str:
    """Begin a login; where the browser is sent."""
    return address_in(site.post(START, **fields))


def come_back(site: Site, url: str) -> httpx.Response:
    """Follow the way back."""
    return site.get(url.removeprefix(URL))


def log_in(site: Site, server: OidcServer, outcome: dict[str, Any] | None = None, **fields: str) -> httpx.Response:
    """Log in at the provider, and come back."""
    return come_back(site, server.log_in(set_out(site, **fields), outcome or MARIE))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize("algorithm", ["es256", "rs256", "hs256"])
@pytest.mark.parametrize("product", ["entreprise", "particulier"])
def test_a_login(engine: Engine, server: OidcServer, algorithm: str, product: str) -> None:
    """With each signature and for each product, a session begins, and the browser goes where it wanted to."""
    site = make_site(engine, settings=server.settings(algorithm))
    answer = log_in(site, server, product=product, goes_to="/compte?x=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/compte?x=1")
    page = site.text("/compte")
    assert "Marie Claire Petit" in page
    assert "marie@mairie.test" in page
    with site.services.reading() as connection:
        row = connection.execute(select(accounts.identities)).one()
    assert (row.subject, row.idp_id, row.siret) == ("marie-1", "an-agency", "21060016700013")


def test_what_is_asked(site: Site, server: OidcServer) -> None:
    """The state and nonce are long and new each time, the challenge is S256, and `amr` is asked for."""
    asked, again = (query_of(set_out(site)) for _ in range(2))
    assert len(asked["state"]) >= 32
    assert len(asked["nonce"]) >= 32
    assert asked["state"] != again["state"]
    assert asked["nonce"] != again["nonce"]
    assert asked["code_challenge_method"] == "S256"
    assert asked["claims"] == '{"id_token": {"amr": {"essential": true}}}'
    assert set(asked["scope"].split()) == set(oidc.SCOPES.split())
    assert "max_age" not in asked


def test_without_pkce(engine: Engine, server: OidcServer) -> None:
    """A setting leaves the challenge out."""
    settings = {**server.settings("plain"), "proconnect_pkce": False}
    site = make_site(engine, settings=settings)
    assert "code_challenge" not in query_of(set_out(site))
    assert log_in(site, server).status_code == 303


def test_the_subject_counts_not_the_address(site: Site, server: OidcServer) -> None:
    """At the first login an identity is linked by its address; from then on its subject says who it is."""
    site.log_in("marie@mairie.test", given_name="Marie")
    site.client.cookies.clear()
    log_in(site, server)
    changed = site.another()
    log_in(changed, server, {**MARIE, "email": "m.durand@mairie.test"})
    assert "marie@mairie.test" in changed.text("/compte")


def test_another_identity_with_the_same_address(site: Site, server: OidcServer) -> None:
    """Somebody new with a colleague's old address does not get the colleague's account."""
    log_in(site, server)
    answer = log_in(site.another(), server, {**MARIE, "sub": "marie-2"})
    assert answer.status_code == 403
    assert "autre identité" in answer.text
    elsewhere = log_in(site.another(), server, {**MARIE, "sub": "marie-3", "idp_id": "another-agency"})
    assert elsewhere.status_code == 303


def test_a_second_factor(site: Site, server: OidcServer) -> None:
    """An identity provider that has people make up accounts is asked for a second factor, once."""
    plain = {**MARIE, "idp_id": MFA_PROVIDER}
    url = address_in(log_in(site, server, plain, goes_to="/compte?x=2"))
    asked = query_of(url)
    assert asked["login_hint"] == "Marie@Mairie.test"
    assert "self-asserted-2fa" in asked["claims"]
    assert '"essential": true' in asked["claims"]
    strong = {**plain, "amr": ["pwd", "mfa"], "acr": "https://proconnect.gouv.fr/assurance/self-asserted-2fa"}
    answer = come_back(site, server.log_in(url, strong))
    assert (answer.status_code, answer.headers["location"]) == (303, "/compte?x=2")


def test_a_fresh_login(site: Site, server: OidcServer) -> None:
    """Whoever is logged in and needs a fresh login logs in at the provider again, whatever its session says."""
    first = set_out(site)
    assert "prompt" not in query_of(first)
    come_back(site, server.log_in(first, MARIE))
    again = address_in(site.post(START, page="/compte", goes_to="/compte?x=3"))
    assert query_of(again)["prompt"] == "login"
    answer = come_back(site, server.log_in(again, MARIE))
    assert (answer.status_code, answer.headers["location"]) == (303, "/compte?x=3")


def test_a_second_factor_at_once(site: Site, server: OidcServer) -> None:
    """Whoever has used one already is not asked again."""
    assert log_in(site, server, {**MARIE, "idp_id": MFA_PROVIDER, "amr": ["pwd", "mfa"]}).status_code == 303


def test_the_way_back_works_once(site: Site, server: OidcServer) -> None:
    """The same code and state, brought a second time, log nobody in."""
    back = server.log_in(set_out(site), MARIE)
    assert come_back(site, back).status_code == 303
    again = come_back(site, back)
    assert again.status_code == 400
    assert "Code : connexion-expiree" in again.text


def test_the_way_back_of_another_browser(site: Site, server: OidcServer) -> None:
    """A link with somebody's code and state logs nobody else in, and leaves the one whose it is alone."""
    back = server.log_in(set_out(site), MARIE)
    other = site.another()
    other.csrf()
    assert come_back(other, back).status_code == 400
    assert come_back(site, back).status_code == 303


def test_the_way_back_is_open_for_ten_minutes(site: Site, server: OidcServer) -> None:
    """A login that took too long is begun anew."""
    back = server.log_in(set_out(site), MARIE)
    site.clock.pass_by(minutes=10)
    assert come_back(site, back).status_code == 400


@pytest.mark.parametrize("name", ["code", "state"])
def test_a_made_up_way_back(site: Site, server: OidcServer, name: str) -> None:
    """A code or a state that the provider did not give logs nobody in."""
    back = httpx.URL(server.log_in(set_out(site), MARIE)).copy_set_param(name, "x" * 43)
    assert come_back(site, str(back)).status_code == 400
    assert site.get("/compte").status_code == 303


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        ({"error": "access_denied", "error_description": "no"}, "proconnect-refus"),
        ({"error": "login_required", "error_description": "none"}, "proconnect-session"),
        ({"error": "server_error", "error_description": "Y500015 private"}, "Y500015"),
        ({"error": "server_error", "error_description": "code Y030110"}, "Y030110"),
        ({"error": "server_error", "error_description": "Y999999"}, "Y999999"),
        ({"error": "temporarily_unavailable", "error_description": "<b>x</b>"}, "proconnect-erreur"),
    ],
)
def test_errors_have_their_pages(site: Site, server: OidcServer, outcome: dict[str, Any], code: str) -> None:
    """Each error of the provider is answered with its code and what to do; nothing is printed as it was sent."""
    answer = log_in(site, server, outcome)
    assert answer.status_code == 400
    assert f"Code : {code}." in answer.text
    assert "<b>" not in answer.text
    assert "/compte/se-connecter" in answer.text


@pytest.mark.parametrize("wrong", [{"email": ""}, {"email": "no address"}, {"email_verified": False}])
def test_an_address_that_is_missing_or_not_verified(site: Site, server: OidcServer, wrong: dict[str, Any]) -> None:
    """Without an address that the provider answers for, nobody is linked to an account."""
    answer = log_in(site, server, {**MARIE, "sub": "nobody", **wrong})
    assert answer.status_code == 400
    assert "Code : adresse-absente" in answer.text


def test_a_provider_that_is_down(engine: Engine) -> None:
    """While the provider does not answer, the page says so, and offers a link by mail."""
    settings = {
        "proconnect_issuer": "http://127.0.0.1:9/",
        "proconnect_client_id": "us",
        "proconnect_client_secret": "secret",
    }
    answer = make_site(engine, settings=settings).post(START)
    assert answer.status_code == 503
    assert "lien par courriel" in answer.text


def test_the_logout_goes_on_at_the_provider(site: Site, server: OidcServer) -> None:
    """The session ends here, then there; on the way back the state shows that it was this browser's logout."""
    log_in(site, server)
    url = address_in(site.post("/compte/deconnexion"))
    asked = query_of(url)
    assert url.startswith(f"{server.issuer}/session/end?")
    assert asked["post_logout_redirect_uri"] == f"{URL}/apres-deconnexion"
    assert asked["id_token_hint"].count(".") == 2
    assert site.get("/compte").status_code == 303
    assert httpx.get(url).status_code == 200, "the provider knows the token and the way back"
    assert "fermée elle aussi" in site.text(f"/apres-deconnexion?state={asked['state']}")
    assert "ne pouvons pas confirmer" in site.text("/apres-deconnexion?state=x")


def test_the_token_of_a_session_is_sealed(site: Site, server: OidcServer) -> None:
    """What the logout needs of the login is stored encrypted."""
    log_in(site, server)
    with site.services.reading() as connection:
        sealed = connection.scalar(select(serving.sessions.c.id_token))
    assert sealed is not None
    assert b"eyJ" not in sealed[:20] or sealed.count(b".") != 2
    assert site.services.sealer.open(sealed).count(b".") == 2


def test_operators_come_by_proconnect(site: Site, server: OidcServer) -> None:
    """A login by ProConnect with an operator's address makes an operator; a session begun otherwise does not."""
    log_in(site, server, {**MARIE, "sub": "operator", "email": OPERATOR})
    with site.services.reading() as connection:
        assert connection.scalar(select(serving.sessions.c.via)) == "proconnect"
