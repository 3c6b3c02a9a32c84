"""Answers that are kept in memory, as callers meet them."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from support import programs
from support.papers import VIGILANCE_V3, Papers, as_file, pdf
from support.site import (
    ATTESTATION_FISCALE,
    ENTREPRISE_V2,
    EXTRAIT_RCS,
    GOOD,
    GOOD_BODY,
    LONG,
    ROOMY,
    UNITE_LEGALE,
    VIGILANCE,
    Gate,
    Site,
    codes,
    fresh,
    wait_until,
)
from support.site import site as started
from support.stub import always, answer
from support.tokens import SECRET
from support.wire import request, wire

NOT_FOUND = answer(b'{"errors":[{"code":"01003","title":"t","detail":"d","meta":{}}]}', status=404)
ASSOCIATION_V2 = "/v2/associations/W262001597"


@pytest.fixture(scope="module")
def _keeping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with started(tmp_path_factory.mktemp("keeping"), cache="memory", limit_strict="1000", **ROOMY) as keeping:
        yield keeping


@pytest.fixture
def keeping(_keeping: Site) -> Site:
    """A gateway that keeps answers, with its provider in good health; each test asks about an entity of its own."""
    _keeping.provider.handler = GOOD
    _keeping.provider.requests.clear()
    return _keeping


def siren(number: int) -> str:
    """A valid SIREN for each number below ten million."""
    digits = f"4{number:07}"
    # Luhn: every second digit counts double, from the last but one on.
    total = sum(sum(divmod(int(digit) * (2 - place % 2), 10)) for place, digit in enumerate(reversed(digits)))
    return f"{digits}{-total % 10}"


def unite_legale(number: int) -> str:
    """The path of an entity that no other test asks about."""
    return UNITE_LEGALE.replace("130025265", siren(number))


def cache_headers(response: httpx.Response) -> tuple[str | None, int | None]:
    """What an answer says of the cache."""
    expires_in = response.headers.get("x-cache-expires-in")
    return response.headers.get("x-response-cached"), None if expires_in is None else int(expires_in)


def test_an_answer_is_given_to_all_who_ask_the_same(keeping: Site) -> None:
    """A second caller, with another token and other reasons, gets the first one's answer."""
    path = unite_legale(1)
    first = keeping.call(path, token=fresh())
    second = keeping.call(path, token=fresh(), context="another", object="other", recipient="55203253400646")
    assert (first.status_code, first.content) == (second.status_code, second.content) == (200, GOOD_BODY)
    assert cache_headers(first) == ("false", 3600)
    cached, expires_in = cache_headers(second)
    assert cached == "true"
    assert expires_in is not None
    assert 0 < expires_in <= 3600
    assert len(keeping.provider.requests) == 1
    assert first.headers["content-type"] == second.headers["content-type"] == "application/vnd.api+json"
    assert second.headers["cache-control"] == "no-store"
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


def test_head_is_answered_alike(keeping: Site) -> None:
    """HEAD and GET share an entry, and its length."""
    path = unite_legale(2)
    assert cache_headers(keeping.call(path, token=fresh(), method="HEAD"))[0] == "false"
    head = keeping.call(path, token=fresh(), method="HEAD")
    assert cache_headers(head)[0] == "true"
    assert (head.content, head.headers["content-length"]) == (b"", str(len(GOOD_BODY)))
    assert keeping.call(path, token=fresh()).content == GOOD_BODY
    assert len(keeping.provider.requests) == 1


def test_another_entity_version_or_parameter_is_another_answer(keeping: Site) -> None:
    """What differs in what is asked is asked of the provider."""
    effectifs = "/v3/gip_mds/etablissements/13002526500013/effectifs_mensuels/01/annee/2024"
    paths = [
        unite_legale(3),
        unite_legale(3).replace("v4", "v3"),
        unite_legale(3) + "/siege_social",
        effectifs,
        effectifs + "?profondeur=1",
        effectifs + "?profondeur=1&nature_effectif=boeth",
    ]
    for _ in range(2):
        for path in paths:
            assert keeping.call(path, token=fresh()).status_code == 200
    assert len(keeping.provider.requests) == len(paths)


def test_every_check_comes_before_the_cache(keeping: Site) -> None:
    """An answer that is kept is given to nobody whose call would have been refused."""
    path = unite_legale(4)
    assert keeping.call(path, token=fresh()).status_code == 200
    assert codes(keeping.call(path, token=None)) == ["00101"]
    assert codes(keeping.call(path, token=fresh(exp=1))) == ["00103"]
    assert codes(keeping.call(path, token=fresh(scopes=["open_data"]))) == ["00100"]
    assert codes(keeping.call(path, token=fresh(), context=" ", object=None)) == ["00201", "00202"]
    assert codes(keeping.call(path, token=fresh(), recipient="1")) == ["00210"]
    refused = keeping.call(path, token=fresh(), method="POST")
    assert refused.status_code == 405
    assert cache_headers(refused) == (None, None)
    assert cache_headers(keeping.call(path, token=fresh()))[0] == "true"
    assert len(keeping.provider.requests) == 1


def test_a_hit_counts_like_any_call(keeping: Site) -> None:
    """Answers that are kept use up the token's limit, and the call beyond it is refused."""
    token = fresh()
    left = [int(keeping.call(unite_legale(5), token=token).headers["ratelimit-remaining"]) for _ in range(250)]
    assert left == list(range(249, -1, -1))
    refused = keeping.call(unite_legale(5), token=token)
    assert (refused.status_code, codes(refused)) == (429, ["00429"])
    assert cache_headers(refused) == (None, None)
    assert len(keeping.provider.requests) == 1


@pytest.mark.parametrize("header", ["no-cache", "no-store", "max-age=0", "No-Cache, no-transform"])
def test_a_caller_may_want_a_new_answer(keeping: Site, header: str) -> None:
    """`Cache-Control: no-cache` asks the provider, whatever is kept."""
    path = unite_legale(6)
    keeping.call(path, token=fresh())
    keeping.provider.requests.clear()
    renewed = keeping.call(path, token=fresh(), headers={"Cache-Control": header})
    assert (renewed.status_code, cache_headers(renewed)[0]) == (200, "false")
    assert len(keeping.provider.requests) == 1
    assert cache_headers(keeping.call(path, token=fresh()))[0] == "true"


def test_a_new_answer_replaces_the_kept_one(keeping: Site) -> None:
    """What a caller with `no-cache` was given is what others are given from then on."""
    path = unite_legale(7)
    keeping.call(path, token=fresh())
    renewed = GOOD_BODY.replace(b"130025265", b"552032534")
    keeping.provider.handler = always(answer(renewed))
    assert keeping.call(path, token=fresh(), headers={"Cache-Control": "no-cache"}).content == renewed
    again = keeping.call(path, token=fresh())
    assert (again.content, cache_headers(again)[0]) == (renewed, "true")


def test_fifty_identical_calls_are_one_call_to_the_provider(keeping: Site) -> None:
    """Fifty tokens ask the same at the same time: the provider is asked once, and all get its answer."""
    path, gate = unite_legale(8), Gate()
    keeping.provider.handler = gate
    tokens = [fresh() for _ in range(50)]
    before = keeping.metric('gateway_cache_lookups_total{provider="insee",result="shared"}')
    with ThreadPoolExecutor(50) as pool:
        calls = [pool.submit(lambda token=token: keeping.call(path, token=token)) for token in tokens]  # type: ignore[misc]
        wait_until(lambda: keeping.metric("gateway_in_flight") == 50)
        gate.opened.set()
        answers = [call.result() for call in calls]
    assert {(each.status_code, each.content) for each in answers} == {(200, GOOD_BODY)}
    assert {cache_headers(each)[0] for each in answers} <= {"false", "true"}
    assert len(keeping.provider.requests) == 1
    assert keeping.metric('gateway_cache_lookups_total{provider="insee",result="shared"}') > before


def test_the_same_call_of_one_token_is_still_a_duplicate(keeping: Site) -> None:
    """A call that the same token has in flight is refused, it does not wait for the other's answer."""
    path, gate, token = unite_legale(9), Gate(), fresh()
    keeping.provider.handler = gate
    with keeping.in_background(lambda: keeping.call(path, token=token)) as first:
        assert gate.arrived.wait(LONG)
        second = keeping.call(path, token=token)
        gate.opened.set()
    assert (second.status_code, codes(second)) == (409, ["00015"])
    assert first.result().status_code == 200


def test_the_first_may_leave(keeping: Site) -> None:
    """The caller whose call went to the provider goes away; one who waits with it gets the answer."""
    path, gate = unite_legale(10), Gate()
    keeping.provider.handler = gate
    abandoned = keeping.metric("gateway_abandoned_total")
    with wire(keeping.program.port) as line:
        line.send(request(token=fresh(), path=path))
        assert gate.arrived.wait(LONG)
        with keeping.in_background(lambda: keeping.call(path, token=fresh())) as second:
            wait_until(lambda: keeping.metric("gateway_in_flight") == 2)
            line.close()
            wait_until(lambda: keeping.metric("gateway_abandoned_total") == abandoned + 1)
            gate.opened.set()
    assert (second.result().status_code, second.result().content) == (200, GOOD_BODY)
    assert len(keeping.provider.requests) == 1


def test_the_provider_is_left_when_nobody_waits(keeping: Site) -> None:
    """When the only caller goes away, the connection to the provider is closed."""
    arrived = Gate()

    async def hang(_target: str, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        arrived.arrived.set()
        await reader.readexactly(1)

    keeping.provider.handler = hang
    keeping.provider.closed.clear()
    with wire(keeping.program.port) as line:
        line.send(request(token=fresh(), path=unite_legale(11)))
        assert arrived.arrived.wait(LONG)
    assert keeping.provider.closed.wait(LONG / 3)


def test_errors_are_not_kept(keeping: Site) -> None:
    """Not found, and a failing provider, are asked again each time."""
    path = unite_legale(12)
    for raw, status in ((NOT_FOUND, 404), (answer(b"", status=500), 502), (answer(GOOD_BODY), 200)):
        keeping.provider.handler = always(raw)
        given = keeping.call(path, token=fresh())
        assert given.status_code == status
        assert given.headers["x-response-cached"] == "false"
    assert cache_headers(keeping.call(path, token=fresh()))[0] == "true"


def test_the_agent_does_not_split_the_cache(keeping: Site) -> None:
    """Two agents ask the DGFIP about one company: the second gets the first one's answer, and leaves a trace."""
    path = ATTESTATION_FISCALE.replace("130025265", siren(100))
    keeping.call(path, token=fresh(), user_id="agent-1")
    second = keeping.call(path, token=fresh(), user_id="agent-2", headers={"X-Request-Id": "agent-two"})
    assert cache_headers(second)[0] == "true"
    assert ["agent-1" in head for head in keeping.provider.requests] == [True]
    assert keeping.line("agent-two")["user_id"] == "agent-2"


def test_documents_and_v2_are_kept_as_declared(keeping: Site) -> None:
    """Every endpoint that the catalogue says so keeps its answers, of v2 too; no other does."""
    flat = answer(b'{"association":{}}')
    for path, handler in ((VIGILANCE, GOOD), (ASSOCIATION_V2, always(flat))):
        keeping.provider.handler = handler
        keeping.provider.requests.clear()
        assert [cache_headers(keeping.call(path, token=fresh()))[0] for _ in range(2)] == ["false", "true"]
        assert len(keeping.provider.requests) == 1
    for path, handler in ((EXTRAIT_RCS, GOOD), (ENTREPRISE_V2, always(flat))):
        keeping.provider.handler = handler
        keeping.provider.requests.clear()
        assert [cache_headers(keeping.call(path, token=fresh())) for _ in range(2)] == [(None, None)] * 2
        assert len(keeping.provider.requests) == 2


def test_access_lines_tell_hits(keeping: Site) -> None:
    """A call that was answered from the cache leaves its line, which says so, and that no provider was asked."""
    path = unite_legale(13)
    for request_id in ("a-miss", "a-hit"):
        keeping.call(path, token=fresh(), headers={"X-Request-Id": request_id})
    miss, hit = keeping.line("a-miss"), keeping.line("a-hit")
    assert (miss["cached"], hit["cached"]) == (False, True)
    assert miss["provider_seconds"] > 0
    assert hit["provider_seconds"] is None
    assert (hit["status"], hit["identifier"], hit["stale"]) == (200, siren(13), False)


def test_lookups_are_counted(keeping: Site) -> None:
    """Each answer of an endpoint whose answers are kept is counted by how it came about."""

    def counted() -> dict[str, float]:
        name = 'gateway_cache_lookups_total{{provider="insee",result="{}"}}'
        return {result: keeping.metric(name.format(result)) for result in ("hit", "miss", "bypass")}

    before, path = counted(), unite_legale(14)
    for headers in ({}, {}, {}, {"Cache-Control": "no-cache"}):
        keeping.call(path, token=fresh(), headers=headers)
    after = counted()
    assert {result: after[result] - before[result] for result in after} == {"hit": 2, "miss": 1, "bypass": 1}
    assert keeping.metric("gateway_cache_available") == 1
    wait_until(lambda: keeping.metric("gateway_cache_entries") > 0)
    assert keeping.metric("gateway_cache_bytes") > len(GOOD_BODY)


def test_parts_of_a_dossier_are_kept(keeping: Site) -> None:
    """A part of a dossier is given from the cache, and says so, as the call that it replaces would be."""
    siret = "55203253400646"
    path = f"/v3/dossiers/{siret}?ressources=v4_insee_unites_legales"
    parts = [keeping.call(path, token=fresh()).json()["data"]["v4_insee_unites_legales"]["headers"] for _ in range(2)]
    assert [part["X-Response-Cached"] for part in parts][1] == "true"
    assert int(parts[1]["X-Cache-Expires-in"]) > 0
    renewed = keeping.call(path, token=fresh(), headers={"Cache-Control": "no-cache"})
    assert renewed.json()["data"]["v4_insee_unites_legales"]["headers"]["X-Response-Cached"] == "false"


def test_a_document_is_kept_with_its_answer(tmp_path: Path) -> None:
    """Two callers who reach the gateway at two names are given one document, each at the name that they used."""
    file = pdf()
    handler = Papers({VIGILANCE_V3: as_file(file)})
    with started(tmp_path, handler, cache="memory", document_seconds="900", **ROOMY) as own:
        given = [
            own.call(VIGILANCE_V3, token=fresh(), headers={"Host": host, "X-Request-Id": host})
            for host in ("one.example", "two.example:8443")
        ]
        assert [cache_headers(each)[0] for each in given] == ["false", "true"]
        assert all(0 < (cache_headers(each)[1] or 0) <= 900 for each in given)
        addresses = [each.json()["data"]["document_url"] for each in given]
        assert [address.split("/documents/")[0] for address in addresses] == [
            "http://one.example",
            "http://two.example:8443",
        ]
        left = [each.json()["data"]["expires_in"] for each in given]
        assert 0 < left[1] <= left[0] <= 900
        (path,) = {urlsplit(address).path for address in addresses}
        assert own.client.get(own.program.url + path).content == file
        assert len(own.provider.requests) == 1
        assert own.line("one.example")["documents"] == own.line("two.example:8443")["documents"] != []


def test_nothing_is_kept_unless_asked_for(site: Site) -> None:
    """By default each call asks the provider, and no header speaks of a cache."""
    for _ in range(2):
        assert cache_headers(site.call(token=fresh())) == (None, None)
    assert len(site.provider.requests) == 2


def test_memory_is_bounded(tmp_path: Path) -> None:
    """However many answers are kept, they take no more than the setting."""
    large = GOOD_BODY[:-1] + b',"padding":"' + b"x" * 100_000 + b'"}'
    with started(tmp_path, always(answer(large)), cache="memory", cache_bytes="1048576", **ROOMY) as own:
        for number in range(16):
            assert own.call(unite_legale(number), token=fresh()).status_code == 200
        assert cache_headers(own.call(unite_legale(15), token=fresh()))[0] == "true"
        assert cache_headers(own.call(unite_legale(0), token=fresh()))[0] == "false"
        wait_until(lambda: own.metric("gateway_cache_bytes") > 0)
        assert own.metric("gateway_cache_bytes") <= 1048576


USUAL = {"jwt_secrets": SECRET, "upstream_url": "http://127.0.0.1:1"}


def _is_one_line(text: str, *names: str) -> bool:
    return text.count("\n") == 1 and all(name in text for name in names)


def test_several_workers_share_no_memory() -> None:
    """Answers kept in the memory of one of several workers would depend on who is asked: the start is refused."""
    refused = programs.run(
        "serve", "--workers", "2", "--port", "0", cache="memory", redis_url="redis://127.0.0.1:1", **USUAL
    )
    assert (refused.returncode, refused.stdout) == (2, "")
    assert _is_one_line(refused.stderr, "--workers 2", "GATEWAY_CACHE=redis")


@pytest.mark.parametrize(
    "arguments", [("serve", "--port", "0"), ("serve", "--workers", "2", "--port", "0"), ("check",)]
)
def test_a_cache_in_redis_needs_a_redis(arguments: tuple[str, ...]) -> None:
    """`GATEWAY_CACHE=redis` without an address is refused in one line, by every command that would use it."""
    refused = programs.run(*arguments, cache="redis", **USUAL)
    assert refused.returncode == 2
    assert _is_one_line(refused.stderr, "GATEWAY_REDIS_URL")


def test_a_wrong_address_is_refused_without_its_password() -> None:
    """The address of the cache is as secret as the other one."""
    refused = programs.run(
        "serve", "--port", "0", cache="redis", cache_redis_url="redis://:s3cr3t-p4ssw0rd@one,two", **USUAL
    )
    assert refused.returncode == 2
    assert _is_one_line(refused.stderr, "GATEWAY_CACHE_REDIS_URL")
    assert "s3cr3t" not in refused.stderr
