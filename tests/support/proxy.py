"""A small HTTP proxy for tests, which tunnels (CONNECT) and forwards."""

import asyncio
import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from support.serving import serving


@dataclass
class Proxy:
    """A started proxy."""

    credentials: str | None = None
    """`user:password` that it requires; None for no authentication."""
    reply: bytes | None = None
    """Its answer to every request; None to work as a proxy."""
    port: int = 0
    heads: list[str] = field(default_factory=list)
    """The heads of the requests that it received."""
    carried: bytearray = field(default_factory=bytearray)
    """All bytes that it passed on from its clients, also inside tunnels."""

    @property
    def url(self) -> str:
        """The proxy URL that a client is configured with."""
        user = "" if self.credentials is None else f"{self.credentials}@"
        return f"http://{user}127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        try:
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                self.heads.append(head)
                await self._answer(head, reader, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
            pass  # one side has closed, or the test is over
        finally:
            writer.close()

    async def _answer(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, target, _ = head.split("\r\n", maxsplit=1)[0].split(" ")
        if self.reply is not None:
            writer.write(self.reply)
        elif not self._admits(head):
            writer.write(b"HTTP/1.1 407 Who are you\r\nproxy-authenticate: Basic realm=x\r\ncontent-length: 0\r\n\r\n")
        elif method == "CONNECT":
            await self._tunnel(target, reader, writer)
        else:
            await self._forward(head, target, writer)

    def _admits(self, head: str) -> bool:
        if self.credentials is None:
            return True
        expected = base64.b64encode(self.credentials.encode()).decode()
        return f"proxy-authorization: basic {expected}\r\n".lower() in head.lower()

    async def _tunnel(self, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = target.rpartition(":")
        try:
            there, back = await asyncio.open_connection(host.strip("[]"), int(port))
        except OSError:
            writer.write(b"HTTP/1.1 502 No way there\r\ncontent-length: 0\r\n\r\n")
            return
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(self._copy(reader, back, record=True), self._copy(there, writer))

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, record: bool = False) -> None:
        try:
            while data := await source.read(65536):
                if record:
                    self.carried += data
                sink.write(data)
                await sink.drain()
        except OSError:
            pass  # either side may close at any time
        finally:
            sink.close()

    async def _forward(self, head: str, target: str, writer: asyncio.StreamWriter) -> None:
        url = urlsplit(target)
        path = target.removeprefix(f"{url.scheme}://{url.netloc}")
        try:
            there, back = await asyncio.open_connection(url.hostname, url.port or 80)
        except OSError:
            writer.write(b"HTTP/1.1 502 No way there\r\ncontent-length: 0\r\n\r\n")
            return
        lines = [line for line in head.split("\r\n")[1:] if not line.lower().startswith("proxy-")]
        back.write(f"GET {path} HTTP/1.1\r\n".encode() + "\r\n".join(lines).encode("latin-1"))
        try:
            answer = await there.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: *(\d+)", answer, re.IGNORECASE)
            writer.write(answer + await there.readexactly(0 if length is None else int(length[1])))
        finally:
            back.close()


@contextmanager
def proxy(**given: str | bytes | None) -> Iterator[Proxy]:
    """Start a proxy until the end of the block."""
    started = Proxy(**given)  # type: ignore[arg-type]  # the fields' own types
    with serving(started.serve) as started.port:
        yield started
