"""Documents in S3: shared by gateways that share nothing else, and nobody's trouble when it is away."""

import os
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from apientreprise_gateway.documents.files import Memory
from apientreprise_gateway.documents.links import BUCKET_SECONDS, new_link
from apientreprise_gateway.documents.s3 import PART_BYTES, S3Documents
from apientreprise_gateway.documents.store import StoreError
from support.buckets import Buckets, buckets
from support.papers import VIGILANCE_V3, Papers, as_file, pdf
from support.site import ROOMY, Site, codes, fresh
from support.site import site as started
from support.stores import suspend

NOW = 1_800_000_000.0
PDF = pdf(50_000)
LARGE = pdf(12_000_000)


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buckets]:
    """An S3 server, with the variables that lead to it."""
    with buckets(tmp_path_factory.mktemp("s3")) as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        yield server


def key(*, ends: float = NOW) -> str:
    """A key that nobody has seen."""
    return new_link(ends=int(ends), name="a.pdf", secret=b"secret").key


async def read(store: S3Documents, wanted: str) -> bytes | None:
    """The whole document of a key."""
    kept = await store.open(wanted)
    if kept is None:
        return None
    return b"".join([await kept.read(start, kept.chunk) for start in range(0, kept.size, kept.chunk)])


# The store.


@pytest.mark.parametrize("place", ["s3://store", "s3://store/some/prefix"])
@pytest.mark.parametrize("size", [1, 1000, PART_BYTES, PART_BYTES + 1, 12_000_000])
async def test_what_is_kept_is_read_by_all(s3: Buckets, place: str, size: int) -> None:
    """A document of any size comes back, from another process too; another key has none."""
    s3.make("store")
    content = os.urandom(size)
    mine = key()

    async def put() -> None:
        store = S3Documents(place)
        await store.start()
        await store.put(mine, Memory(content))

    async def get() -> tuple[bytes | None, bytes | None]:
        store = S3Documents(place)
        return await read(store, mine), await read(store, key())

    await put()
    assert await get() == (content, None)
    assert any(each.endswith(mine) for each in s3.keys("store"))


async def test_what_has_ended_goes(s3: Buckets) -> None:
    """Hours that are over are removed, a bounded number at a time; what is beside the prefix stays."""
    s3.make("ended")
    store, other = S3Documents("s3://ended/a"), S3Documents("s3://ended/b")
    for place in range(7):
        await store.put(key(ends=NOW - (1 + place % 3) * BUCKET_SECONDS), Memory(b"old"))
    await store.put(key(), Memory(b"new"))
    await other.put(key(ends=NOW - 9 * BUCKET_SECONDS), Memory(b"other"))
    assert ([await store.remove_ended(NOW, most=5) for _ in range(3)]) == [5, 2, 0]
    assert sorted(each.partition("/")[0] for each in s3.keys("ended")) == ["a", "b"]


async def test_faults_have_one_form(s3: Buckets) -> None:
    """A bucket that is not there, and a server that is not, are told in a line."""

    async def main(place: str) -> list[str]:
        store = S3Documents(place)
        said = []
        for work in (store.start(), store.put(key(), Memory(b"a")), store.remove_ended(NOW, most=1)):
            with pytest.raises(StoreError) as caught:
                await work
            said.append(str(caught.value))
        return said

    said = await main("s3://nowhere")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        said += await main("s3://nowhere")
    assert all(each.startswith("s3://nowhere: ") and "\n" not in each and len(each) < 400 for each in said)


class Measured:
    """Content that knows how much of it was read and not yet asked on from."""

    size = 20_000_000
    longest = 0

    def read(self, start: int, length: int) -> bytes:
        """Zeros."""
        self.longest = max(self.longest, length)
        return bytes(min(length, self.size - start))

    def copy_to(self, fd: int, start: int, length: int) -> None:
        """Nobody asks for it."""
        raise NotImplementedError


async def test_writing_takes_parts(s3: Buckets) -> None:
    """Of a document of 20 MB, no more than a part and a half is in memory at once."""
    s3.make("memory")
    try:
        store = S3Documents("s3://memory")
        await store.put(key(), Measured())
        tracemalloc.start()
        content = Measured()
        await store.put(key(), content)
        assert content.longest <= PART_BYTES
        assert (tracemalloc.get_traced_memory()[1]) < 2 * PART_BYTES
    finally:
        tracemalloc.stop()


# Gateways.


def link(site: Site, file: bytes) -> str:
    """The path of the link to a document."""
    site.provider.handler = Papers({VIGILANCE_V3: as_file(file)})
    address: str = site.call(VIGILANCE_V3, token=fresh()).json()["data"]["document_url"]
    return address.removeprefix(site.program.url)


def test_two_replicas(s3: Buckets, tmp_path: Path) -> None:
    """Gateways with nothing in common but the bucket serve each other's links, whole and by range."""
    s3.make("replicas")
    with ExitStack() as stack:
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
        one, two = (
            stack.enter_context(started(tmp_path / name, documents="s3://replicas/gateway", **ROOMY))
            for name in ("one", "two")
        )
        for giver, taker, file in ((one, two, PDF), (two, one, LARGE)):
            path = link(giver, file)
            assert taker.client.get(taker.program.url + path).content == file
            part = taker.client.get(taker.program.url + path, headers={"Range": "bytes=1000-1999"})
            assert (part.status_code, part.content) == (206, file[1000:2000])
            assert taker.client.head(taker.program.url + path).headers["content-length"] == str(len(file))
        assert all(each.startswith("gateway/") for each in s3.keys("replicas"))


def test_a_bucket_that_is_not_there(s3: Buckets, tmp_path: Path) -> None:
    """Without its bucket the gateway starts, says so, and answers everything but documents."""
    with started(tmp_path, documents="s3://missing", **ROOMY) as own:
        assert own.call(token=fresh()).status_code == 200
        own.provider.handler = Papers({VIGILANCE_V3: as_file(PDF)})
        response = own.call(VIGILANCE_V3, token=fresh())
        assert (response.status_code, codes(response)) == (502, ["00502"])
        assert own.program.logged("documents_unavailable", count=1)
        s3.make("missing")
        assert own.client.get(own.program.url + link(own, PDF)).content == PDF


def test_a_server_that_hangs(tmp_path: Path) -> None:
    """While S3 does not answer, JSON calls do; a call for a document fails in a bounded time."""
    with buckets(tmp_path) as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        server.make("hangs")
        with started(tmp_path, documents="s3://hangs", **ROOMY) as own:
            own.provider.handler = Papers({VIGILANCE_V3: as_file(PDF)})
            assert own.call(VIGILANCE_V3, token=fresh()).status_code == 200
            suspend(server.process.pid)
            with own.in_background(lambda: own.call(VIGILANCE_V3, token=fresh())) as document:
                assert all(own.call("/pings", token=None).status_code == 200 for _ in range(20))
                assert not document.done()
            response = document.result()
            assert (response.status_code, codes(response)) == (504, ["04002"])
            assert own.program.logged("document_late", count=1)
