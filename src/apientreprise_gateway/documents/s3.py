"""A document store in an S3 bucket (or a compatible one), which any number of replicas share.

Documents are written in parts, a few at a time, and read range by range: no connection to the bucket waits for a slow
client, and memory is bounded whatever the size of the documents. The usual AWS variables give the bucket's endpoint and
credentials: `AWS_ENDPOINT_URL`, `AWS_REGION`, `AWS_ACCESS_KEY_ID` … (see docs/documents.md).
"""

import math
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from apientreprise_gateway.documents.files import Content
from apientreprise_gateway.documents.links import is_past
from apientreprise_gateway.documents.store import SECRET_BYTES, Kept, StoreError
from apientreprise_gateway.net.shares import FairSlots
from apientreprise_gateway.net.threads import FairThreads

if TYPE_CHECKING:
    from obstore.store import S3Store as Bucket

SCHEME: Final = "s3://"
PART_BYTES: Final = 5 * 1024 * 1024
"""Bytes of the smallest part that S3 takes in a multipart upload."""
MAX_UPLOADS: Final = 4
"""Documents that a process writes at once, though always one of each provider; others wait. Each takes the memory of
one part."""
_THREADS: Final = 4
_READ_BYTES: Final = 512 * 1024
"""Bytes that one request of a download asks for."""
_COPY_BYTES: Final = 128 * 1024
_TIMEOUT: Final = timedelta(seconds=10)
_CONNECT_TIMEOUT: Final = timedelta(seconds=2)
_ENDPOINTS: Final = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_LISTED_AT_ONCE: Final = 500
_SEAL: Final = "seal"


class S3Documents:
    """A `DocumentStore` in a bucket, or under a prefix of one."""

    def __init__(self, url: str) -> None:
        """Read the credentials; nothing is sent yet.

        Args:
            url: `s3://bucket` or `s3://bucket/prefix`.

        Raises:
            ValueError: the environment's AWS settings cannot be used.
        """
        name, _, prefix = url.removeprefix(SCHEME).partition("/")
        self._url = url
        self._bucket = _connect(name, prefix.strip("/"))
        self.uploads: Final = FairSlots(MAX_UPLOADS)
        self.threads: Final = FairThreads(_THREADS, "documents")

    async def start(self) -> None:
        """List the bucket, to check that it can be used.

        Raises:
            StoreError: it does not answer, does not exist, or refuses us.
        """
        with self._faults():
            await self._bucket.list_with_delimiter_async()

    async def put(self, key: str, content: Content, *, owner: str = "") -> None:
        """Keep a document.

        Raises:
            StoreError: the bucket does not take it.
        """
        async with self.uploads.taken(owner):
            with self._faults():
                if content.size <= PART_BYTES:
                    whole = await self.threads.run(owner, lambda: content.read(0, content.size))
                    await self._bucket.put_async(key, whole, use_multipart=False)
                else:
                    parts = self._parts(content, owner)
                    await self._bucket.put_async(key, parts, chunk_size=PART_BYTES, max_concurrency=1)

    async def _parts(self, content: Content, owner: str) -> AsyncIterator[bytes]:
        for start in range(0, content.size, _COPY_BYTES):
            yield await self.threads.run(owner, partial(content.read, start, _COPY_BYTES))

    async def open(self, key: str, *, owner: str = "") -> Kept | None:
        """The document of a key; None if there is none.

        Raises:
            StoreError: the bucket cannot be asked.
        """
        del owner  # no thread is used, so there are no turns
        with self._faults():
            try:
                size = (await self._bucket.head_async(key))["size"]
            except FileNotFoundError:
                return None
        return _Object(self, key, size)

    async def read(self, key: str, start: int, length: int) -> bytes:
        """`length` bytes of a document, from `start` on.

        Raises:
            StoreError: the bucket does not give them.
        """
        with self._faults():
            return bytes(await self._bucket.get_range_async(key, start=start, length=length))

    async def secret(self, proposed: bytes) -> bytes:
        """The secret that seals links; `proposed` is kept and returned if there was none.

        Raises:
            StoreError: the bucket cannot be asked.
        """
        from obstore.exceptions import AlreadyExistsError, BaseError  # noqa: PLC0415 - as in _connect

        with self._faults():
            with suppress(FileNotFoundError):
                found = await self._object(_SEAL)
                if len(found) >= SECRET_BYTES:
                    return found
            try:
                await self._bucket.put_async(_SEAL, proposed, mode="create", use_multipart=False)
            except AlreadyExistsError:
                pass  # another process was faster
            except BaseError:
                # Not every server supports conditional writes; if two processes write at once, both read the last one.
                await self._bucket.put_async(_SEAL, proposed, use_multipart=False)
            return await self._object(_SEAL)

    async def _object(self, key: str) -> bytes:
        return bytes(await (await self._bucket.get_async(key)).bytes_async())

    async def remove_ended(self, moment: float, *, most: int, beyond: float = math.inf) -> int:
        """Remove documents of hours that are over at `moment`, or begin after `beyond`, both Unix times in seconds.

        Raises:
            StoreError: the bucket cannot be asked.
        """
        removed = 0
        with self._faults():
            listed = await self._bucket.list_with_delimiter_async()
            hours = [
                each for each in listed["common_prefixes"] if is_past(each.rpartition("/")[2], moment, beyond=beyond)
            ]
            for hour in hours:
                async for entries in self._bucket.list(hour, chunk_size=_LISTED_AT_ONCE):
                    keys = [entry["path"] for entry in entries][: most - removed]
                    await self._bucket.delete_async(keys)
                    removed += len(keys)
                    if removed >= most:
                        return removed
        return removed

    async def close(self) -> None:
        """End the threads once all queued work is done."""
        self.threads.close()

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Raise the errors of the library as `StoreError`."""
        from obstore.exceptions import BaseError  # noqa: PLC0415 - as in _connect

        try:
            yield
        except (BaseError, OSError) as error:
            # The text holds the whole exchange; its first line says what happened.
            reason = str(error).partition("\n")[0][:300]
            raise StoreError(f"{self._url}: {reason}") from error


class _Object:
    """A document that is being read."""

    chunk = _READ_BYTES

    def __init__(self, documents: S3Documents, key: str, size: int) -> None:
        self._documents = documents
        self._key = key
        self.size = size

    async def read(self, start: int, length: int) -> bytes:
        """The bytes from `start` on.

        Raises:
            StoreError: the bucket does not give them.
        """
        return await self._documents.read(self._key, start, min(length, self.size - start))

    async def close(self) -> None:
        """Do nothing: no connection is held between two requests."""


def _connect(name: str, prefix: str) -> "Bucket":
    from obstore.exceptions import BaseError  # noqa: PLC0415 - a library of some megabytes that few deployments need
    from obstore.store import S3Store  # noqa: PLC0415

    endpoint = next((os.environ[each] for each in _ENDPOINTS if os.environ.get(each)), "")
    client: Any = {"timeout": _TIMEOUT, "connect_timeout": _CONNECT_TIMEOUT}
    if endpoint.startswith("http://"):
        client["allow_http"] = True  # the operator asked for plain HTTP
    retries: Any = {"max_retries": 2, "retry_timeout": _TIMEOUT}
    try:
        return S3Store(name, prefix=prefix or None, client_options=client, retry_config=retries)
    except (BaseError, ValueError) as error:
        raise ValueError(str(error).partition("\n")[0]) from error
