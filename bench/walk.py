"""The way of one call through the source: which files it passes, and how often it moves from one to another.

    .venv/bin/python bench/walk.py [--moves]

An ordinary call (warm, its limits in memory) to a gateway in this process, watched with `sys.setprofile`. A move is a
call of a function of the package whose nearest caller in the package is in another file, or is the event loop; returns
do not count. `--moves` prints each move.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Any

import testbed  # noqa: F401 - finds `support`
import uvloop

import apientreprise_gateway
from apientreprise_gateway.gateway.app import Gateway
from apientreprise_gateway.gateway.settings import load
from apientreprise_gateway.process.runner import listen
from apientreprise_gateway.server.uvicorn_server import Server, config
from support.site import GOOD, ROOMY, fresh
from support.stub import stub
from support.tokens import SECRET
from support.wire import request, wire

PACKAGE = str(Path(apientreprise_gateway.__file__).resolve().parent)
WARM, WATCHED = 60, 15
LOOP = "(event loop)"


class Walk:
    """Records the moves between files of the package, on this thread."""

    def __init__(self) -> None:
        self.moves: list[tuple[str, str, str]] = []

    def __enter__(self) -> "Walk":
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _note(self, frame: FrameType, event: str, _what: Any) -> None:
        file = frame.f_code.co_filename
        if event != "call" or not file.startswith(PACKAGE):
            return
        caller = frame.f_back
        while caller is not None and not caller.f_code.co_filename.startswith(PACKAGE):
            caller = caller.f_back
        if caller is None or caller.f_code.co_filename != file:
            origin = LOOP if caller is None else _short(caller.f_code.co_filename)
            self.moves.append((origin, _short(file), frame.f_code.co_qualname))

    def files(self) -> list[str]:
        """The files in the order in which they were entered first."""
        return list(dict.fromkeys(file for _, file, _ in self.moves))


def _short(file: str) -> str:
    return str(Path(file).relative_to(PACKAGE))


class _Server(Server):
    """A uvicorn server that installs no signal handlers."""

    def capture_signals(self) -> Any:
        return tempfile.SpooledTemporaryFile()  # any context manager that does nothing


def call(port: int, bearer: str, times: int) -> None:
    """Make ordinary calls on one connection."""
    with wire(port) as line:
        for _ in range(times):
            line.send(request(token=bearer))
            if line.answer().status != 200:
                raise RuntimeError("the call was not answered")


async def walk(gateway: Gateway) -> Walk:
    """The walk of one warm call: the shortest of several, as longer ones include background work of the gateway."""
    at = listen("127.0.0.1", 0)
    running = _Server(config(gateway, host=at.host, port=at.port))
    serving = asyncio.create_task(running.serve(sockets=[at.socket]))
    while not running.started:
        await asyncio.sleep(0.01)
    bearer = fresh()
    await asyncio.to_thread(call, at.port, bearer, WARM)
    walks = []
    with wire(at.port) as line:
        line.send(request(token=bearer))
        await asyncio.to_thread(line.answer)
        for _ in range(WATCHED):
            with Walk() as one:
                line.send(request(token=bearer))
                await asyncio.to_thread(line.answer)
            walks.append(one)
    running.should_exit = True
    await serving
    return min(walks, key=lambda one: len(one.moves))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moves", action="store_true", help="print each move")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gateway-walk-") as folder, stub(GOOD) as provider:
        settings = load(
            jwt_secrets=SECRET,
            upstream_url=provider.url,
            access_log=f"{folder}/access",
            documents=f"{folder}/documents",
            limit_json="1000000",
            **ROOMY,
        )
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            found = runner.run(walk(Gateway(settings)))
    for origin, file, function in found.moves if options.moves else ():
        print(f"{origin:40} → {file:40} {function}")
    for file in found.files():
        print(file)
    print(f"{len(found.files())} files, {len(found.moves)} moves")


if __name__ == "__main__":
    main()
