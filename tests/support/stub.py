"""A stub provider: a real HTTP server that answers what a test tells it to, in a thread of the test's process."""

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from support.serving import serving

Handler = Callable[[str, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Answers a request, given its target, by writing raw bytes; when it returns, the connection stays open."""


@dataclass
class Stub:
    """A started stub provider."""

    handler: Handler
    port: int = 0
    requests: list[str] = field(default_factory=list)
    """The head of each request received."""
    connections: int = 0
    closed: threading.Event = field(default_factory=threading.Event)
    """Set when a connection has been closed by the gateway."""
    tls: ssl.SSLContext | None = None

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                self.requests.append(head)
                await self.handler(head.split(" ")[1], reader, writer)
                if writer.is_closing():
                    return
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.closed.set()
        except asyncio.CancelledError:
            pass  # the test is over
        finally:
            writer.close()


def answer(body: bytes, *, status: int = 200, content_type: str = "application/json") -> bytes:
    """A raw HTTP answer with this body."""
    head = f"HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def always(raw: bytes) -> Handler:
    """A handler that answers every request with the same bytes."""

    async def handler(_target: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)

    return handler


@contextmanager
def stub(handler: Handler, *, tls: ssl.SSLContext | None = None) -> Iterator[Stub]:
    """Start a stub provider until the end of the block."""
    provider = Stub(handler, tls=tls)
    with serving(provider.serve, tls=tls) as provider.port:
        yield provider
