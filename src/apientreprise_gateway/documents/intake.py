"""Puts a file into the store: it is checked, gets a link, and is kept."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import structlog

from apientreprise_gateway.contract.documents import Document
from apientreprise_gateway.contract.errors import refuse
from apientreprise_gateway.documents.extract import Extraction, Extractor, decode
from apientreprise_gateway.documents.files import NOT_DOWNLOADED, Content, FileFault, check
from apientreprise_gateway.documents.links import DocumentLink, file_name, new_link
from apientreprise_gateway.documents.seal import Seals
from apientreprise_gateway.documents.store import DocumentStore, StoreError
from apientreprise_gateway.net.threads import FairThreads

_READERS: Final = 4
_DECODERS: Final = 1
"""Threads that decode: decoding holds the GIL, so two would not be faster and would slow the event loop down."""
_log = structlog.get_logger(__name__)


class Workshop:
    """The threads in which files are read and decoded, part by part; providers take turns."""

    def __init__(self) -> None:
        self.reading: Final = FairThreads(_READERS, "documents-read")
        self.decoding: Final = FairThreads(_DECODERS, "documents-decode")

    def close(self) -> None:
        """End the threads once all queued work is done."""
        self.reading.close()
        self.decoding.close()


class DocumentIntake:
    """Checks and keeps documents. Work that is cancelled goes on for one part at most."""

    def __init__(
        self,
        store: DocumentStore,
        seals: Seals,
        workshop: Workshop,
        *,
        seconds: int,
        max_bytes: int,
        folder: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Configure it.

        Args:
            store: where documents are kept.
            seals: the secrets that seal links.
            workshop: threads in which documents are read and decoded.
            seconds: seconds that documents are kept.
            max_bytes: bytes that a document may have.
            folder: where temporary files of decoding are made; the system's own folder by default.
            clock: Unix time in seconds.
        """
        self._store = store
        self._seals = seals
        self._workshop = workshop
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._folder = folder
        self._clock = clock

    async def keep(self, content: Content, document: Document, name: Sequence[str], *, owner: str) -> DocumentLink:
        """Check a file and keep it.

        Args:
            content: the whole file.
            document: what the catalogue says of it.
            name: words that the file name in its link is made of.
            owner: the provider's key; work that has to wait is shared fairly among owners (here and below).

        Raises:
            FileFault: the file is unusable.
            Refusal: the store does not take it (`00502`).
        """
        if content.size > self._max_bytes:
            raise FileFault(NOT_DOWNLOADED)
        kind = await self._workshop.reading.run(owner, lambda: check(content, document.kinds))
        seconds = self._seconds if document.seconds is None else min(document.seconds, self._seconds)
        try:
            secret = await self._seals.current()
            link = new_link(ends=int(self._clock()) + seconds, name=file_name(name, kind), secret=secret)
            await self._store.put(link.key, content, owner=owner)
        except StoreError as error:
            _log.error("document_not_kept", reason=str(error))
            raise refuse("00502") from error
        return link

    async def extract(self, content: Content, *, owner: str) -> Extraction:
        """Take the files out of an answer, see `extract.Extractor`."""
        decoding = self._workshop.decoding
        extractor = Extractor(content, self._folder)
        while await decoding.run(owner, extractor.step):
            pass
        return await decoding.run(owner, extractor.finish)

    async def decode(self, text: str, *, owner: str) -> Content:
        """Decode a base64 text, see `extract.decode`."""
        return await self._workshop.decoding.run(owner, lambda: decode(text))

    async def head(self, content: Content, length: int, *, owner: str) -> bytes:
        """The first `length` bytes of a file."""
        return await self._workshop.reading.run(owner, lambda: content.read(0, length))
