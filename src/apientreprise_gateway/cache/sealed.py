"""A cache that encrypts what another one keeps.

Each entry is sealed with AES-256-GCM under the first key of a ring, with a random nonce, and bound to its key: copied
to another key, it does not open. Any key of the ring opens, and each entry says which: a key can be put in front of the
ring while entries of the others are still there. An entry that no key opens is none.

The cache within sees digests in place of keys. They are made under the pseudonym key if there is one, so that they
outlive a change of the ring; otherwise under the ring's first key, and an entry is looked for under each in turn.
"""

import hmac
import os
import struct
import time
from collections.abc import Callable, Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from apientreprise_gateway.cache.port import AnswerCache, Entry, Size, is_over

_FORM: Final = b"\x01"
"""Of the sealed bodies; others are not opened."""
_MARK_BYTES: Final = 4
"""Of a key's mark, which finds it in the ring."""
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_TIMES: Final = struct.Struct(">dd")
_HEAD_BYTES: Final = len(_FORM) + _MARK_BYTES + _NONCE_BYTES
OVERHEAD: Final = _HEAD_BYTES + _TIMES.size + _TAG_BYTES
"""Bytes by which a sealed body is longer than the answer."""


class SealedCache:
    """An `AnswerCache` around another one, which sees neither answers nor what is asked."""

    def __init__(
        self,
        inner: AnswerCache,
        *,
        keys: Sequence[bytes],
        pseudonym_key: bytes | None = None,
        on_unopened: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Keep nothing yet.

        Args:
            inner: what keeps the sealed entries; entries of others in it are not touched.
            keys: the ring, 32 bytes each: the first seals, all open.
            pseudonym_key: what digests of keys are made under; None for the ring's own keys.
            on_unopened: told of each entry that is there and that no key opens.
            clock: Unix time in seconds.
        """
        if not keys:
            raise ValueError("a ring of keys has at least one key")
        self._inner = inner
        self._ring = [_SealingKey(key) for key in keys]
        naming = keys if pseudonym_key is None else [pseudonym_key]
        self._naming = [_derived(key, b"cache name") for key in naming]
        self._on_unopened = on_unopened
        self._clock = clock

    @property
    def largest(self) -> int:
        """See `AnswerCache.largest`."""
        return self._inner.largest - OVERHEAD

    async def start(self) -> None:
        """See `AnswerCache.start`."""
        await self._inner.start()

    async def get(self, key: str) -> Entry | None:
        """See `AnswerCache.get`."""
        question = _encoded(key)
        for naming in self._naming:
            sealed = await self._inner.get(_name(naming, question))
            if sealed is not None:
                entry = self._opened(sealed, question)
                if entry is not None:
                    return None if is_over(entry, self._clock()) else entry
                self._on_unopened()
        return None

    async def put(self, key: str, entry: Entry) -> None:
        """See `AnswerCache.put`."""
        question = _encoded(key)
        await self._inner.put(_name(self._naming[0], question), self._sealed(entry, question))

    async def sweep(self) -> Size:
        """See `AnswerCache.sweep`."""
        return await self._inner.sweep()

    async def close(self) -> None:
        """See `AnswerCache.close`."""
        await self._inner.close()

    def _sealed(self, entry: Entry, question: bytes) -> Entry:
        # Its ends are sealed with it: who can write to the store cannot prolong it.
        content = _TIMES.pack(entry.fresh_until, entry.stale_until) + entry.body
        return entry._replace(body=self._ring[0].seal(content, question))

    def _opened(self, sealed: Entry, question: bytes) -> Entry | None:
        """What an entry holds; None if no key opens it."""
        body = sealed.body
        if len(body) < OVERHEAD or not body.startswith(_FORM):
            return None
        for key in self._ring:
            content = key.open(body, question)
            if content is not None:
                fresh_until, stale_until = _TIMES.unpack_from(content)
                return Entry(
                    content[_TIMES.size :],
                    sealed.stored_at,
                    min(fresh_until, sealed.fresh_until),
                    min(stale_until, sealed.stale_until),
                )
        return None


class _SealingKey:
    """A key of the ring."""

    def __init__(self, key: bytes) -> None:
        self._start = _FORM + _derived(key, b"cache mark")[:_MARK_BYTES]
        self._cipher = AESGCM(_derived(key, b"cache entry"))

    def seal(self, content: bytes, question: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return self._start + nonce + self._cipher.encrypt(nonce, content, self._start + question)

    def open(self, body: bytes, question: bytes) -> bytes | None:
        if not body.startswith(self._start):
            return None
        nonce = body[len(self._start) : _HEAD_BYTES]
        try:
            return self._cipher.decrypt(nonce, body[_HEAD_BYTES:], self._start + question)
        except InvalidTag:
            return None


def _encoded(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")


def _name(naming: bytes, question: bytes) -> str:
    """What the cache within calls an entry."""
    return hmac.digest(naming, question, "sha256").hex()


def _derived(key: bytes, purpose: bytes) -> bytes:
    """A key for one purpose alone: what is known of it tells nothing of the others."""
    return hmac.digest(key, b"apientreprise-gateway " + purpose, "sha256")
