"""Tests of the key sets that change, fetched from a real server."""

import asyncio
import gzip
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from apientreprise_gateway.auth import jwks as module
from apientreprise_gateway.auth.jwks import FetchError, FileKeySet, RemoteKeySet, fetch
from apientreprise_gateway.auth.keys import Key
from support.issuer import Issuer, publishing
from support.stub import Stub, always, answer

NOWHERE = "http://127.0.0.1:1/jwks"
"""A port that nobody listens on."""


class Taken:
    """What a key set tells."""

    def __init__(self) -> None:
        self.kids: list[list[str | None]] = []
        self.fetches: list[bool] = []
        self.fetched_at: list[float] = []

    def keys(self, keys: list[Key]) -> None:
        """Note the names of the keys."""
        self.kids.append([key.kid for key in keys])


def remote(url: str, taken: Taken, *, copy: Path | None = None, every: float = 3600) -> RemoteKeySet:
    """A key set at a URL."""
    keys = RemoteKeySet(url, copy=copy, every=every, on_fetch=taken.fetches.append, on_age=taken.fetched_at.append)
    keys.on_keys = taken.keys
    return keys


def filed(path: Path, taken: Taken) -> FileKeySet:
    """A key set in a file."""
    keys = FileKeySet(path)
    keys.on_keys = taken.keys
    return keys


def kids(keys: RemoteKeySet | FileKeySet) -> list[str | None]:
    """The names of the keys in force."""
    return [key.kid for key in keys.keys]


def age(path: Path, seconds: float) -> None:
    """Make a file look older."""
    then = time.time() - seconds
    os.utime(path, (then, then))


async def watching(keys: RemoteKeySet | FileKeySet, until: Callable[[], bool]) -> None:
    """Let a key set follow the changes until something holds."""
    watch = asyncio.create_task(keys.watch())
    async with asyncio.timeout(20):
        while not until():
            await asyncio.sleep(0.005)
    watch.cancel()
    with suppress(asyncio.CancelledError):
        await watch
    await keys.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are looked at all the time, failed fetches tried again at once."""
    for name in ("POLL_SECONDS", "RETRY_SECONDS", "FIRST_RETRY_SECONDS"):
        monkeypatch.setattr(module, name, 0.01)


# In a file.


@pytest.mark.usefixtures("quick")
async def test_a_file_is_read_anew_when_it_changes(tmp_path: Path) -> None:
    """A file that is replaced is read again, and the new keys are told of."""
    issuer, taken, path = Issuer(), Taken(), tmp_path / "jwks.json"
    path.write_bytes(issuer.published("one"))
    keys = filed(path, taken)
    await keys.start()
    assert (kids(keys), taken.kids) == (["one"], [])
    new = tmp_path / "new"
    new.write_bytes(issuer.published("one", "two"))
    new.replace(path)
    await watching(keys, lambda: bool(taken.kids))
    assert (kids(keys), taken.kids) == (["one", "two"], [["one", "two"]])


@pytest.mark.parametrize("content", [b"", b"{", b'{"keys": []}', b'{"keys": [{"kty": "oct", "k": "VERY-SECRET"}]}'])
async def test_a_file_that_turns_unreadable(tmp_path: Path, content: bytes) -> None:
    """What cannot be used is told of once and leaves the keys read before in force, until it is repaired."""
    issuer, taken, path = Issuer(), Taken(), tmp_path / "jwks.json"
    path.write_bytes(issuer.published("one"))
    keys = filed(path, taken)
    with capture_logs() as logs:
        path.write_bytes(content)
        for _ in range(3):
            await keys.renew()
    assert [line["event"] for line in logs] == ["jwks_unreadable"]
    assert "VERY-SECRET" not in str(logs)
    assert (kids(keys), taken.kids) == (["one"], [])
    path.write_bytes(issuer.published("two"))
    await keys.renew()
    assert kids(keys) == ["two"]


async def test_a_file_that_goes_away(tmp_path: Path) -> None:
    """A file that is deleted leaves its keys in force."""
    path = tmp_path / "jwks.json"
    path.write_bytes(Issuer().published("one"))
    keys = FileKeySet(path)
    path.unlink()
    await keys.renew()
    assert kids(keys) == ["one"]


async def test_a_file_touched_without_change(tmp_path: Path) -> None:
    """The same keys under a new date are not told of."""
    taken, path = Taken(), tmp_path / "jwks.json"
    path.write_bytes(Issuer().published("one"))
    keys = filed(path, taken)
    age(path, 100)
    await keys.renew()
    assert taken.kids == []


def test_a_wrong_file_is_refused_at_once(tmp_path: Path) -> None:
    """A start needs a file that can be used."""
    with pytest.raises(ValueError, match=r"jwks\.json"):
        FileKeySet(tmp_path / "jwks.json")


# Fetching.


async def test_the_body_of_a_plain_answer() -> None:
    """What a server answers is fetched, under the gateway's own name, uncompressed."""
    with publishing(b"some bytes") as server:
        assert await fetch(server.url + "/certs?a=b") == b"some bytes"
        (head,) = server.requests
    assert head.startswith("GET /certs?a=b HTTP/1.1")
    assert "apientreprise-gateway" in head
    assert "accept-encoding: identity" in head.lower()


@pytest.mark.parametrize(
    "raw",
    [
        answer(b"{}", status=404),
        answer(b"{}", status=500),
        b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 25\r\n\r\n" + gzip.compress(b"{}")[:25],
        answer(b"x" * (module.MAX_BYTES + 1)),
        b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n",
    ],
    ids=["unknown", "failed", "moved", "compressed", "endless", "no-http"],
)
async def test_what_is_no_plain_answer(raw: bytes) -> None:
    """Anything but a plain 200 of a bounded size is refused, a redirection not followed."""
    with publishing(b"") as server:
        server.handler = always(raw)
        with pytest.raises(FetchError, match=r"127\.0\.0\.1"):
            await fetch(server.url)
        assert len(server.requests) == 1


async def test_a_server_that_drips(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fetch ends in time whatever comes slowly."""
    monkeypatch.setattr(module, "FETCH_SECONDS", 0.05)

    async def drip(_target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    with publishing(b"") as server:
        server.handler = drip
        started = time.monotonic()
        with pytest.raises(FetchError, match="did not answer"):
            await fetch(server.url)
    assert time.monotonic() - started < 60


async def test_nobody_there() -> None:
    """A refused connection is a failed fetch."""
    with pytest.raises(FetchError, match="ConnectError"):
        await fetch(NOWHERE)


# At a URL.


async def test_the_start_fetches() -> None:
    """The keys are there once the start is over, those that cannot serve left out."""
    issuer, taken = Issuer(), Taken()
    entries = [issuer.entry("for-encryption", use="enc"), {"kty": "RSA", "alg": "RSA-OAEP"}, issuer.entry("one")]
    with publishing(json.dumps({"keys": entries}).encode()) as server:
        keys = remote(server.url, taken)
        assert keys.keys == []
        await keys.start()
    assert (taken.kids, taken.fetches) == ([["one"]], [True])
    assert taken.fetched_at[0] == pytest.approx(time.time(), abs=60)


@pytest.mark.usefixtures("quick")
async def test_a_start_without_the_issuer() -> None:
    """A start while the URL does not answer goes on without keys, and tries again until it has them."""
    issuer, taken = Issuer(), Taken()

    async def main(server: Stub) -> None:
        keys = remote(server.url, taken)
        with capture_logs() as logs:
            await keys.start()
            assert keys.keys == []
            await watching(keys, lambda: len(taken.fetches) >= 4)
            assert [line["event"] for line in logs] == ["jwks_unreadable"], "told once"
        server.handler = always(answer(issuer.published("one")))
        await watching(keys, lambda: bool(keys.keys))
        assert kids(keys) == ["one"]

    with publishing(b"", status=503) as server:
        await main(server)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    "raw",
    [
        answer(b"", status=500),
        answer(b"{}"),
        answer(b'{"keys": []}'),
        answer(b"[" * 100_000),
        answer(b'{"keys": [{"kty": "RSA", "alg": "RSA-OAEP"}]}'),
        answer(b'{"keys": [{"kty": "oct", "k": "VERY-SECRET"}]}'),
    ],
)
async def test_the_last_good_set_stays(raw: bytes) -> None:
    """Whatever the URL gives later, the keys fetched before stay in force until there is a good set again."""
    issuer, taken = Issuer(), Taken()

    async def main(server: Stub) -> None:
        keys = remote(server.url, taken, every=0.01)
        await keys.start()
        server.handler = always(raw)
        with capture_logs() as logs:
            await watching(keys, lambda: taken.fetches.count(False) >= 3)
        assert kids(keys) == ["one"]
        assert [line["event"] for line in logs] == ["jwks_unreadable"]
        assert "VERY-SECRET" not in str(logs)
        server.handler = always(answer(issuer.published("two")))
        await watching(keys, lambda: kids(keys) == ["two"])

    with publishing(issuer.published("one")) as server:
        await main(server)


@pytest.mark.usefixtures("quick")
async def test_the_set_is_fetched_again_and_again() -> None:
    """A set is fetched every so often; the same keys are not told of twice."""
    issuer, taken = Issuer(), Taken()
    with publishing(issuer.published("one")) as server:
        keys = remote(server.url, taken, every=0.01)
        await watching(keys, lambda: len(taken.fetches) >= 3)
    assert taken.kids == [["one"]]


async def test_an_unknown_key_is_looked_for_once() -> None:
    """However many tokens name unknown keys, the set is fetched once; before a minute is over, not at all."""
    issuer, taken = Issuer(), Taken()

    async def main(server: Stub) -> None:
        keys = remote(server.url, taken)
        await keys.start()
        keys._lock._own -= module.UNKNOWN_KEY_SECONDS
        server.handler = always(answer(issuer.published("one", "two")))
        await asyncio.gather(*(keys.renew() for _ in range(200)))
        assert kids(keys) == ["one", "two"]
        server.handler = always(answer(issuer.published("three")))
        await asyncio.gather(*(keys.renew() for _ in range(200)))
        assert kids(keys) == ["one", "two"]
        assert len(server.requests) == 2

    with publishing(issuer.published("one")) as server:
        await main(server)


# The copy, which processes share.


async def test_a_start_from_the_copy(tmp_path: Path) -> None:
    """A start with a copy of an earlier process does not need the issuer, and knows how old the copy is."""
    issuer, taken, copy = Issuer(), Taken(), tmp_path / "jwks.json"
    with publishing(issuer.published("one")) as server:
        await remote(server.url, Taken(), copy=copy).start()
    age(copy, 5000)
    keys = remote(NOWHERE, taken, copy=copy)
    await keys.start()
    assert (kids(keys), taken.fetches) == (["one"], [])
    assert taken.fetched_at[0] == pytest.approx(time.time() - 5000, abs=60)


async def test_a_spoilt_copy(tmp_path: Path) -> None:
    """A copy that cannot be read is told of, and replaced by what is fetched."""
    issuer, taken, copy = Issuer(), Taken(), tmp_path / "jwks.json"
    copy.write_text("{")
    with publishing(issuer.published("one")) as server, capture_logs() as logs:
        await remote(server.url, taken, copy=copy).start()
    assert [line["event"] for line in logs] == ["jwks_copy_unreadable", "jwks_read"]
    assert copy.read_bytes() == issuer.published("one")


async def test_a_copy_that_cannot_be_written(tmp_path: Path) -> None:
    """A folder that is not there is told of, and the keys are in force all the same."""
    issuer, taken = Issuer(), Taken()
    with publishing(issuer.published("one")) as server, capture_logs() as logs:
        await remote(server.url, taken, copy=tmp_path / "nowhere" / "jwks.json").start()
    assert taken.kids == [["one"]]
    assert "jwks_copy_unwritable" in [line["event"] for line in logs]


async def test_processes_that_start_together_fetch_once(tmp_path: Path) -> None:
    """Of several processes one fetches, and what it gets is for all."""
    issuer, all_taken = Issuer(), [Taken() for _ in range(4)]

    async def main(server: Stub) -> None:
        several = [remote(server.url, taken, copy=tmp_path / "jwks.json") for taken in all_taken]
        await asyncio.gather(*(keys.start() for keys in several))
        assert [kids(keys) for keys in several] == [["one"]] * 4

    with publishing(issuer.published("one")) as server:
        await main(server)
    assert len(server.requests) == 1
    assert all(taken.kids == [["one"]] for taken in all_taken)


async def test_processes_look_for_an_unknown_key_once(tmp_path: Path) -> None:
    """Processes that meet an unknown key together fetch once, and all know the new key after."""
    issuer, copy = Issuer(), tmp_path / "jwks.json"

    async def main(server: Stub) -> None:
        several = [remote(server.url, Taken(), copy=copy) for _ in range(4)]
        for keys in several:
            await keys.start()
        assert len(server.requests) == 1, "the others have read the copy"
        age(copy.with_name("jwks.json.lock"), module.UNKNOWN_KEY_SECONDS + 1)
        server.handler = always(answer(issuer.published("one", "two")))
        await asyncio.gather(*(keys.renew() for keys in several for _ in range(50)))
        assert [kids(keys) for keys in several] == [["one", "two"]] * 4
        assert len(server.requests) == 2

    with publishing(issuer.published("one")) as server:
        await main(server)


@pytest.mark.usefixtures("quick")
async def test_what_another_process_fetched(tmp_path: Path) -> None:
    """A process takes over what another one fetches, without fetching itself."""
    issuer, taken, copy = Issuer(), Taken(), tmp_path / "jwks.json"

    async def main(server: Stub) -> None:
        keys, other = remote(server.url, taken, copy=copy), remote(server.url, Taken(), copy=copy)
        await keys.start()
        server.handler = always(answer(issuer.published("two")))
        await other._renew_unless(younger_than=0)
        await watching(keys, lambda: kids(keys) == ["two"])
        assert taken.fetches == [True]

    with publishing(issuer.published("one")) as server:
        await main(server)


async def test_a_clock_set_back(tmp_path: Path) -> None:
    """A last fetch in what is now the future does not keep the set from being fetched."""
    issuer, taken, copy = Issuer(), Taken(), tmp_path / "jwks.json"

    async def main(server: Stub) -> None:
        keys = remote(server.url, taken, copy=copy)
        await keys.start()
        age(copy.with_name("jwks.json.lock"), -86_400)
        await keys.renew()
        assert taken.fetches == [True, True]

    with publishing(issuer.published("one")) as server:
        await main(server)
