"""Removal of documents, now and then."""

import asyncio
import math

import pytest

from apientreprise_gateway.documents.expiry import GRACE_SECONDS, MOST_AT_ONCE, ExpirySweeper
from apientreprise_gateway.documents.store import NullStore, StoreError


class Store(NullStore):
    """A store that notes what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[float, int, float]] = []
        self.fails = False

    async def remove_ended(self, moment: float, *, most: int, beyond: float = math.inf) -> int:
        """Note, and fail or not."""
        self.asked.append((moment, most, beyond))
        if self.fails:
            raise StoreError("away")
        return 3


async def test_a_round() -> None:
    """A round is bounded, leaves downloads that have begun their time, and counts."""
    store, removed = Store(), list[int]()
    await ExpirySweeper(store, on_removed=removed.append, clock=lambda: 1e9, longest=600).round()
    assert store.asked == [(1e9 - GRACE_SECONDS, MOST_AT_ONCE, 1e9 + 600 + GRACE_SECONDS)]
    assert removed == [3]


async def test_a_store_that_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """A store that fails is said once, and tried again."""
    store, removed = Store(), list[int]()
    removal = ExpirySweeper(store, on_removed=removed.append)
    for fails in (True, True, False, True):
        store.fails = fails
        await removal.round()
    assert removed == [3]
    assert capsys.readouterr().out.count("documents_not_removed") == 2


async def test_rounds_go_on() -> None:
    """A worker looks again and again, until it is stopped."""
    store, many = Store(), asyncio.Event()

    def count(_removed: int) -> None:
        if len(store.asked) == 3:
            many.set()

    task = asyncio.create_task(ExpirySweeper(store, on_removed=count, every=0.001).watch())
    await many.wait()
    task.cancel()
    assert len(store.asked) >= 3
