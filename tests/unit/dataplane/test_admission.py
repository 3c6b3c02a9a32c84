"""Tests of who calls: addresses, bans, request ids."""

import asyncio
import subprocess
import sys
import uuid
from typing import Any

import pytest

from apientreprise_gateway.contract.errors import Refusal
from apientreprise_gateway.dataplane.admission import new_request_id
from unit.dataplane.rig import CLIENT, EXEMPT, Rig, call_of

_FORK = """
import os
from apientreprise_gateway.dataplane.admission import new_request_id
new_request_id()
child = os.fork()
if child:
    os.waitpid(child, 0)
print(new_request_id().decode(), flush=True)
"""


def test_request_ids_are_random_uuids() -> None:
    """Request ids are UUIDs of version 4 in their usual spelling, and none comes twice."""
    ids = [new_request_id().decode() for _ in range(1000)]
    assert len(set(ids)) == len(ids)
    for each in ids:
        read = uuid.UUID(each)
        assert (str(read), read.version, read.variant) == (each, 4, uuid.RFC_4122)


def test_a_forked_process_makes_ids_of_its_own() -> None:
    """A process that is forked does not make the ids that its parent makes."""
    done = subprocess.run([sys.executable, "-c", _FORK], capture_output=True, text=True, check=True)
    one, other = done.stdout.split()
    assert one != other


def shown(rig: Rig, outcome: str) -> float:
    """How many calls left no line, by what became of them."""
    return rig.count("gateway_calls_without_line_total", outcome=outcome)


@pytest.mark.parametrize(
    ("given", "taken"),
    [(b"mine", True), (b"a" * 128, True), (b"a" * 129, False), (b"with a blank", False), (b"", False)],
)
def test_a_request_id_is_taken_over_or_made(given: bytes, taken: bool) -> None:
    """A caller's request id is taken over if it has the form of one; else one is made."""
    call = call_of(headers=[(b"x-request-id", given)])
    Rig().admission.admit(call)

    assert (call.request_id == given) is taken
    assert call.request_id


def test_a_client_is_counted_by_its_address() -> None:
    """An ordinary client is counted by its address, one of the allowlist is not."""
    ordinary, exempt = call_of(), call_of(client=EXEMPT)
    admission = Rig().admission
    admission.admit(ordinary)
    admission.admit(exempt)

    assert (ordinary.client, ordinary.address) == (CLIENT, CLIENT)
    assert (exempt.client, exempt.address) == (EXEMPT, None)


def test_banned_addresses_may_be_told_so() -> None:
    """By the setting a banned address gets an answer."""
    rig = Rig(forbid_banned=True)
    rig.limiter.banned.add(CLIENT)
    with pytest.raises(Refusal) as refused:
        rig.admission.admit(call_of())

    assert refused.value.errors[0].code == "00901"


@pytest.mark.parametrize(
    ("options", "banned", "dropped"),
    [({}, True, True), ({}, False, False), ({"shadow": True}, True, False), ({"forbid_banned": True}, True, False)],
)
def test_new_connections_of_banned_peers(options: dict[str, Any], banned: bool, dropped: bool) -> None:
    """A connection of a banned peer is closed at once, unless bans are in shadow or told."""
    rig = Rig(**options)
    if banned:
        rig.limiter.banned.update((CLIENT, EXEMPT))

    assert rig.admission.drops_peer(CLIENT) is dropped
    assert rig.admission.drops_peer(EXEMPT) is False


async def test_calls_wait_while_lines_cannot_be_written() -> None:
    """A call is counted before it waits for room in the access log, and not again afterwards."""
    rig = Rig()
    rig.lines.is_full = True
    task = asyncio.create_task(rig.answered())
    while not rig.lines.sizes:
        await asyncio.sleep(0)
    assert rig.limiter.counted == [CLIENT]
    rig.lines.emptied.set()

    assert (await task).status == 200
    assert [address for address, *_ in rig.limiter.admitted] == [None]
    assert len(rig.lines.lines) == 1


async def test_one_call_too_many_that_waits_is_refused() -> None:
    """Where too many calls wait one more is refused, and leaves no line."""
    rig = Rig()
    rig.lines.is_full, rig.lines.takes_waiting = True, False
    reply = await rig.answered()

    assert (reply.status, reply.codes, reply.headers["retry-after"]) == (503, ["00906"], "10")
    assert not rig.lines.lines
    assert shown(rig, "refused") == 1


async def test_a_call_given_up_while_it_waits_leaves_no_line() -> None:
    """A client that goes away while its call waits for room in the access log is counted alone."""
    rig = Rig()
    rig.lines.is_full, rig.line.lost = True, True
    task = asyncio.create_task(rig.call())
    while not rig.lines.sizes:
        await asyncio.sleep(0)
    task.cancel()
    await task

    assert not rig.lines.lines
    assert shown(rig, "abandoned") == 1
