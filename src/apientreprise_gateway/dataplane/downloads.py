"""Answers calls for a document: `GET` and `HEAD` of a link, of the whole document or a range.

A link needs no token, and no rate limit applies except bans. Bytes are sent as fast as the client takes them, with one
part in memory at a time; the server closes the connection of a client that takes none for a while.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

import structlog

from apientreprise_gateway.contract.documents import FileKind
from apientreprise_gateway.contract.errors import ConnectionDropped, Refusal, refuse
from apientreprise_gateway.dataplane.admission import Admission
from apientreprise_gateway.dataplane.call import Call, common_lines
from apientreprise_gateway.dataplane.checks import MAX_TARGET_BYTES
from apientreprise_gateway.dataplane.refusals import Refusals
from apientreprise_gateway.documents.downloads import Downloads, Turn
from apientreprise_gateway.documents.links import DocumentLink, read_path
from apientreprise_gateway.documents.ranges import UnsatisfiableError, knows, part_of, values
from apientreprise_gateway.documents.seal import Seals
from apientreprise_gateway.documents.store import DocumentStore, Kept, StoreError
from apientreprise_gateway.net.asgi import Header, Receive, Scope, Send
from apientreprise_gateway.net.header_lines import headers_of
from apientreprise_gateway.observability.access_log import AccessLog, now
from apientreprise_gateway.observability.faults import FaultLog
from apientreprise_gateway.observability.metrics import Metrics
from apientreprise_gateway.server.limits import Closing

_COUNTED: Final = frozenset({"00405", "00406", "00408"})
"""Refusals with these codes count for the address of the caller."""
_METHODS: Final = frozenset({"GET", "HEAD"})
_ALLOW: Final[tuple[Header, ...]] = ((b"allow", b"GET, HEAD"),)
_TYPES: Final = {FileKind.PDF: b"application/pdf", FileKind.ZIP: b"application/zip"}
_ALWAYS: Final[tuple[Header, ...]] = (
    (b"accept-ranges", b"bytes"),
    # Only the reader may see a document, and nothing in it may run in a browser as if it were ours.
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; sandbox"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex"),
)
_log = structlog.get_logger(__name__)


class _Answer(NamedTuple):
    status: int
    headers: list[Header]
    body: bytes = b""
    kept: Kept | None = None
    """The document whose bytes from `start` up to `stop` are sent instead of the body."""
    start: int = 0
    stop: int = 0


class Download:
    """The outcome of a download, for its log line."""

    def __init__(self) -> None:
        self.link: DocumentLink | None = None
        self.status = 0
        self.sent = 0
        self.complete = False


class Serving:
    """The ASGI application of the links."""

    def __init__(
        self,
        store: DocumentStore,
        *,
        seals: Seals,
        downloads: Downloads,
        longest: float,
        admission: Admission,
        metrics: Metrics,
        access_log: AccessLog,
        refusals: Refusals,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Configure it.

        Args:
            store: where documents are kept.
            seals: tell a link whose document is gone from one that never existed.
            downloads: the downloads under way.
            longest: seconds for which a link is valid, at most.
            admission: the first check, as for any call.
            metrics: where downloads are counted.
            access_log: takes a line for each download.
            refusals: make the answers to refused calls.
            clock: Unix time in seconds.
        """
        self._store = store
        self._seals = seals
        self._downloads = downloads
        self._longest = longest
        self._admission = admission
        self._metrics = metrics
        self._access_log = access_log
        self._refusals = refusals
        self._faults = FaultLog()
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call, then record it."""
        del receive  # as in the pipeline
        call, download = Call(scope), Download()
        if call.connection is not None:
            call.connection.cancels = True
        try:
            answer = await self._try(call, download)
            await self._send(call, download, answer, send)
        except ConnectionDropped:
            self._admission.drop(call)
            return
        except asyncio.CancelledError:
            if call.connection is None or not call.connection.lost:
                raise
        finally:
            if call.connection is not None:
                call.connection.cancels = False
            if call.outcome_without_line is not None:
                self._metrics.unlogged(call.outcome_without_line).inc()
            if download.status:
                self._record(call, download)

    async def _try(self, call: Call, download: Download) -> _Answer:
        """The answer to a call; refusals become answers as well."""
        try:
            return await self._answer_or_count(call, download)
        except Refusal as refusal:
            return self._refused(call, refusal)

    def _refused(self, call: Call, refusal: Refusal) -> _Answer:
        status, body, lines = self._refusals(call, refusal)
        return _Answer(status, [*headers_of(lines), (b"content-length", b"%d" % len(body))], body)

    async def _answer_or_count(self, call: Call, download: Download) -> _Answer:
        """As `_answer`; an unexpected error is logged, and counts for the address like a wrong link."""
        try:
            return await self._answer(call, download)
        except (Refusal, ConnectionDropped):
            raise
        except Exception as error:
            self._faults.tell("call_failed", error, request_id=call.request_id.decode())
            await self._admission.count_unknown(call)
            raise refuse("00500") from error

    async def _answer(self, call: Call, download: Download) -> _Answer:
        await self._admission.admit_late(call) if self._access_log.is_full else self._admission.admit(call)
        try:
            link = download.link = _link_of(call)
            kept = await self._open(call, link)
        except Refusal as refusal:
            if refusal.errors[0].code in _COUNTED:
                await self._admission.count_unknown(call)
            raise
        try:
            return _answer(call, link, kept)
        except UnsatisfiableError:
            await kept.close()
            raise refuse("00409", headers=((b"content-range", b"bytes */%d" % kept.size),)) from None

    async def _open(self, call: Call, link: DocumentLink) -> Kept:
        """The document of a link.

        Raises:
            Refusal: the link has expired (`00403`) or leads to nothing (`00408`), or the store fails (`00502`).
        """
        try:
            has_ended = link.has_ended(self._clock(), longest=self._longest)
            if has_ended and await self._seals.are_on(link):
                raise refuse("00403")
            kept = await self._store.open(link.key, owner=call.client if call.address is None else call.address)
        except StoreError as error:
            _log.error("document_not_read", document=link.reference, reason=str(error))
            raise refuse("00502") from error
        if kept is None:
            raise refuse("00408")
        if has_ended:  # the link has no seal that is known, but its document is still there
            await kept.close()
            raise refuse("00403")
        return kept

    async def _send(self, call: Call, download: Download, answer: _Answer, send: Send) -> None:
        try:
            if answer.kept is None or answer.start >= answer.stop:
                await self._send_whole(download, answer, send)
                return
            assert download.link is not None  # noqa: S101 - a kept document has a link
            try:
                with self._downloads.turn(
                    link=download.link.reference, address=call.address, cut=partial(_cut, call)
                ) as turn:
                    await self._send_document(download, answer, answer.kept, turn, send)
            except Refusal as refusal:
                await self._send_whole(download, self._refused(call, refusal), send)
        except StoreError as error:
            # The head has been sent already: only a closed connection can show that the rest will not come.
            _log.error("document_not_read", document=_reference(download.link), reason=str(error))
            if call.connection is not None:
                call.connection.drop()
        except RuntimeError:
            # uvloop refuses to write to a closed connection before it reports that the connection is closed.
            if call.connection is None or not call.connection.closing:
                raise
            call.connection.drop()
        finally:
            if answer.kept is not None:
                await answer.kept.close()

    async def _send_whole(self, download: Download, answer: _Answer, send: Send) -> None:
        download.status = answer.status
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.body})
        download.complete = True

    async def _send_document(self, download: Download, answer: _Answer, kept: Kept, turn: Turn, send: Send) -> None:
        download.status = answer.status
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        start = answer.start
        while start < answer.stop:
            part = await kept.read(start, min(kept.chunk, answer.stop - start))
            if not part:
                raise StoreError("the document is shorter than it was")
            with turn.sending():
                await send({"type": "http.response.body", "body": part, "more_body": True})
            start += len(part)
            download.sent += len(part)
        with turn.sending():
            # This waits until the client has taken all but a few kilobytes.
            await send({"type": "http.response.body", "body": b""})
        download.complete = True

    def _record(self, call: Call, download: Download) -> None:
        self._metrics.downloads(download.status).inc()
        self._metrics.download_bytes.inc(download.sent)
        for code in call.codes:
            self._metrics.errors(code).inc()
        if call.outcome_without_line is None:
            self._access_log.write(download_line(call, download))


def download_line(call: Call, download: Download) -> dict[str, Any]:
    """The fields of a download's log line; `docs/access-log.md` explains each."""
    return {
        "event": "download",
        "time": now(),
        "request_id": call.request_id.decode(),
        "document": _reference(download.link),
        "client_ip": call.client,
        "status": download.status,
        "codes": call.codes,
        "bytes": download.sent,
        "complete": download.complete,
        "seconds": round(time.perf_counter() - call.started, 6),
    }


def _reference(link: DocumentLink | None) -> str | None:
    return None if link is None else link.reference


def _cut(call: Call) -> None:
    """Close the connection of a client that reads slowly, to make room for others."""
    if call.connection is not None:
        call.connection.cut(Closing.EVICTED)


def _link_of(call: Call) -> DocumentLink:
    """The link that a call asks for.

    Raises:
        Refusal: it is no link (`00408`), too long (`00406`), or neither GET nor HEAD (`00405`).
    """
    scope = call.scope
    if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_TARGET_BYTES:
        raise refuse("00406")
    if scope["method"] not in _METHODS:
        raise refuse("00405", headers=_ALLOW)
    link = read_path(scope["raw_path"])
    if link is None:
        raise refuse("00408")
    return link


def _answer(call: Call, link: DocumentLink, kept: Kept) -> _Answer:
    """The answer with a document, as the headers of the call ask for it.

    Raises:
        UnsatisfiableError: the document has none of the bytes asked for.
    """
    asked = call.scope["headers"]
    tag = b'"%b"' % link.reference.encode("ascii")
    headers = [*headers_of(common_lines(call)), *_ALWAYS, (b"etag", tag)]
    if b"if-none-match" in call.headers and knows(values(asked, b"if-none-match"), tag):
        return _Answer(304, headers, kept=kept)
    whole = call.scope["method"] == "HEAD"  # RFC 9110, 14.2: a range is for GET alone
    part = None if whole else part_of(asked, tag, kept.size)
    start, stop = part or (0, kept.size)
    headers += [
        (b"content-type", _TYPES[link.kind]),
        (b"content-length", b"%d" % (stop - start)),
        (b"content-disposition", b'attachment; filename="%b"' % link.name.encode("ascii")),
    ]
    if whole:
        return _Answer(200, headers, kept=kept)
    if part is None:
        return _Answer(200, headers, kept=kept, stop=stop)
    headers.append((b"content-range", b"bytes %d-%d/%d" % (start, stop - 1, kept.size)))
    return _Answer(206, headers, kept=kept, start=start, stop=stop)
