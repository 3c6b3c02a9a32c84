"""What the prober finds, over answers of gateways that a test sets."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from apientreprise_gateway.status.judging import State
from apientreprise_gateway.status.prober import MOST_BYTES, Prober
from support.status import COMPONENTS, ENTREPRISE, SIRENE

ONE, TWO, PORTAL = "http://one.test", "http://two.test", "https://portail.test/compte/se-connecter"
SIRENE_PATH = "/ping/insee/sirene"
Answer = Callable[[], httpx.Response]


class Gateways:
    """Gateways that answer as they should, but for what a test sets by host and path."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer | Exception] = {}
        self.asked: Counter[str] = Counter()
        self.now = 0.0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """The answer to a request."""
        path = request.url.path
        self.asked[path] += 1
        said = self.answers.get(f"{request.url.host}{path}", self.answers.get(path))
        if isinstance(said, Exception):
            raise said
        if said is not None:
            return said()
        if path in ("/pings", "/api/pings"):
            return httpx.Response(200, json=[])
        return httpx.Response(200, json={"status": "ok"}, headers={"Cache-Control": "public, max-age=10"})

    @asynccontextmanager
    async def prober(self, *gateways: str, account: str | None = None, seconds: float = 60) -> AsyncIterator[Prober]:
        """A prober that asks them, with a clock that the test sets."""
        made = Prober(
            httpx.AsyncClient(transport=httpx.MockTransport(self)),
            COMPONENTS,
            gateways=gateways or [ONE],
            account=account,
            seconds=seconds,
            steady=lambda: self.now,
        )
        yield made
        await made.close()


@pytest.fixture
def gateways() -> Gateways:
    """Gateways in good health."""
    return Gateways()


def says(code: int = 200, /, **body: str) -> Answer:
    """Answers with some JSON."""
    return lambda: httpx.Response(code, json=body)


async def test_everything_works(gateways: Gateways) -> None:
    """Each component but the account side, which is not asked here; each source once."""
    async with gateways.prober() as prober:
        found = await prober.ask()
    assert set(found) == {each.id for each in COMPONENTS} - {"compte"}
    assert set(found.values()) == {State.GOOD}
    assert set(gateways.asked.values()) == {1}


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (says(502, status="bad_gateway"), State.BAD),
        (says(200, status="maintenance"), State.MAINTENANCE),
        (says(200, status="unknown"), State.UNKNOWN),
        (says(200, status="new word"), State.UNKNOWN),
        (says(404), State.UNKNOWN),
        (says(429), State.UNKNOWN),
        (says(503, status="bad_gateway"), State.UNKNOWN),
        (lambda: httpx.Response(200, content=b"[]"), State.UNKNOWN),
        (lambda: httpx.Response(200, content=b"{"), State.UNKNOWN),
        (lambda: httpx.Response(200, content=b"x" * (MOST_BYTES + 1)), State.UNKNOWN),
        (httpx.ReadTimeout("slow"), State.UNKNOWN),
    ],
)
async def test_a_source_is_what_its_ping_says(gateways: Gateways, answer: Answer | Exception, state: State) -> None:
    """Anything else is not known: it is no fault of the source if the gateway does not answer about it."""
    gateways.answers[SIRENE_PATH] = answer
    async with gateways.prober() as prober:
        found = await prober.ask()
    assert found[SIRENE] is state
    assert found[ENTREPRISE] is State.GOOD


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (httpx.ConnectError("refused"), State.BAD),
        (says(500), State.BAD),
        (lambda: httpx.Response(200, content=b"<html>"), State.BAD),
        (lambda: httpx.Response(301, headers={"Location": "http://elsewhere.test"}), State.BAD),
        (says(404), State.UNKNOWN),
        (says(429), State.UNKNOWN),
    ],
)
async def test_an_api_is_what_its_list_says(gateways: Gateways, answer: Answer | Exception, state: State) -> None:
    """A gateway that has no such list, or asks to wait, says nothing; where both fail no source is blamed."""
    gateways.answers |= {"/pings": answer, "/api/pings": answer}
    async with gateways.prober() as prober:
        found = await prober.ask()
    assert found[ENTREPRISE] is state
    assert found[SIRENE] is State.UNKNOWN


async def test_half_of_the_gateways_is_too_many(gateways: Gateways) -> None:
    """One of two that fails makes the minute bad, one of three does not; sources are asked at one that answers."""
    gateways.answers["one.test/pings"] = gateways.answers["one.test/api/pings"] = says(500)
    async with gateways.prober(ONE, TWO) as prober:
        found = await prober.ask()
    assert (found[ENTREPRISE], found[SIRENE]) == (State.BAD, State.GOOD)
    async with gateways.prober(ONE, TWO, "http://three.test") as prober:
        assert (await prober.ask())[ENTREPRISE] is State.GOOD


async def test_an_answer_holds_as_long_as_it_may(gateways: Gateways) -> None:
    """Short minutes do not ask more often than its max-age says; lists are asked each time."""
    async with gateways.prober(seconds=1) as prober:
        for _ in range(3):
            await prober.ask()
            gateways.now += 4
        assert gateways.asked[SIRENE_PATH] == 1
        gateways.answers[SIRENE_PATH] = says(502, status="bad_gateway")
        assert (await prober.ask())[SIRENE] is State.BAD
    assert (gateways.asked[SIRENE_PATH], gateways.asked["/pings"]) == (2, 4)


async def test_what_was_found_long_ago_is_not_told(gateways: Gateways) -> None:
    """The gateway goes away: its sources are unknown in the next minute."""
    async with gateways.prober() as prober:
        await prober.ask()
        gateways.now += 60
        gateways.answers |= {"/pings": says(500), "/api/pings": says(500)}
        assert (await prober.ask())[SIRENE] is State.UNKNOWN


@pytest.mark.parametrize(("answer", "state"), [(says(), State.GOOD), (says(503), State.BAD), (says(303), State.BAD)])
async def test_the_account_side_is_its_login_page(gateways: Gateways, answer: Answer, state: State) -> None:
    """It must be shown."""
    gateways.answers["/compte/se-connecter"] = answer
    async with gateways.prober(account=PORTAL) as prober:
        assert (await prober.ask())["compte"] is state


async def test_without_gateways_nothing_is_known(gateways: Gateways) -> None:
    """Nobody is asked."""
    made = Prober(
        httpx.AsyncClient(transport=httpx.MockTransport(gateways)), COMPONENTS, gateways=[], account=None, seconds=60
    )
    assert await made.ask() == {}
    await made.close()
    assert not gateways.asked


async def test_a_question_that_hangs_holds_up_nothing(gateways: Gateways) -> None:
    """A minute of a second ends without its answer, and it is not asked twice."""
    hangs = asyncio.Event()

    async def transport(request: httpx.Request) -> httpx.Response:
        if request.url.path == SIRENE_PATH:
            gateways.asked["hangs"] += 1
            await hangs.wait()
        return await gateways(request)

    made = Prober(
        httpx.AsyncClient(transport=httpx.MockTransport(transport)),
        COMPONENTS,
        gateways=[ONE],
        account=None,
        seconds=0.05,
        steady=lambda: gateways.now,
    )
    for _ in range(2):
        found = await made.ask()
        assert (found[SIRENE], found[ENTREPRISE]) == (State.UNKNOWN, State.GOOD)
    assert gateways.asked["hangs"] == 1
    await made.close()
