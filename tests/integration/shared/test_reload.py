"""SIGHUP: the configuration is read anew while calls go on being answered, and nothing that is known is forgotten."""

import json
import os
import signal
import uuid
from collections import Counter
from functools import partial
from pathlib import Path

import httpx
import jwt
import pytest

from support.configuration import Configuration, hang_up
from support.fleet import fleet, gateway, load, together
from support.issuer import Issuer, publishing
from support.site import GOOD, LONG, VIGILANCE, fresh
from support.stores import Server, until
from support.stub import Stub, always, answer, stub
from support.tokens import SECRET, claims
from support.wire import request

NEW_SECRET = "another-secret-for-tests-that-is-long-enough-as-well"


def _signed(secret: str) -> str:
    return jwt.encode(claims(jti=str(uuid.uuid4())), secret, algorithm="HS256")


def test_secrets_rotate_under_load(tmp_path: Path, store: Server, provider: Stub) -> None:
    """A new secret is put in front, used, and the old one removed: no call fails, and no worker is replaced."""
    file, signing = Configuration(tmp_path, upstream_url=provider.url), [SECRET]
    with gateway(tmp_path, 2, upstream="", redis_url=store.url, **file.variables) as both:
        workers, remembered = both.worker_pids(), _signed(SECRET)
        assert both.ask(token=remembered).status == 200
        with load([both], lambda: request(token=_signed(signing[0])), clients=16) as running:
            running.grows_by(100)
            file.change(jwt_secrets=[NEW_SECRET, SECRET])
            hang_up(both)
            running.grows_by(100)
            signing[0] = NEW_SECRET
            running.grows_by(100)
            file.change(jwt_secrets=[NEW_SECRET])
            hang_up(both)
            running.grows_by(100)
        assert (running.statuses(), running.broken, running.refused) == ({200}, 0, 0)
        assert {each.status for each in together([partial(both.ask, token=remembered)] * 8)} == {401}
        assert both.worker_pids() == workers
        assert [line["changed"] for line in both.logged("reloaded")] == [["GATEWAY_JWT_SECRETS"]] * 4
        assert SECRET not in both.errors.read_text()
        answered = Counter(taken.answer.headers["x-request-id"] for taken in running.taken)
        lines = Counter(line["request_id"] for line in both.access_lines(count=len(running.taken) + 9))
        assert answered <= lines
        assert lines.total() == answered.total() + 9
        assert both.stop() == 0


def test_a_process_alone_keeps_what_it_has_counted(tmp_path: Path, provider: Stub) -> None:
    """Windows and bans of a process without a store outlive every reload, also one that changes the limits."""
    file = Configuration(tmp_path, upstream_url=provider.url, limit_documents=10, ignored_429_limit=3)
    usual = {**file.variables, "ignored_429_limit": "", "limit_ip": ""}
    with gateway(tmp_path, upstream="", **usual) as only:
        token, ask = fresh(), partial(only.ask, path=VIGILANCE)
        assert [ask(token=token).status for _ in range(6)] == [200] * 6
        hang_up(only)
        assert ask(token=token).headers["ratelimit-remaining"] == "3"
        file.change(limit_documents=8, limit_ip=900_000)
        hang_up(only)
        assert [ask(token=token).status for _ in range(2)] == [200, 429]
        banned = request(token=token, path=VIGILANCE)
        assert [bool(only.says(banned, source="127.0.0.9")) for _ in range(5)] == [True] * 3 + [False] * 2
        file.change(limit_ip=800_000)
        hang_up(only)
        assert only.says(banned, source="127.0.0.9") == b""
        assert only.metrics()["gateway_bans_in_force"] == 1
        until(lambda: only.metrics()["gateway_access_lines_total"] == 12, "what was counted does not go on")


def test_a_wrong_configuration_changes_nothing(tmp_path: Path, store: Server, provider: Stub) -> None:
    """What cannot be used is refused with the line that a start would give, and repaired by the next signal."""
    file = Configuration(tmp_path, upstream_url=provider.url)
    with gateway(tmp_path, 2, upstream="", redis_url=store.url, **file.variables) as both:
        with load([both], lambda: request(token=_signed(SECRET))) as running:
            for wrong in ({"limit_jsn": 3}, {"limit_jsn": 3, "jwt_secrets": ["short"]}):
                file.change(**wrong)
                hang_up(both, event="reload_refused")
                running.grows_by(20)
            file.path.unlink()
            hang_up(both, event="reload_refused")
            running.grows_by(20)
        assert (running.statuses(), running.broken) == ({200}, 0)
        reasons = [line["reason"] for line in both.logged("reload_refused")]
        assert all(reason.startswith("GATEWAY_") for reason in reasons)
        assert "short" not in str(reasons)
        file = Configuration(tmp_path, upstream_url=provider.url, limit_json=7)
        hang_up(both)
        assert together([partial(both.ask, token=fresh())] * 8)[0].headers["ratelimit-limit"] == "7"


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("right", [True, False], ids=["right", "wrong"])
def test_a_stop_on_the_heels_of_a_hangup(
    tmp_path: Path, store: Server, provider: Stub, workers: int, right: bool
) -> None:
    """A gateway that is told to stop while it reads its configuration anew, a wrong one even, ends in order."""
    file = Configuration(tmp_path, upstream_url=provider.url)
    with gateway(tmp_path, workers, upstream="", redis_url=store.url, **file.variables) as member:
        assert member.ask(token=fresh()).status == 200
        file.change(**{"limit_json" if right else "limit_jsn": 3})
        member.process.send_signal(signal.SIGHUP)
        assert member.stop() == 0
        assert "Traceback" not in member.errors.read_text()
        assert len(member.access_lines()) == 1


def test_a_worker_that_dies_while_the_configuration_is_wrong(tmp_path: Path, store: Server, provider: Stub) -> None:
    """It is missed, and started again as soon as it can be; the other one serves all the while."""
    file = Configuration(tmp_path, upstream_url=provider.url)
    with gateway(tmp_path, 2, upstream="", redis_url=store.url, **file.variables) as both:
        good = file.path.read_text()
        file.path.write_text("limit_jsn = 1\n")
        os.kill(min(both.worker_pids()), signal.SIGKILL)
        until(lambda: len(both.logged("worker_died")) >= 2, "it is not tried again")
        assert both.ask(token=fresh()).status == 200
        file.path.write_text(good)
        until(lambda: both.in_mode("shared") == 2, "it is not replaced", seconds=60)
        assert both.stop() == 0


def test_providers_change(tmp_path: Path, store: Server) -> None:
    """New calls go to the new address; those that are under way end where they began."""
    with stub(GOOD) as first, stub(always(answer(b'{"data":{"siren":"1"},"links":{},"meta":{}}'))) as second:
        file = Configuration(tmp_path, upstream_url=first.url)
        with gateway(tmp_path, upstream="", redis_url=store.url, **file.variables) as only:
            with load([only], lambda: request(token=fresh()), clients=16) as running:
                running.grows_by(100)
                file.change(upstream_url=second.url)
                hang_up(only)
                seen = len(first.requests)
                running.grows_by(100)
                assert len(first.requests) <= seen + 16
            assert (running.statuses(), running.broken) == ({200}, 0)
            assert len(second.requests) >= 80


def test_an_access_log_that_was_moved_away(tmp_path: Path, provider: Stub) -> None:
    """After a hangup lines go to a new file under the name; together they are complete."""
    log = tmp_path / "access.jsonl"
    with gateway(tmp_path, upstream=provider.url, access_log=str(log)) as only:
        with load([only], lambda: request(token=fresh())) as running:
            running.grows_by(50)
            log.rename(tmp_path / "access.jsonl.1")
            hang_up(only)
            running.grows_by(50)
        assert only.stop() == 0
    lines = [json.loads(line) for name in ("access.jsonl.1", "access.jsonl") for line in _lines(tmp_path / name)]
    assert _lines(log)
    assert Counter(line["request_id"] for line in lines) == Counter(
        taken.answer.headers["x-request-id"] for taken in running.taken
    )


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_keys_that_cannot_be_fetched_now(tmp_path: Path, provider: Stub) -> None:
    """A reload does not forget the keys fetched before, whether the issuer answers or not."""
    issuer = Issuer()
    with publishing(issuer.published("one")) as keys, gateway(tmp_path, upstream=provider.url, jwks=keys.url) as only:
        assert only.ask(token=issuer.token("one")).status == 200
        keys.handler = always(answer(b"", status=503))
        hang_up(only)
        assert only.ask(token=issuer.token("one")).status == 200


def test_pings_are_not_forgotten(tmp_path: Path, provider: Stub) -> None:
    """What is known of the sources of data outlives a reload, unless their provider is asked elsewhere from then on."""
    before = len(provider.requests)
    configuration = Configuration(tmp_path, upstream_url=provider.url)
    with gateway(tmp_path, upstream="", **configuration.variables) as only:
        first = httpx.get(f"{only.url}/ping/insee/sirene", timeout=LONG).json()
        hang_up(only)
        assert httpx.get(f"{only.url}/ping/insee/sirene", timeout=LONG).json() == first
        assert len(provider.requests) == before + 1
        configuration.change(upstream_url="http://127.0.0.1:1")
        hang_up(only)
        assert httpx.get(f"{only.url}/ping/insee/sirene", timeout=LONG).json()["status"] == "bad_gateway"


@pytest.mark.parametrize("workers", [1, 2])
def test_many_hangups(tmp_path: Path, store: Server, provider: Stub, workers: int) -> None:
    """Signals that come faster than they can be obeyed do no harm."""
    with fleet(tmp_path, 1, workers, upstream=provider.url, redis_url=store.url) as (only,):
        with load([only], lambda: request(token=fresh())) as running:
            for _ in range(30):
                only.process.send_signal(signal.SIGHUP)
                running.grows_by(5)
        assert (running.statuses(), running.broken) == ({200}, 0)
        assert only.stop() == 0
        assert "Traceback" not in only.errors.read_text()
