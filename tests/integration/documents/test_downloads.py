"""Links: what they give, to whom, how much of it, and for how long."""

import os
import socket
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from apientreprise_gateway.documents.links import DocumentLink, new_link, read_path
from support.papers import LINK, VIGILANCE_V3, Papers, as_file, pdf
from support.programs import Program
from support.site import LONG, ROOMY, Site, codes, fresh, wait_until
from support.site import site as started
from support.wire import request, wire

PDF = pdf(200_000)
LARGE = pdf(20_000_000)


def link(site: Site, file: bytes = PDF, *, headers: Mapping[str, str] | None = None) -> str:
    """The link to a document."""
    site.provider.handler = Papers({VIGILANCE_V3: as_file(file)})
    response = site.call(VIGILANCE_V3, token=fresh(), headers=headers)
    address: str = response.json()["data"]["document_url"]
    return address


def path(address: str) -> str:
    """The path of a link."""
    found = LINK.fullmatch(address)
    assert found is not None
    return found[1]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, str]]:
    """A gateway, and a link that works there."""
    with started(tmp_path_factory.mktemp("links"), **ROOMY) as own:
        yield own, link(own)


# What is given.


def test_the_whole(address: tuple[Site, str]) -> None:
    """A link gives the document, with headers that keep it from harm."""
    site, url = address
    response = site.client.get(url)
    assert (response.status_code, response.content) == (200, PDF)
    assert {name: response.headers[name] for name in response.headers if name not in ("date", "x-request-id")} == {
        "content-type": "application/pdf",
        "content-length": str(len(PDF)),
        "content-disposition": 'attachment; filename="attestation_vigilance_130025265.pdf"',
        "accept-ranges": "bytes",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; sandbox",
        "referrer-policy": "no-referrer",
        "x-robots-tag": "noindex",
        "etag": response.headers["etag"],
    }


def test_head(address: tuple[Site, str]) -> None:
    """HEAD says what GET would, without the document; the connection stays usable."""
    site, url = address
    whole, head = site.client.get(url), site.client.head(url)
    assert (head.status_code, head.content) == (200, b"")
    ignored = ("date", "x-request-id")
    assert {k: v for k, v in head.headers.items() if k not in ignored} == {
        k: v for k, v in whole.headers.items() if k not in ignored
    }
    with wire(site.program.port) as line:
        for _ in range(2):
            line.send(request(path=path(url), method="HEAD", query={}))
            assert line.answer(method="HEAD").headers["content-length"] == str(len(PDF))


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199999", 100, 200_000),
        ("bytes=150000-", 150_000, 200_000),
        ("bytes=-500", 199_500, 200_000),
        ("bytes=-999999", 0, 200_000),
        ("bytes=199999-999999", 199_999, 200_000),
    ],
)
def test_a_range(address: tuple[Site, str], asked: str, start: int, stop: int) -> None:
    """A range of bytes is answered with 206, and with where it is."""
    site, url = address
    response = site.client.get(url, headers={"Range": asked})
    assert response.status_code == 206
    assert response.headers["content-range"] == f"bytes {start}-{stop - 1}/200000"
    assert response.headers["content-length"] == str(stop - start)
    assert response.content == PDF[start:stop]


@pytest.mark.parametrize("asked", ["bytes=0-0", "bytes=150000-", "bytes=999999-", "bytes=x"])
def test_a_range_is_for_get_alone(address: tuple[Site, str], asked: str) -> None:
    """HEAD says what a GET without a range would get."""
    site, url = address
    response = site.client.head(url, headers={"Range": asked})
    assert (response.status_code, response.headers["content-length"]) == (200, str(len(PDF)))
    assert "content-range" not in response.headers


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "bytes=5-2", "lines=1-2", "bytes=x", ""])
def test_what_is_no_single_range(address: tuple[Site, str], asked: str) -> None:
    """Several ranges, or none that can be read, get the whole document."""
    site, url = address
    response = site.client.get(url, headers={"Range": asked})
    assert (response.status_code, response.content) == (200, PDF)
    assert "content-range" not in response.headers


@pytest.mark.parametrize("asked", ["bytes=200000-", "bytes=-0", "bytes=999999999-"])
def test_a_range_beyond_the_end(address: tuple[Site, str], asked: str) -> None:
    """A range that the document does not have is 416, with its size."""
    site, url = address
    response = site.client.get(url, headers={"Range": asked})
    assert (response.status_code, codes(response)) == (416, ["00409"])
    assert response.headers["content-range"] == "bytes */200000"


def test_conditions(address: tuple[Site, str]) -> None:
    """A client that has the document is told so, and one that has part of another gets the whole."""
    site, url = address
    tag = site.client.get(url).headers["etag"]
    bare = tag.strip('"')
    for given in (tag, f"W/{tag}", f'"x", W/{tag}', f'"a,b" ,, {tag}', "*"):
        for method in ("GET", "HEAD"):
            response = site.client.request(method, url, headers={"If-None-Match": given, "Range": "bytes=0-9"})
            assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", tag)
    for given in ('"x"', bare, f'"x{bare}"', f'"x, {bare}"', "", '"', f"w/{tag}", '"*"'):
        assert site.client.get(url, headers={"If-None-Match": given}).status_code == 200, given
    for given in ('"x"', f"W/{tag}", bare, "*", "Sat, 28 Nov 2026 12:00:00 GMT", f'{tag}, "x"'):
        response = site.client.get(url, headers={"If-Range": given, "Range": "bytes=0-9"})
        assert (response.status_code, response.content) == (200, PDF), given
    assert site.client.get(url, headers={"If-Range": tag, "Range": "bytes=0-9"}).content == PDF[:10]


def test_headers_that_come_twice(address: tuple[Site, str]) -> None:
    """Tags may be spread over several lines; two ranges are no single one."""
    site, url = address
    tag = site.client.get(url).headers["etag"]
    both = [("If-None-Match", tag), ("If-None-Match", '"x"')]
    assert site.client.get(url, headers=both).status_code == 304
    assert site.client.get(url, headers=[("Range", "bytes=0-1"), ("Range", "bytes=5-6")]).content == PDF


def test_any_is_none_where_there_is_none(address: tuple[Site, str]) -> None:
    """`If-None-Match: *` changes nothing for a link that leads nowhere."""
    site, url = address
    response = site.client.get(url.replace(".pdf", "x.pdf"), headers={"If-None-Match": "*"})
    assert response.status_code == 404


def test_an_interrupted_download_goes_on(address: tuple[Site, str]) -> None:
    """What is missing can be asked for later, on another connection."""
    site, url = address
    first = site.client.get(url, headers={"Range": "bytes=0-99999"}).content
    rest = httpx.get(url, headers={"Range": f"bytes={len(first)}-"}, timeout=LONG).content
    assert first + rest == PDF


# To whom.


def test_no_token_is_asked_for_or_given(address: tuple[Site, str]) -> None:
    """A link works without a token, has none in it, and does not care about one."""
    site, url = address
    assert urlsplit(url).query == ""
    assert site.client.get(url).status_code == 200
    assert site.client.get(url, headers={"Authorization": "Bearer nonsense"}).status_code == 200
    assert site.client.get(url + "?token=nonsense").status_code == 200
    assert not any(name.startswith("ratelimit") for name in site.client.get(url).headers)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods(address: tuple[Site, str], method: str) -> None:
    """A document can be read, and nothing else."""
    site, url = address
    response = site.client.request(method, url, headers={"Origin": "https://a.example"})
    assert (response.status_code, codes(response), response.headers["allow"]) == (405, ["00405"], "GET, HEAD")
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path[:-1],
        lambda path: path + "/",
        lambda path: path.replace("130025265", "130025266"),
        lambda path: path.replace(".pdf", ".zip"),
        lambda path: path.replace("/attestation", "/../attestation"),
        lambda path: path[:20] + ("A" if path[20] != "A" else "B") + path[21:],
        lambda path: path[:58] + ("A" if path[58] != "A" else "B") + path[59:],
        lambda path: "/documents/z" + path[12:],
        lambda _: "/documents/" + "A" * 47 + "/a.pdf",
        lambda _: "/documents/",
        lambda _: "/documents/../livez",
        lambda _: "/documents/incoming/a.pdf",
        lambda _: "/documents/..%2f..%2f..%2fetc%2fpasswd",
        lambda _: "/documents/" + "../" * 10 + "etc/passwd",
    ],
)
def test_any_other_link_leads_nowhere(address: tuple[Site, str], change: object) -> None:
    """A link that was changed in any place, or made up, is 404."""
    site, url = address
    changed = change(path(url))  # type: ignore[operator]
    assert changed != path(url)
    with wire(site.program.port) as line:
        line.send(request(path=changed, query={}))
        answer = line.answer()
    assert (answer.status, answer.codes) == (404, ["00408"])


def test_who_guesses_is_banned(tmp_path: Path) -> None:
    """Calls of links that lead nowhere count for their address; downloads do not."""
    with started(tmp_path, limit_ip="8") as own:
        url = link(own)
        for _ in range(12):
            assert own.client.get(url).status_code == 200
        with wire(own.program.port, source="127.0.1.20") as line:
            for _ in range(8):
                line.send(request(path="/documents/x", query={}))
                assert line.answer().status == 404
            line.send(request(path="/documents/x", query={}))
            assert line.rest() == b""
        with wire(own.program.port, source="127.0.1.20") as line:
            line.send(request(path=path(url), query={}))
            assert line.some() == b""
        assert own.client.get(url).status_code == 200


def _forged(path: str, ends: int) -> str:
    """A link like another, with another end and anything for the rest."""
    made = urlsafe_b64encode(ends.to_bytes(4) + os.urandom(32)).decode()
    return f"/documents/{made}/{path.rpartition('/')[2]}"


@pytest.mark.parametrize(
    ("method", "kind", "status", "code"),
    [
        ("POST", "nothing", 405, "00405"),
        ("DELETE", "real", 405, "00405"),
        ("OPTIONS", "past", 405, "00405"),
        ("GET", "past", 404, "00408"),
        ("HEAD", "past", 404, None),
        ("GET", "future", 404, "00408"),
        ("GET", "ended, changed", 404, "00408"),
        ("GET", "ended, renamed", 404, "00408"),
        ("GET", "long", 414, "00406"),
    ],
)
def test_what_counts(tmp_path: Path, method: str, kind: str, status: int, code: str | None) -> None:
    """What is no call for a document that there is, or was, counts for its address."""
    with started(tmp_path, limit_ip="5", document_seconds="60") as own:
        real = path(link(own))
        kept = read_path(real.encode())
        assert kept is not None
        secret = (tmp_path / "documents" / "seal").read_bytes()
        ended = new_link(ends=int(time.time()) - 7 * 86_400, name=kept.name, secret=secret).path
        asked = {
            "nothing": "/documents/x",
            "real": real,
            "past": _forged(real, 1_600_000_000),
            "future": _forged(real, 4_000_000_000),
            "ended, changed": ended[:30] + ("A" if ended[30] != "A" else "B") + ended[31:],
            "ended, renamed": ended.replace("/attestation", "/Attestation"),
            "long": real + "?" + "x" * 16_384,
        }[kind]
        with wire(own.program.port, source="127.0.1.30") as line:
            line.send(request(path=ended, query={}) * 20)
            assert {line.answer().status for _ in range(20)} == {410}
            line.send(request(path=real, query={}, headers={"If-None-Match": "*"}) * 20)
            assert {line.answer().status for _ in range(20)} == {304}
            line.send(request(path=real, query={}, headers={"Range": "bytes=999999-"}) * 20)
            assert {line.answer().status for _ in range(20)} == {416}
            data = f"{method} {asked} HTTP/1.1\r\nHost: test\r\n\r\n".encode()
            for _ in range(5):
                line.send(data)
                answer = line.answer(method=method)
                assert answer.status == status
                assert code is None or answer.codes == [code]
            line.send(data)
            assert line.rest() == b""
        with wire(own.program.port, source="127.0.1.30") as line:
            line.send(request(path=ended, query={}))
            assert line.some() == b""


def test_a_link_has_ended_wherever_it_was_made(tmp_path: Path) -> None:
    """A week after its end, a link is 410 at any gateway of its store, after restarts too, though nothing of it is
    left; at a gateway of another store it never was."""
    folder = tmp_path / "documents"
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
    with started(tmp_path / "one", documents=str(folder), **ROOMY) as own:
        link(own)
    secret = (folder / "seal").read_bytes()
    assert len(secret) == 32
    assert (folder / "seal").stat().st_mode & 0o777 == 0o600
    ended = new_link(ends=int(time.time()) - 8 * 86_400, name="a.pdf", secret=secret).path
    with (
        started(tmp_path / "one", documents=str(folder), **ROOMY) as one,
        started(tmp_path / "two", documents=str(folder), **ROOMY) as two,
        started(tmp_path / "three", **ROOMY) as other,
    ):
        assert [own.client.get(own.program.url + ended).status_code for own in (one, two, other)] == [410, 410, 404]
        # A folder that loses it is given it back, and what was made before stays known.
        (folder / "seal").unlink()
        link(one)
        assert [own.client.get(own.program.url + ended).status_code for own in (one, two)] == [410, 410]


def test_where_the_ban_is_an_answer(tmp_path: Path) -> None:
    """With `GATEWAY_BAN_ACTION=forbid`, a banned address gets 403 for a document too."""
    with started(tmp_path, limit_ip="1", ban_action="forbid") as own:
        url = link(own)
        assert own.call("/nowhere", token=None).status_code == 403
        response = own.client.get(url)
        assert (response.status_code, codes(response)) == (403, ["00901"])


# What the link says.


@pytest.mark.parametrize("host", ["api.example.fr", "api.example.fr:8443", "[::1]:80"])
def test_the_host_is_the_callers(address: tuple[Site, str], host: str) -> None:
    """A link starts with what the caller calls the gateway."""
    site, _ = address
    assert link(site, headers={"Host": host}).startswith(f"http://{host}/documents/")


def test_a_host_that_is_none_is_not_repeated(address: tuple[Site, str]) -> None:
    """What is no host never gets into a link."""
    site, _ = address
    assert link(site, headers={"Host": "a b"}).startswith(f"http://127.0.0.1:{site.program.port}/documents/")
    forged = link(site, headers={"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"})
    assert forged.startswith(f"http://127.0.0.1:{site.program.port}/documents/")


def test_behind_a_proxy(tmp_path: Path) -> None:
    """A trusted proxy says how callers reach the gateway."""
    with started(tmp_path, trusted_proxies="127.0.0.1", **ROOMY) as own:
        said = {"X-Forwarded-Host": "api.example.fr", "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
        assert link(own, headers=said).startswith("https://api.example.fr/documents/")


def test_a_setting_says_the_host(tmp_path: Path) -> None:
    """With `GATEWAY_PUBLIC_URL` links start with it, whatever the call says."""
    with started(tmp_path, public_url="https://api.example.fr/entreprise/", **ROOMY) as own:
        assert link(own, headers={"Host": "evil.example"}).startswith("https://api.example.fr/entreprise/documents/")


# For how long.


def test_after_its_end(tmp_path: Path) -> None:
    """Past its end a link is 410, although the document is still there, and its folder says when it may go."""
    with started(tmp_path, document_seconds="60", **ROOMY) as own:
        url = link(own)
        found = read_path(path(url).encode())
        assert found is not None
        kept = tmp_path / "documents" / found.key
        assert kept.read_bytes() == PDF
        # The same document under a link that has ended: what its own link is a minute later.
        past = DocumentLink("AAAA" + found.id[4:], found.name)
        (tmp_path / "documents" / past.key).parent.mkdir(exist_ok=True)
        kept.rename(tmp_path / "documents" / past.key)
        response = own.client.get(f"{own.program.url}{past.path}")
        assert (response.status_code, codes(response)) == (410, ["00403"])
        assert response.json()["errors"][0]["detail"] == "Le lien de téléchargement est expiré."


def test_a_restart_keeps_links(tmp_path: Path) -> None:
    """A gateway that is started anew on the same folder serves the links of the one before."""
    folder = str(tmp_path / "documents")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with started(tmp_path / "one", documents=folder, **ROOMY) as own:
        old = path(link(own))
        own.program.stop()
    with started(tmp_path / "two", documents=folder, **ROOMY) as own:
        assert own.client.get(own.program.url + old).content == PDF


def test_gateways_on_one_folder(tmp_path: Path) -> None:
    """Gateways that share the folder serve each other's links."""
    folder = str(tmp_path / "documents")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with (
        started(tmp_path / "one", documents=folder, **ROOMY) as one,
        started(tmp_path / "two", documents=folder, **ROOMY) as two,
    ):
        for giver, taker in ((one, two), (two, one)):
            assert taker.client.get(taker.program.url + path(link(giver))).content == PDF


def test_a_store_that_fails(tmp_path: Path) -> None:
    """A document that cannot be kept or read is 502 of the gateway's, and JSON goes on."""
    with started(tmp_path, **ROOMY) as own:
        url = link(own)
        folder = tmp_path / "documents"
        folder.rename(tmp_path / "away")
        folder.write_text("in the way")
        own.provider.handler = Papers({VIGILANCE_V3: as_file(PDF)})
        kept = own.call(VIGILANCE_V3, token=fresh())
        assert (kept.status_code, codes(kept)) == (502, ["00502"])
        read = own.client.get(url)
        assert (read.status_code, codes(read)) == (502, ["00502"])
        folder.unlink()
        (tmp_path / "away").rename(folder)
        assert own.client.get(url).content == PDF
        assert own.program.logged("document_not_kept", count=1)


# Clients that are slow, or gone.


def _open_files(program: Program) -> list[str]:
    links = Path(f"/proc/{program.process.pid}/fd").iterdir()
    names = []
    for each in links:
        try:
            names.append(str(each.readlink()))
        except FileNotFoundError:
            continue
    return [name for name in names if "/documents/" in name]


def test_who_goes_away_holds_nothing(tmp_path: Path) -> None:
    """A client that leaves in the middle frees the document, and its line says how far it came."""
    with started(tmp_path, **ROOMY) as own:
        url = link(own, LARGE)
        raw = socket.create_connection(("127.0.0.1", own.program.port), timeout=LONG)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.sendall(request(path=path(url), query={}))
        assert raw.recv(1000).startswith(b"HTTP/1.1 200")
        wait_until(lambda: len(_open_files(own.program)) == 1)
        raw.close()
        wait_until(lambda: _open_files(own.program) == [])
        (line,) = own.lines(event="download")
        assert not line["complete"]
        assert line["bytes"] < len(LARGE)
        assert own.client.get(url).content == LARGE


def test_who_reads_nothing_is_let_go(tmp_path: Path) -> None:
    """A client that stops reading holds the document for no longer than the server's patience."""
    with started(tmp_path, client_timeout="1", **ROOMY) as own:
        url = link(own, LARGE)
        raw = socket.create_connection(("127.0.0.1", own.program.port), timeout=LONG)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.sendall(request(path=path(url), query={}))
        assert raw.recv(1000).startswith(b"HTTP/1.1 200")
        wait_until(lambda: _open_files(own.program) == [] and bool(own.lines(event="download")))
        (line,) = own.lines(event="download")
        assert not line["complete"]
        raw.close()


def test_who_reads_slowly_is_not(tmp_path: Path) -> None:
    """A client that goes on reading is served for as long as it takes, though always behind."""
    with started(tmp_path, client_timeout="1", **ROOMY) as own:
        url = link(own, LARGE)
        with socket.create_connection(("127.0.0.1", own.program.port), timeout=LONG) as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 131_072)
            raw.sendall(request(path=path(url), query={}, headers={"Connection": "close"}))
            received, pause = 0, threading.Event()
            while part := raw.recv(100_000):
                received += len(part)
                pause.wait(len(part) / 5_000_000)
        assert received > len(LARGE)


def test_a_slow_client_gets_all(tmp_path: Path) -> None:
    """A client that takes its time is waited for, and holds up nobody."""
    with started(tmp_path, **ROOMY) as own:
        url = link(own, LARGE)
        go_on = threading.Event()
        received = bytearray()

        def read() -> None:
            with httpx.stream("GET", url, timeout=LONG) as response:
                for part in response.iter_raw():
                    received.extend(part)
                    if len(received) > 1_000_000:
                        go_on.wait(LONG)

        reader = threading.Thread(target=read)
        reader.start()
        wait_until(lambda: len(received) > 1_000_000)
        assert own.client.get(url).content == LARGE
        go_on.set()
        reader.join(LONG)
        assert bytes(received) == LARGE
