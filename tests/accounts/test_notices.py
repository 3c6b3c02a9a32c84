"""Notices of the end of tokens: which, when, to whom; each fault of the service that this one follows is a test."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, insert, select, update

from apientreprise_gateway.accounts import notices
from apientreprise_gateway.accounts.model import Token
from apientreprise_gateway.accounts.notices import PARIS, THRESHOLDS
from apientreprise_gateway.database import accounts as tables
from apientreprise_gateway.database import serving
from apientreprise_gateway.database.engine import reading, writing
from apientreprise_gateway.database.tables import calls_by_hour
from apientreprise_gateway.portal.mail.rendering import Renderer
from support.mail_server import add_for_mails, add_token

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
D, T = "d@mairie.example", "t@logiciel.example"


def in_days(days: float) -> datetime:
    """A moment so many days after now."""
    return NOW + timedelta(days=days)


def add(connection: Connection, days: float, *, applicant: str | None = D, **changes: Any) -> str:
    """A token that ends in so many days, of a habilitation of its own; its name."""
    of_token = {name: changes.pop(name) for name in ("revoked_at", "first_call_at", "last_call_at") if name in changes}
    habilitation = add_for_mails(connection, NOW, applicant, T, D, **changes)
    return add_token(connection, habilitation, in_days(days), **of_token)


def mails_of(engine: Engine) -> list[Any]:
    """The mails in the queue."""
    with reading(engine) as connection:
        return list(connection.execute(select(serving.mails).order_by(serving.mails.c.id)).all())


def marks(engine: Engine) -> Mapping[int, str]:
    """What became of each threshold."""
    with reading(engine) as connection:
        return {row.threshold: row.outcome for row in connection.execute(select(tables.notices))}


def test_each_threshold_is_told_of_once(engine: Engine) -> None:
    """Day after day, hour after hour: six mails, each on its day."""
    with writing(engine) as connection:
        add(connection, 100)
    told = []
    for hours in range(0, 24 * 110, 8):
        now = NOW + timedelta(hours=hours)
        if notices.run(engine, now):
            told.append((now, mails_of(engine)[-1].data["threshold"]))
    assert [threshold for _, threshold in told] == [90, 60, 30, 15, 7, 0]
    end = in_days(100).astimezone(PARIS).date()
    assert [(end - now.astimezone(PARIS).date()).days for now, _ in told] == [90, 60, 30, 15, 7, 0]
    assert set(marks(engine).values()) == {"sent"}


@pytest.mark.parametrize(
    ("days", "threshold", "passed"),
    [(91, None, []), (89, 90, []), (14, 15, [30, 60, 90]), (3, 7, [15, 30, 60, 90]), (-1, 0, [7, 15, 30, 60, 90])],
)
def test_a_run_tells_of_the_smallest_and_marks_the_others(
    engine: Engine, days: float, threshold: int | None, passed: list[int]
) -> None:
    """After a pause one mail is sent, not one for each threshold that was missed, in whatever order."""
    with writing(engine) as connection:
        add(connection, days)
    for _ in range(3):
        notices.run(engine, NOW)
    assert [mail.data["threshold"] for mail in mails_of(engine)] == ([] if threshold is None else [threshold])
    assert sorted(number for number, outcome in marks(engine).items() if outcome == "passed") == passed


def test_a_notice_does_not_stop_the_next(engine: Engine) -> None:
    """The first notice of a token is not its last."""
    with writing(engine) as connection:
        add(connection, 90)
    notices.run(engine, NOW)
    notices.run(engine, in_days(30))
    assert [mail.data["threshold"] for mail in mails_of(engine)] == [90, 60]


def test_a_moved_end_is_told_of_anew(engine: Engine) -> None:
    """Another end of the same token begins again."""
    with writing(engine) as connection:
        token = add(connection, 5)
    notices.run(engine, NOW)
    with writing(engine) as connection:
        connection.execute(update(tables.tokens).values(exp=int(in_days(6).timestamp())))
    notices.run(engine, NOW)
    assert [mail.key.split("|")[1] for mail in mails_of(engine)] == [token, token]


def test_the_technical_contact_has_a_copy(engine: Engine) -> None:
    """A notice goes to the applicant, with the technical contact in copy; to that one alone where there is no other."""
    with writing(engine) as connection:
        add(connection, 30)
        add(connection, 30.1, applicant=None)
    notices.run(engine, NOW)
    assert [(mail.recipient, mail.copies) for mail in mails_of(engine)] == [(D, [T]), (T, [])]


@pytest.mark.parametrize("product", ["entreprise", "particulier"])
def test_a_notice_names_its_product_and_number_of_days(engine: Engine, product: str) -> None:
    """Subject and text are those of the product, and the days those that are left, not those of the threshold."""
    with writing(engine) as connection:
        add(connection, 14, product=product, external_id="4821")
    notices.run(engine, NOW)
    [mail] = mails_of(engine)
    rendered = Renderer(public_url="https://portail.example").render(mail.kind, mail.data)
    text = " ".join(rendered.text.split())
    other = {"entreprise": "Particulier", "particulier": "Entreprise"}[product]
    assert rendered.subject.startswith("n°4821 | ")
    assert other not in text
    assert "dans 14 jours" in text


@pytest.mark.parametrize(
    "changes",
    [
        {"revoked_at": NOW - timedelta(days=1)},
        {"revoked_at": NOW + timedelta(days=1)},
        {"state": "archived"},
        {"state": "revoked"},
    ],
)
def test_what_is_over_has_no_notice(engine: Engine, changes: dict[str, Any]) -> None:
    """None for a token that was revoked, also from a later date, nor for one of a habilitation that is over."""
    with writing(engine) as connection:
        add(connection, 7, **changes)
    assert notices.run(engine, NOW) == 0


def test_a_token_that_ended_long_ago_has_none(engine: Engine) -> None:
    """A week after the end nobody is told any more."""
    with writing(engine) as connection:
        add(connection, -8)
    assert notices.run(engine, NOW) == 0


@pytest.mark.parametrize(
    ("called", "successor_called", "told"),
    [(None, False, True), (None, True, False), (9, True, False), (7, True, True), (7, False, True)],
)
@pytest.mark.parametrize("renewed", [True, False])
def test_a_replaced_token(
    engine: Engine, called: int | None, *, successor_called: bool, told: bool, renewed: bool
) -> None:
    """No notice when the successor is in use and the old one is not; an old one that is still called is named."""
    with writing(engine) as connection:
        habilitation = add_for_mails(connection, NOW, D, T)
        last = None if called is None else in_days(-called)
        old = add_token(connection, habilitation, in_days(10), first_call_at=last, last_call_at=last)
        new = add_token(
            connection,
            habilitation,
            in_days(500 if renewed else 10),
            replaces=None if renewed else old,
            first_call_at=NOW if successor_called else None,
        )
    notices.run(engine, NOW)
    mails = [mail for mail in mails_of(engine) if mail.data["token_id"] == old]
    assert len(mails) == told
    if told:
        text = Renderer(public_url=None).render(mails[0].kind, mails[0].data).text
        assert new in text
        assert ("encore utilisé : son dernier appel" in " ".join(text.split()).replace("\xa0", " ")) == (called == 7)
        assert mails[0].data["successor"] == new


def test_calls_of_the_journal_count(engine: Engine) -> None:
    """A call that only the journal knows makes a successor one in use, and an old token one that is still called."""
    with writing(engine) as connection:
        habilitation = add_for_mails(connection, NOW, D)
        old = add_token(connection, habilitation, in_days(10))
        new = add_token(connection, habilitation, in_days(500))
        row = {"class": "2xx", "cached": False, "calls": 1}
        connection.execute(insert(calls_by_hour).values(at=in_days(-20), jti=new, **row))
    assert notices.run(engine, NOW) == 0
    with writing(engine) as connection:
        connection.execute(insert(calls_by_hour).values(at=in_days(-2), jti=old, **row))
    assert notices.run(engine, NOW) == 1


def test_a_revoked_successor_replaces_nothing(engine: Engine) -> None:
    """A token whose successor was revoked is told of as one without."""
    with writing(engine) as connection:
        habilitation = add_for_mails(connection, NOW, D)
        add_token(connection, habilitation, in_days(10))
        add_token(connection, habilitation, in_days(500), first_call_at=NOW, revoked_at=NOW)
    notices.run(engine, NOW)
    assert mails_of(engine)[0].data["successor"] is None


def test_two_runs_at_once_send_once(engine: Engine) -> None:
    """Processes that run at the same time queue each notice once."""
    with writing(engine) as connection:
        for days in range(1, 20):
            add(connection, days)
    with ThreadPoolExecutor(3) as pool:
        counts = list(pool.map(lambda _: notices.run(engine, NOW), range(3)))
    assert sum(counts) == 19
    assert len(mails_of(engine)) == 19


def test_nobody_to_tell_is_no_notice(engine: Engine) -> None:
    """A habilitation without people keeps its notices for whoever comes."""
    with writing(engine) as connection:
        habilitation = add_for_mails(connection, NOW, None)
        add_token(connection, habilitation, in_days(7))
    assert notices.run(engine, NOW) == 0
    assert marks(engine) == {}


def test_looking_changes_nothing(engine: Engine) -> None:
    """What is due can be listed without being sent."""
    with writing(engine) as connection:
        add(connection, 14)
    with reading(engine) as connection:
        [notice] = notices.due(connection, NOW)
    assert (notice.threshold, notice.passed, notice.days_left) == (15, (90, 60, 30), 14)
    assert mails_of(engine) == []


def test_a_late_notice_gives_way_to_the_next(engine: Engine) -> None:
    """A notice that could not be sent is of no use on the day of the next."""
    with writing(engine) as connection:
        add(connection, 15)
    notices.run(engine, NOW)
    [mail] = mails_of(engine)
    assert mail.expires_at.astimezone(PARIS).date() == in_days(8).date()


def token_that_ends(at: datetime) -> Token:
    """A token of which the end alone matters."""
    rest = dict.fromkeys(Token.__dataclass_fields__)
    return Token(**(rest | {"exp": int(at.timestamp())}))  # type: ignore[arg-type]


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)),  # noqa: DTZ001 - made aware below
    st.integers(-8, 100),
    st.integers(0, 86_399),
)
def test_days_are_those_of_paris(end: datetime, days: int, second: int) -> None:
    """The number of days is that between two dates in Paris, at any second of either, whatever the clocks do."""
    ends_at = end.replace(tzinfo=PARIS)
    today = (ends_at.astimezone(UTC).astimezone(PARIS) - timedelta(days=days)).date()
    now = datetime.combine(today, datetime.min.time(), PARIS).astimezone(UTC) + timedelta(seconds=min(second, 82_799))
    assert notices.days_left(token_that_ends(ends_at), now) == days


def test_the_change_of_the_clocks_moves_no_notice() -> None:
    """A token that ends at 23:30 or at 0:30 in Paris has seven days left on the same day before either change."""
    for day in (datetime(2026, 3, 29, tzinfo=PARIS), datetime(2026, 10, 25, tzinfo=PARIS)):
        for hour, minute in ((0, 30), (23, 30)):
            ends_at = (day + timedelta(days=3)).replace(hour=hour, minute=minute)
            for seen in (0, 12, 23):
                now = (day - timedelta(days=4)).replace(hour=seen)
                assert notices.days_left(token_that_ends(ends_at), now) == 7


def test_thresholds_are_those_announced() -> None:
    """Fifteen, as the text says, and not fourteen."""
    assert THRESHOLDS == (90, 60, 30, 15, 7, 0)
