"""The way of a file into the store: it is checked, gets a link, and is kept."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

import structlog

from apientreprise_gateway.catalogue.model import Document
from apientreprise_gateway.documents.extract import Extraction, decode, extract
from apientreprise_gateway.documents.files import NOT_DOWNLOADED, Content, FileFault, check
from apientreprise_gateway.documents.links import Link, file_name, new_link
from apientreprise_gateway.documents.store import DocumentStore, StoreError
from apientreprise_gateway.errors import refuse

_THREADS: Final = 4
_DECODERS: Final = 1
"""Decoding keeps the interpreter busy: two at once would not be faster, and hold up what answers calls."""
_T = TypeVar("_T")
_log = structlog.get_logger(__name__)


class Shelf:
    """Keeps documents."""

    def __init__(
        self,
        store: DocumentStore,
        *,
        seconds: int,
        max_bytes: int,
        folder: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take the rules.

        Args:
            store: where documents are kept.
            seconds: how long.
            max_bytes: how long a document may be.
            folder: for the temporary files of what is decoded; the system's own by default.
            clock: Unix time.
        """
        self._store = store
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._folder = folder
        self._clock = clock
        self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="documents-read")
        self._decoder = ThreadPoolExecutor(_DECODERS, thread_name_prefix="documents-decode")

    async def keep(self, content: Content, document: Document, name: Sequence[str]) -> Link:
        """Check a file and keep it.

        Args:
            content: the whole file.
            document: what it has to be.
            name: what the end of its link is made of.

        Raises:
            FileFault: the file is no good.
            Refusal: the store does not take it (00502).
        """
        if content.size > self._max_bytes:
            raise FileFault(NOT_DOWNLOADED)
        kind = await _run(self._executor, lambda: check(content, document.kinds))
        seconds = self._seconds if document.seconds is None else min(document.seconds, self._seconds)
        link = new_link(ends=int(self._clock()) + seconds, name=file_name(name, kind))
        try:
            await self._store.put(link.key, content)
        except StoreError as error:
            _log.error("document_not_kept", reason=str(error))
            raise refuse("00502") from error
        return link

    async def extract(self, content: Content) -> Extraction:
        """Take the files out of an answer, see `extract.extract`."""
        return await _run(self._decoder, lambda: extract(content, self._folder))

    async def decode(self, text: str) -> Content:
        """The file that a base64 text is, see `extract.decode`."""
        return await _run(self._decoder, lambda: decode(text))

    async def head(self, content: Content, length: int) -> bytes:
        """The first bytes of a file."""
        return await _run(self._executor, lambda: content.read(0, length))

    def close(self) -> None:
        """End the threads, once what they were told is done."""
        self._executor.shutdown(wait=False)
        self._decoder.shutdown(wait=False)


async def _run(executor: ThreadPoolExecutor, work: Callable[[], _T]) -> _T:
    return await asyncio.get_running_loop().run_in_executor(executor, work)
