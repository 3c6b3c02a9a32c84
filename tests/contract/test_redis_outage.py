"""Tests of the store in Redis while Redis cannot be asked: who decides, who is told, and who waits."""

import asyncio
import select
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from apientreprise_gateway.contract.bans import Ban, Reason
from apientreprise_gateway.ratelimit import redis as redis_module
from apientreprise_gateway.ratelimit.memory import MemoryLimiter
from apientreprise_gateway.ratelimit.port import AddressRule, StoreUnavailableError, Verdict
from apientreprise_gateway.ratelimit.redis import Mode, RedisLimiter
from apientreprise_gateway.store import exchange as exchange_module
from apientreprise_gateway.store.connection import RedisConnection
from apientreprise_gateway.store.link import RedisLink, ServerLink, link
from apientreprise_gateway.store.url import parse_url
from contract.fakes import FakeLink
from contract.shared import PATIENCE, Recording, opened, patient, until
from support.loops import complete_at_once
from support.stores import Server, free_port

KEY = ("6f1d4f0e-27aa-4f0b-9a55-2d6a4c7d3b10", "json")
ADDRESS = "192.0.2.1"
AWAY = {"local": Mode.LOCAL, "refuse": Mode.REFUSE}
each_choice = pytest.mark.parametrize("choice", AWAY)


class Told(list[Mode]):
    """The changes of mode that a limiter has told of."""

    def __call__(self, mode: Mode, reason: str) -> None:
        """Write one down; it must say why."""
        assert reason
        self.append(mode)


@asynccontextmanager
async def limiter_on(
    to: RedisLink | Server, choice: str = "local", *, told: Told | None = None, ip_limit: int = 1000
) -> AsyncIterator[RedisLimiter]:
    """A limiter that meets an outage as chosen."""
    memory = MemoryLimiter(ip_limit=ip_limit, ignored_429_limit=100) if choice == "local" else None
    async with opened(to, fallback=memory, on_mode=Told() if told is None else told, ip_limit=ip_limit) as limiter:
        yield limiter


async def call(limiter: RedisLimiter, times: int, *, limit: int = 100) -> list[Verdict | BaseException]:
    """What so many calls made together get; none may wait for good."""
    async with asyncio.timeout(PATIENCE):
        return await asyncio.gather(*(limiter.admit(ADDRESS, KEY, limit) for _ in range(times)), return_exceptions=True)


def remaining(outcomes: list[Verdict | BaseException]) -> list[int]:
    """What is left after each call that was decided."""
    return [outcome.remaining for outcome in outcomes if isinstance(outcome, Verdict)]


def check_decided_alone(choice: str, outcomes: list[Verdict | BaseException]) -> None:
    """Each call was decided in the memory, or refused, as chosen."""
    if choice == "local":
        assert remaining(outcomes) == list(range(99, 99 - len(outcomes), -1))
    else:
        assert all(isinstance(outcome, StoreUnavailableError) for outcome in outcomes)


@each_choice
async def test_failing_exchange(choice: str) -> None:
    """When Redis fails, the memory decides or nobody does; one change is told of, however many calls follow."""
    with patient():
        to, told = FakeLink(), Told()
        async with limiter_on(to, choice, told=told) as limiter:
            assert remaining(await call(limiter, 1)) == [99]
            to.up = False
            outcomes = await call(limiter, 20)
            outcomes += await call(limiter, 20)
            check_decided_alone(choice, outcomes)
            assert limiter.mode is AWAY[choice]
        assert told == [Mode.SHARED, AWAY[choice]]


@each_choice
async def test_start_without_redis(choice: str) -> None:
    """A gateway starts although Redis is not there, and says so once."""
    with patient():
        to, told = FakeLink(up=False), Told()
        async with limiter_on(to, choice, told=told) as limiter:
            check_decided_alone(choice, await call(limiter, 5))
        assert told == [AWAY[choice]]
        assert to.exchanges == []


@each_choice
async def test_recovery(choice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis is looked for while it is away, and decides again once it is found; each change is told of once."""
    monkeypatch.setattr(redis_module, "PROBE_SECONDS", 0)
    with patient():
        to, told = FakeLink(), Told()
        async with limiter_on(to, choice, told=told) as limiter:
            for _ in range(3):
                to.up = False
                check = await call(limiter, 2, limit=1000)
                assert len(check) == 2
                before = to.probes
                await until(lambda before=before: to.probes >= before + 3)  # type: ignore[misc]
                assert limiter.mode is AWAY[choice]
                to.up = True
                await until(lambda: limiter.mode is Mode.SHARED)
                asked = len(to.exchanges)
                assert remaining(await call(limiter, 1)) == [99]
                assert len(to.exchanges) == asked + 1
        assert told == [Mode.SHARED] + [AWAY[choice], Mode.SHARED] * 3


async def test_two_windows_and_a_ceiling_apart_without_redis() -> None:
    """The memory decides on both windows, and on ceilings and refused calls by the rule of the call."""
    rule = AddressRule(counter="calls:apart", ceiling=0, by_token=True)
    async with limiter_on(FakeLink(up=False), ip_limit=3) as limiter:
        verdicts = [await limiter.admit(ADDRESS, KEY, 20, 3600, minute=10, rule=rule) for _ in range(12)]
        assert [verdict.admitted for verdict in verdicts] == [True] * 10 + [False] * 2
        assert {verdict.limit for verdict in verdicts} == {10}
        assert await limiter.count_address(ADDRESS, rule) is None
        assert limiter.known_ban(ADDRESS) is None
        assert [await limiter.count_address(ADDRESS) is None for _ in range(4)] == [True] * 3 + [False]


@each_choice
async def test_redis_is_not_asked_while_it_is_away(choice: str) -> None:
    """While Redis is away, no call asks it: only the probe does."""
    with patient():
        to = FakeLink()
        async with limiter_on(to, choice) as limiter:
            to.up = False
            await call(limiter, 1)
            asked = len(to.exchanges)
            to.up = True
            await call(limiter, 50)
            assert len(to.exchanges) == asked


@each_choice
def test_nobody_waits_twice(choice: str) -> None:
    """Of a Redis that hangs, the calls on their way and those that queue behind them all stop waiting together."""

    async def main() -> None:
        to, told = FakeLink(), Told()
        time = asyncio.get_running_loop().time
        async with limiter_on(to, choice, told=told) as limiter:
            to.gate = asyncio.Event()
            first = asyncio.create_task(call(limiter, 20))
            await until(lambda: len(to.exchanges) == 1)
            start = time()
            queued = await call(limiter, 20)
            assert time() - start <= exchange_module.TIMEOUT_SECONDS
            check_decided_alone(choice, await first + queued)
            start = time()
            later = await call(limiter, 20)
            assert len(later) == 20
            assert time() == start
            assert len(to.scripts) == 40
        assert told == [Mode.SHARED, AWAY[choice]]

    complete_at_once(main())


@each_choice
async def test_nothing_is_sent_in_vain(choice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the queue was given up, Redis is not bothered with an exchange of nothing."""
    monkeypatch.setattr(exchange_module, "TIMEOUT_SECONDS", 0.05)
    to = FakeLink()
    async with limiter_on(to, choice) as limiter:
        to.gate = asyncio.Event()
        first = asyncio.create_task(call(limiter, 20))
        await until(lambda: len(to.exchanges) == 1)
        await call(limiter, 20)
        await first
        assert all(to.exchanges)


@each_choice
async def test_refused_call_does_not_wait_for_its_count(choice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call over its limit is refused as Redis has said, though Redis is gone when the refusal is to be counted."""
    monkeypatch.setattr(exchange_module, "TIMEOUT_SECONDS", 0.1)
    to = FakeLink(admitted=False)
    async with limiter_on(to, choice) as limiter:
        asked: list[asyncio.Task[list[Verdict | BaseException]]] = [asyncio.create_task(call(limiter, 5))]
        await until(lambda: len(to.exchanges) == 1)
        to.gate = asyncio.Event()
        (outcomes,) = await asyncio.gather(*asked)
        verdicts = [outcome for outcome in outcomes if isinstance(outcome, Verdict)]
        assert [(verdict.admitted, verdict.retry_after) for verdict in verdicts] == [(False, 60)] * 5
        assert limiter.mode is AWAY[choice]


@pytest.mark.parametrize(
    "error",
    [
        "READONLY You can't write against a read only replica.",
        "OOM command not allowed when used memory > 'maxmemory'.",
        "LOADING Redis is loading the dataset in memory",
        "MISCONF Redis is configured to save RDB snapshots",
        "NOAUTH Authentication required.",
        "NOPERM User x has no permissions to run the 'evalsha' command",
        "CLUSTERDOWN The cluster is down",
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        "NOREPLICAS Not enough good replicas to write.",
        "BUSY Redis is busy running a script.",
        "ERR unknown command 'EVALSHA'",
        "ERR Error running script (call to f_0): @user_script:8: -OOM command not allowed",
        "ERR ACL failure in script: No permissions to access a key script: 0, on @user_script:8.",
    ],
)
@each_choice
async def test_error_replies(choice: str, error: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis that answers that nothing can be written is as good as away."""
    monkeypatch.setattr(redis_module, "PROBE_SECONDS", 60)  # a slow machine must not find it again meanwhile
    with patient():
        to, told = FakeLink(), Told()
        async with limiter_on(to, choice, told=told) as limiter:
            to.refuses = lambda _command: error
            outcomes = await call(limiter, 10)
            check_decided_alone(choice, outcomes + await call(limiter, 10))
        assert told == [Mode.SHARED, AWAY[choice]]


@each_choice
async def test_unforeseen_fault(choice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault that nobody has thought of keeps no call waiting, is logged, and does not hinder the recovery."""
    monkeypatch.setattr(redis_module, "PROBE_SECONDS", 0)
    with patient():
        to, told = FakeLink(), Told()
        async with limiter_on(to, choice, told=told) as limiter:
            to.fault = KeyError("nobody thought of it")
            with capture_logs() as logs:
                check_decided_alone(choice, await call(limiter, 10))
                assert limiter.mode is AWAY[choice]
                before = to.probes
                await until(lambda: to.probes > before)
            assert {line["event"] for line in logs} == {"background_failed"}
            assert {line["task"] for line in logs} == {"store", "store_probe"}
            to.fault = None
            await until(lambda: limiter.mode is Mode.SHARED)
            assert remaining(await call(limiter, 1)) == [99]
        assert told == [Mode.SHARED, AWAY[choice], Mode.SHARED]


@pytest.mark.parametrize("form", ["redis", "redis+cluster", "redis+sentinel"])
async def test_unreachable_store_is_no_fault(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that cannot be reached is an ordinary outage in each form: no trace of the stack, and none per probe."""
    monkeypatch.setattr(redis_module, "PROBE_SECONDS", 0)
    address = parse_url(f"{form}://127.0.0.1:{free_port()}" + ("/main" if form == "redis+sentinel" else ""))
    with patient():
        told = Told()
        to = Recording(link(address))
        with capture_logs() as logs:
            async with limiter_on(to, told=told) as limiter:
                check_decided_alone("local", await call(limiter, 2))
                await until(lambda: to.probes >= 4)
        assert told == [Mode.LOCAL]
        assert logs == []


async def test_error_to_one_call_of_a_batch() -> None:
    """The calls whose scripts were run are answered as Redis has decided; those that met an error are decided alone."""
    with patient():
        to, told = FakeLink(), Told()
        async with limiter_on(to, told=told) as limiter:
            to.refuses = lambda command: "OOM no room" if "full" in command.key else None
            names = ["one", "full-1", "two", "full-2", "three"]
            verdicts = await asyncio.gather(*(limiter.admit(None, (name, "json"), 5) for name in names))
            assert [verdict.remaining for verdict in verdicts] == [4] * 5
            shared = [verdict.reset for name, verdict in zip(names, verdicts, strict=True) if "full" not in name]
            alone = [verdict.reset for name, verdict in zip(names, verdicts, strict=True) if "full" in name]
            assert set(shared) == {1_700_000_060}
            assert min(alone) > 1_700_000_060
            assert len(to.exchanges) == 1
        assert told == [Mode.SHARED, Mode.LOCAL]


@each_choice
async def test_probe_refused(choice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis that is found but whose restoring of bans hangs is still away."""
    monkeypatch.setattr(redis_module, "PROBE_SECONDS", 0)
    monkeypatch.setattr(exchange_module, "TIMEOUT_SECONDS", 0.01)
    to = FakeLink()
    async with limiter_on(to, choice) as limiter:
        limiter._bans.add(Ban(address=ADDRESS, reason=Reason.CEILING, count=1001, start=time.time_ns() // 1000))
        to.gate = asyncio.Event()
        await call(limiter, 1)
        asked = to.probes
        await until(lambda: to.probes >= asked + 3)
        assert limiter.mode is AWAY[choice]
        to.gate.set()
        await until(lambda: limiter.mode is Mode.SHARED)
        assert [command.words[0] for command in to.exchanges[-2]] == ["SET", "GET"]
        assert {command.key for command in to.exchanges[-1]} == {"gw:bans"}


async def test_count_by_address_alone() -> None:
    """While Redis is away, calls without a token are counted in the memory, and ban there."""
    with patient():
        to = FakeLink()
        async with limiter_on(to, ip_limit=3) as limiter:
            to.up = False
            found = [await limiter.count_address(ADDRESS) for _ in range(4)]
            assert found[:3] == [None] * 3
            assert found[3] is not None
            assert found[3].count == 4
            assert limiter.known_ban(ADDRESS) == found[3]
            assert limiter.bans_in_force() == [found[3]]
            assert limiter.mode is Mode.LOCAL


async def test_known_bans_stay_in_force(valkey: Server) -> None:
    """A ban that was known before Redis went away is known while it is."""
    with patient():
        async with limiter_on(valkey, ip_limit=3) as limiter:
            made = None
            while made is None:
                made = await limiter.count_address("198.51.100.77")
            limiter._exchange._leave("the test says so")
            assert limiter.known_ban("198.51.100.77") == made
            assert limiter.bans_in_force() == [made]


@each_choice
async def test_calls_on_their_way_are_decided_at_the_end(choice: str) -> None:
    """When the gateway stops, the calls that wait for Redis are decided, those on the wire and those in the queue."""
    with patient():
        to = FakeLink()
        async with limiter_on(to, choice) as limiter:
            to.gate = asyncio.Event()
            wire = asyncio.create_task(call(limiter, 5))
            await until(lambda: len(to.exchanges) == 1)
            queue = asyncio.create_task(call(limiter, 5))
            await asyncio.sleep(0)
            await limiter.close()
            async with asyncio.timeout(PATIENCE):
                check_decided_alone(choice, await wire + await queue)
        assert to.closed


async def test_frozen_and_thawed(valkey: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real server that hangs costs its calls one timeout, and is back in force when it goes on."""
    monkeypatch.setattr(redis_module, "PROBE_SECONDS", 0.01)
    told = Told()
    valkey.command("FLUSHALL")
    with patient():
        async with limiter_on(valkey, told=told) as limiter:
            with monkeypatch.context() as patch:
                patch.setattr(exchange_module, "TIMEOUT_SECONDS", 0.1)
                valkey.freeze()
                try:
                    check_decided_alone("local", await call(limiter, 20))
                    assert limiter.mode is Mode.LOCAL
                finally:
                    valkey.thaw()
            await until(lambda: limiter.mode is Mode.SHARED)
            key = ("after", "json")
            verdicts = [await limiter.admit(None, key, 10) for _ in range(3)]
            assert [verdict.remaining for verdict in verdicts] == [9, 8, 7]
        assert told == [Mode.SHARED, Mode.LOCAL, Mode.SHARED]


@pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])
async def test_a_process_that_stands_still(valkey: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply that waits in the socket counts, however long the process could not look: Redis was not slow."""
    told = Told()
    valkey.command("FLUSHALL")
    with patient():
        async with limiter_on(valkey, told=told) as limiter:
            await call(limiter, 1)
            monkeypatch.setattr(exchange_module, "TIMEOUT_SECONDS", 0.1)
            waiting = asyncio.create_task(limiter.admit(ADDRESS, KEY, 100))
            wire = _wire_of(limiter)
            await until(lambda: wire._missing > 0)
            assert select.select([wire._transport.get_extra_info("socket").fileno()], [], [], PATIENCE)[0]
            time.sleep(0.3)  # no reply is looked for meanwhile
            assert (await waiting).remaining == 98
        assert told == [Mode.SHARED]


def _wire_of(limiter: RedisLimiter) -> RedisConnection:
    to = limiter._link
    assert isinstance(to, ServerLink)
    assert to._wire is not None
    return to._wire


async def test_killed_and_started_again(redis7: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real server that dies is done without, and found again when it is back, empty as it is."""
    monkeypatch.setattr(redis_module, "PROBE_SECONDS", 0.01)
    told = Told()
    redis7.command("FLUSHALL")
    with patient():
        async with limiter_on(redis7, told=told) as limiter:
            assert remaining(await call(limiter, 2)) == [99, 98]
            redis7.stop()
            try:
                check_decided_alone("local", await call(limiter, 20))
            finally:
                redis7.start()
            await until(lambda: limiter.mode is Mode.SHARED)
            assert remaining(await call(limiter, 2)) == [99, 98]
        assert told == [Mode.SHARED, Mode.LOCAL, Mode.SHARED]


async def test_no_task_is_left_behind() -> None:
    """Whatever its mode, a limiter that is closed leaves no task behind."""
    with patient():
        for up in (True, False):
            async with limiter_on(FakeLink(up=up)) as limiter:
                await call(limiter, 3)
            assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_store_that_answers_probes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is found and fails at once, again and again, is looked for less and less often."""
    monkeypatch.setattr(redis_module, "PROBE_SECONDS", 0.01)
    monkeypatch.setattr(redis_module, "LONGEST_PROBE_SECONDS", 0.16)
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def noted(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    with patient():
        to, told = FakeLink(), Told()
        async with limiter_on(to, "local", told=told) as limiter:
            to.refuses = lambda _command: "NOPERM this user has no permissions to run the 'evalsha' command"
            monkeypatch.setattr(asyncio, "sleep", noted)
            for _ in range(6):
                await until(lambda: limiter.mode is Mode.SHARED)
                await call(limiter, 1)
        assert pauses[:5] == pytest.approx([0.01, 0.02, 0.04, 0.08, 0.16])
