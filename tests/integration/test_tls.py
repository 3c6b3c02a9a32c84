"""TLS by the gateway itself: what callers are shown, who is let go, and a certificate that is replaced."""

import asyncio
import os
import re
import signal
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from support import programs
from support.certificates import Authority, Signed
from support.fleet import gateway
from support.site import GOOD, LONG, ROOMY, UNITE_LEGALE, VIGILANCE, Site, fresh, hang, wait_until
from support.site import site as started
from support.stores import free_port, server, until, valkey_server
from support.stub import always, answer, stub
from support.tokens import SECRET
from support.wire import Wire, request, wire

STOP_SECONDS = 20
"""Less than it would take if each connection were waited for."""
HUGE = answer(b'{"data":{"siren":"' + b"1" * 5_000_000 + b'"},"links":{},"meta":{}}')


def _settings(shown: Signed) -> dict[str, str]:
    return {"tls_certificate": str(shown.certificate), "tls_key": str(shown.key)}


def _trusting(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority.file))


def _replace(shown: Signed, by: Signed) -> None:
    by.certificate.replace(shown.certificate)
    by.key.replace(shown.key)


def _serial(port: int, trust: ssl.SSLContext) -> str:
    """The serial number of the certificate that a new connection is shown."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=LONG) as plain,
        trust.wrap_socket(plain, server_hostname="localhost") as secured,
    ):
        return str((secured.getpeercert() or {})["serialNumber"])


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signs the certificates."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def shown(authority: Authority) -> Signed:
    """What callers are shown."""
    return authority.sign("server")


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory, shown: Signed) -> Iterator[Site]:
    """A gateway with TLS."""
    with started(tmp_path_factory.mktemp("secured"), **_settings(shown), **ROOMY) as secured:
        yield secured


@pytest.fixture
def site(secured: Site) -> Site:
    """The shared gateway, with its provider in good health."""
    secured.provider.handler = GOOD
    secured.provider.requests.clear()
    return secured


def test_calls_are_answered_on_one_connection(site: Site, authority: Authority) -> None:
    """A connection is kept in TLS as well, also for calls that come together and for those of operations."""
    with wire(site.program.port, tls=_trusting(authority)) as line:
        for _ in range(3):
            line.send(request(token=fresh()))
            assert line.answer().status == 200
        line.send(request(token=fresh()) + request(path="/livez", query={}) + request(token=fresh()))
        assert [line.answer().status for _ in range(3)] == [200, 200, 200]


def test_links_lead_back_by_tls(site: Site, authority: Authority) -> None:
    """The link to a document has the scheme that the call came by, and works."""
    with httpx.Client(verify=_trusting(authority), timeout=LONG) as client:
        link = site.call(VIGILANCE, token=fresh(), client=client).json()["data"]["document_url"]
        assert link.startswith(site.program.url)
        assert client.get(link).content.startswith(b"%PDF")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions(site: Site, authority: Authority, version: ssl.TLSVersion) -> None:
    """TLS 1.2 and 1.3 are spoken."""
    trust = _trusting(authority)
    trust.minimum_version = trust.maximum_version = version
    with wire(site.program.port, tls=trust) as line:
        line.send(request(token=fresh()))
        assert line.answer().status == 200


def test_older_versions_are_refused(site: Site) -> None:
    """Who offers TLS 1.1 at most is told that it is not spoken, and nothing else."""
    hello = bytes.fromhex(
        "160301002d010000290302" + "00" * 32 + "00" + "0002c014" + "0100"
    )  # a handshake record: ClientHello of version 1.1 with one cipher suite of its time
    with wire(site.program.port) as line:
        line.send(hello)
        alert = line.rest()
    assert alert == b"" or alert[:1] == b"\x15", "an alert, or nothing"


def test_plain_http_is_closed(site: Site, authority: Authority) -> None:
    """A request that is not TLS gets no HTTP, is counted, leaves no trace of an error, and harms nobody."""
    before = site.metric('gateway_connections_cut_total{reason="handshake"}')
    with wire(site.program.port, tls=_trusting(authority)) as kept:
        with wire(site.program.port) as line:
            line.send(request(token=fresh()))
            assert b"HTTP" not in line.rest()
        kept.send(request(token=fresh()))
        assert kept.answer().status == 200
    wait_until(lambda: site.metric('gateway_connections_cut_total{reason="handshake"}') == before + 1)
    assert "Traceback" not in site.program.all_logged()


def test_who_goes_at_once_is_no_error(site: Site, authority: Authority) -> None:
    """Connections that are closed before or during the handshake, as health checks of balancers are, leave nothing."""
    before = site.metric('gateway_connections_cut_total{reason="handshake"}')
    for data in (b"", b"\x16\x03\x01"):
        for _ in range(20):
            with wire(site.program.port) as line:
                line.send(data)
    with wire(site.program.port, tls=_trusting(authority)) as line:
        line.send(request(token=fresh()))
        assert line.answer().status == 200
    assert site.metric('gateway_connections_cut_total{reason="handshake"}') == before
    assert "Traceback" not in site.program.all_logged()


def test_who_never_completes_its_handshake_is_let_go(tmp_path: Path, shown: Signed) -> None:
    """A client that says nothing, half of its part, or no request after it, is closed: `GATEWAY_CLIENT_TIMEOUT`."""
    careless = ssl.create_default_context()
    careless.check_hostname, careless.verify_mode = False, ssl.CERT_NONE
    with (
        started(tmp_path, client_timeout="2", **_settings(shown)) as own,
        wire(own.program.port) as silent,
        wire(own.program.port) as halting,
        wire(own.program.port, tls=careless) as idle,
    ):
        halting.send(b"\x16\x03\x01\x02\x00\x01")
        assert _end_of(silent) == _end_of(halting) == _end_of(idle) == b""
        wait_until(lambda: own.metric('gateway_connections_cut_total{reason="slow_request"}') == 3)


def _end_of(line: Wire) -> bytes:
    try:
        return line.rest()
    except (ConnectionResetError, ssl.SSLEOFError):
        return b""


def test_handshakes_count_as_connections(tmp_path: Path, shown: Signed) -> None:
    """Who does not complete its handshake takes the place of a connection: no more are kept than are allowed."""
    port = free_port()
    with started(tmp_path, max_connections="5", metrics_port=str(port), client_timeout="60", **_settings(shown)) as own:
        own.client.close()  # its kept connection would make room
        with ExitStack() as lines:
            for _ in range(12):
                lines.enter_context(wire(own.program.port))
            with httpx.Client(timeout=LONG) as client:
                wait_until(lambda: _cut(client.get(f"http://127.0.0.1:{port}/metrics").text) == 7)


def _cut(metrics: str) -> float:
    """How many connections made room for others, or found none."""
    return sum(
        map(float, re.findall(r'^gateway_connections_cut_total{reason="(?:full|evicted)"} (.+)$', metrics, re.M))
    )


def test_a_banned_address_is_shown_nothing(tmp_path: Path, shown: Signed, authority: Authority) -> None:
    """The connections of a banned address are closed before the handshake, without a byte."""
    trust = _trusting(authority)
    with started(tmp_path, limit_ip="3", **_settings(shown)) as own:
        with wire(own.program.port, source="127.0.0.2", tls=trust) as line:
            for _ in range(3):
                line.send(request(token=fresh()))
                assert line.answer().status == 200
            line.send(request(token=fresh()))
            assert _end_of(line) == b""
        with pytest.raises(OSError), wire(own.program.port, source="127.0.0.2", tls=trust):  # noqa: PT011 - whichever
            pass
        assert own.call(token=fresh()).status_code == 200, "from another address"


def test_a_client_that_goes_away_takes_its_call_along(tmp_path: Path, shown: Signed, authority: Authority) -> None:
    """When the client closes, the connection to the provider is closed too, long before the deadline."""
    with started(tmp_path, hang, upstream_timeout="60", **_settings(shown)) as own:
        with wire(own.program.port, tls=_trusting(authority)) as line:
            line.send(request(token=fresh()))
            wait_until(lambda: bool(own.provider.requests))
        assert own.provider.closed.wait(LONG / 2)


def test_who_does_not_read_is_let_go(tmp_path: Path, shown: Signed, authority: Authority) -> None:
    """A client that takes nothing of a long answer is closed, and one that does has all of it."""
    with started(tmp_path, always(HUGE), client_timeout="2", **_settings(shown)) as own:
        assert len(own.call(token=fresh()).content) == len(HUGE.partition(b"\r\n\r\n")[2])
        with wire(own.program.port, tls=_trusting(authority)) as line:
            line.send(b"".join(request(token=fresh()) for _ in range(8)))  # more than the system takes in our stead
            wait_until(lambda: own.metric('gateway_connections_cut_total{reason="slow_reader"}') == 1)


def test_idle_connections_do_not_hold_up_the_end(tmp_path: Path, shown: Signed, authority: Authority) -> None:
    """A stop closes idle connections without waiting for their clients to say that they close as well."""
    with (
        started(tmp_path, **_settings(shown)) as own,
        wire(own.program.port, tls=_trusting(authority)) as idle,
        wire(own.program.port) as silent,
    ):
        idle.send(request(token=fresh()))
        assert idle.answer().status == 200
        before = time.monotonic()
        assert own.program.stop() == 0
        assert time.monotonic() - before < STOP_SECONDS
        assert (idle.rest(), _end_of(silent)) == (b"", b"")


@pytest.mark.parametrize("path", [UNITE_LEGALE, "/livez"])
def test_the_end_of_a_connection_is_not_waited_for(site: Site, authority: Authority, path: str) -> None:
    """After its last answer a connection is closed to its ground, whether or not the client says that it closes."""
    with (
        socket.create_connection(("127.0.0.1", site.program.port), timeout=LONG) as plain,
        socket.socket(fileno=os.dup(plain.fileno())) as ground,
        _trusting(authority).wrap_socket(plain, server_hostname="localhost") as secured,
    ):
        secured.sendall(request(token=fresh(), path=path, headers={"Connection": "close"}))
        while secured.recv(4096):
            pass
        ground.settimeout(LONG)
        assert ground.recv(1) == b""


def test_calls_under_way_are_answered_at_the_end(tmp_path: Path, shown: Signed, authority: Authority) -> None:
    """A stop lets a call that is being answered end, in TLS as well."""

    async def late(_target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        own.program.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(1)
        writer.write(answer(b'{"data":{},"links":{},"meta":{}}'))

    with started(tmp_path, late, **_settings(shown)) as own:
        with wire(own.program.port, tls=_trusting(authority)) as line:
            line.send(request(token=fresh()))
            given = line.answer()
            assert (given.status, given.headers["connection"]) == (200, "close")
        assert own.program.stop() == 0


def test_a_reload_changes_the_certificate(tmp_path: Path) -> None:
    """After SIGHUP every worker shows new callers the new certificate; connections that are open go on."""
    authority = Authority(tmp_path)
    shown, trust = authority.sign("server"), _trusting(authority)
    with (
        stub(GOOD) as provider,
        server(tmp_path, valkey_server()) as store,
        gateway(tmp_path, 2, upstream=provider.url, redis_url=store.url, **_settings(shown)) as both,
        wire(both.port, tls=trust) as kept,
    ):
        old = _serial(both.port, trust)
        _replace(shown, authority.sign("another"))
        assert _serial(both.port, trust) == old, "files alone change nothing"
        both.process.send_signal(signal.SIGHUP)
        until(lambda: len(both.logged("reloaded")) == 2, "not reloaded")
        serials = {_serial(both.port, trust) for _ in range(20)}
        assert len(serials) == 1
        assert old not in serials
        kept.send(request(token=fresh()))
        assert kept.answer().status == 200


def test_a_reload_of_a_wrong_certificate_changes_nothing(tmp_path: Path) -> None:
    """Files that do not belong together, as half of a replacement leaves them, are told of and not taken."""
    authority = Authority(tmp_path)
    shown, trust = authority.sign("server"), _trusting(authority)
    with stub(GOOD) as provider, gateway(tmp_path, upstream=provider.url, **_settings(shown)) as own:
        old, ends = _serial(own.port, trust), own.metrics()["gateway_tls_certificate_end_timestamp_seconds"]
        authority.sign("another").certificate.replace(shown.certificate)
        own.process.send_signal(signal.SIGHUP)
        until(lambda: bool(own.logged("reload_refused")), "not refused")
        assert "GATEWAY_TLS_CERTIFICATE" in own.logged("reload_refused")[0]["reason"]
        assert _serial(own.port, trust) == old
        assert own.metrics()["gateway_tls_certificate_end_timestamp_seconds"] == ends > time.time()


@pytest.mark.parametrize(
    "arguments", [("serve", "--port", "0"), ("serve", "--workers", "2", "--port", "0"), ("check",)]
)
@pytest.mark.parametrize(
    ("certificate", "key", "named"),
    [
        ("server.pem", "", "GATEWAY_TLS_KEY: GATEWAY_TLS_CERTIFICATE is set without it"),
        ("", "server.key", "GATEWAY_TLS_CERTIFICATE: GATEWAY_TLS_KEY is set without it"),
        ("nowhere.pem", "server.key", "nowhere.pem: No such file or directory"),
        ("server.pem", "nowhere.key", "nowhere.key: No such file or directory"),
        (".", "server.key", "it is no regular file"),
        ("pipe", "server.key", "pipe: it is no regular file"),
        ("server.pem", "pipe", "pipe: it is no regular file"),
        ("server.key", "server.pem", "they do not hold a certificate and its key in PEM form"),
        ("server.pem", "other.key", "it does not belong to the key in"),
        ("server.pem", "locked.key", "locked.key: the key is encrypted"),
    ],
)
def test_what_cannot_be_used_stops_the_start(
    tmp_path: Path, arguments: tuple[str, ...], certificate: str, key: str, named: str
) -> None:
    """One line names the settings, the file, what is wrong with it, and the remedy."""
    authority = Authority(tmp_path)
    for name, password in (("server", None), ("other", None), ("locked", "password")):
        authority.sign(name, password=password)
    os.mkfifo(tmp_path / "pipe")
    refused = programs.run(
        *arguments,
        jwt_secrets=SECRET,
        upstream_url="http://127.0.0.1:1",
        redis_url="redis://127.0.0.1:1",
        tls_certificate=certificate and str(tmp_path / certificate),
        tls_key=key and str(tmp_path / key),
    )
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert "GATEWAY_TLS_CERTIFICATE" in refused.stderr
    assert "GATEWAY_TLS_KEY" in refused.stderr
    assert named in refused.stderr
