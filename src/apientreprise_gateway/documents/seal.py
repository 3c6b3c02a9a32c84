"""The secret that seals links, so that a link whose document is gone can be told from one that never existed.

It is kept in the store, beside the documents, so that all processes with the same store share it and it survives them.
If the store loses it, it is written back; if the store has another one by then, the process accepts both.
"""

import secrets
import time
from collections.abc import Callable
from typing import Final

from apientreprise_gateway.documents.links import DocumentLink, is_sealed
from apientreprise_gateway.documents.store import SECRET_BYTES, DocumentStore, StoreError

_REFRESH_SECONDS: Final = 300.0
_DOUBT_SECONDS: Final = 10.0
"""Seconds between two looks at the store when a link is not sealed with a known secret."""
_MOST: Final = 4
"""Secrets that a process remembers; more would mean a store that was emptied again and again."""


class Seals:
    """The secrets of a store that this process knows, the one in force first."""

    def __init__(self, store: DocumentStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._known: list[bytes] = []
        self._asked_at = 0.0

    async def current(self) -> bytes:
        """The secret that seals new links.

        Raises:
            StoreError: the store could not be asked, and no secret is known yet.
        """
        await self._ask(_REFRESH_SECONDS)
        return self._known[0]

    async def are_on(self, link: DocumentLink) -> bool:
        """Whether a link was sealed by a gateway with this store.

        Raises:
            StoreError: the store could not be asked, and no secret is known yet.
        """
        await self._ask(_REFRESH_SECONDS)
        if self._has_sealed(link):
            return True
        await self._ask(_DOUBT_SECONDS)  # another process may have put a new secret into an emptied store
        return self._has_sealed(link)

    async def refresh(self) -> None:
        """Ask the store again, and write the secret back if the store has lost it.

        Raises:
            StoreError: the store could not be asked, and no secret is known yet.
        """
        await self._ask(0)

    def _has_sealed(self, link: DocumentLink) -> bool:
        return any(is_sealed(link, secret) for secret in self._known)

    async def _ask(self, seconds: float) -> None:
        """Ask the store, unless it was asked less than so many seconds ago and a secret is known."""
        if self._known and self._clock() < self._asked_at + seconds:
            return
        self._asked_at = self._clock()  # set first, so that concurrent callers use what is known
        try:
            found = await self._store.secret(self._known[0] if self._known else secrets.token_bytes(SECRET_BYTES))
        except StoreError:
            if not self._known:
                raise
        else:
            self._known = [found, *(each for each in self._known if each != found)][:_MOST]
