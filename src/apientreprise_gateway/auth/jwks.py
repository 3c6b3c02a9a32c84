"""Key sets (JWKS) that change while the gateway serves.

A key set in a file is read again when the file changes. One at a URL is fetched at the start, then every few minutes,
and at once when a token names a key that is not in it; all processes together do the latter at most once a minute. The
last good key set stays in force whatever happens. It is also kept in a file, so that processes share one fetch and the
gateway can start while the issuer is unreachable.
"""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

import structlog

from apientreprise_gateway import __version__
from apientreprise_gateway.auth.fetch_lock import FetchLock
from apientreprise_gateway.auth.keys import Key, read_jwks
from apientreprise_gateway.config.watched import WatchedFile
from apientreprise_gateway.net.content_coding import read_body
from apientreprise_gateway.net.proxies import proxy_for
from apientreprise_gateway.observability.faults import words

POLL_SECONDS: Final = 1.0
"""Seconds between two looks at a file."""
FETCH_SECONDS: Final = 5.0
"""Seconds that a fetch may take."""
MAX_BYTES: Final = 512 * 1024
"""Bytes of the largest key set that is read."""
UNKNOWN_KEY_SECONDS: Final = 60.0
"""Seconds after a fetch during which an unknown key does not cause another fetch."""
RETRY_SECONDS: Final = 30.0
"""Seconds from a failed fetch to the next one."""
FIRST_RETRY_SECONDS: Final = 5.0
"""Seconds from a failed fetch to the next one, while no key is known."""
_LOCK_POLL_SECONDS: Final = 0.05
_NAMED: Final = 5
"""Unusable entries of a key set that a log line describes; it counts all of them."""
_log = structlog.get_logger(__name__)

OnKeys = Callable[[list[Key]], None]


def _ignore(_keys: list[Key]) -> None:
    """Do nothing: the `on_keys` of a key set until another is set."""


class FetchError(Exception):
    """A key set could not be fetched; the text says why."""


class KeySet(Protocol):
    """Public keys that an issuer publishes."""

    keys: list[Key]
    """The keys in force; empty until a fetch has succeeded."""
    on_keys: OnKeys
    """Called with the keys when they change."""

    async def start(self) -> None:
        """Read the keys for the first time."""

    async def watch(self) -> None:
        """Keep the keys up to date until cancelled."""

    async def renew(self) -> None:
        """Look for newer keys at once, unless that was just done."""

    async def close(self) -> None:
        """Cancel a fetch that is under way."""


class FileKeySet:
    """A key set in a file."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            ValueError: it cannot be read, or is no JWKS with a usable key.
        """
        self._file = WatchedFile(path)
        self.on_keys: OnKeys = _ignore
        self._trouble = _Trouble()
        self._left_out = _LeftOut()
        self.keys: list[Key] = self._changed() or []

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
        try:
            keys = self._changed()
        except ValueError as error:
            self._trouble.tell(str(error))
            return
        self._trouble.end()
        if keys is not None and keys != self.keys:
            self.keys = keys
            _tell_of(keys)
            self.on_keys(keys)

    def _changed(self) -> list[Key] | None:
        """The keys of the file if it has changed since the last look, else None.

        Raises:
            ValueError: it cannot be read, or is no JWKS with a usable key.
        """
        try:
            read = self._file.read_changed(lambda content: read_jwks(content, str(self._file.path)))
        except OSError as error:
            raise ValueError(f"{self._file.path} is no JWKS file that can be read ({error.strerror})") from error
        if read is None:
            return None
        self._left_out.tell(read.left_out)
        return read.keys

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
        on_fetch: Callable[[bool], None] = lambda _succeeded: None,
        on_age: Callable[[float], None] = lambda _fetched_at: None,
    ) -> None:
        """Configure it; nothing is fetched before `start`.

        Args:
            url: the address of a JWKS.
            copy: file in which the last good key set is kept, with its lock file beside it; None to keep no copy.
            every: seconds between two fetches.
            on_fetch: called after each fetch of this process with whether it succeeded.
            on_age: called with the Unix time at which the set in force was fetched.
        """
        self._url = url
        self._copy = copy
        self._every = every
        self.on_keys: OnKeys = _ignore
        self._on_fetch = on_fetch
        self._on_age = on_age
        self._lock = FetchLock(None if copy is None else copy.with_name(copy.name + ".lock"))
        self._kept = None if copy is None else WatchedFile(copy)
        self._kept_trouble: str | None = None
        self._left_out = _LeftOut()
        self._failed = False
        self._renewing: asyncio.Task[None] | None = None
        self._trouble = _Trouble()
        self.keys: list[Key] = []

    async def start(self) -> None:
        """Read the copy; fetch the key set if there is no usable copy."""
        self._read_copy()
        if not self.keys:
            await self._renew_unless(younger_than=FIRST_RETRY_SECONDS)

    async def watch(self) -> None:
        """See `KeySet.watch`."""
        while True:
            self._read_copy()
            if self._lock.seconds_since_fetch >= self._pause():
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
        """Fetch, unless the last fetch was less than `younger_than` seconds ago; concurrent callers share one fetch."""
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._fetch_in_turn(younger_than))
        await asyncio.shield(self._renewing)

    async def _fetch_in_turn(self, pause: float) -> None:
        end = time.monotonic() + FETCH_SECONDS + 1
        while time.monotonic() < end:
            with self._lock.acquired() as ours:
                if ours and self._lock.seconds_since_fetch >= pause:
                    self._lock.note_fetch()
                    await self._fetch()
                if ours:
                    break
            await asyncio.sleep(_LOCK_POLL_SECONDS)  # another process fetches: its copy will be read below
        self._read_copy()

    async def _fetch(self) -> None:
        try:
            content = await fetch(self._url)
            read = read_jwks(content, self._url)
        except (FetchError, ValueError) as error:
            self._fails(str(error))
        except Exception as error:  # any other failure is logged and retried as well
            self._fails(words(error))
        else:
            self._failed = False
            self._trouble.end()
            self._on_fetch(True)
            self._left_out.tell(read.left_out)
            self._write_copy(content)
            self._on_age(time.time())
            self._use(read.keys)

    def _fails(self, reason: str) -> None:
        self._failed = True
        self._trouble.tell(reason, has_keys=bool(self.keys))
        self._on_fetch(False)

    def _use(self, keys: list[Key]) -> None:
        if keys != self.keys:
            self.keys = keys
            _tell_of(keys)
            self.on_keys(keys)

    # The copy.

    def _read_copy(self) -> None:
        """Use the key set that another process, or an earlier run, has fetched."""
        if self._kept is None:
            return
        before = self._kept.modified
        try:
            read = self._kept.read_changed(lambda content: read_jwks(content, self._url))
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            self._tell_of_copy(str(error))
            return
        self._tell_of_copy(None)
        if self._kept.modified != before:
            self._on_age(self._kept.modified)
        if read is not None:
            self._left_out.tell(read.left_out)
            self._use(read.keys)

    def _tell_of_copy(self, trouble: str | None) -> None:
        if trouble is not None and trouble != self._kept_trouble:  # once, not at each look
            _log.error(
                "jwks_copy_unreadable", file=str(self._copy), reason=trouble, effect="the key set is fetched anew"
            )
        self._kept_trouble = trouble

    def _write_copy(self, content: bytes) -> None:
        if self._copy is None:
            return
        new = self._copy.with_name(f"{self._copy.name}.{os.getpid()}")
        try:
            new.write_bytes(content)
            new.replace(self._copy)
        except OSError as error:
            _log.error("jwks_copy_unwritable", reason=str(error), effect="a start will need the issuer")


async def fetch(url: str) -> bytes:
    """The body at a URL, of at most `MAX_BYTES`, fetched within `FETCH_SECONDS`.

    Raises:
        FetchError: no answer, a status other than 200, or a body that is too large.
    """
    # In a thread, and imported only here: the import of httpx and the reading of the CA certificates are slow.
    client = await asyncio.to_thread(_client, url)
    from httpx import HTTPError, InvalidURL  # noqa: PLC0415 - see above

    try:
        async with asyncio.timeout(FETCH_SECONDS), client, client.stream("GET", url) as response:
            if response.status_code != 200:
                raise FetchError(f"{url} answers {response.status_code}, not 200")
            body = await read_body(response, MAX_BYTES)
            if body is None:
                raise FetchError(f"{url} gives more than {MAX_BYTES} bytes")
            return body
    except TimeoutError:
        raise FetchError(f"{url} did not answer within {FETCH_SECONDS:g} s") from None
    except (HTTPError, InvalidURL, OSError) as error:
        raise FetchError(f"{url} cannot be fetched ({type(error).__name__}: {error})") from error


def _client(url: str) -> Any:
    import ssl  # noqa: PLC0415

    import httpx  # noqa: PLC0415

    # The environment is read here: httpx fails on values that are common in it, such as `NO_PROXY=[::1]`.
    through = proxy_for(url, os.environ)
    try:
        proxy = None if through is None else httpx.Proxy(through)
    except Exception:
        raise FetchError("the proxy that the environment names cannot be used") from None  # its URL may hold a password
    headers = {"User-Agent": f"apientreprise-gateway/{__version__}", "Accept-Encoding": "identity"}
    return httpx.AsyncClient(
        verify=ssl.create_default_context(), headers=headers, timeout=FETCH_SECONDS, proxy=proxy, trust_env=False
    )


class _Trouble:
    """Logs why a key set cannot be read: once for each reason, not at each try."""

    def __init__(self) -> None:
        self._told: str | None = None

    def tell(self, reason: str, *, has_keys: bool = True) -> None:
        """Log a reason, unless it was that of the last try; `has_keys` says whether earlier keys stay in force."""
        if reason != self._told:
            effect = "the keys read before stay in force" if has_keys else "tokens that need its keys are refused"
            _log.error("jwks_unreadable", reason=reason, effect=effect)
        self._told = reason

    def end(self) -> None:
        """Note that the key set was read."""
        self._told = None


class _LeftOut:
    """Logs which entries of a key set cannot be used: once for each list of reasons."""

    def __init__(self) -> None:
        self._told: list[str] = []

    def tell(self, reasons: list[str]) -> None:
        """Log the reasons, unless they are those of the last time."""
        if reasons and reasons != self._told:
            _log.warning("jwks_keys_left_out", keys=len(reasons), reasons=reasons[:_NAMED])
        self._told = reasons


def _tell_of(keys: list[Key]) -> None:
    _log.info("jwks_read", keys=len(keys), kids=[key.kid for key in keys])
