"""Answers that several processes keep together in Redis, and what callers notice when it, or a provider, is away."""

import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from support import stores
from support.fleet import Gateway, fleet, gateway, together
from support.site import GOOD, GOOD_BODY, UNITE_LEGALE, Gate, fresh
from support.stores import Server, until
from support.stub import Stub, always, answer, stub
from support.wire import Answer

HEAD = struct.Struct(">Bddd")
"""Of an entry in Redis: its form, when it was stored, until when it is fresh, until when it may be given at all."""
GRACE = 600
NOT_FOUND = answer(b'{"errors":[{"code":"01003","title":"t","detail":"d","meta":{}}]}', status=404)
REFUSED = answer(b'{"errors":[{"code":"04503","title":"t","detail":"d","meta":{}}]}', status=502)
MAINTENANCE = answer(b'{"errors":[{"code":"01020","title":"t","detail":"d","meta":{}}]}', status=503)


@pytest.fixture
def own_provider() -> Iterator[Stub]:
    """A provider of the test's own, in good health."""
    with stub(GOOD) as provider:
        yield provider


def is_cached(given: Answer) -> bool:
    """Whether an answer was kept from an earlier call."""
    assert given.status == 200
    return given.headers["x-response-cached"] == "true"


def kept(member: Gateway, path: str = UNITE_LEGALE) -> Answer:
    """The answer to a call, once it comes from the cache: a machine that stands still may lose Redis for a moment."""
    found: list[Answer] = []

    def ask() -> bool:
        found.append(member.ask(token=fresh(), path=path))
        return is_cached(found[-1])

    until(ask, "no answer is kept")
    return found[-1]


def lines_of(member: Gateway, ids: set[str]) -> list[dict[str, Any]]:
    """The access lines of some calls, by their request ids, once all are written."""
    found: list[dict[str, Any]] = []

    def look() -> bool:
        found[:] = [line for line in member.access_lines() if line["request_id"] in ids]
        return len(found) == len(ids)

    until(look, "lines are missing")
    return found


def age_all(store: Server, seconds: float) -> None:
    """Let so many seconds have passed for every entry."""
    for name in store.command("KEYS", "gwc:*:entries"):
        fields: dict[bytes, bytes] = store.client().hgetall(name)  # type: ignore[assignment]  # it is no coroutine
        for field, value in fields.items():
            if field:
                form, *times = HEAD.unpack_from(value)
                aged = HEAD.pack(form, *(each - seconds for each in times))
                store.client().hset(name, field, aged + value[HEAD.size :])


def test_what_one_process_was_told_all_give(tmp_path: Path, store: Server, own_provider: Stub) -> None:
    """Two gateways of two workers each, on one Redis: the provider is asked once for all that they answer."""
    with fleet(tmp_path, 2, 2, upstream=own_provider.url, redis_url=store.url, cache="redis") as members:
        kept(members[0])
        calls: list[Callable[[], Answer]] = [partial(member.ask, token=fresh()) for member in members * 20]

        def all_give_it() -> bool:
            own_provider.requests.clear()
            answers = together(calls, threads=4)
            assert {each.body for each in answers} == {GOOD_BODY}
            return all(map(is_cached, answers)) and not own_provider.requests

        until(all_give_it, "some process does not know the answer")
        for member in members:
            until(lambda member=member: member.metrics()["gateway_cache_entries"] == 1, "the entry is not counted")  # type: ignore[misc]


def test_identical_calls_of_a_process_are_one(tmp_path: Path, store: Server, own_provider: Stub) -> None:
    """Fifty tokens that ask the same together are one call to the provider, also where answers are kept in Redis."""
    gate = Gate()
    own_provider.handler = gate
    with gateway(tmp_path, upstream=own_provider.url, redis_url=store.url, cache="redis") as member:
        with ThreadPoolExecutor(50) as pool:
            calls = [pool.submit(member.ask, token=fresh()) for _ in range(50)]
            until(lambda: member.metrics()["gateway_in_flight"] == 50, "the calls do not wait together")
            gate.opened.set()
            answers = [call.result() for call in calls]
        assert {each.body for each in answers} == {GOOD_BODY}
        assert len(own_provider.requests) == 1


def test_a_new_answer_is_new_for_all(tmp_path: Path, store: Server, own_provider: Stub) -> None:
    """What one gateway is told by a provider that was asked anew is what the other gives from then on."""
    with fleet(tmp_path, 2, upstream=own_provider.url, redis_url=store.url, cache="redis") as (one, other):
        kept(one)
        kept(other)
        renewed = GOOD_BODY.replace(b"130025265", b"552032534")
        own_provider.handler = always(answer(renewed))

        def is_renewed() -> bool:
            assert not is_cached(one.ask(token=fresh(), headers={"Cache-Control": "no-cache"}))
            return kept(other).body == renewed

        until(is_renewed, "the other gateway gives the old answer")


def test_it_outlives_the_gateway(tmp_path: Path, store: Server, own_provider: Stub) -> None:
    """A gateway that starts anew gives what was kept before."""
    with gateway(tmp_path, upstream=own_provider.url, redis_url=store.url, cache="redis") as first:
        kept(first)
    own_provider.requests.clear()
    with gateway(tmp_path, upstream=own_provider.url, redis_url=store.url, cache="redis") as second:
        assert is_cached(kept(second))
    assert len(own_provider.requests) <= 1


def test_answers_of_another_provider_address_are_not_given(tmp_path: Path, store: Server, own_provider: Stub) -> None:
    """A gateway that was pointed at a sandbox, and then at the provider, gives none of the sandbox's answers."""
    with stub(always(answer(GOOD_BODY.replace(b"130025265", b"000000000")))) as sandbox:
        with gateway(tmp_path, upstream=sandbox.url, redis_url=store.url, cache="redis") as first:
            kept(first)
        with gateway(tmp_path, upstream=own_provider.url, redis_url=store.url, cache="redis") as second:
            assert second.ask(token=fresh()).body == GOOD_BODY
            assert kept(second).body == GOOD_BODY


def test_the_cache_may_have_a_redis_of_its_own(tmp_path: Path, store: Server, own_provider: Stub) -> None:
    """Limits in one Redis, answers in another: neither has keys of the other."""
    (tmp_path / "cache").mkdir()
    with (
        stores.server(tmp_path / "cache", stores.valkey_server()) as own,
        gateway(
            tmp_path, upstream=own_provider.url, redis_url=store.url, cache="redis", cache_redis_url=own.url
        ) as member,
    ):
        kept(member)
        limits, answers = set(store.command("KEYS", "*")), set(own.command("KEYS", "*"))
    assert not [name for name in limits if name.startswith(b"gwc:")]
    assert any(name.startswith(b"gwc:") for name in answers)
    assert not [name for name in answers if not name.startswith((b"gwc:", b"gw:probe"))]


def test_an_answer_past_its_end_is_asked_anew(tmp_path: Path, store: Server, own_provider: Stub) -> None:
    """While the provider works, nothing is given beyond its lifetime, whatever the grace."""
    settings = {"redis_url": store.url, "cache": "redis", "cache_stale_seconds": str(GRACE)}
    with gateway(tmp_path, upstream=own_provider.url, **settings) as member:
        kept(member)
        age_all(store, 3601)
        assert not is_cached(member.ask(token=fresh()))


@pytest.fixture(scope="module")
def _lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, Server, Stub]]:
    folder = tmp_path_factory.mktemp("lasting")
    with (
        stub(GOOD) as provider,
        stores.server(folder, stores.valkey_server()) as store,
        gateway(
            folder,
            upstream=provider.url,
            redis_url=store.url,
            cache="redis",
            cache_stale_seconds=str(GRACE),
            breaker="off",
        ) as member,
    ):
        yield member, store, provider


@pytest.fixture
def lasting(_lasting: tuple[Gateway, Server, Stub]) -> tuple[Gateway, Server, Stub]:
    """A gateway with a grace, whose answer about the usual entity ended 100 s ago, 3700 s after it was obtained."""
    member, store, provider = _lasting
    provider.handler = GOOD
    store.command("FLUSHALL")
    kept(member)
    age_all(store, 3700)
    return _lasting


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"", "closed"),
        (answer(b"", status=500), "500"),
        (answer(b"", status=503), "503"),
        (answer(b"<html>", content_type="text/html"), "no JSON"),
        (MAINTENANCE, "maintenance"),
    ],
)
def test_the_last_good_answer_stands_in(lasting: tuple[Gateway, Server, Stub], raw: bytes, name: str) -> None:
    """A provider that fails is replaced by its last answer, marked in the headers and in the access line."""
    member, _, provider = lasting

    async def fails(_target: str, _reader: object, writer: object) -> None:
        writer.write(raw)  # type: ignore[attr-defined]
        if not raw:
            writer.close()  # type: ignore[attr-defined]

    provider.handler = fails
    request_id = f"stale-{name.replace(' ', '-')}"
    given = member.ask(token=fresh(), headers={"X-Request-Id": request_id})
    assert (given.status, given.body) == (200, GOOD_BODY)
    assert given.headers["x-response-cached"] == "true"
    assert given.headers["x-cache-expires-in"] == "0"
    assert given.headers["x-cache-stale"] == "true"
    assert 3700 <= int(given.headers["age"]) < 3700 + GRACE
    (line,) = lines_of(member, {request_id})
    assert (line["status"], line["cached"], line["stale"], line["codes"]) == (200, True, True, [])
    assert line["provider_seconds"] > 0
    stale = 'gateway_cache_lookups_total{provider="insee",result="stale"}'
    until(lambda: member.metrics()[stale] >= 1, "it is not counted")


@pytest.mark.parametrize(("raw", "status"), [(NOT_FOUND, 404), (REFUSED, 502), (answer(b"", status=451), 451)])
def test_what_the_provider_says_is_not_replaced(lasting: tuple[Gateway, Server, Stub], raw: bytes, status: int) -> None:
    """Not found, not diffusible, or refused: the older answer is not given any more."""
    member, _, provider = lasting
    provider.handler = always(raw)
    given = member.ask(token=fresh())
    assert given.status == status
    assert given.headers["x-response-cached"] == "false"
    assert "x-cache-stale" not in given.headers


def test_nothing_stands_in_beyond_the_grace(lasting: tuple[Gateway, Server, Stub]) -> None:
    """When the grace is over the provider's error is given."""
    member, store, provider = lasting
    age_all(store, GRACE)
    provider.handler = always(answer(b"", status=503))
    assert member.ask(token=fresh()).status == 502


def test_who_wants_a_new_answer_gets_the_error(lasting: tuple[Gateway, Server, Stub]) -> None:
    """With `no-cache`, the error of a provider that is down is given."""
    member, _, provider = lasting
    provider.handler = always(answer(b"", status=503))
    assert member.ask(token=fresh(), headers={"Cache-Control": "no-cache"}).status == 502


def _kill(store: Server) -> None:
    store.stop()


@pytest.mark.parametrize(
    ("begin", "end"), [(_kill, Server.start), (Server.freeze, Server.thaw)], ids=["killed", "frozen"]
)
def test_without_its_redis_every_call_is_a_miss(
    tmp_path: Path,
    store: Server,
    own_provider: Stub,
    begin: Callable[[Server], None],
    end: Callable[[Server], None],
) -> None:
    """With the cache's Redis away calls are answered by the provider, as fast as without; then it is used again."""
    settings = {"cache": "redis", "cache_redis_url": store.url}
    with gateway(tmp_path, upstream=own_provider.url, **settings) as member:
        kept(member)
        begin(store)
        try:
            until(lambda: not is_cached(member.ask(token=fresh())), "the cache is still there")
            until(lambda: member.metrics()["gateway_cache_available"] == 0, "nobody is told")
            asked = len(own_provider.requests)
            answers = [member.ask(token=fresh()) for _ in range(100)]
            assert not any(is_cached(each) for each in answers)
            assert len(own_provider.requests) == asked + 100
            lines = lines_of(member, {each.headers["x-request-id"] for each in answers})
            # Each of them would have waited 100 ms; a machine that stands still may hold some.
            assert sum(line["seconds"] - line["provider_seconds"] > 0.09 for line in lines) < 50
            assert member.metrics()['gateway_cache_lookups_total{provider="insee",result="error"}'] >= 100
        finally:
            end(store)
        kept(member)
        assert member.metrics()["gateway_cache_available"] == 1
        changes = [line["available"] for line in member.logged("cache_state", count=3)]
        assert changes[:3] == [True, False, True]


def test_a_gateway_starts_without_the_redis_of_its_cache(tmp_path: Path, own_provider: Stub) -> None:
    """A Redis that is not there holds no start, and no call."""
    url = f"redis://127.0.0.1:{stores.free_port()}/0"
    with gateway(tmp_path, upstream=own_provider.url, cache="redis", cache_redis_url=url) as member:
        assert not is_cached(member.ask(token=fresh()))
        assert [line["available"] for line in member.logged("cache_state", count=1)] == [False]
