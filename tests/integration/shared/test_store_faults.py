"""A store that is away, slow, frozen, read-only or emptied: calls are answered all the same, and recovery is alone."""

import socket
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from support import stores
from support.fleet import Gateway, Load, fleet, load, pause, together, undisturbed
from support.site import ATTESTATION_FISCALE, UNITE_LEGALE, fresh
from support.stores import Server, until
from support.stub import Stub
from support.wire import request

LIMIT = 5
CLIENTS = 8
LOCAL = 'gateway_store_mode{mode="local"}'
Step = Callable[[Server], object]


class Fault(NamedTuple):
    """What is done to a store, and what undoes it."""

    begin: Step
    end: Step = lambda _store: None


def _empty(store: Server) -> None:
    store.stop()
    store.start()


def _loop(store: Server) -> None:
    """Keep it busy with a script that does not end; nobody waits for the reply."""
    with socket.create_connection(("127.0.0.1", store.port)) as line:
        line.sendall(b'EVAL "while true do end" 0\r\n')


FAULTS = {
    "killed": Fault(Server.stop, Server.start),
    "frozen": Fault(Server.freeze, Server.thaw),
    "paused": Fault(lambda store: store.command("CLIENT", "PAUSE", 1500, "ALL")),
    "busy": Fault(_loop, lambda store: store.command("SCRIPT", "KILL")),
    "read-only": Fault(
        lambda store: store.command("REPLICAOF", "127.0.0.1", 1), lambda store: store.command("REPLICAOF", "NO", "ONE")
    ),
    "full": Fault(
        lambda store: store.command("CONFIG", "SET", "maxmemory", "1"),
        lambda store: store.command("CONFIG", "SET", "maxmemory", "0"),
    ),
    "emptied": Fault(_empty),
}


def _alternate(modes: list[str]) -> bool:
    """Whether each line tells of a change, and none of it twice."""
    return all(one != other for one, other in pairwise(modes))


def _kept_up(member: Gateway, running: Load) -> bool:
    """Whether the gateway has been in the other mode and is back, under load."""
    running.grows_by(CLIENTS)
    return member.modes()[-1] == "shared" and len(member.modes()) >= 3


def _local_calls(member: Gateway) -> list[int]:
    token = fresh()
    return [member.ask(token=token, path=ATTESTATION_FISCALE).status for _ in range(LIMIT + 2)]


@pytest.mark.parametrize("name", FAULTS)
def test_calls_are_answered_throughout(tmp_path: Path, store: Server, provider: Stub, name: str) -> None:
    """Under load no call fails, each change of state is one line of the log, and recovery needs no restart."""
    fault = FAULTS[name]
    token = fresh()
    with fleet(tmp_path, 2, upstream=provider.url, redis_url=store.url) as members:
        with load(members, lambda: request(token=token), clients=CLIENTS) as running:
            running.grows_by(CLIENTS * 4)
            fault.begin(store)
            for member in members:
                until(lambda member=member: "local" in member.modes(), "the store is not missed")  # type: ignore[misc]
            if name not in {"emptied", "paused"}:
                for member in members:
                    member.settles_in("local")
                    assert member.metrics()['gateway_store_mode{mode="shared"}'] == 0
                    assert _local_calls(member) == [200] * LIMIT + [429] * 2, "limits still hold"
            fault.end(store)
            for member in members:
                until(partial(_kept_up, member, running), "the store is not found again")
        assert running.statuses() == {200}
        assert (running.broken, running.refused) == (0, 0)
        for member in members:
            assert _alternate(member.modes()), member.modes()
            assert member.modes()[0] == "shared"
            assert "Traceback" not in member.all_logged()
            member.settles_in("shared")
            assert member.metrics()[LOCAL] == 0

        def attempt() -> list[int]:
            shared = fresh()
            return [members[n % 2].ask(token=shared, path=ATTESTATION_FISCALE).status for n in range(LIMIT + 2)]

        assert undisturbed(members, attempt) == [200] * LIMIT + [429] * 2, "counted together again"


@pytest.mark.parametrize("workers", [1, 2])
def test_a_store_that_is_absent_at_start(tmp_path: Path, store: Server, provider: Stub, workers: int) -> None:
    """A gateway starts without its store, counts alone, and finds the store when it comes."""
    store.stop()
    settings = {"redis_url": store.url, "revocations_unknown": "accept"}
    with fleet(tmp_path, 1, workers, upstream=provider.url, **settings) as (early,):
        assert early.modes() == ["local"] * workers
        assert early.in_mode("local") == workers
        if workers == 1:
            assert _local_calls(early) == [200] * LIMIT + [429] * 2
        store.start()
        early.settles_in("shared")
        assert early.modes(count=workers * 2)[: workers * 2] == ["local"] * workers + ["shared"] * workers

        def attempt() -> list[int]:
            token = fresh()
            return [early.ask(token=token, path=ATTESTATION_FISCALE).status for _ in range(LIMIT + 1)]

        assert undisturbed([early], attempt) == [200] * LIMIT + [429]


def test_a_freeze_is_waited_for_once(tmp_path: Path, store: Server, provider: Stub) -> None:
    """While a store hangs, only the calls in flight at its onset wait for it, and none waits long."""
    token = fresh()
    rounds, slowest = [], []
    with (
        fleet(tmp_path, 1, upstream=provider.url, redis_url=store.url) as members,
        load(members, lambda: request(path="/livez"), clients=1) as beats,
        load(members, lambda: request(token=token), clients=CLIENTS) as running,
    ):
        for _ in range(3):
            running.grows_by(CLIENTS * 5)
            began = time.monotonic()
            store.freeze()
            until(lambda: members[0].modes()[-1] == "local", "the store is not missed")
            running.grows_by(CLIENTS * 100)
            rounds.append(running.slow(beats, since=began))
            during = [taken.seconds for taken in (*running.taken, *beats.taken) if taken.ended >= began]
            slowest.append(max(during))
            store.thaw()
            members[0].settles_in("shared")
            until(lambda: members[0].modes()[-1] == "shared", "no line of it")
    print("calls that waited, and the slowest, by freeze:", rounds, slowest)
    assert running.statuses() == {200}
    # A machine that stands still makes calls slow as well, but not in each round.
    assert min(rounds) <= CLIENTS, rounds
    assert min(slowest) < 2, slowest


def test_refusing_while_the_store_is_away(tmp_path: Path, store: Server, provider: Stub) -> None:
    """With `GATEWAY_STORE_FAILURE=refuse` calls are 503 with their code while the store is away, and 200 after."""
    with fleet(tmp_path, 1, upstream=provider.url, redis_url=store.url, store_failure="refuse") as (strict,):
        token = fresh()
        assert strict.ask(token=token).status == 200
        store.stop()
        for _ in range(5):
            refused = strict.ask(token=token)
            assert (refused.status, refused.codes) == (503, ["00505"])
            assert not [name for name in refused.headers if name.startswith("ratelimit") or name == "retry-after"]
        assert strict.ask(token=None).status == 401, "what is refused anyway is told why"
        assert strict.ask(token=token, path="/nowhere").status == 404
        assert strict.in_mode("refuse") == 1
        store.start()
        strict.settles_in("shared")
        until(lambda: strict.ask(token=token).status == 200, "it goes on refusing")
        assert _alternate(strict.modes())


def test_refusing_from_the_start(tmp_path: Path, store: Server, provider: Stub) -> None:
    """Such a gateway starts without its store, refuses, and serves once the store is there."""
    store.stop()
    settings = {"redis_url": store.url, "store_failure": "refuse", "revocations_unknown": "accept"}
    with fleet(tmp_path, 1, upstream=provider.url, **settings) as (strict,):
        assert strict.ask(token=fresh()).codes == ["00505"]
        store.start()
        strict.settles_in("shared")
        until(lambda: strict.ask(token=fresh()).status == 200, "it goes on refusing")
        assert strict.modes()[0] == "refuse"
        assert _alternate(strict.modes())


def test_a_known_ban_holds_while_refusing(tmp_path: Path, store: Server, provider: Stub) -> None:
    """A banned address gets no byte while the store is away, not even a 503."""
    settings = {"redis_url": store.url, "store_failure": "refuse", "limit_ip": "3"}
    with fleet(tmp_path, 1, upstream=provider.url, **settings) as (strict,):
        for _ in range(4):
            strict.says(request(token=fresh()), source="127.0.6.1")
        store.stop()
        assert strict.ask(token=fresh(), source="127.0.6.2").status == 503
        assert strict.says(request(token=fresh()), source="127.0.6.1") == b""


def test_what_local_counting_admits_is_bounded(tmp_path: Path, store: Server, provider: Stub) -> None:
    """While the store is away no more passes than each process's own limit, and after it the store counts anew."""
    with fleet(tmp_path, 2, upstream=provider.url, redis_url=store.url) as members:

        def passed(token: str, calls: int) -> int:
            asks = [partial(members[n % 2].ask, token=token, path=ATTESTATION_FISCALE) for n in range(calls)]
            answers = together(asks, threads=10)
            assert {answer.status for answer in answers} <= {200, 429}
            return sum(answer.status == 200 for answer in answers)

        token = fresh()
        assert passed(token, 3) == 3
        store.stop()
        assert passed(token, 60) == LIMIT * 2
        store.start()
        for member in members:
            member.settles_in("shared")
        assert undisturbed(members, lambda: passed(fresh(), 30)) == LIMIT


def test_an_idle_connection_that_the_store_has_closed(tmp_path: Path, store: Server, provider: Stub) -> None:
    """A connection closed while nothing was asked of it is opened anew: the store is there, so the store decides."""
    with fleet(tmp_path, 1, upstream=provider.url, redis_url=store.url) as (idle,):
        token = fresh()
        assert idle.ask(token=token, path=ATTESTATION_FISCALE).headers["ratelimit-remaining"] == "4"
        store.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        pause(0.2)
        assert idle.ask(token=token, path=ATTESTATION_FISCALE).headers["ratelimit-remaining"] == "3"
        assert idle.modes() == ["shared"]


def test_sentinel_failover(tmp_path: Path, provider: Stub) -> None:
    """A master that is killed under load is replaced through Sentinel, without a failed call or a restart."""
    token, banned = fresh(), "127.0.6.9"
    with (
        stores.replicated(tmp_path, stores.valkey_server()) as group,
        fleet(tmp_path, 2, upstream=provider.url, redis_url=group.url, limit_ip="1000000") as members,
    ):
        with load(members, lambda: request(token=token), clients=CLIENTS) as running:
            running.grows_by(CLIENTS * 4)
            killed = time.monotonic()
            group.master.stop()
            until(lambda: group.master_port() == group.replica.port, "no failover", seconds=60)
            promoted = time.monotonic()
            for member in members:
                until(partial(_kept_up, member, running), "the new master is not found", seconds=60)
            found = time.monotonic()
        print(f"promoted after {promoted - killed:.2f} s, found after {found - killed:.2f} s")
        assert running.statuses() == {200}
        assert (running.broken, running.refused) == (0, 0)
        for member in members:
            assert _alternate(member.modes())

        def attempt() -> list[int]:
            shared = fresh()
            return [members[n % 2].ask(token=shared, path=ATTESTATION_FISCALE).status for n in range(LIMIT + 2)]

        assert undisturbed(members, attempt) == [200] * LIMIT + [429] * 2
        assert members[0].ask(token=fresh(), path=UNITE_LEGALE, source=banned).status == 200
        assert group.replica.command("EXISTS", f"gw:{{{banned}}}:calls:s1") == 1, "the new master counts"


def test_a_node_of_a_cluster_that_dies(tmp_path: Path, provider: Stub) -> None:
    """While a node of a Cluster is away calls are answered from memory, and the Cluster decides again after."""
    with (
        stores.cluster(tmp_path, stores.valkey_server()) as cluster,
        fleet(tmp_path, 1, upstream=provider.url, redis_url=cluster.url) as members,
    ):
        with load(members, lambda: request(token=fresh()), clients=4) as running:
            running.grows_by(20)
            cluster.nodes[1].stop()
            until(lambda: "local" in members[0].modes(), "the node is not missed")
            running.grows_by(20)
            cluster.nodes[1].start()
            until(partial(_kept_up, members[0], running), "the Cluster is not found again", seconds=60)
        assert running.statuses() == {200}
        assert _alternate(members[0].modes())
        members[0].settles_in("shared")
