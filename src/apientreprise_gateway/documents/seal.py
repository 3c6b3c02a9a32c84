"""The secret that links are sealed with, so that a link whose document is gone can be told from one that never was.

It lies in the store, beside the documents: whoever shares the store shares it, whatever tokens are signed with, and it
outlives every process. A store that loses it is given it back; where another one has taken its place meanwhile, both
are known until the process ends.
"""

import secrets
import time
from collections.abc import Callable
from typing import Final

from apientreprise_gateway.documents.links import DocumentLink, is_sealed
from apientreprise_gateway.documents.store import SECRET_BYTES, DocumentStore, StoreError

_REFRESH_SECONDS: Final = 300.0
_DOUBT_SECONDS: Final = 10.0
"""How long a secret is believed to be the only one when a link is not sealed with it."""
_MOST: Final = 4
"""Secrets that a process knows; others are those of a store that was emptied time and again."""


class Seals:
    """The secrets of a store, the one in force first."""

    def __init__(self, store: DocumentStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Ask the store nothing yet."""
        self._store = store
        self._clock = clock
        self._known: list[bytes] = []
        self._asked_at = 0.0

    async def current(self) -> bytes:
        """What new links are sealed with.

        Raises:
            StoreError: the store does not tell, and has not told yet.
        """
        await self._ask(_REFRESH_SECONDS)
        return self._known[0]

    async def are_on(self, link: DocumentLink) -> bool:
        """Whether a link was made by a gateway of this store.

        Raises:
            StoreError: the store does not tell, and has not told yet.
        """
        await self._ask(_REFRESH_SECONDS)
        if self._has_sealed(link):
            return True
        await self._ask(_DOUBT_SECONDS)  # another process may have found the store without a secret
        return self._has_sealed(link)

    async def refresh(self) -> None:
        """Ask the store again, and give it the secret back if it has lost it.

        Raises:
            StoreError: it does not tell, and has not told yet.
        """
        await self._ask(0)

    def _has_sealed(self, link: DocumentLink) -> bool:
        return any(is_sealed(link, secret) for secret in self._known)

    async def _ask(self, seconds: float) -> None:
        """Ask the store, unless it has told less than so many seconds ago."""
        if self._known and self._clock() < self._asked_at + seconds:
            return
        self._asked_at = self._clock()  # who comes meanwhile goes by what is known
        try:
            found = await self._store.secret(self._known[0] if self._known else secrets.token_bytes(SECRET_BYTES))
        except StoreError:
            if not self._known:
                raise
        else:
            self._known = [found, *(each for each in self._known if each != found)][:_MOST]
