"""Tests of the dossier: parts that are asked for at once, and one document of their answers."""

import asyncio
import json
from typing import Any

import pytest

from apientreprise_gateway.contract.errors import provider_error
from apientreprise_gateway.dataplane.dossier import MAX_PART_BYTES, members_of
from apientreprise_gateway.upstream.reading import ProviderAnswer
from apientreprise_gateway.upstream.source import ProviderRequest, Timed
from unit.dataplane.rig import CLIENT, REFUSED, SIRET, TRACE, FakeSource, Rig

UNITE, ETABLISSEMENT = "insee_unites_legales", "insee_etablissements"
TARGET = f"/v3/dossiers/{SIRET}?{TRACE}&ressources={UNITE},{ETABLISSEMENT}"


async def dossier(rig: Rig, target: str = TARGET) -> dict[str, Any]:
    """The document of a dossier."""
    reply = await rig.answered(target)
    assert reply.status == 200
    found: dict[str, Any] = json.loads(reply.body)
    return found


async def test_every_part_is_a_call_of_its_own() -> None:
    """Each part is asked for, counted and recorded as a part of the whole, whose document has the answers of all."""
    rig = Rig()
    found = await dossier(rig)

    assert list(found["data"]) == [UNITE, ETABLISSEMENT]
    assert found["meta"] == {"siret": SIRET, "ressources": 2, "ressources_obtenues": 2}
    assert len(rig.source.asked) == len(rig.limiter.admitted) == 2
    parts = [line for line in rig.lines.lines if line["part_of"] == "dossiers"]
    assert [line["identifier"] for line in parts] == [SIRET[:9], SIRET]
    assert len(rig.lines.lines) == 3


async def test_a_part_that_fails_is_told_of() -> None:
    """The error of a part stands in its place; the whole is a success."""
    rig = Rig()
    rig.source.answer = provider_error("003", prefix="01", name="INSEE")
    found = await dossier(rig)

    assert [part["status"] for part in found["data"].values()] == [404, 404]
    assert found["meta"]["ressources_obtenues"] == 0


async def test_what_comes_too_late_is_missing() -> None:
    """A dossier whose providers hang is answered in time, with the error of a timeout in place of each part."""
    rig = Rig()
    rig.source.gate.clear()
    found = await dossier(rig)

    assert [part["errors"][0]["code"][2:] for part in found["data"].values()] == ["002", "002"]
    assert all(line["provider_seconds"] == 0.25 for line in rig.lines.lines if line["part_of"])


async def test_a_whole_that_is_refused_counts_as_one_call() -> None:
    """A dossier that asks for what is unknown takes one call of the token's window, and asks nobody."""
    rig = Rig()
    reply = await rig.answered(f"/v3/dossiers/{SIRET}?{TRACE}&ressources=nothing")

    assert (reply.status, reply.codes) == (422, ["00903"])
    assert len(rig.limiter.admitted) == 1
    assert not rig.source.asked


async def test_a_whole_that_is_refused_over_its_limit() -> None:
    """Where that call is one too many, that is what is answered."""
    rig = Rig()
    rig.limiter.verdict = REFUSED

    assert (await rig.answered(f"/v3/dossiers/{SIRET}?{TRACE}&ressources=nothing")).codes == ["00429"]


async def test_parts_over_their_limit_are_refused_alone() -> None:
    """A part over its limit has its refusal, with the seconds to wait, in its place."""
    rig = Rig()
    rig.limiter.verdict = REFUSED
    found = await dossier(rig)

    assert {part["status"] for part in found["data"].values()} == {429}
    assert {part["headers"]["Retry-After"] for part in found["data"].values()} == {"17"}


async def test_a_client_that_goes_away_takes_the_parts_along() -> None:
    """Every part of a dossier that is given up is recorded as given up, with its provider's time."""
    rig = Rig(dossier_seconds=60.0)
    rig.source.gate.clear()
    rig.line.lost = True
    task = asyncio.create_task(rig.call(TARGET))
    while len(rig.source.asked) < 2:
        await asyncio.sleep(0)
    task.cancel()
    assert await task is None

    assert [line["event"] for line in rig.lines.lines] == ["abandoned"] * 3
    assert [line["provider_seconds"] for line in rig.lines.lines] == [0.25, 0.25, None]


async def test_a_client_that_goes_while_late_parts_end() -> None:
    """They are recorded as given up, as the whole is, though their time is over."""
    rig = Rig()
    rig.source.gate.clear()
    rig.line.lost = True
    ending = asyncio.Event()

    async def slow(self: FakeSource, request: ProviderRequest, timed: Timed) -> ProviderAnswer:
        self.asked.append(request)
        try:
            await self.gate.wait()
        finally:
            ending.set()
            await asyncio.sleep(60)  # a call that is hard to end
        raise AssertionError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FakeSource, "__call__", slow)
        task = asyncio.create_task(rig.call(TARGET))
        await ending.wait()
        await asyncio.sleep(0)
        task.cancel()
        assert await task is None

    assert [line["event"] for line in rig.lines.lines] == ["abandoned"] * 3


async def test_a_ban_ends_the_whole() -> None:
    """Where a part is the call too many of its address, the whole gets no answer."""
    rig = Rig()
    rig.limiter.banned.add(CLIENT)

    assert await rig.call(TARGET) is None


async def test_an_answer_that_does_not_fit() -> None:
    """A body that cannot be written into the document is an error of its provider."""
    rig = Rig()
    rig.source.answer = ProviderAnswer(200, b"[" * 300 + b"]" * 300)
    found = await dossier(rig)

    assert [part["errors"][0]["code"][2:] for part in found["data"].values()] == ["999", "999"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [(b"{}", True), (b'"' + b"a" * MAX_PART_BYTES + b'"', False), (b"[" * 300 + b"]" * 300, False)],
)
def test_what_fits(body: bytes, expected: bool) -> None:
    """What is too long or too deep does not fit into a dossier."""
    assert (members_of(body) is not None) is expected
