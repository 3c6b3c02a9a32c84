"""Any number of processes on one store count as one."""

import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from support import programs, stores
from support.fleet import Gateway, fleet, together, undisturbed
from support.site import ATTESTATION_FISCALE, LONG, VIGILANCE, fresh
from support.stores import Cluster, Server
from support.stub import Stub
from support.wire import Answer

LIMIT = 50
WINDOWS = ("sliding", "first-call")


@pytest.fixture(scope="module", params=WINDOWS)
def eight(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, common_store: Server, provider: Stub
) -> Iterator[list[Gateway]]:
    """Four gateways of two workers each, with each kind of window."""
    common_store.command("FLUSHALL")
    folder = tmp_path_factory.mktemp("eight")
    settings = {"redis_url": common_store.url, "window": request.param}
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
