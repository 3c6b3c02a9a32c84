"""The interface of a document store.

A document is put once, completely or not at all, and never changes. Any process that shares the store can read what
another has put, and several may remove expired documents at the same time.
"""

import math
from typing import Final, Protocol

from apientreprise_gateway.documents.files import Content

SECRET_BYTES: Final = 32
"""Bytes of the secret that seals links; a shorter one was written incompletely, and is not used."""


class StoreError(Exception):
    """The store cannot be used now; the text tells operators why."""


class Kept(Protocol):
    """A document that is being read."""

    @property
    def size(self) -> int:
        """Number of bytes."""

    @property
    def chunk(self) -> int:
        """Number of bytes that are best read at once."""

    async def read(self, start: int, length: int) -> bytes:
        """The bytes from `start` on, `length` of them, or fewer at the end.

        Raises:
            StoreError: they cannot be read.
        """

    async def close(self) -> None:
        """Release the document; nothing is read afterwards."""


class DocumentStore(Protocol):
    """Keeps documents, under keys that start with the hour in which they expire (`links.DocumentLink.key`)."""

    async def start(self) -> None:
        """Check that the store can be used.

        Raises:
            StoreError: it cannot be used.
        """

    async def put(self, key: str, content: Content, *, owner: str = "") -> None:
        """Keep a document.

        Args:
            key: the key under which it is kept.
            content: the whole document.
            owner: the provider's key; work that has to wait is shared fairly among owners.

        Raises:
            StoreError: it is not kept.
        """

    async def open(self, key: str, *, owner: str = "") -> Kept | None:
        """The document of a key; None if there is none.

        Args:
            key: the key under which it is kept.
            owner: the caller's address; reads that have to wait are shared fairly among owners.

        Raises:
            StoreError: the store cannot be read.
        """

    async def secret(self, proposed: bytes) -> bytes:
        """The secret that seals links, the same for all who share the store.

        Args:
            proposed: kept, and returned, if there is none yet.

        Raises:
            StoreError: the store cannot be read or written.
        """

    async def remove_ended(self, moment: float, *, most: int, beyond: float = math.inf) -> int:
        """Remove documents of hours that are over at a Unix time.

        Args:
            moment: hours that end after this Unix time are kept.
            most: number of documents to remove at most.
            beyond: hours that begin after this Unix time are removed as well: only a wrong clock can have made them.

        Returns:
            The number of documents removed.

        Raises:
            StoreError: the store cannot be listed.
        """

    async def close(self) -> None:
        """Release the resources of the store."""


class NullStore:
    """A store that keeps nothing, for documents that are only checked."""

    async def start(self) -> None:
        """See `DocumentStore`."""

    async def put(self, key: str, content: Content, *, owner: str = "") -> None:
        """See `DocumentStore`."""

    async def open(self, key: str, *, owner: str = "") -> Kept | None:
        del key, owner
        return None

    async def secret(self, proposed: bytes) -> bytes:
        return proposed

    async def remove_ended(self, moment: float, *, most: int, beyond: float = math.inf) -> int:
        del moment, most, beyond
        return 0

    async def close(self) -> None:
        """See `DocumentStore`."""
