"""The cost of a call, as a count that is the same on every machine: a guard against getting slower unnoticed.

Counted are the calls of functions that one ordinary call to a gateway with a store makes, in our own code and in the
libraries, on the thread of the event loop; not those inside the standard library or a compiled function, which differ
between versions. A step that is added to every call shows here as it would in a profile, and a time would not.
"""

import asyncio
import os
import re
import socket
import sys
import sysconfig
from collections import Counter
from pathlib import Path
from subprocess import run
from types import FrameType
from typing import Any

import pytest
import uvloop

from apientreprise_gateway.gateway.app import Gateway
from apientreprise_gateway.gateway.settings import load
from apientreprise_gateway.process.runner import listen
from apientreprise_gateway.server.uvicorn_server import Server, config
from contract.shared import patient
from support import stores
from support.site import GOOD, ROOMY, fresh
from support.stub import stub
from support.tokens import SECRET
from support.wire import Wire, request

CALLS = 239
"""Function calls that a call costs. Lower it when something gets cheaper; raise it only for something worth the price,
and say so in docs/performance.md."""
TOLERANCE = 0.04
BATCHES, BATCH = 15, 20
FILES, MOVES = 24, 50
"""What the way of a call may come to at most: files that it passes, moves from one to another."""
_STDLIB = sysconfig.get_path("stdlib")
_PACKAGES = sysconfig.get_path("purelib")


class Meter:
    """Counts function calls of this thread."""

    def __init__(self) -> None:
        self.found: Counter[str] = Counter()

    def __enter__(self) -> "Meter":
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _note(self, frame: FrameType, event: str, what: Any) -> None:
        if event not in {"call", "c_call"}:
            return
        code = frame.f_code
        file = code.co_filename
        if file == __file__ or (file.startswith(_STDLIB) and not file.startswith(_PACKAGES)) or file[0] == "<":
            return
        if event == "c_call":
            self.found[f"{code.co_qualname} calls {getattr(what, '__qualname__', what)}"] += 1
        elif code.co_name[0] != "<":  # comprehensions are functions in some versions only
            self.found[f"{Path(file).name}: {code.co_qualname}"] += 1


class _Server(Server):
    """A server that leaves signals to the tests."""

    def capture_signals(self) -> Any:
        return _nothing()


class _nothing:  # noqa: N801  # stands for a function
    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


def _calls(port: int, data: bytes, times: int) -> None:
    """Make calls, one after the other, on one connection."""
    line = Wire(socket.create_connection(("127.0.0.1", port), timeout=30))
    for _ in range(times):
        line.send(data)
        assert line.answer().status == 200
    line.close()


async def _measured(gateway: Gateway) -> Counter[str]:
    """What the cheapest of a few batches costs: the others had the gateway's own clockwork in them."""
    at = listen("127.0.0.1", 0)
    running = _Server(config(gateway, host=at.host, port=at.port))
    task = asyncio.create_task(running.serve(sockets=[at.socket]))
    while not running.started:
        await asyncio.sleep(0.01)
    data = request(token=fresh())
    await asyncio.to_thread(_calls, at.port, data, 3 * BATCH)
    batches = []
    for _ in range(BATCHES):
        with Meter() as meter:
            await asyncio.to_thread(_calls, at.port, data, BATCH)
        batches.append(meter.found)
    running.should_exit = True
    await task
    return min(batches, key=lambda batch: batch.total())


def test_a_call_costs_what_it_did(tmp_path: Path) -> None:
    """An ordinary call costs as many function calls as before, give or take a few."""
    folder = tmp_path / "store"
    folder.mkdir()
    # While a store is late, calls are decided without it, and cost less.
    with patient(), stores.server(folder, stores.valkey_server()) as store, stub(GOOD) as provider:
        settings = load(
            jwt_secrets=SECRET,
            redis_url=store.url,
            upstream_url=provider.url,
            access_log=str(tmp_path / "access"),
            limit_json="1000000",
            **ROOMY,
        )
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            batch = runner.run(_measured(Gateway(settings)))
    cost = batch.total() / BATCH
    if "SHOW_COST" in os.environ:
        for name, count in sorted(batch.items(), key=lambda entry: -entry[1]):
            print(f"{count / BATCH:8.2f}  {name}")
        print(f"{cost:8.2f}  in all")
    assert cost == pytest.approx(CALLS, rel=TOLERANCE), "SHOW_COST=1 pytest -s shows what a call is made of"


def test_a_call_passes_few_files() -> None:
    """An ordinary call stays within so many files of the package, and moves between them so often."""
    walk = Path(__file__).parents[2] / "bench" / "walk.py"
    printed = run([sys.executable, walk, "--moves"], capture_output=True, text=True, check=True, timeout=60).stdout
    files, moves = (int(number) for number in re.findall(r"\d+", printed.splitlines()[-1]))
    assert files <= FILES, printed
    assert moves <= MOVES, printed
