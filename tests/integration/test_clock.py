"""A clock that is wrong when the gateway starts and is corrected later, in either direction."""

import fcntl
import json
import os
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.clocks import SetClock
from support.fleet import pause, piped
from support.site import GOOD, VIGILANCE, Site, fresh
from support.site import site as started
from support.stub import always, answer, stub
from support.wire import request, wire

DAY = 86_400.0
WRONG = [pytest.param(30 * DAY, id="ahead"), pytest.param(-30 * DAY, id="behind"), pytest.param(3600.0, id="an-hour")]
AHEAD = [
    pytest.param(30 * DAY, id="a-month"),
    pytest.param(3600.0, id="an-hour"),
    pytest.param(120.0, id="two-minutes"),
]


@pytest.fixture(scope="module")
def clock_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the clock of each test is set: in one place, so that the programs of all can be started alike."""
    return tmp_path_factory.mktemp("clock")


@pytest.fixture
def clock(clock_folder: Path, monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """The clock of the gateway."""
    return SetClock(clock_folder, monkeypatch)


def _token() -> str:
    """A token that is valid by any of these clocks."""
    now = int(time.time())
    return fresh(iat=now - 60 * int(DAY), exp=now + 60 * int(DAY))


def _is_cached(own: Site) -> bool:
    given = own.call(token=_token())
    assert given.status_code == 200
    return given.headers["x-response-cached"] == "true"


@pytest.mark.parametrize("wrong", WRONG)
def test_maintenance(tmp_path: Path, clock: SetClock, wrong: float) -> None:
    """A maintenance that a wrong clock has found ends when the clock is right, and comes again with it."""
    at = datetime.now(UTC) + timedelta(seconds=wrong)
    window = {"start": (at - timedelta(minutes=30)).isoformat(), "end": (at + timedelta(minutes=29)).isoformat()}
    clock.ahead_by(wrong)
    with started(tmp_path, providers__insee__maintenance=json.dumps([window])) as own:
        assert own.call(token=_token()).status_code == 503
        clock.ahead_by(0)
        assert own.call(token=_token()).status_code == 200
        clock.ahead_by(wrong)
        assert own.call(token=_token()).status_code == 503


@pytest.mark.parametrize("wrong", AHEAD)
def test_kept_answers(tmp_path: Path, clock: SetClock, wrong: float) -> None:
    """An answer that was kept by a clock that was ahead is not given by the right one; the next one is kept again."""
    clock.ahead_by(wrong)
    with started(tmp_path, cache="memory") as own:
        assert [_is_cached(own) for _ in range(2)] == [False, True]
        clock.ahead_by(0)
        assert [_is_cached(own) for _ in range(2)] == [False, True]
        assert len(own.provider.requests) == 2


def test_kept_answers_of_a_clock_that_was_behind(tmp_path: Path, clock: SetClock) -> None:
    """An answer that has ended by the right clock is not given."""
    clock.ahead_by(-40 * DAY)
    with started(tmp_path, cache="memory") as own:
        assert [_is_cached(own) for _ in range(2)] == [False, True]
        clock.ahead_by(0)
        assert [_is_cached(own) for _ in range(2)] == [False, True]


@pytest.mark.parametrize("wrong", AHEAD)
def test_pings(tmp_path: Path, clock: SetClock, wrong: float) -> None:
    """That a source works is not believed for longer because the clock was set back."""
    clock.ahead_by(wrong)
    with started(tmp_path) as own:

        def ping() -> int:
            return own.client.get(own.program.url + "/ping/insee/sirene").status_code

        assert own.call(token=_token()).status_code == 200
        assert ping() == 200
        clock.ahead_by(0)
        own.provider.handler = always(answer(b"{}", status=500))
        for _ in range(3):
            assert own.call(token=_token()).status_code == 502
        assert ping() == 502
        own.provider.handler = GOOD


@pytest.mark.parametrize("wrong", WRONG)
def test_bans(tmp_path: Path, clock: SetClock, wrong: float) -> None:
    """A ban holds when the clock is set back, and is over when it shows the end of the ban."""
    clock.ahead_by(wrong)
    with started(tmp_path, limit_ip="3", trusted_proxies="127.0.0.1") as own:
        forwarded = {"X-Forwarded-For": "192.0.2.7"}

        def is_banned() -> bool:
            with wire(own.program.port) as line:
                line.send(request(token=_token(), headers=forwarded))
                return line.some() == b""

        while not is_banned():
            pass
        clock.ahead_by(wrong - 3600)
        assert is_banned()
        clock.ahead_by(wrong + DAY)
        assert not is_banned()


@pytest.mark.parametrize("wrong", [30 * DAY, 2 * DAY])
def test_links_to_documents(tmp_path: Path, clock: SetClock, wrong: float) -> None:
    """A link that was made by a clock that was ahead does not lead to its document for as long as that was."""
    clock.ahead_by(wrong)
    with started(tmp_path, documents=str(tmp_path / "documents"), document_seconds="3600") as own:
        path = own.call(VIGILANCE, token=_token()).json()["data"]["document_url"].partition("/documents/")[2]

        def download() -> int:
            return own.client.get(f"{own.program.url}/documents/{path}").status_code

        assert download() == 200
        for passed in (0, 3601, DAY):
            clock.ahead_by(passed)
            assert download() == 410
        clock.ahead_by(wrong + 3601)
        assert download() == 410


@pytest.mark.parametrize("wrong", [30 * DAY, 0.0])
def test_access_lines_of_a_slow_reader(tmp_path: Path, clock: SetClock, wrong: float) -> None:
    """Lines that wait for their reader are written whatever the clock shows, and so are those that come after."""
    clock.ahead_by(wrong)
    with stub(GOOD) as provider, piped(tmp_path, upstream=provider.url) as own:
        assert own.pipe is not None
        fcntl.fcntl(own.pipe, fcntl.F_SETPIPE_SZ, 4096)
        for _ in range(20):
            assert own.ask(token=_token()).status == 200
        pause(0.3)  # longer than a write may take without being called slow
        lines: list[bytes] = []
        reader = threading.Thread(target=_read_lines, args=(own.pipe, lines, 40), daemon=True)
        reader.start()
        for _ in range(20):
            assert own.ask(token=_token()).status == 200
        reader.join(30)
        assert len(lines) == 40
        own.all_logged()
        assert own.logged("background_failed") == []


def _read_lines(pipe: int, lines: list[bytes], count: int) -> None:
    with os.fdopen(os.dup(pipe), "rb") as file:
        while len(lines) < count:
            lines.append(file.readline())
