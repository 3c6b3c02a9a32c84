"""Any number of processes on one store count as one."""

import json
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from apientreprise_gateway.ratelimit.windows import SECOND
from support import programs, stores
from support.fleet import Gateway, fleet, together, undisturbed
from support.site import ATTESTATION_FISCALE, LONG, VIGILANCE, fresh
from support.stores import Cluster, Server
from support.stub import Stub
from support.wire import Answer

LIMIT = 50
PERSON = "/v3/cnous/etudiant_boursier/ine?ine=0123456789A&recipient=13002526500013"
BY_SECOND = 20
OWN_LIMITS = {str(uuid.uuid4()): limit for limit in (30, *[10_000] * 5)}
"""Limits of tokens of their own, by `jti`."""
WINDOWS = ("sliding", "first-call")


@pytest.fixture(scope="module", params=WINDOWS)
def eight(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, common_store: Server, provider: Stub
) -> Iterator[list[Gateway]]:
    """Four gateways of two workers each, with each kind of window."""
    common_store.command("FLUSHALL")
    folder = tmp_path_factory.mktemp("eight")
    tokens = folder / "tokens.json"
    tokens.write_text(json.dumps({jti: {"limit_per_minute": limit} for jti, limit in OWN_LIMITS.items()}))
    settings = {"redis_url": common_store.url, "window": request.param, "tokens": str(tokens)}
    with fleet(folder, 4, 2, upstream=provider.url, **settings) as members:
        yield members


def _flood(members: list[Gateway], calls: int, path: str = VIGILANCE) -> list[Answer]:
    """Calls with one token, at once, on all gateways in turn."""
    token = fresh()
    return together([partial(members[n % len(members)].ask, token=token, path=path) for n in range(calls)])


def _check(answers: list[Answer], limit: int) -> None:
    """Exactly the limit has passed, and all headers tell the same story."""
    passed = [answer for answer in answers if answer.status == 200]
    refused = [answer for answer in answers if answer.status == 429]
    assert (len(passed), len(passed) + len(refused)) == (limit, len(answers))
    assert sorted(int(answer.headers["ratelimit-remaining"]) for answer in passed) == list(range(limit))
    assert {answer.headers["ratelimit-remaining"] for answer in refused} == {"0"}
    assert {answer.headers["ratelimit-limit"] for answer in answers} == {str(limit)}
    assert len({answer.headers["ratelimit-reset"] for answer in answers}) == 1, "the oldest call is the same for all"
    assert all(1 <= int(answer.headers["retry-after"]) <= 60 for answer in refused)
    assert not [answer for answer in passed if "retry-after" in answer.headers]
    assert {tuple(answer.codes) for answer in refused} == {("00429",)}


def test_the_limit_is_exact_over_eight_processes(eight: list[Gateway]) -> None:
    """Of 400 calls at once on eight processes exactly the limit passes, and every 429 says the same."""
    _check(undisturbed(eight, partial(_flood, eight, 400)), LIMIT)


def test_a_group_is_one_counter_on_all_processes(eight: list[Gateway]) -> None:
    """Each group of endpoints has its own counter, the same on every process."""
    _check(undisturbed(eight, partial(_flood, eight, 40, ATTESTATION_FISCALE)), 5)


def test_calls_one_after_the_other_count_down_over_all_processes(eight: list[Gateway]) -> None:
    """Whichever process is asked, Remaining goes down by one from call to call."""

    def attempt() -> list[int]:
        token = fresh()
        answers = [eight[number % 4].ask(token=token, path=VIGILANCE) for number in range(24)]
        return [int(answer.headers["ratelimit-remaining"]) for answer in answers]

    assert undisturbed(eight, attempt) == [*range(49, 25, -1)]


# A window of a second, and a minute beside it.


def _persons(members: list[Gateway], calls: int, jti: str) -> list[Answer]:
    """Calls about a person with one token, at once, on all gateways in turn."""
    key = {"X-Api-Key": fresh(jti=jti, scopes=["cnous_statut_boursier"])}
    return together(
        [partial(members[n % len(members)].ask, token=None, path=PERSON, headers=key) for n in range(calls)]
    )


def _microseconds(store: Server) -> int:
    seconds, microseconds = store.command("TIME")
    return int(seconds) * SECOND + int(microseconds)


def test_a_second_is_exact_over_eight_processes(eight: list[Gateway], common_store: Server) -> None:
    """Of many calls at once, no second admits more than it may, by the clock of the store; each 429 says one second."""
    unused = iter([jti for jti, limit in OWN_LIMITS.items() if limit == 10_000])

    def attempt() -> tuple[str, list[Answer], int]:
        jti, before = next(unused), _microseconds(common_store)
        return jti, _persons(eight, 200, jti), _microseconds(common_store) - before

    jti, answers, took = undisturbed(eight, attempt)
    passed = [answer for answer in answers if answer.status == 200]
    refused = [answer for answer in answers if answer.status == 429]
    assert len(passed) + len(refused) == len(answers)
    assert BY_SECOND <= len(passed) <= BY_SECOND * (took // SECOND + 1)
    assert {answer.headers["ratelimit-limit"] for answer in answers} == {str(BY_SECOND)}
    assert {answer.headers["ratelimit-remaining"] for answer in refused} == {"0"}
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
    # The minute beside it, which admits all, has kept the instants of all calls that were admitted.
    key = f"gw:{{{jti}}}:particulier:s1"
    instants = [int(each) for each in common_store.command("LRANGE", key, 0, -1)]
    if instants and took < 60 * SECOND:
        assert len(instants) == len(passed)
        assert all(late - early >= SECOND for early, late in zip(instants, instants[BY_SECOND:], strict=False))
    stores.until(lambda: _persons(eight, 1, jti)[0].status == 200, "the next second admits nothing")


def test_a_minute_beside_the_second_is_exact_over_eight_processes(eight: list[Gateway], common_store: Server) -> None:
    """A token's own limit holds as well, over all processes: once it is reached, a 429 says until when."""
    (jti,) = (jti for jti, limit in OWN_LIMITS.items() if limit == 30)
    key = f"gw:{{{jti}}}:particulier:"

    def attempt() -> tuple[int, list[Answer], int]:
        common_store.command("DEL", *(key + form for form in ("s1", "s1-1", "f1", "f1-1")))
        before, passed = _microseconds(common_store), 0
        while True:
            answers = _persons(eight, 40, jti)
            passed += sum(answer.status == 200 for answer in answers)
            full = [each for each in answers if each.status == 429 and each.headers["ratelimit-limit"] == "30"]
            if full:
                return passed, full, _microseconds(common_store) - before

    passed, full, took = undisturbed(eight, attempt)
    assert 30 <= passed <= 30 * (took // (60 * SECOND) + 1)
    assert all(1 <= int(answer.headers["retry-after"]) <= 60 for answer in full)
    assert {answer.headers["ratelimit-remaining"] for answer in full} == {"0"}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A Cluster of three nodes."""
    with stores.cluster(tmp_path_factory.mktemp("cluster"), stores.valkey_server()) as cluster:
        yield cluster


@pytest.mark.parametrize("window", WINDOWS)
def test_the_limit_is_exact_on_a_cluster(tmp_path: Path, cluster: Cluster, provider: Stub, window: str) -> None:
    """On a Cluster exactly the limit passes, for tokens that live on different nodes; revocations work there too."""
    with fleet(tmp_path, 2, upstream=provider.url, redis_url=cluster.url, window=window) as members:
        for _ in range(4):
            _check(undisturbed(members, partial(_flood, members, 24, ATTESTATION_FISCALE)), 5)
        jti = str(uuid.uuid4())
        token = fresh(jti=jti)
        assert members[0].ask(token=token).status == 200
        assert programs.run("token", "revoke", jti, redis_url=cluster.url).returncode == 0
        for member in members:
            stores.until(lambda member=member: member.ask(token=token).status == 401, "not revoked")  # type: ignore[misc]


def test_the_limit_is_exact_on_redis(tmp_path: Path, provider: Stub) -> None:
    """The machine's own Redis counts as Valkey does."""
    with (
        stores.server(tmp_path, stores.redis_server()) as redis,
        fleet(tmp_path, 2, upstream=provider.url, redis_url=redis.url) as members,
    ):
        _check(undisturbed(members, partial(_flood, members, 100)), LIMIT)


def test_scripts_may_be_forgotten(tmp_path: Path, provider: Stub, store: Server) -> None:
    """A store whose scripts were flushed is told them again, without a call lost or counted twice."""
    with fleet(tmp_path, 2, upstream=provider.url, redis_url=store.url) as members:

        def attempt() -> list[int]:
            token, left = fresh(), []
            for number in range(20):
                if number % 5 == 0:
                    store.command("SCRIPT", "FLUSH")
                left.append(int(members[number % 2].ask(token=token).headers["ratelimit-remaining"]))
            return left

        assert undisturbed(members, attempt) == [*range(999_999, 999_979, -1)]


def test_a_clean_end_leaves_no_lost_call(tmp_path: Path, provider: Stub, store: Server) -> None:
    """Counters outlive the gateways: a fleet started anew goes on where the other stopped."""
    token = fresh()
    for expected in (4, 3):
        with fleet(tmp_path, 1, upstream=provider.url, redis_url=store.url) as (only,):
            assert only.ask(token=token, path=ATTESTATION_FISCALE).headers["ratelimit-remaining"] == str(expected)
            assert only.process.poll() is None
            assert only.stop(seconds=LONG) == 0
