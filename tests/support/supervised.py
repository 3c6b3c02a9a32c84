"""A supervisor whose workers behave as an argument says: a program for the tests of the supervisor.

    python -m support.supervised FOLDER HOW

Each worker leaves a file in the folder, named by its process id, once it serves.
"""

import os
import signal
import sys
import time
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn

from apientreprise_gateway.observability import logs
from apientreprise_gateway.process import signals, supervisor

CROWD = 20
"""Files that a crowded supervisor opens first, so that later file descriptors have higher numbers."""


def work(folder: Path, how: str, _number: int, heart: Connection) -> None:
    """Serve until SIGTERM, fail, or fall silent, as `how` says."""
    (folder / f"{os.getpid()}.began").touch()
    while how == "waits" and not (folder / "go").exists():
        time.sleep(0.01)
    signal.signal(signal.SIGTERM, partial(_end, folder))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, lambda *_: (folder / f"{os.getpid()}.hup").touch())
    signals.obey()
    first = _is_first(folder)
    if how == "never" or (how == "healed" and not first and not (folder / "healed").exists()):
        sys.exit(3)
    try:
        while True:
            heart.send_bytes(b".")
            (folder / f"{os.getpid()}.serves").touch()
            if how == "hangs" and first:
                time.sleep(1000)
            if how == "stuck":
                signals.hold()  # it never receives the signal to stop
                time.sleep(1000)
            time.sleep(0.05)
    except BrokenPipeError:
        (folder / f"{os.getpid()}.orphan").touch()


def _is_first(folder: Path) -> bool:
    try:
        (folder / "first").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _end(folder: Path, *_: object) -> NoReturn:
    (folder / f"{os.getpid()}.ended").touch()
    sys.exit(0)


def main() -> None:
    """Supervise two workers."""
    folder, how = Path(sys.argv[1]), sys.argv[2]
    logs.configure()
    if how == "crowded":
        for _ in range(CROWD):
            os.open(os.devnull, os.O_RDONLY)
    supervisor.HUNG_SECONDS = 1.5  # type: ignore[misc]  # the tests do not wait for half a minute
    supervisor.PAUSE_SECONDS = 0.1  # type: ignore[misc]

    def clear_dead_worker(pid: int) -> None:
        if how == "fails":
            raise RuntimeError
        (folder / f"{pid}.buried").touch()

    supervised = supervisor.Supervisor(partial(work, folder, how), count=2, on_death=clear_dead_worker)
    sys.exit(0 if supervised.run() else 7)


if __name__ == "__main__":
    main()
