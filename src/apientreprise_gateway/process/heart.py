"""The heartbeat of a worker: what tells its supervisor that the event loop runs."""

import asyncio
import os
from contextlib import suppress
from multiprocessing.connection import Connection

from apientreprise_gateway.observability.faults import FaultLog
from apientreprise_gateway.process.supervisor import BEAT_SECONDS


async def beat(heart: Connection) -> None:
    """Send a byte now and then; ends when the supervisor is gone, or after telling why it cannot."""
    os.set_blocking(heart.fileno(), False)
    try:
        while True:
            with suppress(BlockingIOError):  # the pipe is full: the supervisor is busy, and has messages to read
                heart.send_bytes(b".")
            await asyncio.sleep(BEAT_SECONDS)
    except BrokenPipeError:
        return  # the supervisor is gone
    except Exception as error:
        # A silent worker would be killed, and its calls with it: stop in order instead, and be replaced.
        FaultLog().tell("beat_failed", error)
