"""Answers that are the same for everybody: made once, and held once in memory.

Every connection is handed the same bytes, piece by piece as its client reads them: a client that reads nothing holds no
memory beyond its connection.
"""

import asyncio
import gzip
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from hashlib import sha256
from typing import Any, Final, NamedTuple

import brotli  # type: ignore[import-untyped]  # it has no types

from apientreprise_gateway.controlplane import negotiation
from apientreprise_gateway.net.asgi import Header, Scope

CHECKED: Final = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
"""Headers of answers that may be cached if each use is revalidated."""
_PIECE_BYTES: Final = 32 * 1024
_IDENTITY: Final = "identity"
_OFFERED: Final = ("br", "gzip")
_QUALITY: Final = 9
"""Level of Brotli, of 11: the last two take twenty times as long for a result a tenth smaller."""
_TAG: Final = re.compile(rb'(?:W/)?("[^"]*")')
_VARY: Final = (b"vary", b"accept-encoding")


class _Form(NamedTuple):
    """The answer in one coding."""

    headers: list[Header]
    tag: bytes
    body: bytes


class StaticAnswer:
    """An ASGI application with one answer to GET and HEAD."""

    def __init__(self, make: Callable[[], bytes], *, media_type: str, headers: Mapping[str, str]) -> None:
        """Make nothing yet.

        Args:
            make: makes the body, in a thread, at the first call.
            media_type: of the body.
            headers: further headers of the answer.
        """
        self._make = make
        self._headers = [
            *((name.lower().encode("ascii"), value.encode("ascii")) for name, value in headers.items()),
            _VARY,
        ]
        self._media_type = media_type.encode("ascii")
        self._forms: dict[str, _Form] = {}
        self._making: asyncio.Future[None] | None = None

    async def __call__(
        self,
        scope: Scope,
        _receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """Answer a call."""
        if not self._forms:
            await self._made()
        accepted, known = _asked(scope["headers"])
        coding = negotiation.encoding(accepted, tuple(name for name in _OFFERED if name in self._forms))
        if coding is None:
            await _send(send, 406, [_VARY, (b"content-length", b"0")])
            return
        form = self._forms[coding]
        if known == b"*" or form.tag in _TAG.findall(known):
            await _send(send, 304, [*self._headers, (b"etag", form.tag)])
        else:
            await _send(send, 200, form.headers, b"" if scope["method"] == "HEAD" else form.body)

    async def _made(self) -> None:
        """Make the answer; calls that come meanwhile wait for the same one."""
        if self._making is None or self._making.get_loop() is not asyncio.get_running_loop():
            self._making = asyncio.ensure_future(asyncio.to_thread(self._make_forms))
        making = self._making
        try:
            await asyncio.shield(making)
        finally:
            if making.done():
                self._making = None

    def _make_forms(self) -> None:
        plain = self._make()
        squeezed = {"gzip": gzip.compress(plain, mtime=0), "br": brotli.compress(plain, quality=_QUALITY)}
        digest = sha256(plain).hexdigest()[:32]
        self._forms = {
            coding: self._form(coding, body, b'"%b"' % f"{digest}-{coding}".encode("ascii"))
            for coding, body in (squeezed | {_IDENTITY: plain}).items()
            if coding == _IDENTITY or len(body) < len(plain)
        }

    def _form(self, coding: str, body: bytes, tag: bytes) -> _Form:
        headers = [
            *self._headers,
            (b"etag", tag),
            (b"content-type", self._media_type),
            (b"content-length", b"%d" % len(body)),
        ]
        if coding != _IDENTITY:
            headers.append((b"content-encoding", coding.encode("ascii")))
        return _Form(headers, tag, body)


def _asked(headers: list[Header]) -> tuple[str | None, bytes]:
    """`Accept-Encoding` and `If-None-Match` of a call."""
    accepted = [value.decode("latin-1") for name, value in headers if name == b"accept-encoding"]
    known = b",".join(value for name, value in headers if name == b"if-none-match")
    return ",".join(accepted) if accepted else None, known.strip()


async def _send(
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    status: int,
    headers: list[Header],
    body: bytes = b"",
) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    shared = memoryview(body)
    for start in range(0, len(body), _PIECE_BYTES):
        piece = shared[start : start + _PIECE_BYTES]
        await send({"type": "http.response.body", "body": piece, "more_body": start + _PIECE_BYTES < len(body)})
    if not body:
        await send({"type": "http.response.body", "body": b""})
