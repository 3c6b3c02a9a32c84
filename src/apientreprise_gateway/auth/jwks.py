"""Key sets (JWKS) that change while the gateway serves.

One in a file is read anew when it changes. One at a URL is fetched at the start, then every few minutes, and at once
when a token names a key that is not in it, but for that reason at most once a minute, by all processes together. The
last good one stays in force whatever happens; it is kept in a file as well, by which processes share one fetch and a
start outlives an issuer that is away.
"""

import asyncio
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import structlog

from apientreprise_gateway import __version__
from apientreprise_gateway.auth.keys import Key, fetched_keys, jwks_keys

POLL_SECONDS: Final = 1.0
"""How often files are looked at."""
FETCH_SECONDS: Final = 5.0
"""How long a fetch may take."""
MAX_BYTES: Final = 512 * 1024
"""Largest key set that is read."""
UNKNOWN_KEY_SECONDS: Final = 60.0
"""How long after a fetch an unknown key does not cause another one."""
RETRY_SECONDS: Final = 30.0
"""When to try again after a fetch that failed."""
FIRST_RETRY_SECONDS: Final = 5.0
"""The same, as long as no key is known."""
_TURN_SECONDS: Final = 0.05
_NEVER: Final = (0, 0)
_log = structlog.get_logger(__name__)

OnKeys = Callable[[list[Key]], None]


def _nobody(_keys: list[Key]) -> None:
    """Nobody is told."""


class FetchError(Exception):
    """A key set could not be fetched; the text says why."""


class KeySet(Protocol):
    """Public keys that somebody else keeps."""

    keys: list[Key]
    """Those in force; none as long as none could be fetched."""
    on_keys: OnKeys
    """Told of the keys when they change."""

    async def start(self) -> None:
        """Get ready to serve."""

    async def watch(self) -> None:
        """Follow the changes until cancelled."""

    async def renew(self) -> None:
        """Look for newer keys at once, unless that was just done."""

    async def close(self) -> None:
        """End what is under way."""


class FileKeySet:
    """A key set in a file."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            ValueError: it cannot be used.
        """
        self._path = path
        self.on_keys: OnKeys = _nobody
        self._seen = _stamp(path)
        self._trouble = _Trouble()
        self.keys = jwks_keys(path)

    async def start(self) -> None:
        """See `KeySet.start`."""
        await self.renew()

    async def watch(self) -> None:
        """See `KeySet.watch`."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            await self.renew()

    async def renew(self) -> None:
        """See `KeySet.renew`."""
        stamp = _stamp(self._path)
        if stamp == self._seen:
            return
        try:
            keys = jwks_keys(self._path)
        except ValueError as error:
            self._trouble.tell(str(error))
            return
        self._seen = stamp
        self._trouble.ends()
        if keys != self.keys:
            self.keys = keys
            _tell_of(keys)
            self.on_keys(keys)

    async def close(self) -> None:
        """See `KeySet.close`."""


class RemoteKeySet:
    """A key set at a URL."""

    def __init__(
        self,
        url: str,
        *,
        copy: Path | None,
        every: float,
        on_fetch: Callable[[bool], None] = lambda _well: None,
        on_age: Callable[[float], None] = lambda _fetched_at: None,
    ) -> None:
        """Fetch nothing yet.

        Args:
            url: of a JWKS.
            copy: file in which the last good one is kept, next to a lock; None for memory alone.
            every: seconds between two fetches.
            on_fetch: told after each fetch of this process whether it went well.
            on_age: told when the set in force was fetched, in Unix time.
        """
        self._url = url
        self._copy = copy
        self._every = every
        self.on_keys: OnKeys = _nobody
        self._on_fetch = on_fetch
        self._on_age = on_age
        self._turn = _Turn(None if copy is None else copy.with_name(copy.name + ".lock"))
        self._seen = _NEVER
        self._failed = False
        self._renewing: asyncio.Task[None] | None = None
        self._trouble = _Trouble()
        self.keys: list[Key] = []

    async def start(self) -> None:
        """Fetch the set, unless the copy has it."""
        self._read_copy()
        if not self.keys:
            await self._renew_unless(younger_than=FIRST_RETRY_SECONDS)

    async def watch(self) -> None:
        """See `KeySet.watch`."""
        while True:
            self._read_copy()
            if self._turn.age >= self._pause():
                await self._renew_unless(younger_than=self._pause())
            await asyncio.sleep(POLL_SECONDS)

    async def renew(self) -> None:
        """See `KeySet.renew`."""
        await self._renew_unless(younger_than=UNKNOWN_KEY_SECONDS)

    async def close(self) -> None:
        """See `KeySet.close`."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.wait({self._renewing})

    def _pause(self) -> float:
        if not self.keys:
            return min(self._every, FIRST_RETRY_SECONDS)
        return min(self._every, RETRY_SECONDS) if self._failed else self._every

    async def _renew_unless(self, *, younger_than: float) -> None:
        """Fetch if the last fetch is not that young; who comes meanwhile waits for the same one."""
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._take_turn(younger_than))
        await asyncio.shield(self._renewing)

    async def _take_turn(self, pause: float) -> None:
        end = time.monotonic() + FETCH_SECONDS + 1
        while time.monotonic() < end:
            with self._turn.taken() as ours:
                if ours and self._turn.age >= pause:
                    self._turn.note()
                    await self._fetch()
                if ours:
                    break
            await asyncio.sleep(_TURN_SECONDS)  # another process fetches: what it gets is for us as well
        self._read_copy()

    async def _fetch(self) -> None:
        try:
            content = await fetch(self._url)
            keys = fetched_keys(content, self._url)
        except (FetchError, ValueError) as error:
            self._failed = True
            self._trouble.tell(str(error))
            self._on_fetch(False)
            return
        self._failed = False
        self._trouble.ends()
        self._on_fetch(True)
        self._write_copy(content)
        self._on_age(time.time())
        self._use(keys)

    def _use(self, keys: list[Key]) -> None:
        if keys != self.keys:
            self.keys = keys
            _tell_of(keys)
            self.on_keys(keys)

    # The copy.

    def _read_copy(self) -> None:
        """Take over what another process, or an earlier one, has fetched."""
        stamp = _NEVER if self._copy is None else _stamp(self._copy)
        if self._copy is None or stamp in (self._seen, _NEVER):
            return
        self._seen = stamp
        try:
            keys = fetched_keys(self._copy.read_bytes(), str(self._copy))
        except (OSError, ValueError) as error:
            _log.error("jwks_copy_unreadable", reason=str(error), effect="the key set is fetched anew")
            return
        self._on_age(stamp[0] / 1e9)
        self._use(keys)

    def _write_copy(self, content: bytes) -> None:
        if self._copy is None:
            return
        new = self._copy.with_name(f"{self._copy.name}.{os.getpid()}")
        try:
            new.write_bytes(content)
            new.replace(self._copy)
        except OSError as error:
            _log.error("jwks_copy_unwritable", reason=str(error), effect="a start will need the issuer")
            return
        self._seen = _stamp(self._copy)


async def fetch(url: str) -> bytes:
    """The body at a URL, in bounded time and size.

    Raises:
        FetchError: there is none, or it is not a plain 200.
    """
    # Late, and in a thread: both the import and the reading of the authorities' certificates take long.
    client = await asyncio.to_thread(_client)
    from httpx import HTTPError, InvalidURL  # noqa: PLC0415 - see above

    try:
        async with asyncio.timeout(FETCH_SECONDS), client, client.stream("GET", url) as response:
            if response.status_code != 200 or response.headers.get("content-encoding", "identity") != "identity":
                raise FetchError(f"{url} answers {response.status_code}, not a plain 200")
            body = bytearray()
            async for part in response.aiter_raw():
                body += part
                if len(body) > MAX_BYTES:
                    raise FetchError(f"{url} gives more than {MAX_BYTES} bytes")
            return bytes(body)
    except TimeoutError:
        raise FetchError(f"{url} did not answer within {FETCH_SECONDS:g} s") from None
    except (HTTPError, InvalidURL, OSError) as error:
        raise FetchError(f"{url} cannot be fetched ({type(error).__name__}: {error})") from error


def _client() -> Any:
    import ssl  # noqa: PLC0415

    import httpx  # noqa: PLC0415

    headers = {"User-Agent": f"apientreprise-gateway/{__version__}", "Accept-Encoding": "identity"}
    return httpx.AsyncClient(verify=ssl.create_default_context(), headers=headers, timeout=FETCH_SECONDS)


class _Turn:
    """Whose turn it is to fetch, among the processes that share a file; its date is that of the last fetch."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._own = 0.0

    @property
    def age(self) -> float:
        """Seconds since any of them last began to fetch."""
        # Taking the lock makes an empty file; only a fetch writes into it.
        changed, size = _NEVER if self._path is None else _stamp(self._path)
        last = changed / 1e9 if size else self._own
        now = time.time()
        return now - last if last <= now else now  # the clock was set back

    def note(self) -> None:
        """A fetch begins."""
        self._own = time.time()
        if self._path is not None:
            try:
                self._path.write_bytes(b"The date of this file is that of the last fetch.\n")
            except OSError:
                return  # told of with the copy

    @contextmanager
    def taken(self) -> Iterator[bool]:
        """Whether it is ours, until the end of the block."""
        try:
            lock = None if self._path is None else os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            lock = None  # told of with the copy
        if lock is None:
            yield True
            return
        try:
            yield _locks(lock)
        finally:
            os.close(lock)


def _locks(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class _Trouble:
    """Something that goes wrong again and again, told of once."""

    def __init__(self) -> None:
        self._told: str | None = None

    def tell(self, reason: str) -> None:
        """It went wrong."""
        if reason != self._told:
            _log.error("jwks_unreadable", reason=reason, effect="the keys read before stay in force")
        self._told = reason

    def ends(self) -> None:
        """It went well."""
        self._told = None


def _tell_of(keys: list[Key]) -> None:
    _log.info("jwks_read", keys=len(keys), kids=[key.kid for key in keys])


def _stamp(path: Path) -> tuple[int, int]:
    """What changes with a file: its date in nanoseconds and its size; zeros if there is none."""
    try:
        stat = path.stat()
    except OSError:
        return _NEVER
    return stat.st_mtime_ns, stat.st_size
