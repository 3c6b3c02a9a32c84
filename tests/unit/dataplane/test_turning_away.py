"""Tests of the refusal of calls that have waited for too long."""

import json

import pytest

from apientreprise_gateway.server.application import CONNECTION
from apientreprise_gateway.server.gate import RECEIVED, TOO_MANY
from support.tokens import token
from unit.dataplane.rig import CLIENT, PATH, TRACE, Reply, Rig, scope_of


async def turned_away(rig: Rig, target: str = f"{PATH}?{TRACE}", *, received: float = 0.001) -> Reply | None:
    """Refuse a call with a good token."""
    scope = scope_of(target, headers=[(b"authorization", b"Bearer " + token().encode()), (b"x-request-id", b"mine")])
    scope.update({CONNECTION: rig.line, RECEIVED: received, TOO_MANY: True})
    replies: list[Reply] = []

    async def respond(status: int, lines: bytes, body: bytes) -> None:
        replies.append(Reply(status, lines, body))

    await rig.pipeline.answer(scope, respond)
    return replies[0] if replies else None


async def test_nothing_is_counted_but_the_refusal() -> None:
    """It says when to try again, leaves a line with its wait, and no window hears of it."""
    rig = Rig()
    reply = await turned_away(rig)
    assert reply is not None
    assert (reply.status, reply.codes) == (503, ["00912"])
    assert (reply.headers["retry-after"], reply.headers["x-request-id"]) == ("2", "mine")
    assert (rig.limiter.admitted, rig.limiter.counted, len(rig.source.asked)) == ([], [], 0)
    (line,) = rig.lines.lines
    assert (line["status"], line["codes"], line["client_ip"], line["jti"]) == (503, ("00912",), CLIENT, None)
    assert line["seconds"] > 1
    assert rig.count("gateway_errors_total", code="00912") == 1


@pytest.mark.parametrize(("target", "is_flat"), [("/v2/entreprises/1", True), ("/v3/anything", False)])
async def test_its_form_is_that_of_the_version(target: str, is_flat: bool) -> None:
    """A path is not looked up, but the version that it begins with has its form of errors."""
    reply = await turned_away(Rig(), target)
    assert reply is not None
    assert isinstance(json.loads(reply.body)["errors"][0], str) == is_flat


async def test_a_banned_address_gets_nothing() -> None:
    """Its connection is closed, as ever, and no line is written."""
    rig = Rig()
    rig.limiter.banned.add(CLIENT)
    assert await turned_away(rig) is None
    assert rig.line.dropped
    assert not rig.lines.lines


async def test_there_is_no_room_for_a_line() -> None:
    """While the log is full, it does not wait again: the refusal is counted in place of its line."""
    rig = Rig()
    rig.lines.is_full = True
    assert await turned_away(rig)
    assert not rig.lines.lines
    assert rig.count("gateway_calls_without_line_total", outcome="refused") == 1
