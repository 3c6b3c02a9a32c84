"""Tests of the end of processes, as programs with parts that stand still."""

import subprocess
import sys
import time

import pytest

from apientreprise_gateway.process.ending import closing_seconds

SERVES = """
import asyncio, os, signal, socket, sys, threading, time
from apientreprise_gateway.process import runner
from apientreprise_gateway.observability import logs
from apientreprise_gateway.process import ending
from apientreprise_gateway.server.application import ConnectionHooks

async def app(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    stop = globals().get("stop")
    if stop is not None:
        await stop()
    await send({"type": "lifespan.shutdown.complete"})

app.hooks = ConnectionHooks()

def ready():
    begin = globals().get("begin")
    if begin is not None:
        begin()
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()

logs.write_apart()
logs.configure()
WHAT
runner.run([(app, runner.listen("127.0.0.1", 0))], runner.Lifecycle(ready=ready, stop_timeout=lambda: 1.0))
ending.leave(0)
"""
STANDS_STILL = {
    "the close of a part": ("async def stop(): await asyncio.sleep(600)", 1),
    "the event loop": ("async def stop(): time.sleep(600)", 1),
    "a thread of the loop": ("def begin(): asyncio.get_running_loop().run_in_executor(None, time.sleep, 600)", 1),
    "a thread that nobody waits for": ("def begin(): threading.Thread(target=time.sleep, args=(600,)).start()", 0),
    "the end of the interpreter": ("import atexit; atexit.register(time.sleep, 600)", 0),
    "nothing": ("", 0),
}


@pytest.mark.parametrize("what", STANDS_STILL)
def test_whatever_stands_still(what: str) -> None:
    """A process that is asked to stop is gone in its time, with a status that says whether it came to its end."""
    code, status = STANDS_STILL[what]
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", SERVES.replace("WHAT", code)], timeout=60, check=False, capture_output=True, text=True
    )
    assert done.returncode == status, done.stderr
    assert ("stop_overdue" in done.stderr) == bool(status)
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("seconds", [0.001, 0.5, 1, 3, 10, 30, 300])
def test_calls_have_the_most(seconds: float) -> None:
    """At least half of a stop is for the calls."""
    assert 0 < closing_seconds(seconds) <= seconds / 2
