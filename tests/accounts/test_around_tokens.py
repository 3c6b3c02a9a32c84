"""Tests of what surrounds tokens: limits, bans, calls, editors, transfers, audits; on both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, select

from apientreprise_gateway.accounts import (
    audits,
    bans,
    delegations,
    first_calls,
    publications,
    repository,
    security,
    tokens,
    transfers,
)
from apientreprise_gateway.accounts.audits import AuditRefusedError
from apientreprise_gateway.accounts.delegations import DelegationRefusedError, Editor
from apientreprise_gateway.accounts.model import Contact, Role, TokenState, User
from apientreprise_gateway.accounts.security import MOST_ADDRESSES, SecuritySettings, SettingRefusedError
from apientreprise_gateway.accounts.transfers import LIFE, TransferRefusedError, TransferState
from apientreprise_gateway.contract.bans import DURATION, Ban, Reason
from apientreprise_gateway.database import accounts as tables
from apientreprise_gateway.database.engine import writing
from apientreprise_gateway.database.serving import mails
from support.accounts import (
    APPLICANT,
    BUSINESS,
    PEOPLE,
    SIRET,
    TECHNICAL,
    Known,
    add_call,
    add_habilitation,
    add_known,
)

NOW = datetime(2026, 3, 2, 12, 30, 15, tzinfo=UTC)
NEWCOMER = "lou@mairie.test"
OPERATOR = "operatrice@portail.test"


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes."""
    with writing(engine) as connection:
        yield connection


@pytest.fixture
def known(connection: Connection) -> Known:
    """A habilitation in force, and a token of it."""
    return add_known(connection, NOW)


def user(connection: Connection, email: str) -> User:
    """A person, made known if need be."""
    return repository.upsert_user(connection, Contact(email=email), NOW)


def kinds(connection: Connection) -> list[tuple[str, str]]:
    """The mails that are queued, in their order: what they are, and to whom."""
    return [(row.kind, row.recipient) for row in connection.execute(select(mails).order_by(mails.c.id))]


# Addresses and limits.


def test_settings_hold_for_later_tokens(connection: Connection, known: Known) -> None:
    """Every token of the habilitation is told to Redis, and one that is made later as well."""
    publications.settle(connection, publications.queued(connection, limit=10))
    other = add_known(connection, NOW)
    publications.settle(connection, publications.queued(connection, limit=10))
    assert security.set_by_applicant(
        connection,
        known.habilitation.id,
        allowed_addresses=["192.0.2.10", "2001:db8::/48"],
        cap_per_minute=20,
        now=NOW,
        by="x",
    )
    assert security.set_limit(connection, known.habilitation.id, 900, now=NOW, by="operator")
    assert [each.jti for each in publications.queued(connection, limit=10)] == [known.token.id]
    later = tokens.make(connection, known.habilitation, now=NOW)
    said = publications.published(connection, [known.token.id, later.id, other.token.id])
    assert said[known.token.id].record == said[later.id].record
    assert said[later.id].record == {
        "allowed_addresses": ["192.0.2.10", "2001:db8::/48"],
        "cap_per_minute": 20,
        "limit_per_minute": 900,
    }
    assert said[other.token.id].is_empty


def test_what_is_so_already_is_no_act(connection: Connection, known: Known) -> None:
    """Nothing is told to Redis; emptied settings are the usual ones."""
    number = known.habilitation.id

    def put(*addresses: str, cap: int | None) -> bool:
        return security.set_by_applicant(
            connection, number, allowed_addresses=addresses, cap_per_minute=cap, now=NOW, by="x"
        )

    assert not put(cap=None)
    assert put("192.0.2.1/32", cap=5)
    assert not put("192.0.2.1", cap=5)
    assert put(cap=None)
    assert security.settings_of(connection, number) == SecuritySettings()


@pytest.mark.parametrize(
    "text",
    ["mairie.fr", "192.0.2.1/24", "0.0.0.0/0", "::/0", "192.0.2.1 192.0.2.2", "192.0.2.256", "fe80::1%eth0", "1" * 9999,
     "\n".join(f"192.0.2.{number}" for number in range(MOST_ADDRESSES + 1)), "=1+1", "١٩٢.0.2.1"],
)  # fmt: skip
def test_no_addresses(text: str) -> None:
    """What is no address, holds all of them, or are too many, is refused with a sentence."""
    with pytest.raises(SettingRefusedError, match=r"\.$") as refused:
        security.read_addresses(text)
    assert refused.value.field == "allowed_addresses"


def test_addresses_are_kept_once_in_one_form() -> None:
    """Written in several ways, an address is the same."""
    text = " 192.0.2.1\r\n192.0.2.1/32\n\n::ffff:192.0.2.1, 2001:DB8:0::/48 "
    assert security.read_addresses(text) == ("192.0.2.1", "2001:db8::/48")


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "100001", "x", "٣", "1e3", "9" * 30])
def test_no_limit(text: str) -> None:
    """A limit is a number of calls, from one on."""
    with pytest.raises(SettingRefusedError):
        security.read_limit("limit_per_minute", text)


def test_a_limit_as_people_write_it() -> None:
    """With blanks between thousands; nothing for the usual one."""
    assert [security.read_limit("x", text) for text in ("", " 1 000 ", "1\u202f000")] == [None, 1000, 1000]


# Bans.


def ban(address: str, start: datetime = NOW) -> Ban:
    """A ban as Redis lists it."""
    return Ban(address=address, reason=Reason.CEILING, count=1001, start=int(start.timestamp() * 1e6))


def test_a_ban_is_shown_on_the_tokens_that_called_before(connection: Connection, known: Known) -> None:
    """Those that called from its address in the ten minutes before, and no others; also when lines come late."""
    other, late = add_known(connection, NOW), add_known(connection, NOW)
    add_call(connection, known.token.id, NOW - timedelta(minutes=10), client_ip="192.0.2.9")
    add_call(connection, other.token.id, NOW - timedelta(minutes=11), client_ip="192.0.2.9")
    add_call(connection, other.token.id, NOW - timedelta(minutes=1), client_ip="192.0.2.8")
    assert bans.keep(connection, [ban("192.0.2.9")], now=NOW) == 1
    add_call(connection, late.token.id, NOW - timedelta(minutes=1), client_ip="192.0.2.9")
    assert bans.keep(connection, [ban("192.0.2.9")], now=NOW + timedelta(minutes=4)) == 0
    later = add_known(connection, NOW)
    add_call(connection, later.token.id, NOW, client_ip="192.0.2.9")
    bans.keep(connection, [], now=NOW + timedelta(hours=1))
    assert bans.of_tokens(connection, [later.token.id], now=NOW) == {}
    bans.keep_late(connection, now=NOW + timedelta(hours=1))
    found = bans.of_tokens(connection, [each.token.id for each in (known, other, late, later)], now=NOW)
    assert set(found) == {known.token.id, late.token.id, later.token.id}
    (shown,) = found[known.token.id]
    assert (shown.address, shown.reason, shown.calls, shown.started_at) == ("192.0.2.9", "ceiling", 1001, NOW)
    assert shown.ends_at == NOW + timedelta(microseconds=DURATION)
    assert shown.is_in_force(NOW)
    assert bans.of_habilitation(connection, known.habilitation.id, now=NOW) == [(shown, [known.token.id])]
    assert bans.tokens_of(connection, shown.id) == sorted(found)


def test_a_ban_of_a_network(connection: Connection, known: Known) -> None:
    """An IPv6 /64 is banned as one client: its addresses count."""
    add_call(connection, known.token.id, NOW, client_ip="2001:db8::7")
    add_call(connection, "another", NOW, client_ip="2001:db8:0:1::7")
    bans.keep(connection, [ban("2001:db8::/64")], now=NOW)
    (kept,) = bans.recent(connection, now=NOW, address="2001:db8::9")
    assert bans.tokens_of(connection, kept.id) == [known.token.id]


def test_bans_are_kept_for_30_days(connection: Connection) -> None:
    """After its end a ban is shown for 30 days more, then forgotten."""
    bans.keep(connection, [ban("192.0.2.9")], now=NOW)
    end = NOW + timedelta(microseconds=DURATION)
    assert len(bans.recent(connection, now=end + timedelta(days=30))) == 1
    later = end + timedelta(days=30, seconds=1)
    assert bans.recent(connection, now=later) == []
    assert bans.forget(connection, now=later) == 1


# Calls.


def test_the_first_call_is_noticed(connection: Connection, known: Known) -> None:
    """The first that was not refused, at its moment; refused ones before it are told with their codes."""
    refused = add_call(connection, known.token.id, NOW - timedelta(seconds=50), status=429)
    assert first_calls.notice(connection, now=NOW) == 0
    (told,) = first_calls.refused_calls(connection, known.token.id, since=NOW - timedelta(days=1))
    assert (told.request_id, told.status, told.codes) == (refused, 429, ("00429",))
    first = NOW - timedelta(seconds=20)
    add_call(connection, known.token.id, first, status=404)
    add_call(connection, known.token.id, NOW - timedelta(seconds=10))
    assert first_calls.notice(connection, now=NOW) == 1
    assert first_calls.notice(connection, now=NOW) == 0
    found = repository.token(connection, known.token.id)
    assert found is not None
    assert (found.first_call_at, found.last_call_at) == (first, NOW - timedelta(seconds=10))
    assert found.state(NOW) is TokenState.ACTIVE


def test_the_last_call_moves_on(connection: Connection, known: Known) -> None:
    """A later minute moves it, and the first call stays."""
    add_call(connection, known.token.id, NOW - timedelta(minutes=8))
    first_calls.notice(connection, now=NOW)
    add_call(connection, known.token.id, NOW, status=401)
    first_calls.notice(connection, now=NOW)
    found = repository.token(connection, known.token.id)
    assert found is not None
    assert (found.first_call_at, found.last_call_at) == (NOW - timedelta(minutes=8), NOW)


def test_late_lines_are_noticed(connection: Connection, known: Known) -> None:
    """A call of long ago, whose line came late, is found by the counts of hours."""
    add_call(connection, known.token.id, NOW - timedelta(days=5))
    assert first_calls.notice(connection, now=NOW) == 0
    assert first_calls.notice_late(connection, now=NOW) == 1
    assert first_calls.notice_late(connection, now=NOW) == 0


# Editors.


@pytest.fixture
def editor(connection: Connection) -> Editor:
    """A maker of software with a form of its own."""
    return delegations.add_editor(connection, name="Éditeur", now=NOW, by=None, form_uids=["its-form"])


def test_one_delegation_in_force_for_a_pair(connection: Connection, known: Known, editor: Editor) -> None:
    """A second one is the first; after its end another one is made."""
    number = known.habilitation.id
    first = delegations.delegate(connection, number, editor.id, by=user(connection, APPLICANT).id, now=NOW)
    assert delegations.delegate(connection, number, editor.id, by=user(connection, APPLICANT).id, now=NOW) == first
    assert delegations.is_delegated(connection, number, editor.id)
    assert not delegations.revoke(connection, first, habilitation_id="another", by="x", now=NOW)
    assert delegations.revoke(connection, first, habilitation_id=number, by="x", now=NOW)
    assert not delegations.revoke(connection, first, habilitation_id=number, by="x", now=NOW)
    assert not delegations.is_delegated(connection, number, editor.id)
    assert not delegations.is_delegated(connection, number, None)
    again = delegations.delegate(
        connection, number, editor.id, by=user(connection, APPLICANT).id, now=NOW + timedelta(days=1)
    )
    assert [each.id for each in delegations.of_habilitation(connection, number)] == [again, first]


def test_no_delegation(connection: Connection, known: Known, editor: Editor) -> None:
    """To an editor that is unknown or takes none, or of what is not in force, nothing is delegated."""
    closed = delegations.add_editor(connection, name="Fermé", now=NOW, by=None, delegations_enabled=False)
    draft = add_habilitation(connection, NOW, state="draft")
    for habilitation, to in ((known.habilitation, closed.id), (known.habilitation, "unknown"), (draft, editor.id)):
        with pytest.raises(DelegationRefusedError):
            delegations.delegate(connection, habilitation.id, to, by="x", now=NOW)
    with pytest.raises(DelegationRefusedError, match="nom"):
        delegations.add_editor(connection, name="Éditeur", now=NOW, by=None)


def test_the_list_of_an_editor(connection: Connection, known: Known, editor: Editor) -> None:
    """What was asked for by its forms and validated, and what is delegated to it; never a token."""
    add_habilitation(connection, NOW, form_uid="its-form", state="submitted")
    by_form = add_known(connection, NOW, form_uid="its-form", title="=cmd()", external_id="42")
    delegations.delegate(connection, known.habilitation.id, editor.id, by=user(connection, APPLICANT).id, now=NOW)
    rows = {row["datapass_id"]: row for row in delegations.rows_for(connection, editor, now=NOW)}
    assert set(rows) == {known.habilitation.external_id, "42"}
    assert rows["42"] == {
        "datapass_id": "42",
        "datapass_url": "https://datapass.api.gouv.fr/demandes/42",
        "intitule": "'=cmd()",
        "token_expiration": by_form.token.ends_at.date().isoformat(),
        "siret": SIRET,
        "demandeur_email": APPLICANT,
    }
    tokens.revoke_all(connection, by_form.habilitation.id, now=NOW, reason="Fin")
    rows = {row["datapass_id"]: row for row in delegations.rows_for(connection, editor, now=NOW)}
    assert rows["42"]["token_expiration"] == ""


# Transfers.


def test_a_transfer(connection: Connection, known: Known) -> None:
    """Asked, accepted, confirmed: the newcomer is the applicant of what the body has, and each is told what is next."""
    elsewhere = add_habilitation(connection, NOW, siret="13002526500013")
    sender, newcomer = user(connection, APPLICANT), user(connection, NEWCOMER)
    asked = transfers.ask(connection, sender, email=f" {NEWCOMER.upper()}", siret=SIRET, now=NOW)
    assert [kind for kind, _ in kinds(connection)] == ["transfer_asked", "transfer_waiting"]
    accepted = transfers.accept(connection, asked.id, newcomer, now=NOW, operators=[OPERATOR])
    assert accepted.state is TransferState.ACCEPTED
    assert kinds(connection)[-1] == ("transfer_to_confirm", OPERATOR)
    assert [each.id for each in transfers.to_confirm(connection, now=NOW)] == [asked.id]
    assert transfers.evidence(connection, accepted).habilitation_ids == (known.habilitation.id,)
    done, changed = transfers.confirm(connection, asked.id, user(connection, OPERATOR), now=NOW)
    assert (done.state, changed) == (TransferState.DONE, [known.habilitation.id])
    people = repository.contacts(connection, known.habilitation.id)
    assert {role: person.email for role, person in people.items()} == {
        Role.APPLICANT: NEWCOMER,
        Role.TECHNICAL_CONTACT: TECHNICAL,
        Role.BUSINESS_CONTACT: BUSINESS,
    }
    assert repository.contacts(connection, elsewhere.id)[Role.APPLICANT].email == APPLICANT
    assert [each.id for each in transfers.of_person(connection, newcomer)] == [asked.id]


def test_steps_that_cannot_be_taken(connection: Connection, known: Known) -> None:
    """By the wrong person, out of turn, twice, or too late."""
    sender, newcomer = user(connection, APPLICANT), user(connection, NEWCOMER)
    operator = user(connection, OPERATOR)
    for who, email, siret in (
        (sender, APPLICANT, SIRET), (newcomer, APPLICANT, SIRET), (sender, NEWCOMER, "13002526500013"),
    ):  # fmt: skip
        with pytest.raises(TransferRefusedError):
            transfers.ask(connection, who, email=email, siret=siret, now=NOW)
    asked = transfers.ask(connection, sender, email=NEWCOMER, siret=SIRET, now=NOW)
    with pytest.raises(TransferRefusedError, match="en cours"):
        transfers.ask(connection, sender, email=NEWCOMER, siret=SIRET, now=NOW)
    with pytest.raises(TransferRefusedError):
        transfers.accept(connection, asked.id, sender, now=NOW)
    with pytest.raises(TransferRefusedError):
        transfers.confirm(connection, asked.id, operator, now=NOW)
    with pytest.raises(TransferRefusedError):
        transfers.accept(connection, asked.id, newcomer, now=NOW + LIFE)
    with pytest.raises(TransferRefusedError):
        transfers.accept(connection, "unknown", newcomer, now=NOW)
    refused = transfers.refuse(connection, asked.id, newcomer, now=NOW, reason="Ce n’est pas moi")
    assert (refused.state, refused.reason) == (TransferState.REFUSED, "Ce n’est pas moi")
    with pytest.raises(TransferRefusedError, match="terminé"):
        transfers.accept(connection, asked.id, newcomer, now=NOW)
    assert repository.contacts(connection, known.habilitation.id)[Role.APPLICANT].email == APPLICANT


def test_a_transfer_ends_by_itself(connection: Connection, known: Known) -> None:
    """After 14 days without a decision, counted anew from the acceptance; both are told."""
    sender, newcomer = user(connection, APPLICANT), user(connection, NEWCOMER)
    asked = transfers.ask(connection, sender, email=NEWCOMER, siret=SIRET, now=NOW)
    transfers.accept(connection, asked.id, newcomer, now=NOW + timedelta(days=13))
    assert transfers.expire(connection, now=NOW + LIFE) == 0
    assert transfers.expire(connection, now=NOW + timedelta(days=13) + LIFE) == 1
    assert transfers.expire(connection, now=NOW + timedelta(days=99)) == 0
    found = transfers.transfer(connection, asked.id)
    assert found is not None
    assert found.state is TransferState.EXPIRED
    assert set(kinds(connection)[-2:]) == {("transfer_expired", APPLICANT), ("transfer_expired", NEWCOMER)}


# Audits.


def test_an_audit_notification(connection: Connection, known: Known) -> None:
    """It names calls of the habilitation's own tokens, and its three people are told of the first ten."""
    made = [add_call(connection, known.token.id, NOW - timedelta(minutes=number)) for number in range(12)]
    notice = audits.notify(
        connection, known.habilitation, request_ids=made, reason="Volume", volume=5000, by="operator", now=NOW
    )
    assert audits.of_habilitation(connection, known.habilitation.id) == [notice]
    mail = connection.execute(select(mails)).one()
    assert {mail.recipient, *mail.copies} == {each.email for each in PEOPLE.values()}
    assert mail.data["request_ids"] == made[:10]
    assert [call.request_id for call in audits.audited_calls(connection, known.habilitation.id, made[:2])] == made[:2]


def test_no_audit_notification(connection: Connection, known: Known) -> None:
    """Of somebody else's calls, without a reason, or of no call."""
    own = add_call(connection, known.token.id, NOW)
    theirs = add_call(connection, add_known(connection, NOW).token.id, NOW)
    for requests, reason, volume in (
        ([own, theirs], "x", None), (["unknown"], "x", None), ([], "x", None), ([own], " ", None), ([own], "x", 0),
        (["x"] * 1 + [str(each) for each in range(audits.MOST_REQUESTS)], "x", None),
    ):  # fmt: skip
        with pytest.raises(AuditRefusedError, match=r"\.$"):
            audits.notify(
                connection, known.habilitation, request_ids=requests, reason=reason, volume=volume, by="x", now=NOW
            )
    assert connection.execute(select(tables.audit_notifications)).all() == []
    assert audits.read_request_ids(" a, b\nc a") == ("a", "b", "c")
