"""The page of a hand-over's link, and what is done with links."""

import json
from datetime import timedelta
from html import unescape

import jwt
import pytest
from sqlalchemy import Engine, func, select

from apientreprise_gateway.accounts import hand_overs, repository, tokens
from apientreprise_gateway.accounts.hand_overs import LIFE, MOST_OPEN, HandOver
from apientreprise_gateway.accounts.mail_address import MailAddressError, mail_address
from apientreprise_gateway.accounts.mails import is_obsolete
from apientreprise_gateway.accounts.tokens import TokenRefusalError
from apientreprise_gateway.database import accounts as tables
from apientreprise_gateway.database.engine import reading, writing
from apientreprise_gateway.database.serving import mails
from support.accounts import APPLICANT, TECHNICAL, Known, add_known
from support.portal import Site, make_site

SECRET = "a secret of the gateway that is long enough"
EDITOR = "integrateur@editeur.test"


@pytest.fixture
def site(engine: Engine) -> Site:
    """A portal that signs tokens."""
    return make_site(engine, settings={"jwt_secrets": SECRET})


@pytest.fixture
def known(site: Site) -> Known:
    """A habilitation in force, and a token of it."""
    with writing(site.engine) as connection:
        return add_known(connection, site.clock.time)


def share(site: Site, known: Known, *, by: str = APPLICANT, email: str = EDITOR) -> tuple[HandOver, str]:
    """Share a token; the link, and the path that its mail holds."""
    with writing(site.engine) as connection:
        person = repository.user_by_email(connection, by)
        assert person is not None
        made = hand_overs.share(
            connection, known.habilitation, known.token.id, email=email, by=person.id,
            seal=site.services.sealer.seal, now=site.clock(),
        )  # fmt: skip
        sealed = connection.scalar(select(mails.c.sealed).where(mails.c.object_id == made.id))
    assert sealed is not None
    return made, json.loads(site.services.sealer.open(sealed))["link"]


def state_of(site: Site, link: HandOver) -> HandOver:
    """A link as it is now."""
    with reading(site.engine) as connection:
        return next(each for each in hand_overs.of_token(connection, link.token_id) if each.id == link.id)


def shown(text: str) -> str | None:
    """The string that a page shows."""
    found = unescape(text).partition('autocomplete="off">')[2].partition("</textarea>")[0]
    return found or None


def test_a_link_shows_a_token_after_a_form(site: Site, known: Known) -> None:
    """Looking shows and changes nothing; the form shows a string that the gateway's secret signs."""
    link, path = share(site, known)
    for _ in range(3):
        answer = site.get(path)
        assert answer.status_code == 200
        assert shown(answer.text) is None
        assert known.token.id not in answer.text
    assert state_of(site, link).openings == 0
    assert f'action="{path}/afficher"' in answer.text
    assert site.get(path + "/afficher").headers["location"] == path
    answer = site.post(path + "/afficher", page=path)
    string = shown(answer.text)
    assert string is not None
    claims = jwt.decode(string, SECRET, algorithms=["HS256"], options={"verify_exp": False, "verify_iat": False})
    assert (claims["jti"], claims["uid"], claims["exp"]) == (known.token.id, known.token.id, known.token.exp)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert (state_of(site, link).openings, state_of(site, link).opened_at) == (1, site.clock.time)


def test_each_opening_is_counted_and_the_first_is_told(site: Site, known: Known) -> None:
    """Both are acts; the applicant has one mail, that names to whom the link was sent."""
    link, path = share(site, known)
    site.post(path, page=path)
    site.another().post(path, page=path)
    assert state_of(site, link).openings == 2
    with reading(site.engine) as connection:
        told = connection.execute(select(mails.c.recipient, mails.c.data).where(mails.c.kind == "hand_over_opened"))
        row = told.one()
        acts = connection.scalars(select(tables.activity.c.act).where(tables.activity.c.object_id == link.token_id))
        names = list(acts)
    assert (row.recipient, row.data["email"]) == (APPLICANT, EDITOR)
    assert (names.count("token.shared"), names.count("token.shown")) == (1, 2)


def test_a_form_from_elsewhere_shows_nothing(site: Site, known: Known) -> None:
    """The form must come from the page of the link."""
    link, path = share(site, known)
    assert site.client.post(path).status_code == 403
    assert state_of(site, link).openings == 0


def test_links_that_open_nothing_look_alike(site: Site, known: Known) -> None:
    """Unknown, malformed, revoked, ended, of a revoked or an expired token: one page, whatever is asked."""
    (first, revoked), (_, of_revoked) = share(site, known), share(site, known)
    with writing(site.engine) as connection:
        assert hand_overs.withdraw(connection, first.id, jti=known.token.id, by="x", now=site.clock())
        assert not hand_overs.withdraw(connection, first.id, jti=known.token.id, by="x", now=site.clock())
    pages = {_calm(site, path) for path in ("/public/jetons/unknown", revoked)}
    pages |= {_calm(site, path) for path in ("/public/jetons", "/public/jetons/", "/public/jetons/" + "a" * 5000)}
    with writing(site.engine) as connection:
        tokens.revoke(connection, known.token.id, now=site.clock(), reason="Fuite")
    pages.add(_calm(site, of_revoked))
    with writing(site.engine) as connection:
        another = add_known(connection, site.clock.time)
    _, late = share(site, another)
    assert site.get(late).status_code == 200
    site.clock.time += LIFE
    pages.add(_calm(site, late))
    assert len(pages) == 1
    assert site.post(late, page="/compte/se-connecter").status_code == 404


def _calm(site: Site, path: str) -> str:
    """The words of a page that opens nothing."""
    answer = site.get(path)
    assert answer.status_code == 404
    assert answer.headers["referrer-policy"] == "no-referrer"
    return answer.text.partition("<main")[2].partition("</main>")[0]


def test_nothing_that_is_stored_opens_a_link(site: Site, known: Known) -> None:
    """Neither the row of the link nor that of its mail holds the secret in clear, and the mail has the link's end."""
    link, path = share(site, known)
    secret = path.rpartition("/")[2]
    assert len(secret) == 43
    with reading(site.engine) as connection:
        rows = [*connection.execute(select(tables.hand_overs)), *connection.execute(select(mails))]
        ends = connection.scalar(select(mails.c.expires_at).where(mails.c.object_id == link.id))
        acts = connection.execute(select(tables.activity)).all()
    assert all(secret not in repr(row) and secret.encode() not in repr(row).encode() for row in (*rows, *acts))
    assert ends == link.expires_at == site.clock.time + LIFE


def test_the_mail_of_a_revoked_link_is_not_sent(site: Site, known: Known) -> None:
    """Nor is that of a link to a token that was revoked."""
    link, _ = share(site, known)
    with writing(site.engine) as connection:
        assert is_obsolete(connection, "hand_over", link.id, {}, site.clock()) is None
        tokens.revoke(connection, known.token.id, now=site.clock(), reason="Fuite")
        assert is_obsolete(connection, "hand_over", link.id, {}, site.clock()) == "revoked"


def test_five_links_are_open_at_most(site: Site, known: Known) -> None:
    """A sixth one is refused until one is revoked, or has ended."""
    made = [share(site, known)[0] for _ in range(MOST_OPEN)]
    with pytest.raises(TokenRefusalError, match="5 liens"):
        share(site, known)
    with writing(site.engine) as connection:
        hand_overs.withdraw(connection, made[0].id, jti=known.token.id, by="x", now=site.clock())
    share(site, known)
    site.clock.time += LIFE
    share(site, known)


def test_only_the_applicant_shares(site: Site, known: Known) -> None:
    """The technical contact does not, nor does anybody share a token of another habilitation."""
    with pytest.raises(TokenRefusalError):
        share(site, known, by=TECHNICAL)
    with writing(site.engine) as connection:
        other = add_known(connection, site.clock.time, people={})
    with pytest.raises(TokenRefusalError):
        share(site, Known(known.habilitation, other.token))
    with reading(site.engine) as connection:
        assert connection.scalar(select(func.count()).select_from(tables.hand_overs)) == 0


def test_a_link_ends_with_its_token(site: Site, known: Known) -> None:
    """It does not last longer than a token that is about to end, and a dead one is not shared."""
    site.clock.time = known.token.ends_at - timedelta(hours=1)
    assert share(site, known)[0].expires_at == known.token.ends_at
    site.clock.time = known.token.ends_at
    with pytest.raises(TokenRefusalError, match="expiré"):
        share(site, known)


@pytest.mark.parametrize(
    "text",
    ["", "a", "a@b", "a b@c.fr", "a@c.fr\nBcc: d@e.fr", "a@c.fr,d@e.fr", "<a@c.fr>", "é@c.fr", "a@-c.fr",
     "a" * 65 + "@c.fr",
     "a@" + "c" * 250 + ".fr", ".a@c.fr", "a@c..fr", '"a"@c.fr', "a@c.fr\0"],
)  # fmt: skip
def test_no_address(text: str) -> None:
    """What is no single address, or would begin another header, is refused."""
    with pytest.raises(MailAddressError):
        mail_address(text)


def test_an_address_is_kept_in_one_form() -> None:
    """In lower case, without blanks around it."""
    assert mail_address(" Jean.Dupont+x@Mairie-Paris.FR ") == "jean.dupont+x@mairie-paris.fr"
