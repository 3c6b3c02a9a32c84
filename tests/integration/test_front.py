"""What stands before the control plane: a ceiling per address, one buffer for all, the way from `/` to /docs."""

import gzip
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urljoin

import brotli  # type: ignore[import-untyped]  # it has no types
import httpx
import pytest
import yaml

from support import stores
from support.fleet import gateway
from support.site import LONG, ROOMY, Site, fresh
from support.site import site as started
from support.wire import Answer, Wire, wire

ALLOWED = "127.9.0.1"
STATIC = ["/openapi.yaml", "/docs", "/docs/", "/docs/assets/swagger-ui-bundle.js", "/docs/assets/swagger-ui.css"]
COUNTED = [
    "/docs", "/openapi.yaml", "/metrics", "/pings", "/docs/assets/swagger-ui.css", "/docs/assets/nope", "/docs/init.js",
    "/privileges", "/v2/privileges", "/errors", "/errors?operation_id=dossiers", "/v3/ping",
    "/ping/nope", "/ping/insee/sirene",
]  # fmt: skip


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A gateway with an allowlist, behind a proxy at 127.0.0.5."""
    folder = tmp_path_factory.mktemp("front")
    with started(folder, **ROOMY, ip_allowlist=ALLOWED, trusted_proxies="127.0.0.5") as own:
        yield own


def ask(line: Wire, path: str, *, method: str = "GET", **headers: str) -> Answer:
    """Ask for a page on a connection."""
    named = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    line.send(f"{method} {path} HTTP/1.1\r\nHost: x\r\n{named}\r\n".encode("latin-1"))
    return line.answer(method=method)


def use_up(line: Wire, count: int, **headers: str) -> list[int]:
    """Ask for so many pages, of all that count, on a connection."""
    return [ask(line, "/v2/ping", **headers).status for _ in range(count)]


def test_the_ceiling_of_an_address(front: Site) -> None:
    """All pages count together, 600 a minute; beyond, each is 429 with the time to wait, and nobody is banned."""
    with wire(front.program.port, source="127.9.0.2") as line:
        for path in COUNTED:
            assert ask(line, path).status < 429 or path.startswith("/ping/")
        assert set(use_up(line, 600 - len(COUNTED))) == {200}
        for path in COUNTED:
            got = ask(line, path)
            assert got.status == 429
            assert 1 <= int(got.headers["retry-after"]) <= 60
            assert got.headers["content-type"] == "application/json"
            if path == "/v2/privileges":
                assert got.json["errors"][0].startswith("Votre adresse")
            else:
                assert got.codes == ["00907"]
        assert ask(line, "/docs", method="HEAD").status == 429
        assert ask(line, "/docs", method="POST").status == 429
        assert [ask(line, path).status for path in ("/livez", "/readyz") * 400] == [200] * 800
        for _ in range(300):
            ask(line, "/pings")
        path = f"/v4/insee/sirene/unites_legales/130025265?token={fresh()}&context=a&object=b&recipient=13002526500013"
        assert ask(line, path).status == 200  # of the data plane nothing was used up
    with wire(front.program.port, source="127.9.0.3") as line:
        assert ask(line, "/docs").status == 200
    assert front.metric("gateway_control_refused_total") >= len(COUNTED) + 302
    assert front.metric("gateway_control_addresses") >= 2


def test_who_is_exempt(front: Site) -> None:
    """Addresses of the allowlist may ask as often as they like."""
    with wire(front.program.port, source=ALLOWED) as line:
        assert set(use_up(line, 700)) == {200}


def test_behind_a_proxy_clients_are_counted(front: Site) -> None:
    """A trusted proxy speaks for its clients, an IPv6 client counts with all of its /64."""
    with wire(front.program.port, source="127.0.0.5") as line:
        for host in range(3):
            use_up(line, 200, X_Forwarded_For=f"2001:db8:1:2::{host}")
        assert use_up(line, 1, X_Forwarded_For="2001:db8:1:2:ffff::1") == [429]
        assert use_up(line, 1, X_Forwarded_For="2001:db8:1:3::1") == [200]
        assert use_up(line, 1, X_Forwarded_For="192.0.2.1") == [200]


def test_a_trial_refuses_nobody(tmp_path: Path) -> None:
    """With `GATEWAY_LIMITS=shadow` such calls are told of and answered."""
    with started(tmp_path, limits="shadow") as own:
        with wire(own.program.port) as line:
            assert set(use_up(line, 603)) == {200}
        assert own.metric('gateway_shadow_refusals_total{check="control"}') == 3


# One buffer for all.


def decoded(got: Answer) -> bytes:
    """The body of an answer."""
    match got.headers.get("content-encoding"):
        case "gzip":
            return gzip.decompress(got.body)
        case "br":
            body: bytes = brotli.decompress(got.body)
            return body
        case None:
            return got.body
        case other:
            raise AssertionError(other)


@pytest.mark.parametrize("path", STATIC)
def test_codings(site: Site, path: str) -> None:
    """Each coding has the same content, a tag of its own and its own length, for GET and HEAD alike."""
    tags, bodies = set(), set()
    with wire(site.program.port, source="127.9.1.1") as line:
        for accepted, coding in (
            ("", None), ("gzip", "gzip"), ("br", "br"), ("gzip, deflate, br", "br"), ("br;q=0.1, gzip;q=0.2", "gzip"),
            ("identity;q=0, gzip", "gzip"), ("identity", None), ("zstd", None), ("*;q=0, br", "br"),
        ):  # fmt: skip
            headers = {"Accept_Encoding": accepted} if accepted else {}
            got = ask(line, path, **headers)
            assert (got.status, got.headers.get("content-encoding")) == (200, coding)
            assert got.headers["vary"] == "accept-encoding"
            assert coding is None or len(got.body) < len(decoded(got))
            head = ask(line, path, method="HEAD", **headers)
            assert (head.status, head.body) == (200, b"")
            assert {k: v for k, v in head.headers.items() if k != "date"} == {
                k: v for k, v in got.headers.items() if k != "date"
            }
            tags.add((coding, got.headers["etag"]))
            bodies.add(decoded(got))
        for accepted in ("identity;q=0", "*;q=0"):
            assert ask(line, path, Accept_Encoding=accepted).status == 406
    assert len(tags) == 3
    assert len(bodies) == 1


@pytest.mark.parametrize("coding", ["identity", "gzip", "br"])
@pytest.mark.parametrize("path", STATIC)
def test_what_is_known_already(site: Site, path: str, coding: str) -> None:
    """With its tag, alone or in a list, weak or not, or with `*`, an answer is 304 without a body."""
    with wire(site.program.port, source="127.9.1.2") as line:
        tag = ask(line, path, Accept_Encoding=coding).headers["etag"]
        for known in (tag, f"W/{tag}", f'"a", {tag}', f'"a",W/{tag} , "b"', "*"):
            for method in ("GET", "HEAD"):
                got = ask(line, path, method=method, Accept_Encoding=coding, If_None_Match=known)
                assert (got.status, got.headers["etag"], got.body) == (304, tag, b"")
                assert got.headers["vary"] == "accept-encoding"
                assert "content-length" not in got.headers
        for known in ('"a"', tag.strip('"'), '""', "x"):
            assert ask(line, path, Accept_Encoding=coding, If_None_Match=known).status == 200


def test_the_description_is_whole(site: Site) -> None:
    """Compressed or not, it is the YAML of the endpoints."""
    with wire(site.program.port, source="127.9.1.3") as line:
        text = decoded(ask(line, "/openapi.yaml", Accept_Encoding="br"))
    assert text == Path("openapi.yaml").read_bytes()
    assert yaml.safe_load(text[:200].decode())["openapi"] == "3.1.0"


def test_a_library_reads_it(site: Site) -> None:
    """An ordinary client, which takes all codings, and zlib read the same."""
    with httpx.Client(transport=httpx.HTTPTransport(local_address="127.9.1.4"), timeout=LONG) as client:
        text = client.get(site.program.url + "/docs/assets/swagger-ui.css").content
        raw = client.get(site.program.url + "/docs/assets/swagger-ui.css", headers={"Accept-Encoding": "gzip"})
    assert text == raw.content
    assert zlib.crc32(text)


# From `/` to the documentation.

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize("accept", [BROWSER, "text/html", "application/json;q=0.1, TEXT/HTML;q=0.5"])
@pytest.mark.parametrize("target", ["/", "/?a=b", "http://example.org", "http://example.org/"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_browser_is_led_to_the_documentation(front: Site, accept: str, target: str, method: str) -> None:
    """Who opens the bare address in a browser gets to /docs, and uses up nothing of the data plane."""
    with wire(front.program.port, source=ALLOWED) as line:
        got = ask(line, target, method=method, Accept=accept)
        assert (got.status, got.body) == (302, b"")
        assert urljoin("http://example.org/", got.headers["location"]) == "http://example.org/docs"
        assert ask(line, got.headers["location"]).status == 200


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/", {}),
        ("/", {"Accept": "*/*"}),
        ("/", {"Accept": "application/json"}),
        ("/", {"Accept": "text/html;q=0"}),
        ("/x", {"Accept": BROWSER}),
        ("//", {"Accept": BROWSER}),
        ("/v4/", {"Accept": BROWSER}),
        ("/%2F", {"Accept": BROWSER}),
    ],
)
def test_others_get_what_they_got(front: Site, target: str, headers: Mapping[str, str]) -> None:
    """Everything else is 404 as before."""
    with wire(front.program.port) as line:
        got = ask(line, target, **headers)
    assert (got.status, got.codes) == (404, ["00404"])


def test_the_bare_address_counts_as_before(tmp_path: Path) -> None:
    """Calls of `/` count for their address, and ban it; a browser's do not."""
    with started(tmp_path, limit_ip="3") as own:
        with wire(own.program.port, source="127.9.2.1") as line:
            assert [ask(line, "/", Accept=BROWSER).status for _ in range(5)] == [302] * 5
            assert [ask(line, "/").status for _ in range(3)] == [404] * 3
            line.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert line.some() == b""
        assert {line["status"] for line in own.program.access_lines(count=3)} == {404}


def test_each_process_counts_for_itself(tmp_path: Path, site: Site) -> None:
    """With several workers an address has the ceiling of each, and no more."""
    folder = tmp_path / "store"
    folder.mkdir()
    with (
        stores.server(folder, stores.valkey_server()) as store,
        gateway(tmp_path, 2, upstream=site.provider.url, redis_url=store.url) as own,
    ):
        statuses = []
        for _ in range(40):
            with wire(own.port, source="127.9.3.1") as line:
                statuses += use_up(line, 40)
        assert 600 <= statuses.count(200) <= 1200
        assert statuses.count(429) == 1600 - statuses.count(200)
