"""Servers in a thread of the test's process."""

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Serves one connection."""


@contextmanager
def serving(serve: Serve, *, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve connections until the end of the block; yields the port."""
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda _loop, _context: None)  # some tests make handshakes fail on purpose
    started, stop = threading.Event(), asyncio.Event()
    port = 0
    running: set[asyncio.Task[None] | None] = set()

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # asyncio may lose a task whose own connection is closed while it waits for another one: keep a reference.
        task = asyncio.current_task()
        running.add(task)
        try:
            await serve(reader, writer)
        finally:
            running.discard(task)

    async def main() -> None:
        nonlocal port
        server = await asyncio.start_server(serve_one, "127.0.0.1", 0, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        started.set()
        await stop.wait()
        server.close()
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.sleep(0.01)  # for connections that are just being opened or closed
        # The rest waits for the other side (a handshake, an end of TLS), which may be the thread that waits for us.
        for transport in list(loop._transports.values()):  # type: ignore[attr-defined]  # asyncio shows them nowhere
            transport.abort()
        await asyncio.sleep(0)

    thread = threading.Thread(target=loop.run_until_complete, args=(main(),), daemon=True)
    thread.start()
    started.wait()
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
