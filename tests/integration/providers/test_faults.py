"""Every fault of a provider, through a started gateway: what the caller is told, and what is left behind."""

import asyncio
import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.certificates import Authority, demanding
from support.site import EXTRAIT_RCS, GOOD, GOOD_BODY, LONG, ROOMY, Gate, Site, codes, fresh, hang, wait_until
from support.site import site as started
from support.stub import Handler, always, answer, stub

MB = 1 << 20
ZEROS = b"0" * MB
JSON_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A gateway that asks its providers whatever happened before."""
    with started(tmp_path_factory.mktemp("calm"), breaker="off", **ROOMY) as calm:
        yield calm


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The same, waiting 1 s for them."""
    with started(tmp_path_factory.mktemp("hasty"), breaker="off", upstream_timeout="1", **ROOMY) as hasty:
        yield hasty


def _closing(raw: bytes) -> Handler:
    async def handler(_target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        writer.close()

    return handler


def _reset(raw: bytes) -> Handler:
    async def handler(_target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        writer.transport.abort()

    return handler


def _drip(raw: bytes, part: bytes = b" ") -> Handler:
    async def handler(_target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        while not writer.is_closing():
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.02)

    return handler


def _flood(head: bytes, part: bytes, times: int) -> Handler:
    async def handler(_target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        for _ in range(times):
            writer.write(part)
            await writer.drain()

    return handler


def _with(header: bytes, body: bytes = GOOD_BODY) -> bytes:
    return answer(body).replace(b"\r\n", b"\r\n" + header + b"\r\n", 1)


SLOW: dict[str, Handler] = {
    "silence": hang,
    "drip of a head": _drip(b"HTTP/1.1 200 OK\r\nx: "),
    "drip of a body": _drip(JSON_HEAD + b"content-length: 100000\r\n\r\n"),
    "drip of chunks": _drip(JSON_HEAD + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "drip of interim answers": _drip(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "a body that stops": always(JSON_HEAD + b"content-length: 1000\r\n\r\n{"),
}
FAULTS: dict[str, tuple[Handler, int, str]] = {
    "closed at once": (_closing(b""), 502, "00501"),
    "reset at once": (_reset(b""), 502, "00501"),
    "reset mid-head": (_reset(b"HTTP/1.1 200 O"), 502, "00501"),
    "reset mid-body": (_reset(answer(GOOD_BODY)[:-5]), 502, "00501"),
    "shorter than its length": (_closing(answer(GOOD_BODY)[:-5]), 502, "00501"),
    "cut chunks": (_closing(JSON_HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\n{}"), 502, "00501"),
    "HTML": (always(answer(b"<html>Bienvenue</html>", content_type="text/html")), 502, "01999"),
    "truncated JSON": (always(answer(GOOD_BODY[:-4])), 502, "01999"),
    "redirection within": (always(b"HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n"), 502, "01999"),
    "cut gzip": (always(_with(b"content-encoding: gzip", gzip.compress(GOOD_BODY)[:-9])), 502, "01999"),
    "gzip of a page": (always(_with(b"content-encoding: gzip", gzip.compress(b"<html>"))), 502, "01999"),
    "no gzip": (always(_with(b"content-encoding: gzip", b"\xff" * 99)), 502, "01999"),
    "another coding": (always(_with(b"content-encoding: br", b"\x8b\x02\x80{}\x03")), 502, "01999"),
    "gzip bomb without a length": (
        _closing(JSON_HEAD + b"content-encoding: gzip\r\n\r\n" + gzip.compress(ZEROS * 100)),
        502,
        "01999",
    ),
    "gzip of nothing": (
        _flood(JSON_HEAD + b"content-encoding: gzip\r\n\r\n", gzip.compress(b"") * 10_000, 100),
        502,
        "01999",
    ),
    "gzip bomb": (
        _flood(_with(b"content-encoding: gzip", b"").replace(b": 0", b": 104857600"), gzip.compress(ZEROS * 10), 9000),
        502,
        "01999",
    ),
    "bomb that is not declared": (
        _flood(JSON_HEAD + b"transfer-encoding: chunked\r\n\r\n", b"100000\r\n" + ZEROS + b"\r\n", 100),
        502,
        "01999",
    ),
    "100 MB": (_flood(JSON_HEAD + b"content-length: 104857600\r\n\r\n", ZEROS, 100), 502, "01999"),
    "100 MB without a length": (_flood(JSON_HEAD + b"\r\n", ZEROS, 100), 502, "01999"),
    "endless head": (_flood(b"HTTP/1.1 200 OK\r\nx: ", ZEROS, 100), 502, "01999"),
    "endless headers": (_flood(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n" * 1000, 1000), 502, "01999"),
    "endless trailer": (
        _flood(JSON_HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n0\r\nx: ", ZEROS, 100),
        502,
        "01999",
    ),
    "two lengths": (always(_with(b"content-length: 3")), 502, "01999"),
    "length and chunks": (always(_with(b"transfer-encoding: chunked")), 502, "01999"),
    "negative length": (always(JSON_HEAD + b"content-length: -5\r\n\r\n"), 502, "01999"),
    "endless length": (always(JSON_HEAD + b"content-length: " + b"9" * 5000 + b"\r\n\r\n"), 502, "01999"),
    "switched protocol": (always(b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"), 502, "01999"),
    "not HTTP": (always(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"), 502, "01999"),
    "nothing but zeros": (always(b"\0" * 1000), 502, "01999"),
}


FRUGAL_KIB = 8 * 1024
"""What a fault may cost a worker for a moment."""
LARGEST_KIB = 16 * 1024
"""The same, where an answer is read up to the largest length (8 MiB) before it is known to be too long."""
READ_FIRST = {"bomb that is not declared", "100 MB without a length", "gzip bomb without a length"}


def _connections(port: int) -> int:
    """Connections to a port that are open on the side of those who call it."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    open_states = {"01", "02", "08"}  # established, being made, closed by the other side alone
    return sum(int(row[2].partition(":")[2], 16) == port and row[3] in open_states for row in rows)


def _files(site: Site) -> int:
    return sum(1 for _ in Path(f"/proc/{site.program.process.pid}/fd").iterdir())


def _peak_kib(site: Site, *, anew: bool = False) -> int:
    folder = Path(f"/proc/{site.program.process.pid}")
    if anew:
        (folder / "clear_refs").write_text("5")
    found = re.search(r"VmHWM:\s+(\d+) kB", (folder / "status").read_text())
    assert found is not None
    return int(found[1])


def _check(site: Site, handler: Handler, status: int, code: str, *, limit: int = FRUGAL_KIB) -> None:
    """One fault: its answer, then a call that works, and nothing left behind."""
    token = fresh()
    site.provider.handler = GOOD
    assert site.call(token=token).status_code == 200
    wait_until(lambda: _connections(site.provider.port) == 1)
    files, memory = _files(site), _peak_kib(site, anew=True)
    site.provider.handler = handler
    response = site.call(token=token)
    assert (response.status_code, codes(response)) == (status, [code])
    site.provider.handler = GOOD
    response = site.call(token=token)
    assert (response.status_code, response.content) == (200, GOOD_BODY)
    wait_until(lambda: _connections(site.provider.port) <= 1)
    wait_until(lambda: _files(site) <= files)
    grown = _peak_kib(site) - memory
    assert grown < limit, f"the worker grew by {grown} KiB"


@pytest.mark.parametrize("name", SLOW)
def test_slow_answers(hasty: Site, name: str) -> None:
    """No byte that comes prolongs the deadline: 504 PP002."""
    _check(hasty, SLOW[name], 504, "01002")


@pytest.mark.parametrize("name", FAULTS)
def test_faults(calm: Site, name: str) -> None:
    """Each fault has its status and code, and costs neither memory, nor a connection, nor the next call."""
    _check(calm, *FAULTS[name], limit=LARGEST_KIB if name in READ_FIRST else FRUGAL_KIB)


def test_more_than_its_length(calm: Site) -> None:
    """What comes after the end of an answer is nobody's: neither this caller's nor the next one's."""
    injected = answer(b'{"data":{"siren":"ANOTHER"},"links":{},"meta":{}}')
    for behind in (b"junk", injected, injected[:-10], injected[:20], b"HTTP/1.1 100 Continue\r\n\r\n"):
        calm.provider.handler = always(answer(GOOD_BODY) + behind)
        token = fresh()
        for _ in range(3):
            response = calm.call(token=token)
            assert (response.status_code, response.content) == (200, GOOD_BODY)
        wait_until(lambda: _connections(calm.provider.port) <= 1)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirection_to_another_host_is_never_followed(calm: Site, status: int) -> None:
    """A redirection is not what was promised, and nobody calls where it leads."""
    with stub(GOOD) as elsewhere:
        location = f"location: {elsewhere.url}/v4/insee/sirene/unites_legales/130025265".encode()
        _check(calm, always(_with(location, b"").replace(b" 200 ", b" %d " % status)), 502, "01999")
        assert (elsewhere.connections, elsewhere.requests) == (0, [])


@pytest.mark.parametrize("kind", ["unknown authority", "expired", "another name"])
def test_a_bad_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """A certificate that is not to be trusted, out of date or somebody else's is 502 PP009."""
    ca = Authority(tmp_path)
    if kind != "unknown authority":
        monkeypatch.setenv("SSL_CERT_FILE", str(ca.file))  # among the system's, as far as the gateway knows
    names = ("elsewhere.example",) if kind == "another name" else ("127.0.0.1",)
    context = ca.sign("provider", expired=kind == "expired", names=names).server_context()
    with stub(GOOD, tls=context) as provider, started(tmp_path, upstream=provider.url) as own:
        response = own.call(token=fresh())
        assert (response.status_code, codes(response)) == (502, ["01009"])
        assert provider.requests == []


def test_a_certificate_of_ours_that_is_missing(tmp_path: Path) -> None:
    """A provider that wants a certificate of the gateway, and gets none, has refused its credentials: 502 PP006."""
    ca = Authority(tmp_path)
    with demanding(ca.sign("provider").server_context(clients=ca.file)) as url:
        settings = {"providers__insee__base_url": url, "providers__insee__ca": str(ca.file)}
        with started(tmp_path, **settings) as own:
            response = own.call(token=fresh())
            assert (response.status_code, codes(response)) == (502, ["01006"])
            assert own.call(EXTRAIT_RCS, token=fresh()).status_code == 200


def test_a_good_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider with TLS and a certificate of a known authority is called."""
    ca = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(ca.file))
    context = ca.sign("provider", names=("127.0.0.1",)).server_context()
    with stub(GOOD, tls=context) as provider, started(tmp_path, upstream=provider.url) as own:
        token = fresh()
        assert [own.call(token=token).status_code for _ in range(3)] == [200, 200, 200]
        assert provider.connections == 1


def test_a_provider_that_is_fully_used(tmp_path: Path) -> None:
    """A call beyond those allowed at once is answered at once: 502 PP001."""
    with started(tmp_path, upstream_max_calls="1", breaker="off") as own:
        gate = own.provider.handler = Gate()
        with own.in_background(lambda: own.call(token=fresh())) as waiting:
            assert gate.arrived.wait(LONG)
            response = own.call(token=fresh())
            assert (response.status_code, codes(response)) == (502, ["01001"])
            assert not waiting.done()
            gate.opened.set()
        assert waiting.result().status_code == 200
        assert own.call(token=fresh()).status_code == 200
