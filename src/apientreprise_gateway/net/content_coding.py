"""Decoding of bodies that a server has compressed, although it was not asked to (RFC 9110, section 8.4).

`Content-Encoding` is followed only where it names a coding, and where the body has that coding: servers write `UTF-8`,
`none` or `binary` there, and `gzip` for bodies that are not. Codings other than gzip and deflate are not decoded; such
a body is then rejected by its reader.
"""

import zlib
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import httpx

PART_BYTES: Final = 64 * 1024
"""Most bytes that are decoded at once, so that the reader of a decompression bomb can stop early."""
_GZIP: Final = b"\x1f\x8b"
_LABELS: Final[Mapping[str, str]] = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate", "x-deflate": "deflate"}
_PLAIN: Final = b'{[<%"- \t\r\n'
_ZIP: Final = b"PK"
"""First bytes of JSON, HTML, PDF and ZIP; compressed data begins with none of them."""


def decoder_of(label: str) -> "Decoder | None":
    """The decoder for a `Content-Encoding`, its lines joined by commas; None if it names no coding that we know."""
    codings = [_LABELS[each] for each in (part.strip().lower() for part in label.split(",")) if each in _LABELS]
    return Decoder(codings[-1]) if codings else None


async def read_body(response: "httpx.Response", most: int) -> bytes | None:
    """Read the body of a streamed httpx response: empty if it cannot be decoded, None if longer than `most` bytes."""
    decoder = decoder_of(response.headers.get("content-encoding", ""))
    body = bytearray()
    read = 0
    async for data in response.aiter_raw(PART_BYTES):
        read += len(data)
        for part in (data,) if decoder is None else decoder.feed(data):
            body += part
            if len(body) > most:
                return None
        if read > most:
            return None
    if decoder is not None:
        body += decoder.end()
        if decoder.broken:
            return b""
    return bytes(body)


class Decoder:
    """Undoes the coding of one body, part by part."""

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._head = b""
        """The first bytes of a body, or of its next member, as long as its form is not known."""
        self._inflate: zlib._Decompress | None = None
        self._plain = False
        self._members = 0
        """Number of members that are complete."""
        self.broken = False
        """Whether the body cannot be decoded, or ended too early."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Decode the next bytes of the body."""
        while data and not self.broken:
            if self._plain:
                yield data
                return
            data = self._begin(data) if self._inflate is None else (yield from self._decode(self._inflate, data))

    def end(self) -> bytes:
        """End the body; return what was held back of it."""
        if self._inflate is not None:
            self.broken = True
        return b"" if self._members else self._head

    def _begin(self, data: bytes) -> bytes:
        """Look at the first bytes of a member; return the bytes to go on with, none if they are too few."""
        head = self._head + data
        if len(head) < len(_GZIP):
            self._head = head
            return b""
        self._head = b""
        if head.startswith(_GZIP):  # whatever the label says
            self._inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)
        elif self._members:
            return b""  # padding after the last member
        elif head[0] in _PLAIN or head.startswith(_ZIP):
            self._plain = True
        elif self._coding == "gzip":
            self.broken = True
        else:
            zlib_header = head[0] & 0x0F == zlib.DEFLATED and (head[0] << 8 | head[1]) % 31 == 0
            self._inflate = zlib.decompressobj(zlib.MAX_WBITS if zlib_header else -zlib.MAX_WBITS)
        return head

    def _decode(self, inflate: "zlib._Decompress", data: bytes) -> Generator[bytes, None, bytes]:
        """Yield the decoded data of a member; return the bytes that follow it."""
        while True:
            try:
                part = inflate.decompress(data, PART_BYTES)
            except zlib.error:
                self.broken = True
                return b""
            if part:
                yield part
            if inflate.eof:
                self._inflate = None
                self._members += 1
                return inflate.unused_data
            data = inflate.unconsumed_tail
            if not data and len(part) < PART_BYTES:
                return b""
