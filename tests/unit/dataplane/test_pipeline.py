"""Tests of the pipeline: the checks in their order, and what is left of a call."""

import asyncio
import json
import re

import pytest
from msgspec.structs import replace

from apientreprise_gateway.auth.records import TokenRecord
from apientreprise_gateway.auth.token import Token, UnknownKeyError
from apientreprise_gateway.contract.errors import gateway_error, provider_error
from apientreprise_gateway.providers.entreprise.introspection import INTROSPECTION
from apientreprise_gateway.providers.products import PRODUCTS
from apientreprise_gateway.ratelimit.port import COMMON, AddressRule, StoreUnavailableError
from apientreprise_gateway.server.application import ClientGoneError
from apientreprise_gateway.upstream.reading import ProviderAnswer
from support.tokens import ALL_SCOPES, JTI, token
from unit.dataplane.rig import APART, BODY, CLIENT, EXEMPT, LIMIT, OPERATION, PATH, REFUSED, SIREN, TRACE, Rig, scope_of

WRONG = f"/v4/insee/sirene/unites_legales/{SIREN[:-1]}"


@pytest.mark.parametrize(
    ("path", "trace", "scopes", "in_flight", "limited", "status", "code"),
    [
        ("/v4/nothing", "", None, False, False, 404, "00404"),
        (WRONG, "", "none", False, True, 401, "00101"),
        (WRONG, "", "few", False, True, 429, "00429"),
        (WRONG, "", "few", False, False, 403, "00100"),
        (WRONG, "", "all", False, False, 422, "00201"),
        (WRONG, TRACE, "all", False, False, 422, "00301"),
        (PATH, TRACE, "all", True, False, 409, "00015"),
    ],
)
async def test_the_first_check_that_fails_answers(
    path: str, trace: str, scopes: str | None, in_flight: bool, limited: bool, status: int, code: str
) -> None:
    """Of all that is wrong with a call, what the earliest check finds is its answer, and the provider is not asked."""
    rig = Rig()
    first = None
    if in_flight:
        rig.source.gate.clear()
        first = asyncio.create_task(rig.answered())
        while not rig.source.asked:
            await asyncio.sleep(0)
        rig.source.asked.clear()
    if limited:
        rig.limiter.verdict = REFUSED
    bearer = {"all": token(), "few": token(scopes=["other"])}.get(scopes or "none")
    reply = await rig.answered(f"{path}?{trace}", bearer=bearer)

    assert (reply.status, reply.codes[0]) == (status, code)
    assert not rig.source.asked
    if first is not None:
        rig.source.gate.set()
        assert (await first).status == 200


@pytest.mark.parametrize(("bearer", "forgets"), [(None, True), ("no token", True), ("", False)])
async def test_heads_without_a_token_of_ours_are_forgotten(bearer: str | None, forgets: bool) -> None:
    """The connection remembers the head of a call only if its token is ours: anything may be in the others."""
    rig = Rig()
    await rig.answered(bearer=bearer)
    assert rig.line.forgotten == forgets


async def test_a_ban_comes_before_all() -> None:
    """The connection of a banned address is closed: nothing else is looked at, and no line is written."""
    rig = Rig()
    rig.limiter.banned.add(CLIENT)

    assert await rig.call("/v4/nothing") is None
    assert rig.line.dropped
    assert not rig.lines.lines
    assert rig.count("gateway_dropped_total") == 1


async def test_a_call_that_passes_is_answered_by_its_source() -> None:
    """The answer of the source goes out with the headers of the contract, and its line says what became known."""
    rig = Rig()
    reply = await rig.answered(headers=[(b"x-request-id", b"mine")])

    assert (reply.status, reply.body) == (200, BODY)
    assert reply.headers == {
        "content-type": "application/vnd.api+json",
        "x-request-id": "mine",
        "cache-control": "no-store",
        "ratelimit-limit": "250",
        "ratelimit-remaining": "200",
        "ratelimit-reset": "1800000000",
    }
    (line,) = rig.lines.lines
    assert line["event"] == "access"
    assert (line["operation"], line["identifier"], line["jti"]) == (OPERATION, SIREN, JTI)
    assert (line["status"], line["codes"], line["provider_seconds"]) == (200, (), 0.25)
    assert rig.limiter.admitted == [(CLIENT, (JTI, "json"), LIMIT, 60)]
    assert rig.count("gateway_answers_total", operation=OPERATION, status="200") == 1
    assert rig.count("gateway_in_flight") == 0
    assert not rig.line.cancels


@pytest.mark.parametrize(("target", "bearer"), [("/v4/nothing", ""), (f"/v9{PATH[3:]}", ""), (PATH, None)])
async def test_unknown_calls_count_for_their_address(target: str, bearer: str | None) -> None:
    """A call that fails the second or the third check counts for its address, and in no window."""
    rig = Rig()
    await rig.answered(target, bearer=bearer)

    assert rig.limiter.counted == [CLIENT]
    assert not rig.limiter.admitted


async def test_the_unknown_call_too_many_is_banned() -> None:
    """A call that fails the second check and is one too many of its address gets no answer."""
    rig = Rig()
    rig.limiter.bans_on_count = True

    assert await rig.call("/v4/nothing") is None
    assert rig.line.dropped


async def test_a_product_says_how_its_calls_count_for_their_address() -> None:
    """Calls with a valid token count by the rule of their product, introspections too; unknown ones by that of all."""
    rule = AddressRule(counter="calls:entreprise", ceiling=30, by_token=True)
    for products, expected in ((PRODUCTS, COMMON), ((APART,), rule)):
        rig = Rig(products=products)
        await rig.answered()
        await rig.answered(INTROSPECTION.path)
        await rig.answered(bearer="none")
        await rig.answered("/v4/nothing")
        assert rig.limiter.rules == [expected]
        assert rig.limiter.counted_by == [expected, COMMON, COMMON]


async def test_a_token_that_cannot_be_judged_is_not_unknown() -> None:
    """While nobody knows what is revoked, a call counts by the rule of its product."""
    rig = Rig(products=(APART,))
    rig.registry.is_unsure = True

    assert (await rig.answered()).codes == ["00904"]
    assert rig.limiter.counted_by == [AddressRule(counter="calls:entreprise", ceiling=30, by_token=True)]


@pytest.mark.parametrize(("target", "bearer", "rules"), [("", "", 0), ("", "none", 1), ("/v4/nothing", "", 1)])
async def test_who_waits_for_the_access_log_counts_once(target: str, bearer: str, rules: int) -> None:
    """While access lines cannot be written, a call that counts apart is counted after its wait, any other before it."""
    rig = Rig(products=(APART,))
    rig.lines.is_full = True
    rig.lines.emptied.set()
    await rig.answered(target or f"{PATH}?{TRACE}", bearer=bearer)

    assert rig.limiter.counted_by == [COMMON] * rules
    assert [address for address, *_ in rig.limiter.admitted] == [CLIENT] * (1 - rules)


async def test_a_token_s_own_limit_is_asked_for() -> None:
    """The limit of a token's record takes the place of the group's where windows have a minute."""
    rig = Rig()
    rig.registry.records = {JTI: TokenRecord(limit_per_minute=7)}
    await rig.answered()

    assert rig.limiter.admitted == [(CLIENT, (JTI, "json"), 7, 60)]
    assert rig.limiter.minutes == [None]


async def test_a_token_s_cap_lowers_its_limit() -> None:
    """A cap takes the place of a higher limit, of the token's own or of the group; a higher cap changes nothing."""
    rig = Rig()
    for record in (TokenRecord(limit_per_minute=7, cap_per_minute=5), TokenRecord(cap_per_minute=10**6)):
        rig.registry.records = {JTI: record}
        await rig.answered()

    assert [limit for _, _, limit, _ in rig.limiter.admitted] == [5, LIMIT]


async def test_a_record_narrows_scopes() -> None:
    """Only the scopes that are in both claims and record count; those of the record alone do not."""
    rig = Rig()
    rig.registry.records = {JTI: TokenRecord(scopes=frozenset({"other"}))}
    assert (await rig.answered()).codes == ["00100"]
    assert (await rig.answered(bearer=token(scopes=["other", "another"]))).codes == ["00100"]
    told = await rig.answered(INTROSPECTION.path, bearer=token(scopes=["other", "another"]))
    assert json.loads(told.body)["data"]["scopes"] == ["other"]
    rig.registry.records = {JTI: TokenRecord(scopes=frozenset(ALL_SCOPES) | {"other"})}
    assert (await rig.answered()).status == 200
    assert (await rig.answered(bearer=token(scopes=[]))).codes == ["00100"]


async def test_exempt_addresses_are_not_counted() -> None:
    """An address of the allowlist is counted by its token alone."""
    rig = Rig()
    await rig.answered("/v4/nothing", client=EXEMPT)
    await rig.answered(client=EXEMPT)

    assert rig.limiter.counted == []
    assert [address for address, *_ in rig.limiter.admitted] == [None]


async def test_newer_keys_are_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that no key verifies is tried again after newer keys were looked for."""
    rig = Rig()

    def verify(_text: str | None) -> Token:
        raise UnknownKeyError(401, gateway_error("00101"))

    monkeypatch.setattr(rig.verifier, "verify", verify)
    reply = await rig.answered()

    assert (reply.codes, rig.renewals) == (["00101"], 1)


async def test_an_error_of_the_provider_keeps_its_time() -> None:
    """The error of a provider is answered in the type of its endpoint, and its line says how long it took."""
    rig = Rig()
    rig.source.answer = provider_error("002", prefix="01", name="INSEE")
    reply = await rig.answered()

    assert (reply.status, reply.codes) == (504, ["01002"])
    (line,) = rig.lines.lines
    assert (line["codes"], line["provider_seconds"]) == (("01002",), 0.25)


async def test_a_fault_of_ours_is_an_error_with_its_time() -> None:
    """An exception that nobody foresaw is 500, and its line says how long the provider took."""
    rig = Rig()
    rig.source.answer = KeyError("oops")
    reply = await rig.answered()

    assert (reply.status, reply.codes) == (500, ["00500"])
    assert rig.lines.lines[0]["provider_seconds"] == 0.25


async def test_nobody_decides_on_limits() -> None:
    """Where nobody can tell whether a call may pass, it is refused, and may be made again at once."""
    rig = Rig()
    rig.limiter.verdict = StoreUnavailableError()
    assert (await rig.answered()).codes == ["00505"]
    rig.limiter.verdict = replace(REFUSED, admitted=True)
    assert (await rig.answered()).status == 200


async def test_a_call_given_up_is_recorded() -> None:
    """A call whose client goes away leaves a line with the provider's time, and may be made again."""
    rig = Rig()
    rig.source.gate.clear()
    rig.line.lost = True
    task = asyncio.create_task(rig.call())
    while not rig.source.asked:
        await asyncio.sleep(0)
    assert rig.line.cancels
    assert rig.count("gateway_in_flight") == 1
    task.cancel()
    assert await task is None

    (line,) = rig.lines.lines
    assert (line["event"], line["status"], line["provider_seconds"]) == ("abandoned", None, 0.25)
    assert rig.count("gateway_abandoned_total") == 1
    rig.source.gate.set()
    assert (await rig.answered()).status == 200


async def test_a_client_that_is_gone_is_recorded() -> None:
    """An answer that nobody is there to take leaves the line of a call given up."""
    rig = Rig()

    async def respond(_status: int, _lines: bytes, _body: bytes) -> None:
        raise ClientGoneError

    scope = scope_of()
    await rig.pipeline.answer(scope, respond)
    assert [line["event"] for line in rig.lines.lines] == ["abandoned"]


async def test_a_long_answer_needs_room() -> None:
    """A long answer is not given while too many bytes wait to be taken by other clients."""
    rig = Rig()
    rig.line.room = False
    rig.source.answer = ProviderAnswer(200, b'{"data":"' + 20_000 * b"." + b'","links":{},"meta":{}}')

    assert (await rig.answered()).codes == ["00908"]


async def test_a_redirection_takes_the_query_along() -> None:
    """A redirection leads to the path that the source names, with the caller's own query."""
    rig = Rig()
    rig.source.answer = ProviderAnswer(301, b"", moved_to="/v2/entreprises/1")
    reply = await rig.answered()

    assert (reply.status, reply.headers["location"]) == (301, f"/v2/entreprises/1?{TRACE}")


async def test_a_kept_answer_is_recorded_as_such() -> None:
    """What the source says of the cache and of documents is in the line."""
    rig = Rig()
    rig.source.answer = ProviderAnswer(
        200, BODY, headers=((b"x-response-cached", b"true"),), cached=True, stale=True, documents=("one",)
    )
    reply = await rig.answered()

    assert reply.headers["x-response-cached"] == "true"
    (line,) = rig.lines.lines
    assert (line["cached"], line["stale"], line["documents"]) == (True, True, ("one",))


async def test_any_server_can_ask() -> None:
    """As an ASGI application it sends one head, with the body's length, and one body."""
    rig = Rig()
    sent = []

    async def send(message: object) -> None:
        sent.append(message)

    async def receive() -> object:
        raise AssertionError("a GET has no body")

    await rig.pipeline(scope_of("/v4/nothing"), receive, send)  # type: ignore[arg-type]
    head, body = sent
    assert head["status"] == 404  # type: ignore[index]
    assert (b"content-length", b"%d" % len(body["body"])) in head["headers"]  # type: ignore[index]


async def test_what_is_no_request_is_answered_and_counted() -> None:
    """What cannot be read has its own answer, counts for the other end of the connection, and leaves a line."""
    rig = Rig()
    found = await rig.pipeline.on_bad_request(CLIENT, "00407")

    assert found is not None
    assert found[0] == 431
    assert rig.limiter.counted == [CLIENT]
    (line,) = rig.lines.lines
    assert (line["codes"], line["client_ip"]) == (("00407",), CLIENT)
    assert re.fullmatch(r"[0-9a-f-]{36}", line["request_id"])


async def test_what_is_no_request_of_a_banned_peer_has_no_answer() -> None:
    """A banned address is told nothing."""
    rig = Rig()
    rig.limiter.banned.add(CLIENT)

    assert await rig.pipeline.on_bad_request(CLIENT, "00401") is None
    assert rig.count("gateway_dropped_total") == 1


async def test_shadow_reports_and_refuses_nothing() -> None:
    """With limits in shadow a banned address over its limit is answered, and its line says what would refuse it."""
    rig = Rig(shadow=True)
    rig.limiter.banned.add(CLIENT)
    rig.limiter.verdict = REFUSED
    reply = await rig.answered()

    assert reply.status == 200
    assert rig.lines.lines[0]["shadow"] == ("ban", "limit")


async def test_the_gateway_answers_introspections_itself() -> None:
    """What a token is costs no call of a window, counts for the address, and asks no source."""
    rig = Rig()
    reply = await rig.answered(INTROSPECTION.path)

    assert reply.status == 200
    assert rig.limiter.counted == [CLIENT]
    assert not rig.limiter.admitted
    assert not rig.source.asked
