"""What is revoked and banned is known to every process at every moment, whatever starts, stops and comes back."""

import json
import os
import signal
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from apientreprise_gateway.gateway.components.denials import DenialSettings, copies_of_denials
from apientreprise_gateway.gateway.settings import Settings
from apientreprise_gateway.store.url import parse_url
from support import programs, stores
from support.fleet import Gateway, fleet, gateway, pause
from support.site import fresh
from support.stores import Server, until
from support.stub import Stub
from support.wire import request, wire

SECONDS = 40
"""How long a change may take to be seen, on the slowest machine."""
LIMIT = 10
PER_WORKER = 8
"""Connections that reach both workers of a gateway, all but certainly."""
BANNED = "127.0.3.1"
FAILED_WRITES = 'gateway_revocations_copy_failures_total{action="write"}'


_NUMBERS = count(1)


def somebody() -> str:
    """A loopback address that has not called yet."""
    number = next(_NUMBERS)
    return f"127.{100 + number // 65536}.{number // 256 % 256}.{number % 256}"


class Denied:
    """A revoked token and a banned address."""

    def __init__(self, store: Server | stores.Cluster | stores.Replicated) -> None:
        self.jti = str(uuid.uuid4())
        self.token = fresh(jti=self.jti)
        self._store = store

    def deny(self, member: Gateway) -> None:
        """Revoke the one and ban the other, and wait until every process knows both."""
        command("token", "revoke", self.jti, store=self._store)
        for _ in range(LIMIT + 1):
            member.says(request(token=fresh()), source=BANNED)
        self.are_denied(member)
        until(lambda: member.metrics()["gateway_bans_in_force"] == 1, "the ban is not known", seconds=SECONDS)
        kept = member.errors.parent / "revocations.json"
        until(lambda: all(each in kept.read_text() for each in (self.jti, BANNED)), "it is not kept", seconds=SECONDS)

    def are_denied(self, member: Gateway) -> None:
        """Wait until neither gets anywhere, on any process."""
        until(lambda: self._is_denied(member), "it is let in", seconds=SECONDS)

    def are_denied_at_once(self, member: Gateway) -> None:
        """Neither gets anywhere, on any process, now; others do."""
        assert self._is_denied(member)
        assert member.ask(token=fresh(), source=somebody()).status == 200

    def _is_denied(self, member: Gateway) -> bool:
        calls = [member.ask(token=self.token, source=somebody()) for _ in range(PER_WORKER)]
        return {(call.status, *call.codes) for call in calls} == {(401, "00105")} and is_banned(member)


def is_banned(member: Gateway) -> bool:
    """Whether no process answers the banned address, as far as some connections can tell."""
    return not any(member.says(request(token=fresh()), source=BANNED) for _ in range(PER_WORKER))


def command(*arguments: str, store: Any) -> str:
    """What a command of ours says, that must succeed."""
    done = programs.run(*arguments, redis_url=store.url)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def ready(member: Gateway) -> tuple[int, bool]:
    """The status of /readyz, and its check of the revocations."""
    answer = httpx.get(member.url + "/readyz")
    return answer.status_code, answer.json()["checks"]["revocations"]


def kill_workers(member: Gateway) -> None:
    """Kill all workers at once, and wait until others serve in their place."""
    before = member.worker_pids()
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    until(lambda: len(member.worker_pids() - before) == member.workers, "no worker takes their place")
    member.wait_ready()


@contextmanager
def killed(folder: Path, store: Server, workers: int, **settings: str) -> Iterator[Denied]:
    """What a gateway knew that is killed as a whole at the end of the block; its copy stays."""
    with gateway(folder, workers, redis_url=store.url, limit_ip=str(LIMIT), **settings) as first:
        denied = Denied(store)
        denied.deny(first)
        store.freeze()
        pids = first.worker_pids() | {first.process.pid}
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        first.process.wait()
    yield denied


def _freeze(store: Server) -> None:
    store.freeze()


def _stop(store: Server) -> None:
    store.stop()


def _empty(store: Server) -> None:
    store.stop()
    store.start()


def _flush(store: Server) -> None:
    store.command("FLUSHALL")


# Workers that are killed.


@pytest.mark.parametrize("workers", [1, 2])
def test_a_revocation_is_kept_before_it_is_in_force(
    tmp_path: Path, store: Server, provider: Stub, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is refused for a revocation is refused by what takes the place of a process killed at that very moment."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    kept = tmp_path / "kept.json"
    settings = {"redis_url": store.url, "revocations_copy": str(kept)}
    with gateway(tmp_path, workers, upstream=provider.url, **settings) as only:
        for _ in range(6):
            jti = str(uuid.uuid4())
            token = fresh(jti=jti)
            command("token", "revoke", jti, store=store)
            until(lambda: only.ask(token=token).status == 401, "it is not revoked", seconds=SECONDS)  # noqa: B023
            assert jti in next(tmp_path.glob("**/revocations.json"), kept).read_text()


@pytest.mark.parametrize("happens", [_freeze, _stop, _empty, _flush])
def test_workers_that_start_know(
    tmp_path: Path, store: Server, provider: Stub, happens: Callable[[Server], None]
) -> None:
    """Workers that take the place of killed ones deny at once whom those denied, whatever has become of Redis."""
    with gateway(tmp_path, 2, upstream=provider.url, redis_url=store.url, limit_ip=str(LIMIT)) as only:
        denied = Denied(store)
        denied.deny(only)
        happens(store)
        for _ in range(2):
            kill_workers(only)
            denied.are_denied_at_once(only)
            assert ready(only) == (200, True)
        store.thaw() if happens is not _stop else store.start()
        only.settles_in("shared")
        denied.are_denied_at_once(only)
        until(lambda: denied.jti in command("token", "revocations", store=store), "it is not given back")
        until(lambda: BANNED in command("bans", "list", store=store), "it is not given back", seconds=60)


def _misses_its_store(member: Gateway) -> bool:
    """Whether every worker has met a call since it lost its store."""
    assert member.ask(token=fresh(), source=somebody()).status == 200
    return member.in_mode("local") == member.workers


def test_workers_share_what_they_ban_alone(tmp_path: Path, store: Server, provider: Stub) -> None:
    """While Redis is away, an address that one worker bans is denied by the other, and by those that follow them."""
    with gateway(tmp_path, 2, upstream=provider.url, redis_url=store.url, limit_ip=str(LIMIT)) as only:
        store.freeze()
        until(lambda: _misses_its_store(only), "the store is not missed", seconds=SECONDS)
        with wire(only.port, source=BANNED) as line:
            for _ in range(LIMIT):
                line.send(request(token=fresh()))
                assert line.answer().status == 200
            line.send(request(token=fresh()))
            assert line.some() == b"", "one worker has banned it"
        until(lambda: is_banned(only), "the other worker does not know", seconds=SECONDS)
        kill_workers(only)
        assert is_banned(only)


# Gateways that are killed.


@pytest.mark.parametrize("workers", [1, 2])
def test_a_gateway_that_starts_knows(tmp_path: Path, store: Server, provider: Stub, workers: int) -> None:
    """A gateway that was killed, and starts while Redis cannot be asked, denies at once whom it denied before."""
    kept = {"upstream": provider.url, "revocations_copy": str(tmp_path / "gateway-0-0" / "revocations.json")}
    with (
        killed(tmp_path, store, workers, **kept) as denied,
        gateway(tmp_path, workers, redis_url=store.url, **kept) as second,
    ):
        denied.are_denied_at_once(second)
        assert ready(second) == (200, True)
        assert len(second.logged("revocations_from_copy", count=workers)) == workers
        store.thaw()
        second.settles_in("shared")
        denied.are_denied_at_once(second)


def test_a_copy_has_a_usual_place(tmp_path: Path, provider: Stub) -> None:
    """Without a setting each Redis has a copy of its own, that nobody else may read."""
    with ExitStack() as stack:
        servers = [stack.enter_context(stores.server(tmp_path, stores.valkey_server())) for _ in range(2)]
        copies = [
            copies_of_denials(DenialSettings.of(Settings.model_construct()), parse_url(server.url))[0].path
            for server in servers
        ]
        for copy in copies:
            copy.unlink(missing_ok=True)
            stack.callback(copy.unlink, missing_ok=True)
            stack.callback(copy.with_name(copy.name + ".lock").unlink, missing_ok=True)
        tokens = [Denied(server) for server in servers]
        usual = {"upstream": provider.url, "revocations_copy": ""}
        for denied, server in zip(tokens, servers, strict=True):
            command("token", "revoke", denied.jti, store=server)
            with gateway(tmp_path, redis_url=server.url, **usual) as first:
                assert first.ask(token=denied.token).codes == ["00105"]
            server.freeze()
        assert copies[0].parent == copies[1].parent
        assert copies[0] != copies[1]
        assert (copies[0].stat().st_mode & 0o777, copies[0].parent.stat().st_mode & 0o777) == (0o600, 0o700)
        for number, server in enumerate(servers):
            with gateway(tmp_path, redis_url=server.url, **usual) as second:
                answers = [second.ask(token=denied.token).status for denied in tokens]
            assert answers == ([401, 200] if number == 0 else [200, 401])


def test_a_copy_outlives_a_redis_that_has_lost_everything(tmp_path: Path, store: Server, provider: Stub) -> None:
    """A token that was revoked stays so when gateway and Redis were both restarted, and Redis is told of it."""
    jti = str(uuid.uuid4())
    command("token", "revoke", jti, store=store)
    usual = {"upstream": provider.url, "redis_url": store.url, "revocations_copy": str(tmp_path / "kept.json")}
    with gateway(tmp_path, **usual) as first:
        assert first.ask(token=fresh(jti=jti)).status == 401
    store.command("FLUSHALL")
    with gateway(tmp_path, **usual) as second:
        assert second.ask(token=fresh(jti=jti)).status == 401
        assert jti in command("token", "revocations", store=store)


# Nobody knows.


@pytest.mark.parametrize("workers", [1, 2])
def test_who_does_not_know_says_so(tmp_path: Path, store: Server, provider: Stub, workers: int) -> None:
    """Until Redis, be it empty, was read once, no valid token is taken and no call is sent here; others get theirs."""
    store.freeze()
    with gateway(tmp_path, workers, upstream=provider.url, redis_url=store.url) as only:
        assert ready(only) == (503, False)
        assert only.metrics()["gateway_revocations_known"] == 0
        answer = only.ask(token=fresh())
        assert (answer.status, answer.codes, answer.headers["retry-after"]) == (503, ["00904"], "2")
        assert only.ask(token=fresh(), path="/v2/entreprises/130025265").status == 503
        privileges = httpx.get(only.url + "/privileges", headers={"Authorization": f"Bearer {fresh()}"})
        assert (privileges.status_code, privileges.headers["retry-after"]) == (503, "2")
        assert only.ask(token=fresh(exp=1_700_000_000)).codes == ["00103"]
        assert only.ask(token="no.token.atall").codes == ["00101"]
        assert only.ask(token=None).codes == ["00101"]
        assert httpx.get(only.url + "/livez").status_code == 200
        assert len(only.logged("revocations_unknown", count=workers)) == workers
        store.thaw()
        until(lambda: ready(only) == (200, True), "it does not read an empty Redis", seconds=SECONDS)
        until(lambda: only.metrics()["gateway_revocations_known"] == 1, "it does not say so", seconds=SECONDS)
        assert {only.ask(token=fresh()).status for _ in range(PER_WORKER)} == {200}


def test_who_does_not_know_may_accept(tmp_path: Path, store: Server, provider: Stub) -> None:
    """With `GATEWAY_REVOCATIONS_UNKNOWN=accept` tokens are taken while nobody knows, and refused once it is known."""
    jti = str(uuid.uuid4())
    command("token", "revoke", jti, store=store)
    store.freeze()
    settings = {"redis_url": store.url, "revocations_unknown": "accept"}
    with gateway(tmp_path, upstream=provider.url, **settings) as only:
        assert ready(only) == (200, True)
        assert only.ask(token=fresh(jti=jti)).status == 200
        store.thaw()
        until(lambda: only.ask(token=fresh(jti=jti)).status == 401, "it is not read", seconds=SECONDS)


# Copies that cannot be used.

GOOD_COPY = {"redis": "", "whole": True, "revoked": {}, "bans": []}
BAD = {
    "empty": b"",
    "half": b'{"redis":"127.0.0.1',
    "list": b"[]",
    "zeros": b"\0" * 512,
    "no bans": {"redis": ..., "whole": True, "revoked": {}},
    "text": {**GOOD_COPY, "revoked": {"a": ["yesterday", 0]}},
    "pairs": {**GOOD_COPY, "revoked": {"a": [1]}},
    "ban": {**GOOD_COPY, "bans": [["192.0.2.1", "who knows"]]},
    "null": {**GOOD_COPY, "revoked": None},
}


def _bad_copy(content: bytes | dict[str, Any], store: Server) -> bytes:
    if isinstance(content, bytes):
        return content
    return json.dumps(content | {"redis": f"127.0.0.1:{store.port}///0 enforce"}).encode()


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_a_copy_that_is_none(tmp_path: Path, store: Server, provider: Stub, content: bytes | dict[str, Any]) -> None:
    """A copy that cannot be read is told and counted once, is as good as none, and is replaced."""
    kept = tmp_path / "kept.json"
    kept.write_bytes(_bad_copy(content, store))
    store.freeze()
    with gateway(tmp_path, upstream=provider.url, redis_url=store.url, revocations_copy=str(kept)) as only:
        assert ready(only) == (503, False)
        assert [line["action"] for line in only.logged("revocations_copy_failed", count=1)] == ["read"]
        assert only.metrics()['gateway_revocations_copy_failures_total{action="read"}'] == 1
        store.thaw()
        until(lambda: ready(only) == (200, True), "Redis is not read", seconds=SECONDS)
        until(lambda: b'"whole":true,"revoked":{}' in kept.read_bytes(), "it is not replaced", seconds=SECONDS)


def test_a_copy_that_is_a_pipe(tmp_path: Path, store: Server, provider: Stub) -> None:
    """A start does not wait for whoever might write into a pipe; the copy takes its place."""
    kept = tmp_path / "kept.json"
    os.mkfifo(kept)
    store.freeze()
    with gateway(tmp_path, upstream=provider.url, redis_url=store.url, revocations_copy=str(kept)) as only:
        assert ready(only) == (503, False)
        assert "no regular file" in only.logged("revocations_copy_failed", count=1)[0]["reason"]
        store.thaw()
        until(lambda: kept.is_file() and b'"whole":true' in kept.read_bytes(), "it is not replaced", seconds=SECONDS)


def test_a_copy_that_cannot_be_written(tmp_path: Path, store: Server, provider: Stub) -> None:
    """A place that takes no copy is told and counted, and changes nothing else."""
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for place in (tmp_path / "file" / "kept.json", tmp_path / "folder", Path("/proc/kept.json")):
        jti = str(uuid.uuid4())
        settings = {"redis_url": store.url, "revocations_copy": str(place)}
        with gateway(tmp_path, 2, upstream=provider.url, **settings) as only:
            assert only.ask(token=fresh()).status == 200
            command("token", "revoke", jti, store=store)
            until(lambda: only.ask(token=fresh(jti=jti)).status == 401, "not revoked", seconds=SECONDS)  # noqa: B023
            until(lambda: only.metrics()[FAILED_WRITES] >= 1, "it is not counted")
            store.freeze()
            kill_workers(only)
            assert only.ask(token=fresh(jti=jti)).status == 401, "workers have a copy of their own"
            store.thaw()


def test_a_copy_of_another_redis(tmp_path: Path, store: Server, provider: Stub) -> None:
    """A copy that names another Redis says nothing of this one."""
    kept = str(tmp_path / "kept.json")
    jti = str(uuid.uuid4())
    command("token", "revoke", jti, store=store)
    with gateway(tmp_path, upstream=provider.url, redis_url=store.url, revocations_copy=kept) as first:
        assert first.ask(token=fresh(jti=jti)).status == 401
    with gateway(tmp_path, upstream=provider.url, redis_url="redis://127.0.0.1:1", revocations_copy=kept) as other:
        assert ready(other) == (503, False)
        assert other.ask(token=fresh()).codes == ["00904"]


# Reloads.


def test_a_reload_forgets_nothing(tmp_path: Path, store: Server, provider: Stub) -> None:
    """Reloads while Redis is away, of limits and of who decides without it, revive neither a token nor an address."""
    config = tmp_path / "gateway.toml"
    config.write_text(f'limit_ip = {LIMIT}\nstore_failure = "refuse"\n')
    from support.tokens import SECRET

    settings = {"redis_url": store.url, "config": str(config), "upstream_url": provider.url, "jwt_secrets": SECRET}
    with programs.start(tmp_path, "serve", **settings, revocations_copy=str(tmp_path / "revocations.json")) as program:
        only = Gateway(program.process, program.port, program.output, program.errors)
        denied = Denied(store)
        denied.deny(only)
        store.freeze()
        only.ask(token=fresh())
        only.settles_in("refuse")
        for number, text in enumerate(
            ("store_failure='refuse'\nlimit_ip=9", "limit_ip=8", "limit_ip=7\nwindow='first-call'")
        ):
            config.write_text(text)
            program.process.send_signal(signal.SIGHUP)
            until(lambda: len(only.logged("reloaded")) == number + 1, "not reloaded", seconds=SECONDS)  # noqa: B023
            assert denied._is_denied(only)
            assert ready(only) == (200, True)
        store.thaw()


# The index of bans.


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stores.Cluster]:
    """A Cluster of three nodes."""
    with stores.cluster(tmp_path_factory.mktemp("cluster"), stores.valkey_server()) as cluster:
        yield cluster


@pytest.fixture(params=["valkey", "redis", "cluster", "sentinel"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Each kind of store."""
    if request.param == "cluster":
        yield request.getfixturevalue("cluster")
    elif request.param == "sentinel":
        with stores.replicated(tmp_path, stores.valkey_server()) as replicated:
            yield replicated
    else:
        binary = stores.redis_server() if request.param == "redis" else stores.valkey_server()
        with stores.server(tmp_path, binary) as server:
            yield server


def test_bans_are_known_unmet(tmp_path: Path, any_store: Any, provider: Stub) -> None:
    """On every kind of store, gateways deny an address that another one has banned, before they have met it."""
    settings = {"redis_url": any_store.url, "limit_ip": str(LIMIT)}
    sources = [f"127.0.4.{number}" for number in range(6)]
    with fleet(tmp_path, 2, upstream=provider.url, **settings) as (first, second):
        for source in sources:
            for _ in range(LIMIT + 1):
                first.says(request(token=fresh()), source=source)
        listed = json.loads(command("bans", "list", "--json", store=any_store))
        assert [row["ip"] for row in listed] == sources
        until(lambda: second.metrics()["gateway_bans_in_force"] == len(sources), "they are not known", seconds=SECONDS)
        with gateway(tmp_path, upstream=provider.url, **settings) as third:
            assert third.metrics()["gateway_bans_in_force"] == len(sources)
            for member in (second, third):
                for source in sources:
                    with wire(member.port, source=source) as line:
                        assert line.some() == b"", "it is closed at once, without a call"


def test_revocations_on_every_kind_of_store(tmp_path: Path, any_store: Any, provider: Stub) -> None:
    """On every kind of store, a revocation and its end are seen by a gateway."""
    jti = str(uuid.uuid4())
    with gateway(tmp_path, upstream=provider.url, redis_url=any_store.url) as only:
        for status, verb in ((401, ("revoke", jti)), (200, ("unrevoke", jti, "--yes"))):
            command("token", *verb, store=any_store)
            until(lambda: only.ask(token=fresh(jti=jti)).status == status, "not seen", seconds=SECONDS)  # noqa: B023


def test_an_index_that_is_lost_is_made_anew(tmp_path: Path, store: Server, provider: Stub) -> None:
    """An index that somebody has deleted is written again by who knows the bans, and by who meets one."""
    settings = {"redis_url": store.url, "limit_ip": str(LIMIT)}
    with gateway(tmp_path, upstream=provider.url, **settings) as first:
        for _ in range(LIMIT + 1):
            first.says(request(token=fresh()), source=BANNED)
        store.command("DEL", "gw:bans")
        until(lambda: BANNED in command("bans", "list", store=store), "it is not repaired", seconds=60)
    store.command("DEL", "gw:bans")
    with gateway(tmp_path, upstream=provider.url, **settings | {"revocations_copy": str(tmp_path / "x")}) as second:
        assert second.metrics()["gateway_bans_in_force"] == 0
        assert second.says(request(token=fresh()), source=BANNED) == b""
        assert BANNED in command("bans", "list", store=store)


# Taking a revocation back.


def test_unrevoke_reaches_every_process(tmp_path: Path, store: Server, provider: Stub) -> None:
    """A token that is unrevoked is valid on every process soon after, and on workers that start without Redis."""
    jti = str(uuid.uuid4())
    token = fresh(jti=jti)
    with fleet(tmp_path, 2, 2, upstream=provider.url, redis_url=store.url) as members:

        def all_say(status: int) -> bool:
            return all(member.ask(token=token).status == status for member in members for _ in range(PER_WORKER))

        command("token", "revoke", jti, store=store)
        until(lambda: all_say(401), "it is not revoked", seconds=SECONDS)
        command("token", "unrevoke", jti, "--yes", store=store)
        until(lambda: all_say(200), "it is not valid again", seconds=SECONDS)
        copies = [member.errors.parent / "revocations.json" for member in members]
        until(lambda: all(f'"{jti}":[null,' in copy.read_text() for copy in copies), "not kept", seconds=SECONDS)
        pause(0.5)
        store.freeze()
        for member in members:
            kill_workers(member)
        assert all_say(200)
        store.thaw()
        command("token", "revoke", jti, store=store)
        until(lambda: all_say(401), "it cannot be revoked again", seconds=SECONDS)


def test_an_old_copy_does_not_revoke_again(tmp_path: Path, store: Server, provider: Stub) -> None:
    """A gateway that was off when a token was unrevoked does not bring it back, nor does an emptied Redis."""
    jti = str(uuid.uuid4())
    token = fresh(jti=jti)
    old = str(tmp_path / "old.json")
    command("token", "revoke", jti, store=store)
    with gateway(tmp_path, upstream=provider.url, redis_url=store.url, revocations_copy=old) as first:
        assert first.ask(token=token).status == 401
    with gateway(tmp_path, upstream=provider.url, redis_url=store.url) as other:
        command("token", "unrevoke", jti, "--yes", store=store)
        until(lambda: other.ask(token=token).status == 200, "it is not valid again", seconds=SECONDS)
        store.command("FLUSHALL")
        with gateway(tmp_path, upstream=provider.url, redis_url=store.url, revocations_copy=old) as again:
            until(lambda: again.ask(token=token).status == 200, "the old copy counts", seconds=SECONDS)
            pause(2.5)
            assert [member.ask(token=token).status for member in (again, other)] == [200, 200]
