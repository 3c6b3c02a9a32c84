"""Providers that fail, and providers whose answers cause trouble."""

import random
from asyncio import StreamReader, StreamWriter, sleep
from base64 import b64encode

import testbed  # noqa: F401 - finds `support`

from support.papers import as_base64, pdf
from support.stub import answer as whole

ESCAPED = 4_000_000
"""Characters of base64, each written as an escape of six."""


async def misbehave(target: str, _reader: StreamReader, writer: StreamWriter) -> None:
    """Answer as a failing provider: drip, break off, answer rubbish, fail, or say nothing."""
    way = random.randrange(6)
    if way == 0:
        for byte in whole(b'{"data":{},"links":{},"meta":{}}'):
            writer.write(bytes([byte]))
            await writer.drain()
            await sleep(0.1)
    elif way == 1:
        writer.write(whole(b'{"data":{')[:-4])
        writer.close()
    elif way == 2:
        writer.write(random.randbytes(5000))
        writer.close()
    elif way == 3:
        writer.write(whole(b'{"error":"' + target.encode() + b'"}', status=500))
    elif way == 4:
        await sleep(30)
    else:
        writer.write(whole(b"[" * 100_000))


async def hang(_target: str, reader: StreamReader, _writer: StreamWriter) -> None:
    """Never answer."""
    await reader.readexactly(1)


def escaped_document() -> bytes:
    """A whole answer with a document in base64 of which every character is an escape."""
    text = b64encode(pdf(ESCAPED * 3 // 4))
    return whole(b'{"data":{"document":"' + b"".join(b"\\u%04x" % byte for byte in text) + b'"},"links":{},"meta":{}}')


def large_document() -> bytes:
    """A whole answer with a document of 8 MB."""
    return as_base64(pdf(8_000_000))
