"""A calendar of faults with a set clock: its availability is known by hand; on both kinds of database."""

from datetime import date, timedelta

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, select

from apientreprise_gateway.database.engine import DatabaseError, reading, writing
from apientreprise_gateway.database.status import minutes
from apientreprise_gateway.status import incidents, store
from apientreprise_gateway.status.availability import Counts, by_month, by_year
from apientreprise_gateway.status.incidents import Kind
from apientreprise_gateway.status.judging import State
from apientreprise_gateway.status.metrics import StatusMetrics
from apientreprise_gateway.status.rounds import Rounds
from apientreprise_gateway.status.snapshot import Now, take
from support.status import COMPONENTS, ENTREPRISE, SIRENE, START, Clock, Plan, write_calls


class Service:
    """Rounds of one prober over a database, minute by minute."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.clock, self.plan = engine, Clock(), Plan()
        self.opened: list[str] = []
        self.rounds = Rounds(
            engine,
            self.plan,
            COMPONENTS,
            seconds=60,
            holder="one",
            on_drafts=lambda _connection, drafts, _now: self.opened.extend(each.name for each in drafts),
            clock=self.clock,
        )

    async def minutes(self, count: int, **found: State) -> None:
        """Let minutes go by, in which these components (with `_` for `-`) are so."""
        self.plan.found = {name.replace("_", "-"): state for name, state in found.items()}
        for _ in range(count):
            await self.rounds.turn()
            self.clock.pass_(60)

    def days(self) -> dict[str, dict[date, Counts]]:
        """What is kept of days."""
        with reading(self.engine) as connection:
            return store.days_since(connection, date(2000, 1, 1))

    def drafts(self) -> list[incidents.Incident]:
        """Incidents that go on."""
        with reading(self.engine) as connection:
            return incidents.open_incidents(connection, now=self.clock())


@pytest.fixture
def service(engine: Engine) -> Service:
    """Rounds on a database."""
    return Service(engine)


async def test_availability_is_what_was_planned(service: Service) -> None:
    """90 minutes: 3 bad, 10 of announced maintenance that were bad as well, 7 unknown; 70 of 73 are good."""
    with writing(service.engine) as connection:
        incidents.announce(
            connection,
            name="Bascule",
            body="Nous changeons de machines.",
            components=[ENTREPRISE],
            start=START + timedelta(minutes=40),
            end=START + timedelta(minutes=50),
            now=START,
        )
    await service.minutes(30)
    await service.minutes(3, api_entreprise=State.BAD)
    await service.minutes(7, api_entreprise=State.UNKNOWN)
    await service.minutes(10, api_entreprise=State.BAD)
    await service.minutes(40)
    day = date(2026, 3, 2)
    counts = service.days()[ENTREPRISE][day]
    assert counts == Counts(good=70, bad=3, unknown=7, maintenance=10)
    assert counts.availability == 70 / 73
    assert service.days()[SIRENE][day] == Counts(good=90)


async def test_days_are_those_of_paris(service: Service) -> None:
    """23:30 in UTC is the next day already, and the month before ends with it."""
    service.clock.now = START.replace(day=31, hour=21, minute=58)  # summer time: 23:58 in Paris
    await service.minutes(4)
    days = service.days()[ENTREPRISE]
    assert days == {date(2026, 3, 31): Counts(good=2), date(2026, 4, 1): Counts(good=2)}
    assert by_month(days) == {date(2026, 4, 1): Counts(good=2), date(2026, 3, 1): Counts(good=2)}
    assert by_year(days) == {date(2026, 1, 1): Counts(good=4)}


async def test_answers_to_callers_make_a_minute_bad(service: Service) -> None:
    """Five answers of which three are our 5xx; the probe was well, and the lines came late."""
    await service.minutes(2)
    write_calls(service.engine, START + timedelta(seconds=10), count=2)
    write_calls(service.engine, START + timedelta(seconds=20), count=3, status=500, codes='["00500"]')
    write_calls(service.engine, START + timedelta(seconds=70), count=4, status=500, codes='["00500"]')
    await service.minutes(2)
    assert service.days()[ENTREPRISE][date(2026, 3, 2)] == Counts(good=3, bad=1)
    assert service.days()[SIRENE][date(2026, 3, 2)] == Counts(good=4)


async def test_providers_errors_are_theirs(service: Service) -> None:
    """5xx with a provider's code, or of the network to it, make its source bad and not the API."""
    await service.minutes(1)
    write_calls(service.engine, START, count=3, status=502, codes='["01001"]')
    write_calls(service.engine, START, count=3, status=502, codes='["00501"]')
    write_calls(service.engine, START, count=4)
    await service.minutes(1)
    assert service.days()[ENTREPRISE][date(2026, 3, 2)] == Counts(good=2)
    assert service.days()[SIRENE][date(2026, 3, 2)] == Counts(good=1, bad=1)


async def test_planned_maintenance_of_a_provider_is_no_error(service: Service) -> None:
    """503 with its code for maintenance."""
    await service.minutes(1)
    write_calls(service.engine, START, count=6, status=503, codes='["01020"]')
    await service.minutes(1)
    assert service.days()[SIRENE][date(2026, 3, 2)] == Counts(good=2)


async def test_three_bad_minutes_in_a_row_open_a_draft_once(service: Service) -> None:
    """Not two, and not three with a good one among them; more of them join it."""
    await service.minutes(2, insee_sirene=State.BAD)
    await service.minutes(1)
    await service.minutes(2, insee_sirene=State.BAD)
    assert service.opened == []
    await service.minutes(5, insee_sirene=State.BAD)
    assert service.opened == ["INSEE - Sirene : source indisponible"]
    (draft,) = service.drafts()
    assert (draft.is_draft, draft.components, draft.started_at) == (True, (SIRENE,), START + timedelta(minutes=3))
    with reading(service.engine) as connection:
        shown = take(connection, COMPONENTS, seconds=60, now=service.clock())
    assert shown.incidents == ()
    assert shown.component(SIRENE).now is Now.MAJOR  # type: ignore[union-attr]
    assert shown.impact is incidents.Impact.MINOR


async def test_what_is_ours_is_one_draft(service: Service) -> None:
    """Both APIs fail at once; a source that nobody could be asked about has none."""
    await service.minutes(3, api_entreprise=State.BAD, api_particulier=State.BAD, insee_sirene=State.UNKNOWN)
    assert service.opened == ["API Entreprise et API Particulier : service perturbé"]


async def test_a_draft_tells_that_it_is_over(service: Service) -> None:
    """After three good minutes; what comes back within the hour is the same, and later another."""
    await service.minutes(3, insee_sirene=State.BAD)
    await service.minutes(2)
    assert service.drafts()[0].recovered_at is None
    await service.minutes(1)
    assert service.drafts()[0].recovered_at == START + timedelta(minutes=5)
    await service.minutes(3, insee_sirene=State.BAD)
    assert (len(service.opened), service.drafts()[0].recovered_at) == (1, None)
    await service.minutes(70)
    await service.minutes(3, insee_sirene=State.BAD)
    assert len(service.opened) == 2


async def test_bad_minutes_in_maintenance_open_nothing(service: Service) -> None:
    """They are no bad minutes."""
    with writing(service.engine) as connection:
        end = START + timedelta(minutes=30)
        incidents.announce(connection, name="M", body="b", components=[SIRENE], start=START, end=end, now=START)
    await service.minutes(5, insee_sirene=State.BAD)
    assert service.opened == []
    with reading(service.engine) as connection:
        shown = take(connection, COMPONENTS, seconds=60, now=service.clock())
        listed = incidents.listed(connection, Kind.MAINTENANCE, now=service.clock())
    assert shown.component(SIRENE).now is Now.MAINTENANCE  # type: ignore[union-attr]
    assert listed[0].progress is incidents.Progress.IN_PROGRESS


async def test_minutes_are_kept_90_days_and_days_for_ever(service: Service) -> None:
    """The oldest minutes go with each round."""
    await service.minutes(2)
    service.clock.now = START + timedelta(days=90, minutes=1, seconds=1)
    await service.minutes(1)
    with reading(service.engine) as connection:
        kept = set(connection.scalars(select(minutes.c.at)))
    assert len(kept) == 1
    assert service.days()[ENTREPRISE][date(2026, 3, 2)] == Counts(good=2)


async def test_what_the_database_missed_is_written_later(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the account side as bad meanwhile."""
    await service.minutes(1)
    with monkeypatch.context() as away:

        def refuse(*_: object) -> None:
            raise DatabaseError("away")

        away.setattr("apientreprise_gateway.status.rounds.writing", refuse)
        await service.minutes(2, insee_sirene=State.BAD)
    await service.minutes(1)
    assert service.days()[SIRENE][date(2026, 3, 2)] == Counts(good=2, bad=2)
    assert service.days()["compte"][date(2026, 3, 2)] == Counts(good=2, bad=2)


async def test_one_of_two_probers_counts_and_the_other_takes_over(service: Service) -> None:
    """Each minute is written once; when the first is gone, no minute is left out."""
    other_plan = Plan()
    other = Rounds(service.engine, other_plan, COMPONENTS, seconds=60, holder="other", clock=service.clock)
    for _ in range(3):
        await service.rounds.turn()
        assert await other.turn() == 15
        service.clock.pass_(60)
    assert (service.plan.asked, other_plan.asked) == (3, 0)
    for _ in range(2 * 4):  # the first is gone: the other looks four times a minute
        await other.turn()
        service.clock.pass_(15)
    assert other_plan.asked == 2
    assert service.days()[ENTREPRISE][date(2026, 3, 2)] == Counts(good=5)
    await service.rounds.turn()
    assert not service.rounds.counts


async def test_a_minute_that_both_found_counts_once(service: Service) -> None:
    """The first that writes it."""
    with writing(service.engine) as connection:
        assert store.write_minute(connection, START, {SIRENE: State.GOOD}) == {SIRENE}
        assert store.write_minute(connection, START, {SIRENE: State.BAD, ENTREPRISE: State.BAD}) == {ENTREPRISE}
        assert store.condemn(connection, START, [SIRENE]) == {SIRENE}
        assert store.condemn(connection, START, [SIRENE, "compte"]) == set()
    assert service.days()[SIRENE][date(2026, 3, 2)] == Counts(bad=1)


async def test_every_process_shows_what_was_measured(service: Service) -> None:
    """The one that counts and the others alike, two minutes later; components from the start, at zero."""
    registries = [CollectorRegistry(), CollectorRegistry()]
    both = [
        Rounds(
            service.engine,
            service.plan,
            COMPONENTS,
            seconds=60,
            holder=str(place),
            clock=service.clock,
            metrics=StatusMetrics(registry),
        )
        for place, registry in enumerate(registries)
    ]

    def shown(state: str) -> list[float | None]:
        labels = {"component": ENTREPRISE, "state": state}
        return [registry.get_sample_value("portal_status_minutes_total", labels) for registry in registries]

    assert shown("bad") == [0, 0]
    for place in range(5):
        service.plan.found = {ENTREPRISE: State.BAD} if place == 1 else {}
        for each in both:
            await each.turn()
        service.clock.pass_(60)
    assert (shown("good"), shown("bad")) == ([2, 2], [1, 1])
    for registry in registries:
        assert registry.get_sample_value("portal_status_availability", {"component": ENTREPRISE}) == 0.8
        assert registry.get_sample_value("portal_status_promise", {"component": ENTREPRISE}) == 0.995
