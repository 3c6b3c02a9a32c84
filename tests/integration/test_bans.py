"""Bans: addresses that call too much get no answer. Every test is a client with a loopback address of its own."""

from collections.abc import Iterator

import httpx
import pytest

from support.site import ATTESTATION_FISCALE, ENTREPRISE_V2, LONG, Site, fresh, wait_until
from support.site import site as started
from support.wire import Wire, request, wire

ALLOWED = "127.0.9.9"
PERSON = {"ine": "0123456789A", "recipient": "13002526500013"}


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A gateway that bans at the eleventh call (the thirty-first about a person), or at the fourth refused one."""
    with started(
        tmp_path_factory.mktemp("guard"),
        limit_ip="10",
        limit_ip_particulier="30",
        ignored_429_limit="3",
        limit_strict="1",
        limit_particulier="1",
        ip_allowlist=ALLOWED,
    ) as guard:
        yield guard


@pytest.fixture(scope="module")
def forbidding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A gateway that tells the banned."""
    with started(tmp_path_factory.mktemp("forbidding"), limit_ip="2", ban_action="forbid") as forbidding:
        yield forbidding


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A gateway behind a proxy at 127.0.0.1."""
    with started(tmp_path_factory.mktemp("proxied"), limit_ip="3", trusted_proxies="127.0.0.1") as proxied:
        yield proxied


def _bytes(guard: Site, source: str, data: bytes) -> bytes:
    """All that a new connection gets for a request."""
    with wire(guard.program.port, source=source) as line:
        line.send(data)
        return line.some()


def _call(line: Wire, data: bytes) -> int:
    line.send(data)
    return line.answer().status


def _ban(guard: Site, source: str) -> None:
    """Call eleven times."""
    with wire(guard.program.port, source=source) as line:
        assert {_call(line, request(token=fresh())) for _ in range(10)} == {200}
        line.send(request(token=fresh()))
        assert line.some() == b""


def _call_until_banned(guard: Site, source: str) -> None:
    for _ in range(10):
        _bytes(guard, source, request())


def test_the_eleventh_call_gets_no_byte(guard: Site) -> None:
    """The call that exceeds the ceiling ends its connection without a byte."""
    _ban(guard, "127.0.1.1")


def _about_a_person(token: str | None = None) -> bytes:
    """A call of API Particulier, with a token that no other call has unless one is given."""
    given = token or fresh(scopes=["cnous_statut_boursier"])
    return request(path="/v3/cnous/etudiant_boursier/ine", token=given, query=PERSON)


def test_the_thirty_first_call_about_a_person_gets_no_byte(guard: Site) -> None:
    """Calls with a valid token of a product that has a ceiling of its own count for that alone."""
    with wire(guard.program.port, source="127.0.3.1") as line:
        assert {_call(line, _about_a_person()) for _ in range(30)} == {200}
        assert {_call(line, request(token=fresh())) for _ in range(10)} == {200}
        line.send(_about_a_person())
        assert line.some() == b""
    assert _is_banned(guard, "127.0.3.1")


def test_wrong_calls_about_a_person_count_as_any(guard: Site) -> None:
    """Calls with wrong tokens count for the ceiling of all calls, whatever path they are made to."""
    with wire(guard.program.port, source="127.0.3.2") as line:
        assert {_call(line, _about_a_person("garbage")) for _ in range(10)} == {401}
        line.send(_about_a_person("garbage"))
        assert line.some() == b""


@pytest.mark.parametrize(
    "data",
    [
        request(token=fresh()),
        request(token=fresh(), path="/nowhere"),
        request(token=fresh(), path=ENTREPRISE_V2),
        request(token=fresh(), method="POST"),
        request(token="garbage"),
        request(),
        request(version="1.0"),
    ],
    ids=["another token", "unknown path", "v2", "another method", "bad token", "no token", "HTTP/1.0"],
)
def test_a_banned_address_gets_no_byte_whatever_it_asks(guard: Site, data: bytes) -> None:
    """On new connections too, with any token, path or method, a banned address gets nothing."""
    if not _is_banned(guard, "127.0.1.2"):
        _call_until_banned(guard, "127.0.1.2")
    for _ in range(2):
        assert _bytes(guard, "127.0.1.2", data) == b""


def _is_banned(guard: Site, source: str) -> bool:
    return _bytes(guard, source, request(headers={"Connection": "close"})) == b""


@pytest.mark.parametrize(
    "data", [b"garbage\r\n\r\n", request(headers={"X": "a" * 100_000})], ids=["not HTTP", "long headers"]
)
def test_a_banned_address_gets_no_byte_for_what_is_no_request(guard: Site, data: bytes) -> None:
    """A banned address cannot draw an answer out of the gateway by sending what is no acceptable request."""
    source = "127.0.1.3" if data.startswith(b"garbage") else "127.0.1.4"
    _ban(guard, source)
    assert _bytes(guard, source, data) == b""


def test_refused_calls_count_towards_the_ceiling(guard: Site) -> None:
    """401, 404 and 405 count like any other call from the address."""
    with wire(guard.program.port, source="127.0.1.5") as line:
        for _ in range(3):
            assert _call(line, request()) == 401
            assert _call(line, request(path="/nowhere")) == 404
            assert _call(line, request(method="POST")) == 405
        assert _call(line, request(token=fresh())) == 200
        line.send(request())
        assert line.some() == b""
    assert _is_banned(guard, "127.0.1.5")


def test_a_flood_of_no_requests_counts_towards_the_ceiling(guard: Site) -> None:
    """What is not HTTP was answered, so it counts like any other call from the address."""
    for _ in range(10):
        _bytes(guard, "127.0.1.6", b"garbage\r\n\r\n")
    assert _is_banned(guard, "127.0.1.6")


def test_the_control_plane_does_not_count(guard: Site) -> None:
    """Calls to health, metrics and documentation do not count towards the ceiling."""
    with httpx.Client(transport=httpx.HTTPTransport(local_address="127.0.1.7"), timeout=LONG) as client:
        for _ in range(15):
            assert client.get(guard.program.url + "/livez").status_code == 200
        assert guard.call(token=fresh(), client=client).status_code == 200


def test_others_are_not_affected_by_a_ban(guard: Site) -> None:
    """A ban concerns one address: the same token still works from another."""
    token = fresh()
    with wire(guard.program.port, source="127.0.1.8") as line:
        for _ in range(10):
            line.send(request(token=token))
            line.answer()
        line.send(request(token=token))
        assert line.some() == b""
    with httpx.Client(transport=httpx.HTTPTransport(local_address="127.0.1.9"), timeout=LONG) as client:
        assert guard.call(token=token, client=client).status_code == 200


def test_who_ignores_429_is_banned(guard: Site) -> None:
    """More refused calls than `GATEWAY_IGNORED_429_LIMIT` ban the address, for all of its tokens."""
    token = fresh()
    data = request(token=token, path=ATTESTATION_FISCALE)
    with wire(guard.program.port, source="127.0.1.10") as line:
        assert [_call(line, data) for _ in range(4)] == [200, 429, 429, 429]
        line.send(data)
        assert line.some() == b""
    assert _bytes(guard, "127.0.1.10", request(token=fresh())) == b""
    assert guard.metric('gateway_bans_total{reason="ignored_429"}') == 1


def test_the_allowlist_is_exempt(guard: Site) -> None:
    """An address of `GATEWAY_IP_ALLOWLIST` is banned neither for many calls nor for ignoring refusals."""
    token = fresh()
    with wire(guard.program.port, source=ALLOWED) as line:
        assert {_call(line, request(token=token)) for _ in range(25)} == {200}
        statuses = [_call(line, request(token=token, path=ATTESTATION_FISCALE)) for _ in range(10)]
    assert statuses == [200] + [429] * 9


def test_bans_are_seen_by_operators(guard: Site) -> None:
    """A ban is a line of the operators' log and a metric; the calls that it drops are counted and leave no line."""
    before = guard.metric("gateway_dropped_total"), guard.metric('gateway_bans_total{reason="ceiling"}')
    _ban(guard, "127.0.1.11")
    _bytes(guard, "127.0.1.11", request())
    wait_until(lambda: guard.metric("gateway_dropped_total") == before[0] + 2)
    bans = guard.metric('gateway_bans_total{reason="ceiling"}')
    assert bans == before[1] + 1
    wait_until(lambda: guard.metric("gateway_bans_in_force") >= bans)
    wait_until(lambda: '"address":"127.0.1.11"' in guard.program.errors.read_text())
    assert len([line for line in guard.lines() if line["client_ip"] == "127.0.1.11"]) == 10


def test_forbid_tells_the_banned(forbidding: Site) -> None:
    """With `GATEWAY_BAN_ACTION=forbid` a banned address gets 403, and its connection stays usable."""
    with wire(forbidding.program.port, source="127.0.2.1") as line:
        assert [_call(line, request(token=fresh())) for _ in range(4)] == [200, 200, 403, 403]
        line.send(request(token=fresh()))
        assert line.answer().codes == ["00901"]


def test_forbid_answers_in_the_shape_of_the_version(forbidding: Site) -> None:
    """A banned caller of v2 gets a v2 body, on the call that bans it and on those after."""
    with wire(forbidding.program.port, source="127.0.2.2") as line:
        data = request(token=fresh(), path=ENTREPRISE_V2)
        assert [_call(line, data) for _ in range(2)] == [200, 200]
        for _ in range(2):
            line.send(data)
            got = line.answer()
            assert got.status == 403
            assert [isinstance(error, str) for error in got.json["errors"]] == [True]


def _forwarded(chain: str) -> bytes:
    return request(token=fresh(), headers={"X-Forwarded-For": chain})


def test_a_trusted_proxy_distinguishes_its_clients(proxied: Site) -> None:
    """Behind a trusted proxy each rightmost address of the header has a ceiling of its own."""
    with wire(proxied.program.port) as line:
        for _ in range(3):
            assert _call(line, _forwarded("198.51.100.1")) == 200
        line.send(_forwarded("198.51.100.1"))
        assert line.some() == b""
    with wire(proxied.program.port) as line:
        assert _call(line, _forwarded("198.51.100.2")) == 200
    assert _bytes(proxied, "127.0.0.1", _forwarded("198.51.100.9, 198.51.100.1")) == b"", "the left is anybody's word"
    with wire(proxied.program.port) as line:
        assert _call(line, _forwarded("198.51.100.1, 198.51.100.3")) == 200


def test_ipv6_clients_count_by_network(proxied: Site) -> None:
    """The addresses of one IPv6 /64 are one client; the next /64 is another."""
    for last in range(1, 4):
        with wire(proxied.program.port) as line:
            assert _call(line, _forwarded(f"2001:db8:0:1::{last}")) == 200
    assert _bytes(proxied, "127.0.0.1", _forwarded("2001:db8:0:1:ffff::1")) == b""
    with wire(proxied.program.port) as line:
        assert _call(line, _forwarded("2001:db8:0:2::1")) == 200


def test_the_header_of_an_untrusted_peer_is_ignored(proxied: Site) -> None:
    """Who is not a trusted proxy counts as itself, whatever address it claims."""
    with wire(proxied.program.port, source="127.0.3.1") as line:
        for last in range(3):
            assert _call(line, _forwarded(f"203.0.113.{last}")) == 200
        line.send(_forwarded("203.0.113.99"))
        assert line.some() == b""
    with wire(proxied.program.port) as line:
        assert _call(line, _forwarded("203.0.113.99")) == 200


def test_the_access_line_names_the_client(proxied: Site) -> None:
    """The access line has the client's address, not the proxy's."""
    with wire(proxied.program.port) as line:
        line.send(request(token=fresh(), headers={"X-Forwarded-For": "192.0.2.77", "X-Request-Id": "named-client"}))
        assert line.answer().status == 200
    wait_until(lambda: _client_of(proxied, "named-client") == ["192.0.2.77"])


def _client_of(proxied: Site, request_id: str) -> list[str]:
    return [line["client_ip"] for line in proxied.program.access_lines() if line["request_id"] == request_id]
