"""Where documents are kept: what the gateway asks of it.

A document is put once, whole or not at all, and never changes. Any process that shares the store can read what another
has put, and anybody may remove what has ended, several at the same time.
"""

import math
from typing import Final, Protocol

from apientreprise_gateway.documents.files import Content

SECRET_BYTES: Final = 32
"""Length of the secret that links are sealed with; a shorter one was cut, and is not used."""


class StoreError(Exception):
    """The store cannot be used now; the text says why, for operators."""


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
    """A place for documents, under keys that start with the hour of their end (`links.DocumentLink.key`)."""

    async def start(self) -> None:
        """Get ready.

        Raises:
            StoreError: it cannot be used.
        """

    async def put(self, key: str, content: Content, *, owner: str = "") -> None:
        """Keep a document.

        Args:
            key: where.
            content: the whole document.
            owner: whose turn it takes where work has to wait: the provider's.

        Raises:
            StoreError: it is not kept.
        """

    async def open(self, key: str, *, owner: str = "") -> Kept | None:
        """The document of a key; None if there is none.

        Args:
            key: where it is.
            owner: whose turn reading it takes where work has to wait: the caller's address.

        Raises:
            StoreError: it cannot be told.
        """

    async def secret(self, proposed: bytes) -> bytes:
        """What lies beside the documents for links to be sealed with, the same for all who share the store.

        Args:
            proposed: kept if there is none yet.

        Raises:
            StoreError: it cannot be told.
        """

    async def remove_ended(self, moment: float, *, most: int, beyond: float = math.inf) -> int:
        """Remove documents of hours that are over at a Unix time.

        Args:
            moment: hours that end after it are kept whole.
            most: how many to remove now.
            beyond: hours that begin later than this are removed as well: no clock that is right has made them.

        Returns:
            How many this call has removed.

        Raises:
            StoreError: it cannot be told what there is.
        """

    async def close(self) -> None:
        """Release the resources of the store."""


class NullStore:
    """Keeps nothing."""

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
