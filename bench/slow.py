"""A provider that answers every call after a fixed time, however many at once: `slow.py PORT MILLISECONDS`."""

import asyncio
import sys

import uvloop
from testbed import BODY

ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY.encode())
    + BODY.encode()
)


class Slow(asyncio.Protocol):
    """One connection of the provider."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.transport: asyncio.Transport | None = None
        self.seen = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # TCP gives no less

        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request after a while."""
        self.seen += data
        while b"\r\n\r\n" in self.seen:
            self.seen = self.seen.partition(b"\r\n\r\n")[2]
            asyncio.get_running_loop().call_later(self.seconds, self.answer)

    def answer(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(ANSWER)


async def main() -> None:
    port, seconds = int(sys.argv[1]), float(sys.argv[2]) / 1000
    server = await asyncio.get_running_loop().create_server(lambda: Slow(seconds), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
