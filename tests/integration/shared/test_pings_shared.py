"""Pings of several processes on one store: whoever is asked, the answer is the same."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.fleet import Gateway, fleet, together
from support.site import LONG, fresh
from support.stores import Server, until
from support.stub import Stub, always, answer, stub

SIRENE = "/ping/insee/sirene"
FISCALE = "/ping/dgfip/attestation_fiscale"
BROKEN = always(answer(b"{}", status=500))


@pytest.fixture
def unwell() -> Iterator[Stub]:
    """A provider that is broken."""
    with stub(BROKEN) as provider:
        yield provider


def ask(member: Gateway, path: str = SIRENE) -> dict[str, Any]:
    """The body of a ping, over a connection of its own: any of the workers answers."""
    with httpx.Client(timeout=LONG) as client:
        body: dict[str, Any] = client.get(member.url + path).json()
        return body


def bodies(members: list[Gateway], path: str = SIRENE) -> set[str]:
    """What every process says, as far as twenty connections to each gateway can tell."""
    calls = [lambda member=member: json.dumps(ask(member, path)) for member in members for _ in range(20)]
    return set(together(calls, threads=8))


def _is_up(member: Gateway) -> bool:
    return member.metrics().get('gateway_provider_up{provider="insee",source="insee/sirene"}') == 1


def test_every_process_gives_the_same_answer(tmp_path: Path, store: Server, provider: Stub) -> None:
    """Two gateways of two workers agree to the second, and make one probe together."""
    before = len(provider.requests)
    with fleet(tmp_path, 2, 2, upstream=provider.url, redis_url=store.url) as members:
        (body,) = bodies(members)
        assert json.loads(body)["status"] == "ok"
        assert bodies(members) == {body}
        assert len(provider.requests) - before == 1
        for member in members:
            until(lambda member=member: _is_up(member), "the gauge is not set")  # type: ignore[misc]


def test_calls_through_one_gateway_tell_the_other(tmp_path: Path, store: Server, unwell: Stub) -> None:
    """Calls that fail through one gateway are known to the other, which asks nobody."""
    with fleet(tmp_path, 2, upstream=unwell.url, redis_url=store.url) as (one, two):
        for _ in range(3):
            assert one.ask(token=fresh()).status == 502
        until(lambda: two.metrics().get('gateway_provider_up{provider="insee",source="insee/sirene"}') == 0, "not told")
        assert ask(two)["status"] == "bad_gateway"
        assert bodies([one, two]) == {json.dumps(ask(one))}
        assert len(unwell.requests) == 3


def test_a_store_that_is_away(tmp_path: Path, store: Server, provider: Stub) -> None:
    """While the store is away pings are answered all the same, and soon."""
    with fleet(tmp_path, 2, upstream=provider.url, redis_url=store.url) as (one, two):
        store.stop()
        assert {ask(member)["status"] for member in (one, two)} == {"ok"}
        store.start()
        until(lambda: bool(one.logged("pings_shared")), "not shared again")
        assert [line["event"] for line in one.logged("pings_not_shared", count=1)] == ["pings_not_shared"]
