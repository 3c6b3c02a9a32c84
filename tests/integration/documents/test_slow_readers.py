"""Clients that read slowly: they hold no place that others need."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from apientreprise_gateway.documents.downloads import MOST, MOST_PER_ADDRESS, MOST_PER_LINK, SLOW_SECONDS
from support.buckets import buckets
from support.fleet import pause, together
from support.papers import VIGILANCE_V3, Papers, as_file, pdf
from support.site import LONG, ROOMY, Site, fresh, wait_until
from support.site import site as started
from support.wire import request, wire

LARGE = pdf(12_000_000)
"""More than the system holds for a connection."""


def links(site: Site, count: int) -> list[str]:
    """The paths of links to as many documents."""
    site.provider.handler = Papers({VIGILANCE_V3: as_file(LARGE)})
    return [httpx.URL(site.call(VIGILANCE_V3, token=fresh()).json()["data"]["document_url"]).path for _ in range(count)]


@contextmanager
def slow(port: int, path: str, *, source: str) -> Iterator[socket.socket]:
    """A connection that asks for a document and reads nothing of it."""
    with socket.create_connection(("127.0.0.1", port), timeout=LONG, source_address=(source, 0)) as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.sendall(request(path=path, query={}))
        yield raw


def fetched(port: int, path: str, *, source: str) -> tuple[int, int]:
    """Status of a download, and the bytes that came."""
    with wire(port, source=source) as line:
        line.send(request(path=path, query={}))
        answer = line.answer()
        return answer.status, len(answer.body)


def under_way(site: Site) -> float:
    """The downloads that the metric shows."""
    return site.metric("gateway_downloads_under_way")


def test_one_link_denies_nobody(tmp_path: Path) -> None:
    """Hundreds of connections that read nothing, on one link, leave everybody their documents: of other links, from
    other addresses, of the same link, and from the same address."""
    with started(tmp_path, **ROOMY) as own, ExitStack() as stack:
        one, other, third = links(own, 3)
        for _ in range(400):
            stack.enter_context(slow(own.program.port, one, source="127.0.0.1"))
        wait_until(lambda: under_way(own) == MOST_PER_LINK)
        pause(SLOW_SECONDS)
        asked = [(other, "127.0.0.1"), (other, "127.0.0.2"), (third, "127.0.0.3"), (one, "127.0.0.2")]
        found = together([lambda each=each: fetched(own.program.port, each[0], source=each[1]) for each in asked])  # type: ignore[misc]
        assert found == [(200, len(LARGE))] * 4
        assert own.call(VIGILANCE_V3, token=fresh()).status_code == 200
        wait_until(lambda: under_way(own) <= MOST_PER_LINK + 1)  # a download ends after its last byte has come
        folder = Path(f"/proc/{own.program.process.pid}/fd")
        wait_until(lambda: sum(map(_is_document, folder.iterdir())) <= MOST_PER_LINK + 1)


def _is_document(descriptor: Path) -> bool:
    try:
        return "/documents/" in str(descriptor.readlink())
    except FileNotFoundError:
        return False


def test_one_address_denies_no_other(tmp_path: Path) -> None:
    """An address that holds slow downloads of many links leaves the others theirs, and then its own next ones."""
    with started(tmp_path, **ROOMY) as own, ExitStack() as stack:
        paths = links(own, 6)
        for number in range(240):
            stack.enter_context(slow(own.program.port, paths[number % 5], source="127.0.0.1"))
        wait_until(lambda: under_way(own) == MOST_PER_ADDRESS)
        assert fetched(own.program.port, paths[5], source="127.0.0.2") == (200, len(LARGE))
        pause(SLOW_SECONDS)
        assert fetched(own.program.port, paths[5], source="127.0.0.1") == (200, len(LARGE))
        wait_until(lambda: own.metric('gateway_connections_cut_total{reason="evicted"}') >= 1)


def test_when_all_places_are_taken(tmp_path: Path) -> None:
    """While nobody is slow yet one more is 503, with the time to come again; then slow readers make room."""
    with started(tmp_path, **ROOMY) as own, ExitStack() as stack:
        paths = links(own, 12)
        place = 0
        while under_way(own) < MOST and place < 400:
            for _ in range(20):
                address, path = f"127.0.1.{1 + place // 30}", paths[place % 11]
                stack.enter_context(slow(own.program.port, path, source=address))
                place += 1
        statuses = []

        def asked() -> bool:
            with wire(own.program.port, source="127.0.0.9") as line:
                line.send(request(path=paths[11], query={}))
                answer = line.answer()
            statuses.append(answer.status)
            if answer.status == 503:
                assert answer.codes == ["00905"]
                assert int(answer.headers["retry-after"]) >= 1
            return answer.status == 200

        wait_until(asked)
        assert set(statuses) <= {200, 503}


def test_with_a_bucket(tmp_path: Path) -> None:
    """The same holds for documents in S3."""
    with buckets(tmp_path) as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        server.make("slow")
        with started(tmp_path, documents="s3://slow", **ROOMY) as own, ExitStack() as stack:
            one, other = links(own, 2)
            for _ in range(100):
                stack.enter_context(slow(own.program.port, one, source="127.0.0.1"))
            wait_until(lambda: under_way(own) == MOST_PER_LINK)
            assert fetched(own.program.port, other, source="127.0.0.2") == (200, len(LARGE))
            pause(SLOW_SECONDS + 1)
            # On a busy machine the bucket may just have sent something, so that nobody is slow yet.
            wait_until(lambda: fetched(own.program.port, one, source="127.0.0.2") == (200, len(LARGE)))
