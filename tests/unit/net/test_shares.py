"""Slots that owners of work share."""

import asyncio

from apientreprise_gateway.net.shares import FairSlots


async def test_one_for_each_and_the_rest_in_turn() -> None:
    """An owner without a slot gets one at once; what is left is given in turn, owner by owner."""
    order: list[str] = []
    slots, go_on = FairSlots(2), asyncio.Event()

    async def work(name: str) -> None:
        async with slots.taken(name[0]):
            order.append(name)
            await go_on.wait()

    async with asyncio.TaskGroup() as group:
        for name in ("a1", "a2", "a3", "a4", "b1", "b2", "c1"):
            group.create_task(work(name))
            await asyncio.sleep(0)
        assert order == ["a1", "a2", "b1", "c1"]
        assert slots.waiting == 3
        go_on.set()
    assert slots.waiting == 0
    assert sorted(order[4:]) == ["a3", "a4", "b2"]
    assert order.index("b2") < order.index("a4")


async def test_who_gives_up_holds_nothing() -> None:
    """A slot that is given up, while it is waited for or as it is given, is free again."""
    slots, order, go_on = FairSlots(1), [], asyncio.Event()

    async def work(name: str) -> None:
        async with slots.taken("a"):
            order.append(name)
            await go_on.wait()

    tasks = [asyncio.create_task(work(f"{number}")) for number in range(5)]
    while slots.waiting < 4:
        await asyncio.sleep(0)
    tasks[1].cancel()
    go_on.set()
    while not tasks[0].done():
        await asyncio.sleep(0)
    tasks[2].cancel()  # it may have been given the slot already
    await asyncio.wait(tasks)
    assert slots.waiting == 0
    async with asyncio.timeout(1), slots.taken("a"):
        pass
    assert "1" not in order
    assert {"0", "3", "4"} <= set(order)
