"""Tests of what the store in Redis does beyond the list of behaviours: its keys, its exchanges, its sharing."""

import asyncio
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.crc import key_slot
from redis.exceptions import NoScriptError

from apientreprise_gateway.contract.bans import DURATION, Ban, Reason, written_ban
from apientreprise_gateway.net.client_ip import UNKNOWN, counted
from apientreprise_gateway.providers.entreprise.groups import GROUPS
from apientreprise_gateway.ratelimit import ban_index, lua
from apientreprise_gateway.ratelimit import redis as redis_module
from apientreprise_gateway.ratelimit.lua import Script, WindowScripts, first_call, sliding
from apientreprise_gateway.ratelimit.memory import FirstCallWindow, MemoryLimiter, SlidingWindow
from apientreprise_gateway.ratelimit.port import AddressRule, Verdict
from apientreprise_gateway.ratelimit.redis import Mode, RedisLimiter
from apientreprise_gateway.ratelimit.windows import Window
from apientreprise_gateway.store.ban_list import bans
from apientreprise_gateway.store.client import client
from apientreprise_gateway.store.link import Command, link
from apientreprise_gateway.store.url import parse_url
from contract.fakes import FakeLink
from contract.oracle import SECOND, Clock, FirstCallOracle, SlidingOracle, StoreOracle, WindowOracle
from contract.shared import SERVER_CLOCK, Recording, empty, nodes_of, opened, patient, told_the_time, until
from support.loops import complete
from support.stores import Cluster, Server

KEY = ("6f1d4f0e-27aa-4f0b-9a55-2d6a4c7d3b10", "json")
ADDRESS = "192.0.2.1"
OTHER = "192.0.2.2"
TOKEN_KEY = f"gw:{{{KEY[0]}}}:{KEY[1]}:s1"
PERIOD_KEY = f"gw:{{{KEY[0]}}}:{KEY[1]}:f1"
SECOND_MS = 1_000
MINUTE_MS = 60_000
APART = AddressRule(counter="calls:apart", ceiling=0, by_token=True)
NAMES_OF_ADDRESSES = {"ban", "calls", "refused"}
"""What the keys of an address end in; the groups of tokens have other names."""
Scripts = Callable[[], WindowScripts]
ORACLES: dict[Scripts, Callable[[], WindowOracle]] = {sliding: SlidingOracle, first_call: FirstCallOracle}
both_kinds = pytest.mark.parametrize("kind", [sliding, first_call])


@pytest.fixture(scope="module", autouse=True)
def _without_trouble() -> Iterator[None]:
    """No test here means to meet trouble with its store."""
    with patient():
        yield


@pytest.fixture(params=["redis7", "valkey", "cluster"])
def store(request: pytest.FixtureRequest) -> Server | Cluster:
    """Each kind of store, empty."""
    found: Server | Cluster = request.getfixturevalue(request.param)
    empty(found)
    return found


@pytest.fixture
def server(valkey: Server) -> Server:
    """One server, empty."""
    empty(valkey)
    return valkey


def recording(to: Server | Cluster) -> Recording:
    """A link that writes down what goes over it."""
    return Recording(link(parse_url(to.url)))


def keys_of(to: Server | Cluster) -> set[str]:
    """All keys of a store but that of the probe."""
    found = {key.decode() for node in nodes_of(to) for key in node.command("KEYS", "*")}
    return {key for key in found if not key.startswith("gw:probe")}


async def call(limiter: RedisLimiter, times: int, *, address: str | None = None, limit: int = 5) -> list[Verdict]:
    """What so many calls made together get."""
    return await asyncio.gather(*(limiter.admit(address, KEY, limit) for _ in range(times)))


async def ban(limiter: RedisLimiter, address: str = ADDRESS) -> Ban:
    """Ban an address by calling until it is."""
    for _ in range(10_000):
        found = await limiter.count_address(address)
        if found is not None:
            return found
    raise AssertionError("the address is not banned")


# The scripts, as shipped.


def _microseconds(server: Server) -> int:
    seconds, microseconds = server.command("TIME")
    return int(seconds) * SECOND + int(microseconds)


@pytest.mark.parametrize("name", ["sliding", "first_call", "address"])
async def test_scripts_use_the_clock_of_the_server(store: Server | Cluster, name: str) -> None:
    """What a script takes for now lies between what its server says before and after, and it is known by its hash."""
    script = Script.load(name)
    assert script.text.count(SERVER_CLOCK) == 1
    keys = ("gw:{clock}:a", "gw:{clock}:b") if name == "address" else ("gw:{clock}:a",)
    command = script.call(*keys, arguments=(5, 60 * SECOND, DURATION, "ceiling"))
    to = link(parse_url(store.url))
    for node in nodes_of(store):
        assert node.command("SCRIPT", "LOAD", script.text).decode() == script.sha
    before = min(_microseconds(node) for node in nodes_of(store))
    ((now, *_),) = await to.exchange([command])
    after = max(_microseconds(node) for node in nodes_of(store))
    await to.close()
    assert before <= now <= after


@both_kinds
async def test_headers_follow_the_clock_of_the_server(server: Server, kind: Scripts) -> None:
    """Reset is counted from the server's clock, whatever that of the gateway says."""
    async with opened(server, window=kind, clock=lambda: 0) as limiter:
        before = _microseconds(server)
        (verdict,) = await call(limiter, 1, address=ADDRESS)
        after = _microseconds(server)
    assert -(-before // SECOND) + 60 <= verdict.reset <= -(-after // SECOND) + 60


@both_kinds
async def test_forgotten_scripts_are_sent_again(store: Server | Cluster, kind: Scripts) -> None:
    """A server that has lost its scripts gets their text, and no call is counted twice for it."""
    modes: list[Mode] = []
    async with opened(store, window=kind, on_mode=lambda mode, _reason: modes.append(mode)) as limiter:
        verdicts = await call(limiter, 3, address=ADDRESS, limit=100)
        for round_ in range(3):
            for node in nodes_of(store):
                node.command("SCRIPT", "FLUSH")
            verdicts += await call(limiter, 1 + 10 * round_, address=ADDRESS, limit=100)
    assert sorted(verdict.remaining for verdict in verdicts) == list(range(100 - len(verdicts), 100))
    assert modes == [Mode.SHARED]


async def test_script_without_text_is_not_run(server: Server) -> None:
    """A server answers a hash that it does not know with an error of its own kind, as an answer and not raised."""
    server.command("SCRIPT", "FLUSH")
    to = link(parse_url(server.url))
    (reply,) = await to.exchange([Script.load("sliding").call("gw:{a}:b", arguments=(5, 60 * SECOND))])
    await to.close()
    assert isinstance(reply, NoScriptError)
    assert keys_of(server) == set()


# Keys.


@both_kinds
async def test_every_key_ends(store: Server | Cluster, kind: Scripts) -> None:
    """Every key has an end: after a minute at most, that of a ban after 12 hours at most."""
    async with opened(store, window=kind, ip_limit=20, ignored_429_limit=5) as limiter:
        await call(limiter, 8, address=ADDRESS, limit=2)
        await call(limiter, 8, address=OTHER, limit=2)
        await call(limiter, 8, limit=2)
        await ban(limiter, "192.0.2.3")
        await limiter.admit("192.0.2.3", ("another", "json"), 2)
        await limiter.admit("192.0.2.4", ("another", "documents"), 2)
        for _ in range(3):
            await limiter.admit("192.0.2.4", ("by the second", "json"), 2, 1, minute=30, rule=APART)
    ends = {key.decode(): node.command("PTTL", key) for node in nodes_of(store) for key in node.command("KEYS", "*")}
    names = {key.rpartition("}:")[2].partition(":")[0] for key in ends}
    assert names >= {"json", "documents", "calls", "refused", "ban"}
    for key, end in ends.items():
        if key.endswith((":ban", ":bans")):
            longest = DURATION // 1000
        else:
            longest = SECOND_MS + 1 if key.endswith("-1") else MINUTE_MS + 1
        assert longest - 60_000 < end <= longest, key
        assert end > 0, key


@both_kinds
async def test_keys_vanish_by_themselves(server: Server, kind: Scripts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once its windows and bans have ended, a server that nobody asks holds nothing."""
    monkeypatch.setattr(redis_module, "WINDOW", 50_000)
    monkeypatch.setattr(redis_module, "SECOND", 1000)  # those of tokens
    for module in (redis_module, ban_index):
        monkeypatch.setattr(module, "DURATION", 100_000)
    async with opened(server, window=kind, ip_limit=8, ignored_429_limit=2) as limiter:
        await call(limiter, 20, address=ADDRESS, limit=2)
        await call(limiter, 20, limit=2)
        await until(lambda: keys_of(server) == set())


async def test_refused_calls_do_not_keep_a_key_alive(server: Server) -> None:
    """The end of a full window is not moved by the calls that it refuses."""
    async with opened(server) as limiter:
        await call(limiter, 2, limit=2)
        end = server.command("PEXPIRETIME", TOKEN_KEY)
        await call(limiter, 5, limit=2)
        assert server.command("PEXPIRETIME", TOKEN_KEY) == end


_addresses = st.one_of(st.ip_addresses().map(str).map(counted), st.just(UNKNOWN))
_tokens = st.tuples(
    st.one_of(st.uuids().map(str), st.text(max_size=8)),
    st.one_of(st.sampled_from([group.name for group in GROUPS]), st.from_regex(r"[a-z_]{1,8}", fullmatch=True)),
)


_tagged = _tokens.filter(lambda key: key[0] != "" and key[0][0] != "}")
"""Those whose `jti` makes a hash tag, as every UUID does."""


@given(address=_addresses, key=_tagged, shadow=st.booleans())
@settings(max_examples=100, deadline=None)
async def test_keys_of_one_script_share_a_slot(address: str, key: tuple[str, str], shadow: bool) -> None:
    """Whatever an address or a token is spelt like, the keys of one script lie on one node of a Cluster."""
    to = FakeLink(admitted=False)
    async with opened(to, shadow=shadow) as limiter:
        await limiter.admit(address, key, 5)
        await limiter.admit(address, key, 5, 1, minute=5, rule=APART)
        await limiter.count_address(address)
    assert len(to.scripts) == 7
    for command in to.scripts:
        keys = keys_in(command)
        assert command.key == keys[0]
        assert len({key_slot(name.encode()) for name in keys}) == 1


@given(
    tokens=st.lists(_tokens, max_size=4, unique=True),
    addresses=st.lists(_addresses, max_size=4, unique=True),
    shadow=st.booleans(),
)
@settings(max_examples=100, deadline=None)
async def test_two_counters_never_share_a_key(
    tokens: list[tuple[str, str]], addresses: list[str], shadow: bool
) -> None:
    """Two different pairs of token and group, two addresses, or one of each, never share a key."""
    tokens = [key for key in tokens if key[1] not in NAMES_OF_ADDRESSES]
    to = FakeLink(admitted=False)

    async with opened(to, shadow=shadow) as limiter:
        for token in tokens:
            await limiter.admit(None, token, 5, 1, minute=5)
        for address in addresses:
            await limiter.admit(address, ("its own", "group"), 5)
            for token in tokens:
                await limiter.admit(address, token, 5, rule=APART)
    keys = {name for command in to.scripts for name in keys_in(command)}
    names = {jti for jti, _ in tokens}
    of_addresses = 3 + bool(tokens) + len(names)
    assert len(keys) == 2 * len(tokens) + of_addresses * len(addresses) + bool(addresses)


def keys_in(command: Command) -> list[str]:
    """The keys of a script's command."""
    count = int(command.words[2])
    return [str(word) for word in command.words[3 : 3 + count]]


def test_no_group_is_called_like_a_key_of_an_address() -> None:
    """The groups of the catalogue keep clear of the names under which addresses are counted."""
    assert not {group.name for group in GROUPS} & NAMES_OF_ADDRESSES
    assert not any("}" in group.name or "{" in group.name for group in GROUPS)


@pytest.mark.parametrize(
    ("kind", "bound"),
    [pytest.param(sliding, 4096, id="sliding"), pytest.param(first_call, 256, id="first-call")],
)
async def test_memory_of_a_token(store: Server | Cluster, kind: Scripts, bound: int) -> None:
    """A token that has used all of its 250 calls takes less than 4 KiB, or 256 bytes in periods."""
    async with opened(store, window=kind) as limiter:
        for _ in range(3):
            await call(limiter, 100, limit=250)
    assert memory(store, f"gw:{{{KEY[0]}}}:{KEY[1]}:{kind().form}") <= bound


async def test_memory_of_an_address(store: Server | Cluster) -> None:
    """An address that has made its 1000 calls, was refused 100 times, and is banned takes less than 16 KiB."""
    async with opened(store) as limiter:
        for _ in range(101):
            await call(limiter, 1, address=ADDRESS, limit=1)
        await asyncio.gather(*(limiter.count_address(ADDRESS) for _ in range(899)))
        assert limiter.known_ban(ADDRESS) is None
        await ban(limiter)
    names = {f"gw:{{{ADDRESS}}}:{name}" for name in ("calls:s1", "refused:s1", "ban")}
    assert keys_of(store) >= names
    assert sum(memory(store, name) for name in names) <= 16 * 1024


def memory(store: Server | Cluster, key: str) -> int:
    """The bytes that a key takes, with its value and what the server keeps of it."""
    place = key_slot(key.encode()) * len(nodes_of(store)) // 16384
    return int(nodes_of(store)[min(place, len(nodes_of(store)) - 1)].command("MEMORY", "USAGE", key, "SAMPLES", 0))


# Bans.


@both_kinds
async def test_ban_learnt_in_the_same_exchange_leaves_no_mark(server: Server, kind: Scripts) -> None:
    """A call that is refused for a ban that this process did not know of yet is taken back from its token."""
    async with opened(server, window=kind, ip_limit=3) as one, opened(server, window=kind, ip_limit=3) as other:
        await ban(one)
        await call(other, 2, address=OTHER)
        assert other.known_ban(ADDRESS) is None
        (verdict,) = await call(other, 1, address=ADDRESS)
        assert (verdict.admitted, verdict.ban) == (False, one.known_ban(ADDRESS))
        (verdict,) = await call(other, 1)
        assert (verdict.admitted, verdict.remaining) == (True, 2)
        if kind is sliding:
            assert server.command("LLEN", TOKEN_KEY) == 3
        else:
            assert server.command("HGET", PERIOD_KEY, "used") == b"3"


@pytest.mark.parametrize("set_back", [60 * SECOND, 30 * 24 * 3600 * SECOND])
async def test_a_ban_of_a_clock_that_was_ahead(server: Server, set_back: int) -> None:
    """When the clock of the store is set back, a ban holds for its length from then on, and not for as long as that."""
    clock = [time.time_ns() // 1000 + set_back]
    with told_the_time(lambda: clock[0]):
        async with opened(server, ip_limit=3) as one:
            await ban(one)
            clock[0] -= set_back
            async with opened(server, ip_limit=3) as other:
                found = await other.count_address(ADDRESS)
                assert found is not None
                assert found.start == clock[0]
                assert server.command("PTTL", f"gw:{{{ADDRESS}}}:ban") <= DURATION // 1000
            clock[0] += DURATION
            async with opened(server, ip_limit=3) as other:
                assert await other.count_address(ADDRESS) is None


@both_kinds
async def test_ban_learnt_in_the_same_exchange_leaves_no_mark_in_two_windows(server: Server, kind: Scripts) -> None:
    """A call that is refused for a ban is taken back from both of its windows."""
    async with opened(server, window=kind, ip_limit=3) as one, opened(server, window=kind, ip_limit=3) as other:
        await ban(one)
        await other.admit(OTHER, KEY, 20, 60 * 60, minute=30)
        verdict = await other.admit(ADDRESS, KEY, 20, 60 * 60, minute=30)
        assert (verdict.admitted, verdict.ban) == (False, one.known_ban(ADDRESS))
        await until(lambda: not other._exchange._told)
        last = await other.admit(None, KEY, 20, 60 * 60, minute=30)
        assert (last.remaining, last.beside) == (18, (30, 28))


@both_kinds
async def test_taking_back_what_has_gone_already(server: Server, kind: Scripts) -> None:
    """A call is taken back from the window that it was entered in, and from no later one."""
    forget = kind().forget
    to = link(parse_url(server.url))
    command = forget.call_in_full(TOKEN_KEY, arguments=(1_700_000_000_000_000,))
    assert await to.exchange([command]) == [0]
    assert keys_of(server) == set()
    async with opened(server, window=kind) as limiter:
        await call(limiter, 2)
        assert await to.exchange([command]) == [0]
        (verdict,) = await call(limiter, 1)
        assert verdict.remaining == 2
    await to.close()


@both_kinds
async def test_a_spoilt_window_is_repaired_for_taking_back(server: Server, kind: Scripts) -> None:
    """Of the windows that a call is taken back from, that which holds something else is removed, and no other."""
    window = kind()
    to = link(parse_url(server.url))
    other = f"{TOKEN_KEY}:other"
    await to.exchange([window.admit.call(TOKEN_KEY, arguments=(5, 60 * SECOND))])
    server.command("SET", other, "spoilt")
    repair = lua.Scripts(window.admit, window.forget).repair
    await to.exchange([repair(window.forget.call_in_full(TOKEN_KEY, other, arguments=(1,)))])
    assert keys_of(server) == {TOKEN_KEY}
    await to.close()


@pytest.mark.parametrize(
    ("ip_limit", "ignored", "cause"), [(10, 1000, (Reason.CEILING, 11)), (1000, 5, (Reason.IGNORED_429, 6))]
)
async def test_each_ban_is_told_once(
    store: Server | Cluster, ip_limit: int, ignored: int, cause: tuple[Reason, int]
) -> None:
    """Of all processes, one is told that a call has caused a ban, once, however many calls are made together."""
    told: list[Ban] = []
    async with (
        opened(store, on_ban=told.append, ip_limit=ip_limit, ignored_429_limit=ignored) as one,
        opened(store, on_ban=told.append, ip_limit=ip_limit, ignored_429_limit=ignored) as other,
    ):
        for _ in range(3):
            await asyncio.gather(*(call(limiter, 20, address=ADDRESS, limit=1) for limiter in (one, other)))
    assert [(ban.address, ban.reason, ban.count) for ban in told] == [(ADDRESS, *cause)]


async def test_ban_is_known_where_it_was_met(server: Server) -> None:
    """Another process knows of a ban once a call of its own met it, and from then on without asking."""
    wire = recording(server)
    async with opened(server, ip_limit=3) as one, opened(wire, ip_limit=3) as other:
        made = await ban(one)
        assert other.known_ban(ADDRESS) is None
        assert (await other.admit(ADDRESS, KEY, 5)).ban == made
        asked = len(wire.exchanges)
        assert other.known_ban(ADDRESS) == made
        assert other.bans_in_force() == [made]
        assert other.known_ban(OTHER) is None
        assert len(wire.exchanges) == asked


async def learn_in_reverse(server: Server, clock: Clock, other: RedisLimiter) -> tuple[Ban, Ban]:
    """Two bans, the later 100 s after the earlier, of which a limiter meets the later first."""
    async with opened(server, ip_limit=1, clock=clock) as one:
        early = await ban(one, ADDRESS)
        clock.advance(seconds=100)
        late = await ban(one, OTHER)
    for address in (OTHER, ADDRESS):
        assert (await other.admit(address, KEY, 5)).ban is not None
    return early, late


async def test_bans_are_listed_by_their_dates(server: Server) -> None:
    """The bans that a process knows of are listed oldest first, in whatever order it has met them."""
    clock = Clock()
    with told_the_time(clock):
        async with opened(server, ip_limit=1, clock=clock) as limiter:
            early, late = await learn_in_reverse(server, clock, limiter)
            assert limiter.bans_in_force() == [early, late]


async def test_ended_ban_is_listed_no_more(server: Server) -> None:
    """A ban is listed until its own 12 hours are over, also if it was met after one that began later."""
    clock = Clock()
    with told_the_time(clock):
        async with opened(server, ip_limit=1, clock=clock) as limiter:
            early, late = await learn_in_reverse(server, clock, limiter)
            clock.now = early.end
            assert limiter.bans_in_force() == [late]


async def test_second_ban_is_not_taken_for_the_first(server: Server) -> None:
    """An address that is banned again is told of with its new ban, also if the first was met late."""
    clock = Clock()
    with told_the_time(clock):
        told: list[Ban] = []
        async with opened(server, ip_limit=1, clock=clock, on_ban=told.append) as limiter:
            early, _ = await learn_in_reverse(server, clock, limiter)
            clock.now = early.end
            again = await ban(limiter, ADDRESS)
            assert again.start == early.end
            assert told == [again]
            assert limiter.known_ban(ADDRESS) == again


async def test_bans_survive_a_restart_of_the_gateway(store: Server | Cluster) -> None:
    """A gateway that starts anew finds the bans of before."""
    async with opened(store, ip_limit=3) as limiter:
        made = await ban(limiter)
    async with opened(store, ip_limit=3) as limiter:
        assert (await limiter.admit(ADDRESS, KEY, 5)).ban == made
        assert await limiter.count_address(ADDRESS) == made


async def test_listing_of_bans(store: Server | Cluster) -> None:
    """The bans in force on every node are listed, oldest first; neither ended ones nor those of a shadow are."""
    names = [f"192.0.2.{number}" for number in range(20)] + ["2001:db8:0:1::/64", "unknown"]
    async with opened(store, ip_limit=1) as limiter, opened(store, ip_limit=1, shadow=True) as shadow:
        made = [await ban(limiter, name) for name in names]
        await ban(shadow, "198.51.100.1")
        await call(limiter, 3, address="198.51.100.2", limit=1)
    met = [name for name in names if name != "unknown"]
    assert len({key_slot(f"gw:{{{name}}}:ban".encode()) * 3 // 16384 for name in met}) == 3
    ended = Ban(address="198.51.100.3", reason=Reason.CEILING, count=2, start=made[0].start - DURATION - 2 * SECOND)
    asked = client(parse_url(store.url), timeout=20)
    await asked.ask("SET", f"gw:{{{ended.address}}}:ban", written_ban(ended), "PX", 10_000)
    found = await bans(asked)
    await asked.close()
    ours = [one for one in found if one.address != "198.51.100.2"]
    assert [one.start for one in found] == sorted(one.start for one in found)
    assert sorted(ours, key=lambda one: one.address) == sorted(made, key=lambda one: one.address)


async def test_listing_without_bans(store: Server | Cluster) -> None:
    """A store without bans lists none."""
    asked = client(parse_url(store.url), timeout=20)
    assert await bans(asked) == []
    await asked.close()


async def test_bans_are_restored(store: Server | Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that comes back without its memory is told the bans again, with their own dates."""
    monkeypatch.setattr(redis_module, "PROBE_SECONDS", 0)
    wire = recording(store)
    memory = MemoryLimiter(ip_limit=3, ignored_429_limit=100)
    async with opened(wire, ip_limit=3, fallback=memory) as limiter:
        made = await ban(limiter)
        wire.cut = True
        while limiter.mode is Mode.SHARED:
            await limiter.admit(None, KEY, 1000)
        alone = await ban(limiter, OTHER)
        empty(store)
        wire.cut = False
        await until(lambda: limiter.mode is Mode.SHARED)
        assert {f"gw:{{{ADDRESS}}}:ban", f"gw:{{{OTHER}}}:ban"} == {k for k in keys_of(store) if k.endswith(":ban")}
    async with opened(store, ip_limit=3) as other:
        assert (await other.admit(ADDRESS, KEY, 1000)).ban == made
        assert (await other.admit(OTHER, KEY, 1000)).ban == alone
    left = max(int(node.command("PTTL", f"gw:{{{ADDRESS}}}:ban")) for node in only(store, ADDRESS))
    assert DURATION // 1000 - 60_000 < left <= DURATION // 1000


def only(store: Server | Cluster, address: str) -> list[Server]:
    """The node that holds the ban of an address."""
    name = f"gw:{{{address}}}:ban"
    return [node for node in nodes_of(store) if name.encode() in node.command("KEYS", "*")]


async def test_restoring_replaces_no_ban(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ban that the store has kept is left as it is."""
    monkeypatch.setattr(redis_module, "PROBE_SECONDS", 0)
    wire = recording(server)
    async with opened(wire, ip_limit=3, fallback=MemoryLimiter(ip_limit=1, ignored_429_limit=100)) as limiter:
        wire.cut = True
        while limiter.mode is Mode.SHARED:
            await limiter.admit(None, KEY, 1000)
        await ban(limiter)
        async with opened(server, ip_limit=3) as other:
            made = await ban(other)
        wire.cut = False
        await until(lambda: limiter.mode is Mode.SHARED)
        assert server.command("GET", f"gw:{{{ADDRESS}}}:ban").decode() == written_ban(made)


# Sharing and exchanging.


_turns = st.lists(
    st.tuples(
        st.one_of(st.just(0), st.integers(0, 40 * SECOND)),
        st.integers(0, 1),
        st.sampled_from([ADDRESS, OTHER, None]),
        st.sampled_from(["a", "b"]),
    ),
    max_size=30,
)


@both_kinds
def test_two_processes_are_one(server: Server, kind: Scripts) -> None:
    """Whichever process a call meets, it is answered as if there were one."""

    @given(turns=_turns, ip_limit=st.integers(1, 8), ignored=st.integers(1, 3))
    @settings(max_examples=25, deadline=None)
    def law(turns: list[tuple[int, int, str | None, str]], ip_limit: int, ignored: int) -> None:
        empty(server)
        clock = Clock()
        oracle = StoreOracle(ORACLES[kind], ip_limit, ignored)

        async def main() -> None:
            async with (
                opened(server, window=kind, ip_limit=ip_limit, ignored_429_limit=ignored, clock=clock) as one,
                opened(server, window=kind, ip_limit=ip_limit, ignored_429_limit=ignored, clock=clock) as other,
            ):
                for gap, turn, address, jti in turns:
                    clock.advance(microseconds=gap)
                    limiter = (one, other)[turn]
                    said = await limiter.admit(address, (jti, "json"), 2)
                    # What is taken back for a ban follows the answer; another process may come before it.
                    await until(lambda limiter=limiter: not limiter._exchange._queue)  # type: ignore[misc]
                    await limiter.count_address("192.0.2.99")
                    oracle.count(clock.now, "192.0.2.99")
                    heard = oracle.admit(clock.now, address, (jti, "json"), 2)
                    assert (said.admitted, said.remaining, said.reset) == heard[:3]
                    assert (said.ban is None) == (heard.banned is None)

        with told_the_time(clock):
            complete(main())

    law()


@both_kinds
async def test_calls_of_two_processes_at_the_same_moment(store: Server | Cluster, kind: Scripts) -> None:
    """Of the calls that two processes make together, exactly as many as the limit says are admitted."""
    async with opened(store, window=kind) as one, opened(store, window=kind) as other:
        sets = await asyncio.gather(*(call(limiter, 100, address=ADDRESS, limit=50) for limiter in (one, other)))
    remaining = [verdict.remaining for verdicts in sets for verdict in verdicts if verdict.admitted]
    assert sorted(remaining) == list(range(50))


@both_kinds
async def test_two_windows_over_two_processes(store: Server | Cluster, kind: Scripts) -> None:
    """Of the calls that two processes make together, as many are admitted as both windows of the token allow."""

    async def calls(limiter: RedisLimiter, jti: str, limit: int, minute: int) -> list[Verdict]:
        admits = (limiter.admit(ADDRESS, (jti, "json"), limit, 3600, minute=minute, rule=APART) for _ in range(40))
        return await asyncio.gather(*admits)

    async with opened(store, window=kind) as one, opened(store, window=kind) as other:
        for jti, limit, minute in (("a", 20, 30), ("b", 30, 20), ("c", 20, 20)):
            sets = await asyncio.gather(*(calls(limiter, jti, limit, minute) for limiter in (one, other)))
            remaining = [verdict.remaining for verdicts in sets for verdict in verdicts if verdict.admitted]
            assert sorted(remaining) == list(range(20))


async def test_calls_at_the_same_moment_share_exchanges(store: Server | Cluster) -> None:
    """A few hundred calls made together are a handful of exchanges: one, and one for what came during it."""
    wire = recording(store)
    async with opened(wire) as limiter:
        await call(limiter, 1, address=ADDRESS)  # so that the scripts are known
        wire.exchanges.clear()
        await call(limiter, 300, address=ADDRESS, limit=1000)
        assert len(wire.exchanges) <= 3
        assert sum(map(len, wire.exchanges)) == 600


async def test_an_admitted_call_is_one_exchange_of_two_scripts(server: Server) -> None:
    """A call costs one round trip: a script by token, one by address; without an address to count, the first alone."""
    wire = recording(server)
    async with opened(wire) as limiter:
        await call(limiter, 1, address=ADDRESS)
        wire.exchanges.clear()
        await call(limiter, 1, address=ADDRESS)
        await call(limiter, 1)
        await limiter.admit(ADDRESS, KEY, 20, 1, minute=30, rule=APART)
        await limiter.admit(None, KEY, 20, 1, minute=30)
        assert [len(commands) for commands in wire.exchanges] == [2, 1, 2, 1]


@pytest.mark.parametrize("ticks", [0, 1, 2, 3, 5, 10, 30])
async def test_cancelled_calls_disturb_no_other(store: Server | Cluster, ticks: int) -> None:
    """When half of many calls are cancelled, each other call still gets the answer to itself."""
    async with opened(store) as limiter:
        (first,) = await call(
            limiter, 1, limit=1000
        )  # a store that does not know the scripts is asked twice, out of turn
        calls = [asyncio.create_task(limiter.admit(ADDRESS, KEY, 1000)) for _ in range(200)]
        for _ in range(ticks):
            await asyncio.sleep(0)
        for hasty in calls[::2]:
            hasty.cancel()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        kept = [verdict for verdict in outcomes if isinstance(verdict, Verdict)]
        assert all(isinstance(outcome, Verdict) for outcome in outcomes[1::2])
        (last,) = await call(limiter, 1, limit=1000)
        used = first.remaining - last.remaining - 1
        remaining = [verdict.remaining for verdict in kept]
        assert len(set(remaining)) == len(remaining)
        assert 100 <= used <= 200
        assert all(first.remaining - used <= left < first.remaining for left in remaining)
        # The script of a token answers in the order of the calls.
        assert remaining == sorted(remaining, reverse=True)
        if ticks:  # all of them were on their way
            assert used == 200
        assert limiter.mode is Mode.SHARED


# Shadow.


@both_kinds
async def test_shadow(server: Server, kind: Scripts) -> None:
    """In shadow the answer carries a ban and the numbers alike, and counting goes on."""
    told: list[Ban] = []
    async with opened(server, window=kind, ip_limit=3, shadow=True, on_ban=told.append) as limiter:
        verdicts = [await limiter.admit(ADDRESS, KEY, 5) for _ in range(7)]
    assert [verdict.remaining for verdict in verdicts] == [4, 3, 2, 1, 0, 0, 0]
    assert [verdict.admitted for verdict in verdicts] == [True] * 5 + [False] * 2
    assert [verdict.ban is not None for verdict in verdicts] == [False] * 3 + [True] * 4
    assert [verdict.retry_after > 0 for verdict in verdicts] == [False] * 5 + [True] * 2
    assert all(verdict.limit == 5 and verdict.reset > time.time() for verdict in verdicts)
    assert len(told) == 1


async def test_shadow_of_ignored_refusals(server: Server) -> None:
    """In shadow, refused calls lead to a ban in the answer, which says the numbers all the same."""
    async with opened(server, ignored_429_limit=2, shadow=True) as limiter:
        verdicts = [await limiter.admit(ADDRESS, KEY, 1) for _ in range(5)]
    assert [verdict.admitted for verdict in verdicts] == [True] + [False] * 4
    causes = [None if verdict.ban is None else (verdict.ban.reason, verdict.ban.count) for verdict in verdicts]
    assert causes == [None] * 3 + [(Reason.IGNORED_429, 3)] * 2
    assert all(verdict.retry_after >= 1 for verdict in verdicts[1:])


async def test_shadow_has_keys_of_its_own(server: Server) -> None:
    """What a shadow counts and bans is of no concern to the gateway beside it."""
    async with opened(server, ip_limit=3, shadow=True) as shadow, opened(server, ip_limit=3) as limiter:
        for _ in range(6):
            await shadow.admit(ADDRESS, KEY, 2)
        assert all(key.startswith("gws:") for key in keys_of(server))
        (verdict,) = await call(limiter, 1, address=ADDRESS, limit=2)
        assert (verdict.admitted, verdict.remaining, verdict.ban) == (True, 1, None)


@pytest.mark.parametrize(("kind", "window"), [(sliding, SlidingWindow), (first_call, FirstCallWindow)])
def test_shadow_is_that_of_the_memory(server: Server, kind: Scripts, window: Callable[[int], Window]) -> None:
    """In shadow, Redis and the memory say the same of the same calls."""

    @given(turns=_turns, ip_limit=st.integers(1, 8), ignored=st.integers(1, 3))
    @settings(max_examples=25, deadline=None)
    def law(turns: list[tuple[int, int, str | None, str]], ip_limit: int, ignored: int) -> None:
        empty(server)
        clock = Clock()
        memory = MemoryLimiter(ip_limit=ip_limit, ignored_429_limit=ignored, window=window, clock=clock, shadow=True)

        async def main() -> None:
            async with opened(
                server, window=kind, ip_limit=ip_limit, ignored_429_limit=ignored, clock=clock, shadow=True
            ) as limiter:
                for gap, limit, address, jti in turns:
                    clock.advance(microseconds=gap)
                    key = (jti, "json")
                    assert await limiter.admit(address, key, limit + 1) == await memory.admit(address, key, limit + 1)

        with told_the_time(clock):
            complete(main())

    law()


@pytest.mark.parametrize("counted_by", ["admit", "count_address"])
async def test_ban_of_a_call_cancelled_as_its_answer_comes(
    server: Server, monkeypatch: pytest.MonkeyPatch, counted_by: str
) -> None:
    """A client that leaves in the very turn in which Redis answers causes its ban all the same, and once."""
    told: list[Ban] = []
    with patient():
        async with opened(server, ip_limit=1, on_ban=told.append) as limiter:
            exchange = limiter._exchange
            ask = exchange.ask
            calls: list[asyncio.Future[object]] = []

            def asked(commands: list[Command], party: str | None = None) -> "asyncio.Future[list[object]]":
                replies = ask(commands, party)
                replies.add_done_callback(lambda _: calls[-1].cancel())
                return replies

            monkeypatch.setattr(exchange, "ask", asked)
            for _ in range(3):
                call = limiter.admit(ADDRESS, KEY, 10) if counted_by == "admit" else limiter.count_address(ADDRESS)
                calls.append(asyncio.ensure_future(call))
                (outcome,) = await asyncio.gather(calls[-1], return_exceptions=True)
                assert isinstance(outcome, asyncio.CancelledError)
            assert limiter.known_ban(ADDRESS) is not None
    assert len(told) == 1
