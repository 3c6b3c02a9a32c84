"""The source of answers that hold documents.

The provider answers with the file, or with JSON that holds the file or its URL. The file is checked and kept. In the
answer the URL is replaced by the path of our link. The outermost source, `Linked`, completes it for each call with the
host of that call and the seconds that are left, so that the answer can be cached in between.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, NamedTuple

import orjson
import structlog
from msgspec.structs import replace

from apientreprise_gateway.contract.codes import PROVIDER_ERRORS
from apientreprise_gateway.contract.documents import EACH, Document
from apientreprise_gateway.contract.endpoint import Endpoint
from apientreprise_gateway.contract.errors import Refusal, provider_error, refuse
from apientreprise_gateway.contract.routes import Route
from apientreprise_gateway.documents.extract import MAX_FILES, Found, NotJsonError
from apientreprise_gateway.documents.files import (
    BAD_ADDRESS,
    LATE,
    NOT_DOWNLOADED,
    TOO_SLOW,
    Content,
    Disk,
    FileFault,
    Memory,
    OpenFile,
    kind_of,
)
from apientreprise_gateway.documents.intake import DocumentIntake
from apientreprise_gateway.documents.links import DocumentLink, read_path
from apientreprise_gateway.documents.places import (
    Address,
    Encoded,
    File,
    Given,
    Place,
    alone,
    answer_around,
    follow,
    holders,
    own_place,
    places_of,
)
from apientreprise_gateway.upstream.faults import CallError, Fault
from apientreprise_gateway.upstream.file_hosts import BadAddressError
from apientreprise_gateway.upstream.reading import ProviderAnswer, is_promised, read
from apientreprise_gateway.upstream.response import Response
from apientreprise_gateway.upstream.source import Get, ProviderRequest, Source, Timed
from apientreprise_gateway.upstream.spool import Spool, SpoolFile
from apientreprise_gateway.upstream.upstream import NotAskedError, Upstream

MAX_AT_ONCE: Final = 4
"""Documents of one answer that are fetched and kept at the same time."""
_HEAD_BYTES: Final = 1024
_PARTIAL: Final = 206
_FILE_TYPES: Final = ("pdf", "zip", "octet-stream")
_JSON_STARTS: Final = (b"{", b"[")
_log = structlog.get_logger(__name__)
OnKept = Callable[[str], None]


class DocumentTranslation:
    """A `Translation` that asks a provider, keeps the documents in its answer, and puts links in their place."""

    def __init__(
        self, route: Route, upstream: Upstream, *, intake: DocumentIntake, spool: Spool, on_kept: OnKept
    ) -> None:
        """Configure it; nothing is asked yet.

        Args:
            route: the endpoint, which has a `document`.
            upstream: calls the provider.
            intake: checks and keeps its files.
            spool: makes the temporary files of long answers.
            on_kept: called with the form (`file`, `base64`, `address`) of each document that was kept.
        """
        self._route = route
        self._upstream = upstream
        assert route.endpoint.document is not None  # noqa: S101 - the caller has checked
        self._endpoint: Endpoint = route.endpoint
        self._document: Document = route.endpoint.document
        self._intake = intake
        self._owner = route.provider.key
        self._spool = partial(spool, self._owner)
        self._on_kept = on_kept
        self._label = _label(route.endpoint)
        self._entity = _entity(route.endpoint)

    async def __call__(self, request: ProviderRequest, get: Get) -> ProviderAnswer:
        """Ask the provider and keep its documents, all within one deadline.

        Raises:
            Refusal: the provider gave no usable answer or file, or the store does not take it (`00502`).
        """
        del get  # it would hold the whole answer in memory
        deadline = self._upstream.deadline()
        try:
            response = await self._upstream.get(
                request.target, request_id=request.request_id, deadline=deadline, spool=self._spool
            )
            content = content_of(response)
            if response.status != 200 and not (response.status == _PARTIAL and self._endpoint.flat):
                return read(self._route, response)
            return await self._read(request, response, content, deadline)
        except FileFault as fault:
            raise self._refusal(fault.subcode) from fault
        except NotJsonError as error:
            raise self._refusal("999") from error
        except OSError as error:
            _log.error("document_not_kept", reason=str(error))
            raise refuse("00502") from error
        except NotAskedError:
            raise
        except Refusal as refusal:
            raise self._too_large(refusal) from refusal.__cause__

    def _too_large(self, refusal: Refusal) -> Refusal:
        """Report an answer that is too long as a bad file, since it holds one."""
        cause = refusal.__cause__
        large = isinstance(cause, CallError) and cause.fault is Fault.TOO_LARGE
        return self._refusal(NOT_DOWNLOADED) if large else refusal

    async def _read(
        self, request: ProviderRequest, response: Response, content: Content, deadline: float
    ) -> ProviderAnswer:
        async with self._in_time(deadline, "reading"):
            head = await self._intake.head(content, _HEAD_BYTES, owner=self._owner)
        if "json" in response.content_type.lower() and head.lstrip().startswith(_JSON_STARTS):
            return await self._read_json(request, response.status, content, deadline)
        declared = any(each in response.content_type.lower() for each in _FILE_TYPES)
        if not self._document.alone or not (declared or kind_of(head)):
            raise self._refusal("999")
        place = alone(File(content), self._document)
        return await self._fill(answer_around(place), [place], _Filling(request, {}, deadline), response.status)

    async def _read_json(
        self, request: ProviderRequest, status: int, content: Content, deadline: float
    ) -> ProviderAnswer:
        async with self._in_time(deadline, "decoding"):
            answer, files = await self._intake.extract(content, owner=self._owner)
        filling = _Filling(request, files, deadline)
        own = own_place(answer, self._document)
        if own is not None:
            return await self._fill(answer_around(own), [own], filling, status)
        tokens = frozenset(token for token, found in files.items() if found.looks_encoded)
        places = places_of(answer, self._document, tokens)
        if not is_promised(self._endpoint, answer) or not self._is_complete(places):
            raise self._refusal("999")
        return await self._fill(answer, places, filling, status)

    def _is_complete(self, places: Sequence[Place]) -> bool:
        """Whether all required documents are there, and not more than `MAX_FILES`."""
        if len(places) > MAX_FILES:
            return False
        return self._document.optional or (bool(places) and all(place.given is not None for place in places))

    async def _fill(self, answer: Any, places: Sequence[Place], filling: "_Filling", status: int) -> ProviderAnswer:
        """Keep the documents of an answer, and write the paths of their links into it."""
        kept = await self._keep_all(places, filling)
        for left in filling.files.values():  # a long string that is no document
            raise left.content if isinstance(left.content, FileFault) else self._refusal("999")
        ends: list[int] = []
        for place, found in zip(places, kept, strict=True):
            place.holder[self._document.address[-1]] = found.path if isinstance(found, DocumentLink) else None
            if self._document.expires_in:
                place.holder[self._document.expires_in] = None
            if isinstance(found, DocumentLink):
                ends.append(found.ends)
            elif found is not None:
                self._note(answer, place, found)
                status = _PARTIAL if self._endpoint.flat else status
        try:
            body = orjson.dumps(answer)
        except TypeError:  # orjson reads JSON that is nested four times as deep as it can write
            raise self._refusal("999") from None
        return ProviderAnswer(status, body, expires_at=min(ends, default=None))

    async def _keep_all(self, places: Sequence[Place], filling: "_Filling") -> list[DocumentLink | FileFault | None]:
        """Keep the documents of these places, `MAX_AT_ONCE` at a time."""
        room = asyncio.Semaphore(MAX_AT_ONCE)

        async def keep(place: Place, number: int) -> DocumentLink | FileFault | None:
            async with room:
                return await self._keep(place, number, filling)

        tasks = [asyncio.create_task(keep(place, number)) for number, place in enumerate(places, 1)]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, place: Place, number: int, filling: "_Filling") -> DocumentLink | FileFault | None:
        """Keep the document of a place: its link, None if there is none, or its fault if the answer may go without."""
        try:
            content = await self._content(place.given, filling)
            if content is None:
                return None
            name = self._name(filling.request, number)
            async with self._in_time(filling.deadline, "keeping"):
                link = await self._intake.keep(content, self._document, name, owner=self._owner)
        except FileFault as fault:
            if not self._document.faulty:
                raise
            return fault
        self._on_kept(_FORMS[type(place.given)])
        return link

    async def _content(self, given: Given, filling: "_Filling") -> Content | None:
        match given:
            case None:
                return None
            case FileFault():
                raise given
            case File():
                return given.content
            case Encoded():
                return await self._decoded(given.text, filling)
            case Address():
                filling.files.pop(given.text, None)  # an address so long that it was extracted as a file
                return await self._download(given.text, filling)

    async def _decoded(self, text: str, filling: "_Filling") -> Content:
        found = filling.files.pop(text, None)
        if found is None:
            async with self._in_time(filling.deadline, "decoding"):
                return await self._intake.decode(text, owner=self._owner)
        if isinstance(found.content, FileFault):
            raise found.content
        return found.content

    async def _download(self, address: str, filling: "_Filling") -> Content:
        request_id = filling.request.request_id
        try:
            response = await self._upstream.download(
                address, request_id=request_id, deadline=filling.deadline, spool=self._spool
            )
        except BadAddressError as error:
            raise FileFault(BAD_ADDRESS) from error
        except CallError as error:
            raise _fault(error) from error
        except Refusal as refusal:
            raise _fault(refusal.__cause__) from refusal
        content = content_of(response)
        if response.status != 200:
            raise FileFault(NOT_DOWNLOADED)
        return content

    def _name(self, request: ProviderRequest, number: int) -> list[str]:
        """The words that the file name in a link is made of."""
        entity = [] if self._entity is None else [request.values[self._entity]]
        return [self._label, *entity, *([str(number)] if EACH in self._document.address else [])]

    def _note(self, answer: Any, place: Place, fault: FileFault) -> None:
        """Note in the answer that a document of a list could not be kept."""
        if self._endpoint.flat:
            del place.holder[self._document.address[-1]]
        errors = place.holder.get("errors")
        if isinstance(errors, list):
            detail = PROVIDER_ERRORS[fault.subcode].detail
            errors.append(detail.format(provider=self._route.provider.name))
        *way, count = self._document.faulty
        counts = follow(answer, tuple(way))
        if isinstance(counts, dict) and isinstance(counts.get(count), int):
            counts[count] += 1

    @asynccontextmanager
    async def _in_time(self, deadline: float, doing: str) -> AsyncIterator[None]:
        """Raise a `FileFault` if the block is not done by a deadline, in seconds of the loop's clock.

        The provider's deadline also covers what we do with its answer.
        """
        try:
            async with asyncio.timeout_at(deadline):
                yield
        except TimeoutError:
            _log.warning("document_late", provider=self._owner, doing=doing)
            raise FileFault(LATE) from None

    def _refusal(self, subcode: str) -> Refusal:
        return provider_error(subcode, prefix=self._route.provider.prefix, name=self._route.provider.name)


class _Filling(NamedTuple):
    """What is needed to fill the places of an answer."""

    request: ProviderRequest
    files: dict[str, Found]
    """The files extracted from it and not used yet, by their tokens."""
    deadline: float
    """In seconds of the loop's clock."""


_FORMS: Final[Mapping[type, str]] = {File: "file", Encoded: "base64", Address: "address"}


def _label(endpoint: Endpoint) -> str:
    """The name of an endpoint's documents: the last segment of its path that is no parameter."""
    return next(segment for segment in reversed(endpoint.path.split("/")) if not segment.startswith("{"))


def _entity(endpoint: Endpoint) -> int | None:
    """The position of the parameter that says whose document it is; None if there is none."""
    return next((at for at, parameter in enumerate(endpoint.parameters) if parameter.kind.names_entity), None)


def content_of(response: Response) -> Content:
    """The body of an answer, from memory or from its spool file, which is released."""
    if response.file is None:
        return Memory(response.body)
    assert isinstance(response.file, SpoolFile)  # noqa: S101 - that is what our spool makes
    try:
        return Disk(OpenFile(os.dup(response.file.file.fileno())))
    finally:
        response.file.discard()


def _fault(cause: BaseException | None) -> FileFault:
    """The fault of a file whose download failed."""
    late = isinstance(cause, CallError) and cause.fault is Fault.TIMEOUT
    return FileFault(TOO_SLOW if late else NOT_DOWNLOADED)


class Linked:
    """The outermost source: turns the paths of documents in an answer into URLs for the current call."""

    def __init__(self, inner: Source, document: Document, *, clock: Callable[[], float] = time.time) -> None:
        """Wrap another source.

        Args:
            inner: the source that it wraps.
            document: says where its answers hold documents.
            clock: Unix time in seconds.
        """
        self._inner = inner
        self._document = document
        self._clock = clock

    async def __call__(self, request: ProviderRequest, timed: Timed) -> ProviderAnswer:
        """Ask the inner source, and complete the links in its answer."""
        answer = await self._inner(request, timed)
        if answer.codes or answer.moved_to:
            return answer
        content = orjson.loads(answer.body)
        documents = tuple(self._complete(content, request.base_url))
        return replace(answer, body=orjson.dumps(content), documents=documents) if documents else answer

    def _complete(self, answer: Any, base_url: str) -> Iterator[str]:
        """Complete the links of an answer; yields the name in logs of each document."""
        now = int(self._clock())
        for holder, _ in holders(answer, self._document):
            path = holder.get(self._document.address[-1])
            link = None if path is None else read_path(path.encode("ascii"))
            if link is None:
                continue
            holder[self._document.address[-1]] = base_url + link.path
            if self._document.expires_in:
                holder[self._document.expires_in] = max(0, link.ends - now)
            yield link.reference
