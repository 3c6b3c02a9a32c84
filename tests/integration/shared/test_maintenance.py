"""Maintenance that the status page announces: the gateways refuse calls in it, and their pings say so."""

import time
from pathlib import Path

import httpx

from apientreprise_gateway.contract.maintenance import KEY, Announced, written
from support.fleet import Gateway, gateway
from support.site import LONG, fresh
from support.stores import Server, until
from support.stub import Stub


def statuses(member: Gateway) -> set[int]:
    """What twelve calls are answered, over connections of their own: any of the workers answers."""
    return {member.ask(token=fresh()).status for _ in range(12)}


def test_the_503_and_the_ping_agree_with_what_is_announced(tmp_path: Path, store: Server, provider: Stub) -> None:
    """From a second after the portal has written it, until it writes that nothing is announced."""
    with gateway(tmp_path, 2, upstream=provider.url, redis_url=store.url) as both:
        assert statuses(both) == {200}
        store.command("SET", KEY, written([Announced(("insee",), time.time() - 1, time.time() + 3600)]))
        until(lambda: statuses(both) == {503}, "calls are not refused")
        (error,) = both.ask(token=fresh()).json["errors"]
        assert error["code"] == "01020"
        assert 3500 < error["meta"]["retry_in"] <= 3600
        assert httpx.get(f"{both.url}/ping/insee/sirene", timeout=LONG).json()["status"] == "maintenance"
        store.command("SET", KEY, written([]))
        until(lambda: statuses(both) == {200}, "calls are still refused")
