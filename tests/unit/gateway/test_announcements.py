"""What is announced on the status page, as the gateways take it from Redis."""

import time
from collections.abc import Sequence
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apientreprise_gateway.contract.maintenance import MOST, Announced, read, written
from apientreprise_gateway.gateway.announcements import Announcements
from apientreprise_gateway.store.client import Client
from apientreprise_gateway.store.errors import About, ReplyError, UnreachableError
from apientreprise_gateway.upstream.maintenance import Maintenance, Once

NOW = time.time()


class Redis:
    """Redis with one key."""

    def __init__(self) -> None:
        self.value: bytes | None = None
        self.error: Exception | None = None

    async def ask(self, *_words: Any) -> bytes | None:
        """The value."""
        if self.error is not None:
            raise self.error
        return self.value

    async def close(self) -> None:
        """Nothing is open."""


class Provider:
    """Takes windows."""

    def __init__(self) -> None:
        self.windows: Sequence[Once] = ()

    def announce(self, windows: Sequence[Once]) -> None:
        """See `Upstream.announce`."""
        self.windows = windows

    @property
    def is_closed(self) -> bool:
        """Whether it is in maintenance now."""
        return Maintenance(self.windows).until() is not None


@pytest.fixture
def redis() -> Redis:
    """Redis without the key."""
    return Redis()


def watch(redis: Redis, *, known: bytes | None = None) -> tuple[Announcements, Provider, Provider, list[About]]:
    """A watch, the upstreams that it tells, and the faults that it met."""
    insee, rna, faults = Provider(), Provider(), list[About]()
    made = Announcements(cast("Client", redis), {"insee": insee, "rna": rna}, known=known, on_fault=faults.append)
    return made, insee, rna, faults


def now(*providers: str) -> bytes:
    """The value while these providers are in maintenance."""
    return written([Announced(providers, NOW - 60, NOW + 3600)] if providers else []).encode()


async def test_providers_are_closed_and_opened_again(redis: Redis) -> None:
    """Those that are named, until the portal writes that nothing is announced any more."""
    watched, insee, rna, _ = watch(redis)
    redis.value = now("insee", "somebody")
    await watched.refresh()
    assert (insee.is_closed, rna.is_closed) == (True, False)
    redis.value = now()
    await watched.refresh()
    assert not insee.is_closed


@pytest.mark.parametrize("error", [None, UnreachableError("away"), ReplyError("WRONGTYPE", About.KEY)])
async def test_what_was_known_stays(redis: Redis, error: Exception | None) -> None:
    """While Redis is away, has lost the key, or holds something else there."""
    watched, insee, _, _ = watch(redis)
    redis.value = now("insee")
    await watched.refresh()
    redis.value, redis.error = None, error
    await watched.refresh()
    assert insee.is_closed


@pytest.mark.parametrize(
    "value",
    [
        *(b"", b"\xff", b"[]", b"{}", b'{"windows": 1}', b'{"windows": [{}]}', b" " * (2 << 20)),
        b'{"windows": [{"providers": ["insee"], "start": 1, "end": 1}]}',
        b'{"windows": [{"providers": ["insee"], "start": 1, "end": 1e300}]}',
        b'{"windows": [{"providers": ["insee"], "start": "x", "end": 2}]}',
    ],
)
async def test_what_cannot_be_read_changes_nothing(redis: Redis, value: bytes) -> None:
    """It is told of once."""
    watched, insee, _, faults = watch(redis)
    redis.value = now("insee")
    await watched.refresh()
    redis.value = value
    await watched.refresh()
    await watched.refresh()
    assert insee.is_closed
    assert faults == [About.KEY]


def test_a_reload_keeps_what_is_known(redis: Redis) -> None:
    """Before Redis is asked again."""
    _, insee, _, _ = watch(redis, known=now("insee"))
    assert insee.is_closed


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.lists(st.text(max_size=5)), st.floats(0, 1e10), st.floats(1, 1e9)).map(
            lambda given: Announced(tuple(given[0]), given[1], given[1] + given[2])
        )
    )
)
def test_what_is_written_is_read(windows: list[Announced]) -> None:
    """The first 200, in the order of their beginnings."""
    found = read(written(windows).encode("utf-8", "surrogatepass"))
    assert list(found) == sorted(windows, key=lambda window: window.start)[:MOST]
