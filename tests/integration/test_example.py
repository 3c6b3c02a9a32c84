"""What the integrators' guides show: the batch client, and every snippet."""

import asyncio
import importlib.util
import json
import math
import os
import random
import re
import selectors
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from apientreprise_gateway.providers.products import PRODUCTS
from apientreprise_gateway.ratelimit.memory import FirstCallWindow, SlidingWindow
from apientreprise_gateway.ratelimit.windows import SECOND, Window
from support import programs, tokens
from support.site import LONG, ROOMY, UNITE_LEGALE
from support.site import site as started

ROOT = Path(__file__).parents[2]
BATCH = ROOT / "examples" / "batch.py"
GUIDES = {name: (ROOT / "docs" / f"guide-{name}.md").read_text() for name in ("integrateur", "particulier")}
SCOPES = sorted({scope for product in PRODUCTS for endpoint in product.endpoints for scope in endpoint.scopes})
Lines = list[dict[str, Any]]


def _module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("example", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


example = _module(BATCH)


def _sirens(count: int) -> list[str]:
    """Different SIRENs with a right check digit."""
    found = []
    for number in range(count):
        digits = [int(digit) for digit in f"9970{number:04}"]
        total = sum(digits[0::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])
        found.append("".join(map(str, digits)) + str(-total % 10))
    return found


class _Jump(selectors.DefaultSelector):
    """Waits for nothing: the clock of the loop jumps to its next timer."""

    now = 1000.0

    def select(self, timeout: float | None = None) -> Any:
        assert timeout is not None, "everybody waits for somebody"
        assert self.now < 100_000, "somebody waits for days"
        self.now += max(0.0, timeout)
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    """An event loop in whose time an hour takes as long as the work that is done in it."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.now


Answer = Callable[[int, str], httpx.Response | Exception | None]
"""From the number of a call and its SIREN to what the gateway answers instead of data, if anything."""


class FakeGateway:
    """The documented limit, in virtual time, on a clock that is not the client's."""

    def __init__(
        self, *, window: Window, limit: int, seed: int, special: Answer = lambda _number, _siren: None
    ) -> None:
        self._window, self._limit, self._special = window, limit, special
        self._random = random.Random(seed)
        self.statuses: list[int] = []
        self.pauses: list[float] = []
        self.calls: list[tuple[float, str]] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a call, after the delays of a network and of a provider, so that answers come in any order."""
        await asyncio.sleep(self._random.uniform(0, 0.4))
        siren = request.url.path.rpartition("/")[2]
        self.calls.append((self._now(), siren))
        outcome = self._window.hit(int(self._now() * SECOND), self._limit)
        response = httpx.Response(429, json=_errors("00429")) if not outcome.admitted else None
        if response is None:
            await asyncio.sleep(self._random.choice([0.02, 0.3, 9.0]))
            special = self._special(len(self.calls), siren)
            if isinstance(special, Exception):
                raise special
            response = special or httpx.Response(200, json={"data": {"siren": siren}, "links": {}, "meta": {}})
        self.statuses.append(response.status_code)
        response.headers["Date"] = format_datetime(datetime.fromtimestamp(int(self._now()), UTC), usegmt=True)
        response.headers["RateLimit-Limit"] = str(self._limit)
        response.headers["RateLimit-Remaining"] = str(max(0, self._limit - outcome.used))
        response.headers["RateLimit-Reset"] = str(math.ceil(outcome.reset_at / SECOND))
        return response

    async def sleep(self, seconds: float) -> None:
        """How the client waits."""
        self.pauses.append(seconds)
        await asyncio.sleep(seconds)

    def run(self, sirens: list[str], *, workers: int = 8) -> tuple[Lines, float]:
        """Run the client on these SIRENs; its lines, and the seconds that it took."""
        lines: Lines = []

        async def main() -> float:
            clock = asyncio.get_running_loop().time
            start = clock()
            pacer = example.Pacer(clock=clock, sleep=self.sleep)
            async with httpx.AsyncClient(transport=httpx.MockTransport(self), base_url="http://gateway.test") as client:
                await example.batch(client, sirens, lines.append, pacer, workers)
            return clock() - start

        with asyncio.Runner(loop_factory=_Loop) as runner:
            return lines, runner.run(main())

    def _now(self) -> float:
        return 1_800_000_000.7 + asyncio.get_running_loop().time()


def _errors(code: str, **meta: object) -> dict[str, Any]:
    return {"errors": [{"code": code, "title": "t", "detail": "d", "meta": meta}]}


@pytest.mark.parametrize("window", [SlidingWindow, FirstCallWindow])
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("limit", "count", "workers"), [(1, 4, 3), (5, 23, 8), (5, 23, 2), (50, 240, 20)])
def test_a_batch_beyond_the_limit(window: type[Window], seed: int, limit: int, count: int, workers: int) -> None:
    """More SIRENs than the limit all get their data and never a 429, in little more than the time this must take."""
    gateway = FakeGateway(window=window(), limit=limit, seed=seed)
    sirens = _sirens(count)
    lines, seconds = gateway.run(sirens, workers=workers)
    assert Counter(gateway.statuses) == {200: count}
    assert sorted(line["data"]["siren"] for line in lines) == sorted(sirens)
    windows = math.ceil(count / limit) - 1
    work = 9.5 * count / min(workers, limit)
    assert 60 * windows <= seconds < (60 + 2 * 9.5 + 2) * windows + work


@pytest.mark.parametrize("seed", range(6))
def test_a_batch_within_the_limit_is_not_paced(seed: int) -> None:
    """As many SIRENs as the limit allows are asked for without a pause."""
    gateway = FakeGateway(window=SlidingWindow(), limit=40, seed=seed)
    lines, _ = gateway.run(_sirens(40))
    assert (len(lines), gateway.pauses) == (40, [])


@pytest.mark.parametrize("seed", range(12))
def test_a_window_that_is_partly_used(seed: int) -> None:
    """Calls made before the batch by the same token, which leave the window one by one, cause no 429 either."""
    window = SlidingWindow()
    for second in range(15):
        window.hit((1_800_001_000 - 58 + second) * SECOND, 20)
    gateway = FakeGateway(window=window, limit=20, seed=seed)
    _, seconds = gateway.run(_sirens(30))
    assert Counter(gateway.statuses) == {200: 30}
    assert seconds < 100, "it goes on as soon as there is room, not after whole minutes"


async def test_a_late_answer_changes_nothing() -> None:
    """An answer that an earlier decision gave, and that comes after a later one, does not let a call go too early."""
    now, pauses = [0.0], []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += seconds

    def answer(*, remaining: int, reset: int) -> httpx.Response:
        date = format_datetime(datetime.fromtimestamp(1_800_000_000, UTC), usegmt=True)
        figures = {"RateLimit-Remaining": str(remaining), "RateLimit-Reset": str(1_800_000_000 + reset)}
        return httpx.Response(200, headers={"Date": date} | figures)

    pacer = example.Pacer(clock=lambda: now[0], sleep=sleep)
    pacer.finish(await pacer.start(), answer(remaining=2, reset=3))
    early, late = await pacer.start(), await pacer.start()
    pacer.finish(late, answer(remaining=0, reset=50))
    pacer.finish(early, answer(remaining=1, reset=3))
    await pacer.start()
    assert pauses == [50]


def test_a_token_that_is_used_elsewhere() -> None:
    """A 429 that another user of the token causes is waited out, and the batch is whole in the end."""
    window = SlidingWindow()

    def meddle(number: int, _siren: str) -> None:
        if number == 3:
            for _ in range(4):
                window.hit(int((1_800_000_000.7 + asyncio.get_running_loop().time()) * SECOND), 8)

    gateway = FakeGateway(window=window, limit=8, seed=0, special=meddle)
    lines, _ = gateway.run(_sirens(12), workers=3)
    assert [line["status"] for line in lines] == [200] * 12
    assert gateway.statuses.count(429) <= 3, "one for each call that was under way"


@pytest.mark.parametrize(
    ("answer", "least"),
    [
        (lambda: httpx.Response(502, json=_errors("00501", retry_in=10)), 10),
        (lambda: httpx.Response(502, json=_errors("01001", retry_in=23)), 23),
        (lambda: httpx.Response(502, json=_errors("01004", retry_in=10)), 10),
        (lambda: httpx.Response(502, json=_errors("01000", provider="INSEE")), 2),
        (lambda: httpx.Response(503, text="<html>"), 2),
        (lambda: httpx.ConnectError("refused"), 2),
    ],
)
def test_what_passes_is_tried_again(answer: Callable[[], httpx.Response | Exception], least: float) -> None:
    """A fault that may pass is tried again, not before the time that the answer gives."""
    gateway = FakeGateway(
        window=SlidingWindow(), limit=9, seed=0, special=lambda number, _siren: answer() if number == 1 else None
    )
    lines, seconds = gateway.run(_sirens(1))
    assert [(line["status"], line["final"]) for line in lines] == [(200, True)]
    assert len(gateway.calls) == 2
    assert least <= seconds < least + 20


def test_an_unanswered_call_may_have_been_counted() -> None:
    """After a call without an answer the client supposes that it was counted, and still gets no 429."""
    gateway = FakeGateway(
        window=SlidingWindow(),
        limit=1,
        seed=0,
        special=lambda number, _siren: httpx.ReadError("closed") if number in {1, 3} else None,
    )
    lines, _ = gateway.run(_sirens(3))
    assert Counter(gateway.statuses) == {200: 3}
    assert len(lines) == 3


@pytest.mark.parametrize(
    ("answer", "calls", "final"),
    [
        (httpx.Response(404, json=_errors("01003")), 1, True),
        (httpx.Response(422, json=_errors("00301")), 1, True),
        (httpx.Response(451, json=_errors("01005")), 1, True),
        (httpx.Response(502, json=_errors("01999")), 1, True),
        (httpx.Response(503, json=_errors("01020", retry_in=600)), 1, False),
        (httpx.Response(504, json=_errors("01002")), 4, False),
    ],
)
def test_what_does_not_pass_is_reported(answer: httpx.Response, calls: int, final: bool) -> None:
    """What another call would not change, or not soon, is reported after as few calls as show it."""
    gateway = FakeGateway(window=SlidingWindow(), limit=9, seed=0, special=lambda _number, _siren: answer)
    lines, _ = gateway.run(_sirens(1))
    assert [(line["status"], line["final"]) for line in lines] == [(answer.status_code, final)]
    assert len(gateway.calls) == calls


@pytest.mark.parametrize(
    ("answer", "calls"),
    [
        (httpx.Response(401, json=_errors("00103")), 1),
        (httpx.Response(403, json=_errors("00100")), 1),
        (httpx.ReadError("closed"), 4),
    ],
)
def test_what_concerns_all_calls_stops_the_batch(answer: httpx.Response | Exception, calls: int) -> None:
    """A token that is refused, or a gateway that closes the connection as on a ban, is not asked for each SIREN."""
    gateway = FakeGateway(window=SlidingWindow(), limit=250, seed=0, special=lambda _number, _siren: answer)
    with pytest.raises(example.StoppedError):
        gateway.run(_sirens(20), workers=1)
    assert len(gateway.calls) == calls


def test_the_batch_client_as_a_command(tmp_path: Path) -> None:
    """Against a started gateway, as many SIRENs as its limit all get data, without a 429 and without a pause."""
    sirens = _sirens(5)
    with started(tmp_path, limit_json="5") as site:
        done = subprocess.run(
            [sys.executable, BATCH],
            input="\n".join([*sirens, sirens[0]]),
            env=os.environ | _variables(site.program.url),
            capture_output=True,
            text=True,
            timeout=LONG,  # less than the minute that a pause would take
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert sorted(line["siren"] for line in lines) == sorted(sirens)
        assert all("data" in line for line in lines)
        assert sorted(line["identifier"] for line in site.lines()) == sorted(sirens)
        assert site.metric('gateway_limiter_decisions_total{decision="refused",group="json"}') == 0
        assert site.call(UNITE_LEGALE, token=tokens.token()).status_code == 429, "the limit was there all the time"


def _variables(url: str) -> dict[str, str]:
    return {"API_URL": url, "API_TOKEN": tokens.token(scopes=SCOPES), "API_RECIPIENT": "13002526500013"}


COMMANDS = {
    "bash": ("bash", "bash -euo pipefail {}"),
    "python": (sys.executable, f"{sys.executable} -W error {{}}"),
    "javascript": ("node", "node {}"),
    "java": ("java", "java {}"),
    "php": ("php", "php {}"),
    "ruby": ("ruby", "ruby {}"),
}
"""By the language of a snippet: the program that it takes, and how to run it."""
SUFFIXES = {"bash": "sh", "python": "py", "javascript": "mjs", "java": "java", "php": "php", "ruby": "rb"}
SNIPPETS = [
    pytest.param(name, language, code, id=f"{name}-{language}-{number}")
    for name, guide in GUIDES.items()
    for number, (language, code) in enumerate(re.findall(r"^```(\w+)\n(.*?)^```$", guide, re.M | re.S))
]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a gateway with the sandbox's providers answers."""
    with (
        programs.sandbox(tmp_path_factory.mktemp("sandbox")) as providers,
        programs.gateway(tmp_path_factory.mktemp("gateway"), upstream=providers.url, **ROOMY) as program,
    ):
        yield program.url


@pytest.mark.parametrize("guide", GUIDES)
def test_a_guide_shows_every_language(guide: str) -> None:
    """A guide has snippets in all the languages that it promises, and in no other that nobody would test."""
    assert {snippet.values[1] for snippet in SNIPPETS if snippet.values[0] == guide} == set(COMMANDS)


@pytest.mark.parametrize(("guide", "language", "code"), SNIPPETS)
def test_a_snippet_of_a_guide_runs(guide: str, language: str, code: str, demo: str, tmp_path: Path) -> None:
    """Each snippet, with the gateway's address put in and a token in the environment, ends well and shows data."""
    needed, command = COMMANDS[language]
    if shutil.which(needed) is None:
        pytest.skip(f"{needed} is not installed")
    variables = _variables(demo)
    file = tmp_path / f"PremierAppel.{SUFFIXES[language]}"
    file.write_text(code.replace("http://127.0.0.1:8080", demo))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command.format(file).split(),
        cwd=ROOT,
        env=os.environ | variables | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=2 * LONG,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"data|COOPERATIVE DES TROIS VALLONS|application/pdf", done.stdout), f"{guide}: {done.stdout}"
