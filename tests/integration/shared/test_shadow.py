"""`GATEWAY_LIMITS=shadow`: everything is counted and reported, nothing is refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from support.fleet import Gateway, fleet
from support.site import ATTESTATION_FISCALE, fresh
from support.stores import Server
from support.stub import Stub
from support.wire import Answer

SETTINGS = {"limit_ip": "12", "limit_strict": "3"}
SOURCE = "127.0.4.1"


class Shadowed(NamedTuple):
    """A shadowing gateway, and what it answered to twenty calls with one token."""

    gateway: Gateway
    other: Gateway
    """An enforcing one on the same store."""
    token: str
    answers: list[Answer]
    metrics: dict[str, float]


@pytest.fixture(scope="module")
def shadowed(tmp_path_factory: pytest.TempPathFactory, common_store: Server, provider: Stub) -> Iterator[Shadowed]:
    """Twenty calls from one address: beyond the limit from the fourth on, beyond the ceiling from the thirteenth."""
    folder, token = tmp_path_factory.mktemp("shadow"), fresh()
    settings = SETTINGS | {"redis_url": common_store.url}
    for _ in range(5):
        with (
            fleet(folder, 1, upstream=provider.url, limits="shadow", **settings) as (gateway,),
            fleet(folder, 1, upstream=provider.url, **settings) as (other,),
        ):
            answers = [gateway.ask(token=token, path=ATTESTATION_FISCALE, source=SOURCE) for _ in range(20)]
            gateway.all_logged()
            if gateway.modes() == ["shared"]:
                yield Shadowed(gateway, other, token, answers, gateway.metrics())
                return
        common_store.command("FLUSHALL")
    raise AssertionError("in each of five attempts the store was out of reach for a moment")


def test_shadow_refuses_nothing(shadowed: Shadowed) -> None:
    """Every call is answered by the provider, and its headers say what the limit would."""
    assert [answer.status for answer in shadowed.answers] == [200] * 20
    remaining = [int(answer.headers["ratelimit-remaining"]) for answer in shadowed.answers]
    assert remaining == [2, 1, 0] + [0] * 17
    assert {answer.headers["ratelimit-limit"] for answer in shadowed.answers} == {"3"}
    assert len({answer.headers["ratelimit-reset"] for answer in shadowed.answers}) == 1
    assert not [answer for answer in shadowed.answers if "retry-after" in answer.headers]


def test_shadow_reports_each_refusal_not_made(shadowed: Shadowed) -> None:
    """The metric counts the calls that a limit, and those that a ban, would have refused."""
    assert shadowed.metrics['gateway_shadow_refusals_total{check="limit"}'] == 17
    assert shadowed.metrics['gateway_shadow_refusals_total{check="ban"}'] == 8
    assert shadowed.metrics["gateway_dropped_total"] == 0


def test_shadow_marks_its_access_lines(shadowed: Shadowed) -> None:
    """Each line says which checks would have refused its call."""
    lines = shadowed.gateway.access_lines(count=20)
    expected: list[list[str]] = [[]] * 3 + [["limit"]] * 9 + [["ban", "limit"]] * 8
    assert [sorted(line["shadow"]) for line in lines] == expected


def test_shadow_tells_of_a_ban_once(shadowed: Shadowed) -> None:
    """The operators' log has one line of the ban that was not made, marked as such."""
    shadowed.gateway.all_logged()
    told = shadowed.gateway.logged("address_banned")
    assert [(line["address"], line["count"], line["shadow"]) for line in told] == [(SOURCE, 13, True)]


def test_shadow_does_not_touch_who_enforces(shadowed: Shadowed, common_store: Server) -> None:
    """An enforcing gateway on the same store has counters and bans of its own."""
    statuses = [
        shadowed.other.ask(token=shadowed.token, path=ATTESTATION_FISCALE, source=SOURCE).status for _ in range(4)
    ]
    assert statuses == [200, 200, 200, 429]
    assert common_store.command("KEYS", "gw:*:ban") == []


def test_shadow_tells_of_a_ban_once_on_all_processes(tmp_path: Path, store: Server, provider: Stub) -> None:
    """Of two shadowing gateways one tells of the ban, both go on answering and reporting."""
    with fleet(tmp_path, 2, upstream=provider.url, limits="shadow", limit_ip="5", redis_url=store.url) as members:
        statuses = {members[number % 2].ask(token=fresh(), source=SOURCE).status for number in range(15)}
        assert statuses == {200}
        for member in members:
            member.all_logged()
        told = [line for member in members for line in member.logged("address_banned")]
        assert [line["shadow"] for line in told] == [True]
        reported = [member.metrics()['gateway_shadow_refusals_total{check="ban"}'] for member in members]
        assert sum(reported) == 10


def test_shadow_without_the_store(tmp_path: Path, store: Server, provider: Stub) -> None:
    """While the store is away a shadowing gateway counts alone, and still refuses nothing."""
    store.stop()
    settings = {"limits": "shadow", "redis_url": store.url, "revocations_unknown": "accept"} | SETTINGS
    with fleet(tmp_path, 1, upstream=provider.url, **settings) as (alone,):
        answers = [alone.ask(token=fresh(), path=ATTESTATION_FISCALE, source=SOURCE) for _ in range(15)]
        assert {answer.status for answer in answers} == {200}
        assert alone.metrics()['gateway_shadow_refusals_total{check="ban"}'] == 3
        assert [line["shadow"] for line in alone.logged("address_banned", count=1)] == [True]
