"""The answers to calls for a document: `GET` and `HEAD` of a link, whole or by a range.

A link is all that it takes: no token is asked for, and no limit but the bans holds. Bytes go out as fast as the client
takes them, one part in memory at a time; the server hangs up on a client that takes none for a while.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Protocol

import structlog

from apientreprise_gateway.call import Call, Header, Scope, common_lines
from apientreprise_gateway.catalogue.model import FileKind
from apientreprise_gateway.documents.links import Link, read_path
from apientreprise_gateway.documents.ranges import UnsatisfiableError, read_range
from apientreprise_gateway.documents.store import DocumentStore, Kept, StoreError
from apientreprise_gateway.errors import ConnectionDropped, Refusal, refuse
from apientreprise_gateway.observability.access_log import AccessLog
from apientreprise_gateway.observability.faults import FaultLog
from apientreprise_gateway.observability.metrics import Metrics
from apientreprise_gateway.server import headers_of

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_DOWNLOADS: Final = 256
"""Downloads that a process carries at once; one more is refused."""
_METHODS: Final = frozenset({"GET", "HEAD"})
_ALLOW: Final[tuple[Header, ...]] = ((b"allow", b"GET, HEAD"),)
_TYPES: Final = {FileKind.PDF: b"application/pdf", FileKind.ZIP: b"application/zip"}
_ALWAYS: Final[tuple[Header, ...]] = (
    (b"accept-ranges", b"bytes"),
    # What a document holds is nobody's business but its reader's, and nothing in it runs as if it were ours.
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; sandbox"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex"),
)
_log = structlog.get_logger(__name__)


class Gate(Protocol):
    """What holds for every call, whatever it is for."""

    def admit(self, call: Call) -> dict[bytes, bytes]:
        """Find who calls, and refuse whom is banned; the headers."""

    async def admit_late(self, call: Call) -> dict[bytes, bytes]:
        """The same while access lines cannot be written: the call waits, if not too many do."""

    async def count_unknown(self, call: Call) -> None:
        """Count a call that nothing answers, for its address."""

    def refused(self, call: Call, refusal: Refusal) -> tuple[int, bytes, bytes]:
        """Status, body and header lines of a refusal."""

    def drop(self, call: Call) -> None:
        """Close the connection of a call without an answer."""


class _Answer(NamedTuple):
    status: int
    headers: list[Header]
    body: bytes = b""
    kept: Kept | None = None
    """The document of which a part is sent, instead of the body."""
    start: int = 0
    stop: int = 0


class Download:
    """What becomes of a call, for its line."""

    def __init__(self) -> None:
        self.link: Link | None = None
        self.status = 0
        self.sent = 0
        self.complete = False


class Serving:
    """The ASGI application of the links."""

    def __init__(
        self,
        store: DocumentStore,
        *,
        gate: Gate,
        metrics: Metrics,
        access_log: AccessLog,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take the parts, and Unix time."""
        self._store = store
        self._gate = gate
        self._metrics = metrics
        self._access_log = access_log
        self._faults = FaultLog()
        self._clock = clock
        self._downloads = 0

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
            self._gate.drop(call)
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
        """The answer to a call, whatever happens."""
        try:
            return await self._answer_or_count(call, download)
        except Refusal as refusal:
            status, body, lines = self._gate.refused(call, refusal)
            return _Answer(status, [*headers_of(lines), (b"content-length", b"%d" % len(body))], body)

    async def _answer_or_count(self, call: Call, download: Download) -> _Answer:
        """As `_answer`; a fault is told of, and counts for the address like a guess."""
        try:
            return await self._answer(call, download)
        except (Refusal, ConnectionDropped):
            raise
        except Exception as error:
            self._faults.tell("call_failed", error, request_id=call.request_id.decode("latin-1"))
            await self._gate.count_unknown(call)
            raise refuse("00500") from error

    async def _answer(self, call: Call, download: Download) -> _Answer:
        headers = await self._gate.admit_late(call) if self._access_log.is_full else self._gate.admit(call)
        if call.scope["method"] not in _METHODS:
            raise refuse("00405", headers=_ALLOW)
        link = download.link = read_path(call.scope["raw_path"])
        if link is not None and link.ends <= self._clock():
            raise refuse("00403")
        kept = None if link is None else await self._open(link)
        if link is None or kept is None:
            await self._gate.count_unknown(call)
            raise refuse("00408")
        try:
            return _answer(call, link, kept, headers)
        except UnsatisfiableError:
            await kept.close()
            raise refuse("00409", headers=((b"content-range", b"bytes */%d" % kept.size),)) from None

    async def _open(self, link: Link) -> Kept | None:
        if self._downloads >= MAX_DOWNLOADS:
            raise refuse("00502")
        try:
            return await self._store.open(link.key)
        except StoreError as error:
            _log.error("document_not_read", document=link.reference, reason=str(error))
            raise refuse("00502") from error

    async def _send(self, call: Call, download: Download, answer: _Answer, send: Send) -> None:
        download.status = answer.status
        self._downloads += 1
        try:
            await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
            if answer.kept is not None and call.scope["method"] != "HEAD":
                await self._send_parts(download, answer.kept, answer.start, answer.stop, send)
            # With a document, this waits until its client has taken all but a few kilobytes of it.
            await send({"type": "http.response.body", "body": answer.body})
            download.complete = True
        except StoreError as error:
            # The head is gone: all that is left to say is that the rest will not come.
            _log.error("document_not_read", document=_reference(download.link), reason=str(error))
            if call.connection is not None:
                call.connection.drop()
        except RuntimeError:
            # As in the pipeline: uvloop refuses to write to a connection that is closed, before it tells of it.
            if call.connection is None or not call.connection.closing:
                raise
            call.connection.drop()
        finally:
            self._downloads -= 1
            if answer.kept is not None:
                await answer.kept.close()

    async def _send_parts(self, download: Download, kept: Kept, start: int, stop: int, send: Send) -> None:
        while start < stop:
            part = await kept.read(start, min(kept.chunk, stop - start))
            if not part:
                raise StoreError("the document is shorter than it was")
            await send({"type": "http.response.body", "body": part, "more_body": True})
            start += len(part)
            download.sent += len(part)

    def _record(self, call: Call, download: Download) -> None:
        self._metrics.downloads(download.status).inc()
        self._metrics.download_bytes.inc(download.sent)
        for code in call.codes:
            self._metrics.errors(code).inc()
        if call.outcome_without_line is None:
            self._access_log.write(download_line(call, download))


def download_line(call: Call, download: Download) -> dict[str, Any]:
    """The fields of the line of a download; `docs/access-log.md` explains each."""
    return {
        "event": "download",
        "time": datetime.now(UTC),
        "request_id": call.request_id.decode("latin-1"),
        "document": _reference(download.link),
        "client_ip": call.client,
        "status": download.status,
        "codes": call.codes,
        "bytes": download.sent,
        "complete": download.complete,
        "seconds": round(time.perf_counter() - call.started, 6),
    }


def _reference(link: Link | None) -> str | None:
    return None if link is None else link.reference


def _answer(call: Call, link: Link, kept: Kept, given: dict[bytes, bytes]) -> _Answer:
    """What to send of a document.

    Raises:
        UnsatisfiableError: it has none of the bytes asked for.
    """
    tag = b'"%b"' % link.reference.encode("ascii")
    headers = [*headers_of(common_lines(call)), *_ALWAYS, (b"etag", tag)]
    if tag in [each.strip().removeprefix(b"W/") for each in given.get(b"if-none-match", b"").split(b",")]:
        return _Answer(304, headers, kept=kept)
    same = given.get(b"if-range", tag) == tag
    part = read_range(given.get(b"range") if same else None, kept.size)
    start, stop = part or (0, kept.size)
    headers += [
        (b"content-type", _TYPES[link.kind]),
        (b"content-length", b"%d" % (stop - start)),
        (b"content-disposition", b'attachment; filename="%b"' % link.name.encode("ascii")),
    ]
    if part is None:
        return _Answer(200, headers, kept=kept, stop=stop)
    headers.append((b"content-range", b"bytes %d-%d/%d" % (start, stop - 1, kept.size)))
    return _Answer(206, headers, kept=kept, start=start, stop=stop)
