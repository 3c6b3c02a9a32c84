"""Tests of what stands in front of a source whose answers may be kept."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from apientreprise_gateway.cache.memory import MemoryCache
from apientreprise_gateway.cache.port import AnswerCache, CacheUnavailableError, Entry, Size
from apientreprise_gateway.cache.source import CachedSource, Result
from apientreprise_gateway.contract.codes import PROVIDER_ERRORS
from apientreprise_gateway.contract.errors import Refusal, network_error, provider_error
from apientreprise_gateway.contract.lifetime import HOUR, UNTIL_8, Lifetime
from apientreprise_gateway.contract.routes import Route
from apientreprise_gateway.providers.entreprise import cibtp, dgfip, urssaf
from apientreprise_gateway.providers.entreprise.product import PROVIDERS
from apientreprise_gateway.upstream.reading import ProviderAnswer
from apientreprise_gateway.upstream.source import ProviderRequest, Stopwatch, Timed
from contract.caches import MEGABYTE, Clock
from contract.shared import PATIENCE

ROUTES = {endpoint.operation: Route(endpoint, provider) for provider in PROVIDERS for endpoint in provider.endpoints}
INSEE = "api_entreprise_v4_insee_unites_legales"
LIASSES_V2 = "api_entreprise_v2_liasses_fiscales_dgfip"
EFFECTIFS = "api_entreprise_v3_gip_mds_effectifs_mensuels_etablissement"
VIGILANCE = "api_entreprise_v4_acoss_attestations_sociales"
TARGET = "/v4/insee/sirene/unites_legales/130025265"
BODY = b'{"data":{},"links":{},"meta":{}}'
OK = ProviderAnswer(200, BODY)
Inner = Callable[[ProviderRequest, Timed], Awaitable[ProviderAnswer]]


def request(target: str = TARGET, *, operation: str = INSEE, **changes: Any) -> ProviderRequest:
    """What a call asks."""
    usual = {"target": target, "values": [], "query": {}, "request_id": "one"}
    return ProviderRequest(ROUTES[operation], **(usual | changes))


class Provider:
    """A source behind, which answers what it is told to."""

    def __init__(self, answer: ProviderAnswer | Exception = OK) -> None:
        """Take the answer."""
        self.answer = answer
        self.asked: list[ProviderRequest] = []
        self.cancelled = 0
        self.gate: asyncio.Event | None = None
        """Holds every answer back until set, if there is one."""

    async def __call__(self, asked: ProviderRequest, timed: Timed) -> ProviderAnswer:
        """Answer."""
        self.asked.append(asked)
        try:
            if self.gate is not None:
                await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            timed.provider_seconds = 0.5
            raise
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Away:
    """A cache that cannot be asked."""

    largest = MEGABYTE

    async def start(self) -> None:
        """See `AnswerCache.start`."""

    async def get(self, key: str) -> Entry | None:
        """See `AnswerCache.get`."""
        raise CacheUnavailableError

    async def put(self, key: str, entry: Entry) -> None:
        """See `AnswerCache.put`."""

    async def sweep(self) -> Size:
        """See `AnswerCache.sweep`."""
        raise CacheUnavailableError

    async def close(self) -> None:
        """See `AnswerCache.close`."""


class Setting:
    """A cached source, what is behind it, and what it tells."""

    def __init__(
        self,
        *,
        operation: str = INSEE,
        lifetime: Lifetime = HOUR,
        grace: float = 0,
        cache: AnswerCache | None = None,
        namespace: str = "test",
    ) -> None:
        """Start with an empty cache."""
        self.clock = Clock()
        self.provider = Provider()
        self.results: list[Result] = []
        self.cache = MemoryCache(max_bytes=4 * MEGABYTE, clock=self.clock) if cache is None else cache
        self.operation = operation
        self.source = CachedSource(
            self.provider,
            endpoint=ROUTES[operation].endpoint,
            lifetime=lifetime,
            cache=self.cache,
            namespace=namespace,
            grace=grace,
            observe=self.results.append,
            clock=self.clock,
        )

    async def ask(self, target: str = TARGET, **changes: Any) -> ProviderAnswer:
        """Ask as a call would."""
        return await self.source(request(target, operation=self.operation, **changes), Stopwatch())


def headers(reading: ProviderAnswer | Refusal) -> dict[str, str]:
    """The headers of an answer."""
    return {name.decode(): value.decode() for name, value in reading.headers}


@asynccontextmanager
async def shown(**settings: Any) -> AsyncIterator[Setting]:
    """A source to show a behaviour on, which may not take for ever."""
    async with asyncio.timeout(PATIENCE):
        yield Setting(**settings)


# Hits and misses.


async def test_an_answer_is_kept_for_its_lifetime() -> None:
    """The provider is asked once; its answer is given, byte for byte, until its lifetime ends."""
    async with shown() as s:
        first = await s.ask()
        assert (first.cached, headers(first)) == (False, {"x-response-cached": "false", "x-cache-expires-in": "3600"})
        s.clock.now += 1000.4
        second = await s.ask()
        assert (second.status, second.body, second.cached) == (200, BODY, True)
        assert headers(second) == {"x-response-cached": "true", "x-cache-expires-in": "2600"}
        s.clock.now += 2599.5
        assert headers(await s.ask())["x-cache-expires-in"] == "1"
        s.clock.now += 0.2
        assert not (await s.ask()).cached
        assert len(s.provider.asked) == 2
        assert s.results == [Result.MISS, Result.HIT, Result.HIT, Result.MISS]


async def test_a_hit_does_not_ask_for_a_provider_s_time() -> None:
    """The provider's seconds are known to the call that asked it, and to no other."""
    async with shown() as s:

        async def answer(_asked: ProviderRequest, timed: Timed) -> ProviderAnswer:
            timed.provider_seconds = 0.25
            return OK

        s.source._inner = answer
        first, second = Stopwatch(), Stopwatch()
        await s.source(request(), first)
        await s.source(request(), second)
        assert (first.provider_seconds, second.provider_seconds) == (0.25, None)


async def test_another_question_is_another_entry() -> None:
    """What is asked tells entries apart: the entity, and every parameter that changes the answer."""
    async with shown(operation=EFFECTIFS) as s:
        path = "/v3/gip_mds/etablissements/13002526500013/effectifs_mensuels/01/annee/2024"
        asked = [
            (path, {}),
            (f"{path}?profondeur=1", {"profondeur": "1"}),
            (f"{path}?profondeur=2", {"profondeur": "2"}),
            (f"{path}?nature_effectif=boeth", {"nature_effectif": "boeth"}),
            (f"{path}?profondeur=1&nature_effectif=boeth", {"profondeur": "1", "nature_effectif": "boeth"}),
            (path.replace("2024", "2023"), {}),
        ]
        for _ in range(2):
            for target, query in asked:
                await s.ask(target, query=query)
        assert [each.target for each in s.provider.asked] == [target for target, _ in asked]
        assert s.results.count(Result.HIT) == len(asked)


async def test_who_asks_makes_no_difference() -> None:
    """The agent's name and address are passed on to the provider, and tell no entries apart."""
    async with shown(operation=LIASSES_V2) as s:
        path = "/v2/liasses_fiscales_dgfip/2021/declarations/130025265"
        for agent in ("one", "two"):
            await s.ask(f"{path}?email={agent}&user_id={agent}", query={"email": agent, "user_id": agent})
        await s.ask(path)
        assert s.results == [Result.MISS, Result.HIT, Result.HIT]


@pytest.mark.parametrize("operation", [VIGILANCE, INSEE])
async def test_an_answer_is_given_to_all_whatever_they_reach_us_at(operation: str) -> None:
    """An answer that holds a document is kept without the address, which is written for each call."""
    async with shown(operation=operation) as s:
        for base_url in ("https://one", "https://two"):
            await s.ask(base_url=base_url)
        assert s.results == [Result.MISS, Result.HIT]


async def test_a_namespace_has_entries_of_its_own() -> None:
    """Gateways of another version, or in front of another provider, do not see each other's entries."""
    cache = MemoryCache(max_bytes=MEGABYTE)
    one, two = Setting(cache=cache), Setting(cache=cache, namespace="other")
    await one.ask()
    await two.ask()
    assert two.results == [Result.MISS]


@pytest.mark.parametrize(
    "answer",
    [
        ProviderAnswer(404, b'{"errors":[]}', ("01003",)),
        ProviderAnswer(206, BODY),
        ProviderAnswer(301, b"", moved_to="/v2/entreprises/552032534"),
        ProviderAnswer(200, BODY, headers=((b"x-other", b"1"),)),
        ProviderAnswer(200, b"x" * (MEGABYTE + 1)),
    ],
    ids=["not found", "partial", "moved", "with headers", "too large"],
)
async def test_what_is_not_kept(answer: ProviderAnswer) -> None:
    """Only whole, ordinary successes are kept; other answers say that they are not."""
    async with shown() as s:
        s.provider.answer = answer
        for _ in range(2):
            given = await s.ask()
            assert (given.status, given.body, given.cached) == (answer.status, answer.body, False)
            assert headers(given) | {"x-other": ""} == {
                "x-response-cached": "false",
                "x-cache-expires-in": "0",
                "x-other": "",
            }
            assert given.headers[: len(answer.headers)] == answer.headers
        assert len(s.provider.asked) == 2


async def test_refusals_are_not_kept() -> None:
    """An error of the provider is passed on with its headers, and the provider asked again."""
    async with shown() as s:
        s.provider.answer = Refusal(404, *network_error().errors, headers=((b"x-other", b"1"),))
        for _ in range(2):
            with pytest.raises(Refusal) as refused:
                await s.ask()
            assert refused.value.errors == s.provider.answer.errors
            assert headers(refused.value) == {"x-other": "1", "x-response-cached": "false", "x-cache-expires-in": "0"}
        s.provider.answer = OK
        assert (await s.ask()).status == 200


async def test_an_answer_does_not_outlive_what_it_speaks_of() -> None:
    """An answer with an end of its own is kept no longer than that, grace included."""
    async with shown(grace=7200) as s:
        s.provider.answer = structs.replace(OK, expires_at=s.clock.now + 600)
        assert headers(await s.ask())["x-cache-expires-in"] == "600"
        s.clock.now += 599
        assert (await s.ask()).cached
        s.provider.answer = network_error()
        s.clock.now += 1
        with pytest.raises(Refusal):
            await s.ask()
        s.provider.answer = structs.replace(OK, expires_at=s.clock.now)
        assert headers(await s.ask())["x-cache-expires-in"] == "0"


async def test_an_answer_that_crosses_the_hour_is_not_kept() -> None:
    """What was asked before the provider's data was renewed, and came after it, may be the old data."""
    async with shown(lifetime=UNTIL_8) as s:
        s.clock.now = UNTIL_8.ends(s.clock.now) - 1
        s.provider.gate = asyncio.Event()
        asking = asyncio.create_task(s.ask())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        s.clock.now += 2
        s.provider.gate.set()
        assert headers(await asking)["x-cache-expires-in"] == "0"
        await s.ask()
        assert s.results == [Result.MISS, Result.MISS]


async def test_a_cache_that_is_away() -> None:
    """Without the cache every question is asked of the provider, and counted as such."""
    async with shown(cache=Away()) as s:
        for _ in range(2):
            assert not (await s.ask()).cached
        assert len(s.provider.asked) == 2
        assert s.results == [Result.ERROR, Result.ERROR]


# Callers who want a new answer.


async def test_a_fresh_question_bypasses_and_renews() -> None:
    """Who wants a new answer gets one, and it replaces the kept one."""
    async with shown() as s:
        await s.ask()
        s.clock.now += 1800
        s.provider.answer = ProviderAnswer(200, b"renewed")
        given = await s.ask(fresh=True)
        assert (given.body, given.cached) == (b"renewed", False)
        assert headers(given) == {"x-response-cached": "false", "x-cache-expires-in": "3600"}
        kept = await s.ask()
        assert (kept.body, kept.cached) == (b"renewed", True)
        assert s.results == [Result.MISS, Result.BYPASS, Result.HIT]


async def test_an_answer_may_be_wanted_unkept() -> None:
    """Whose answer is not to be kept leaves the cache as it is."""
    async with shown() as s:
        s.provider.answer = ProviderAnswer(200, b"private")
        assert headers(await s.ask(fresh=True, unkept=True))["x-cache-expires-in"] == "0"
        s.provider.answer = OK
        assert (await s.ask()).body == BODY
        s.provider.answer = ProviderAnswer(200, b"private")
        await s.ask(fresh=True, unkept=True)
        assert (await s.ask()).body == BODY


async def test_a_fresh_question_joins_no_other() -> None:
    """Who wants a new answer is not given one that was asked for earlier; others are not given theirs."""
    async with shown() as s:
        s.provider.gate = asyncio.Event()
        tasks = [asyncio.create_task(s.ask(fresh=fresh)) for fresh in (False, True, True, False)]
        while len(s.provider.asked) < 3:
            await asyncio.sleep(0)
        s.provider.gate.set()
        await asyncio.wait(tasks)
        assert len(s.provider.asked) == 3
        assert sorted(s.results) == [Result.BYPASS, Result.BYPASS, Result.MISS, Result.SHARED]


# Many at the same time.


async def together(s: Setting, count: int, **changes: Any) -> list[asyncio.Task[ProviderAnswer]]:
    """Start so many identical questions; the provider has the first."""
    tasks = [asyncio.create_task(s.ask(**changes)) for _ in range(count)]
    while not s.provider.asked:
        await asyncio.sleep(0)
    for _ in range(5):
        await asyncio.sleep(0)
    return tasks


async def test_many_identical_questions_are_one_call() -> None:
    """Of a hundred who ask the same together, one asks the provider; all get its answer, and say that it is new."""
    async with shown() as s:
        s.provider.gate = asyncio.Event()
        tasks = await together(s, 100)
        s.provider.gate.set()
        answers = await asyncio.gather(*tasks)
        assert len(s.provider.asked) == 1
        assert {(answer.body, answer.cached) for answer in answers} == {(BODY, False)}
        assert s.results.count(Result.SHARED) == 99
        assert s.source._flights == {}


async def test_an_error_is_shared_by_those_who_waited() -> None:
    """Those who wait together get the same error, each an exception of its own; the next one asks anew."""
    async with shown() as s:
        s.provider.gate, s.provider.answer = asyncio.Event(), network_error()
        tasks = await together(s, 10)
        s.provider.gate.set()
        await asyncio.wait(tasks)
        errors = [task.exception() for task in tasks]
        assert {error.status for error in errors if isinstance(error, Refusal)} == {502}
        assert len({id(error) for error in errors}) == 10
        s.provider.answer = OK
        assert (await s.ask()).status == 200
        assert len(s.provider.asked) == 2


async def test_a_fault_is_shared_and_nothing_is_left_behind() -> None:
    """A fault of the program reaches all who wait, and the next question is asked anew."""
    async with shown() as s:
        s.provider.gate, s.provider.answer = asyncio.Event(), RuntimeError("bug")
        tasks = await together(s, 3)
        s.provider.gate.set()
        await asyncio.wait(tasks)
        assert [str(task.exception()) for task in tasks] == ["bug"] * 3
        assert s.source._flights == {}


@pytest.mark.parametrize("who", [0, 3], ids=["the first", "another"])
async def test_one_that_leaves_takes_nobody_along(who: int) -> None:
    """One of those who wait goes away; the others get the answer, and it is kept."""
    async with shown() as s:
        s.provider.gate = asyncio.Event()
        tasks = await together(s, 5)
        tasks[who].cancel()
        with pytest.raises(asyncio.CancelledError):
            await tasks[who]
        s.provider.gate.set()
        answers = await asyncio.gather(*(task for task in tasks if task is not tasks[who]))
        assert [answer.body for answer in answers] == [BODY] * 4
        assert (len(s.provider.asked), s.provider.cancelled) == (1, 0)
        assert (await s.ask()).cached


@pytest.mark.parametrize("fresh", [False, True])
async def test_the_provider_is_not_kept_busy_for_nobody(fresh: bool) -> None:
    """When all who wait have gone, the call to the provider is cancelled, and its time known to who asked."""
    async with shown() as s:
        s.provider.gate = asyncio.Event()
        asked = Stopwatch()
        first = asyncio.create_task(s.source(request(fresh=fresh), asked))
        others = [] if fresh else await together(s, 2)
        while not s.provider.asked:
            await asyncio.sleep(0)
        for task in (first, *others):
            assert s.provider.cancelled == 0
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert s.provider.cancelled == 1
        assert asked.provider_seconds == 0.5
        assert s.source._flights == {}
        s.provider.gate = None
        assert (await s.ask()).status == 200


async def test_who_comes_as_the_last_one_leaves_asks_anew() -> None:
    """A question that comes while a call is being cancelled does not join it."""
    async with shown() as s:
        s.provider.gate = asyncio.Event()
        (first,) = await together(s, 1)
        first.cancel()
        await asyncio.sleep(0)
        second = asyncio.create_task(s.ask())
        await asyncio.sleep(0)
        s.provider.gate.set()
        assert (await second).body == BODY
        assert len(s.provider.asked) == 2


async def test_who_comes_between_the_answer_and_its_keeping_shares_it() -> None:
    """While an answer is being put into a slow cache it is given to those who come, and nobody waits for the cache."""

    class Slow(Away):
        """A cache that takes its time to keep."""

        def __init__(self) -> None:
            self.gate = asyncio.Event()

        async def get(self, key: str) -> Entry | None:
            return None

        async def put(self, key: str, entry: Entry) -> None:
            await self.gate.wait()

    slow = Slow()
    s = Setting(cache=slow)
    await s.ask()
    await s.ask()
    assert (len(s.provider.asked), s.results) == (1, [Result.MISS, Result.SHARED])
    slow.gate.set()
    while s.source._flights:
        await asyncio.sleep(0)
    await s.ask()
    assert len(s.provider.asked) == 2


# A provider that is down.

DOWN = {
    subcode: provider_error(subcode, prefix="01", name="INSEE")
    for subcode, kind in PROVIDER_ERRORS.items()
    if kind.status >= 500
}
UP = {
    "not found": provider_error("003", prefix="01", name="INSEE"),
    "not diffusible": provider_error("005", prefix="01", name="INSEE"),
    "examined by hand": urssaf.PROVIDER.own_error("04501", status=502),
    "refused by Urssaf": urssaf.PROVIDER.own_error("04503", status=502),
    "perhaps not found": dgfip.PROVIDER.own_error("03501", status=502),
    "late contributions": cibtp.PROVIDER.own_error("38422", status=422),
    "unknown code": Refusal(503, replace(network_error().errors[0], code="01777")),
    "in our form, not found": ProviderAnswer(404, b"{}", ("01003",)),
    "in our form, not diffusible": ProviderAnswer(451, b"{}", ("01005",)),
    "in our form, refused": ProviderAnswer(502, b"{}", ("04503",)),
    "in our form, invalid": ProviderAnswer(422, b"{}", ("00301",)),
}


@pytest.mark.parametrize(
    "answer",
    [*DOWN.values(), network_error(), ProviderAnswer(503, b"{}", ("01020",)), ProviderAnswer(504, b"{}", ("01002",))],
    ids=[*DOWN, "network", "in our form, maintenance", "in our form, slow"],
)
async def test_the_last_good_answer_stands_in_for_a_provider_that_is_down(answer: ProviderAnswer | Refusal) -> None:
    """While the provider is down, its last answer is given during the grace, marked, after it was asked each time."""
    async with shown(grace=7200) as s:
        await s.ask()
        s.provider.answer = answer
        s.clock.now += 3600 + 100
        for _ in range(2):
            given = await s.ask()
            assert (given.status, given.body, given.cached, given.stale, given.codes) == (200, BODY, True, True, ())
            assert headers(given) == {
                "x-response-cached": "true",
                "x-cache-expires-in": "0",
                "x-cache-stale": "true",
                "age": "3700",
            }
        assert len(s.provider.asked) == 3
        s.provider.answer = ProviderAnswer(200, b"up again")
        renewed = await s.ask()
        assert (renewed.body, renewed.stale) == (b"up again", False)
        assert s.results == [Result.MISS, Result.STALE, Result.STALE, Result.MISS]


@pytest.mark.parametrize("answer", UP.values(), ids=UP)
async def test_what_a_provider_says_is_never_replaced(answer: ProviderAnswer | Refusal) -> None:
    """An answer about the entity, also one with a 5xx, is passed on although an older, better one is there."""
    async with shown(grace=7200) as s:
        await s.ask()
        s.provider.answer = answer
        s.clock.now += 3700
        try:
            given: ProviderAnswer | Refusal = await s.ask()
        except Refusal as refusal:
            given = refusal
        assert given.status == answer.status
        assert headers(given)["x-response-cached"] == "false"
        assert s.results == [Result.MISS, Result.MISS]


@pytest.mark.parametrize(("grace", "seconds"), [(0, 3600), (7200, 3600 + 7200), (1, 3601)])
async def test_nothing_stands_in_beyond_the_grace(grace: float, seconds: float) -> None:
    """When the grace is over, or none is set, the error is given."""
    async with shown(grace=grace) as s:
        await s.ask()
        s.provider.answer = network_error()
        s.clock.now += seconds
        with pytest.raises(Refusal):
            await s.ask()


async def test_an_entry_that_ends_while_the_provider_fails_is_not_given() -> None:
    """The end of an entry counts when it would be given, not when it was found."""
    async with shown(grace=100) as s:
        await s.ask()
        s.clock.now += 3600 + 95
        s.provider.answer, s.provider.gate = network_error(), asyncio.Event()
        asking = asyncio.create_task(s.ask())
        while len(s.provider.asked) < 2:
            await asyncio.sleep(0)
        s.clock.now += 10
        s.provider.gate.set()
        with pytest.raises(Refusal):
            await asking


async def test_a_fresh_question_is_never_answered_by_an_old_answer() -> None:
    """Who wants a new answer gets the error of a provider that is down, and does not spoil what is kept."""
    async with shown(grace=7200) as s:
        await s.ask()
        s.provider.answer = network_error()
        with pytest.raises(Refusal):
            await s.ask(fresh=True)
        assert (await s.ask()).cached


async def test_all_who_wait_for_a_provider_that_is_down_get_the_last_answer() -> None:
    """A failure that is shared is answered by the kept answer for each of them."""
    async with shown(grace=7200) as s:
        await s.ask()
        s.provider.asked.clear()
        s.clock.now += 3700
        s.provider.answer, s.provider.gate = network_error(), asyncio.Event()
        tasks = await together(s, 8)
        s.provider.gate.set()
        answers = await asyncio.gather(*tasks)
        assert {answer.body for answer in answers} == {BODY}
        assert all(answer.stale for answer in answers)
        assert (len(s.provider.asked), s.results.count(Result.STALE)) == (1, 8)
