"""What the journal loses or stores twice while its follower is killed without pause; it should be nothing.

    bench/journal_kills.py [--kills 50] [--rate 2000] [--seed 1] [--sqlite]

A log is written at a rate, and rotated now and then: renamed, or copied and truncated, the older files compressed. A
follower is started and killed (SIGKILL) at random moments; PostgreSQL is stopped and started twice in between. At last
rows and lines are compared, whole. PostgreSQL of this machine is started for it in a folder of its own.
"""

import argparse
import random
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from apientreprise_gateway.database.engine import connect
from support import databases
from support.killing import differences, kill_again_and_again, stored_rows


def main() -> None:
    """Kill, compare, and print a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--rate", type=float, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sqlite", action="store_true")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = None if options.sqlite else stack.enter_context(databases.postgresql())
        url = databases.new_sqlite(folder) if server is None else databases.new_postgresql(server)
        engine = connect(url)
        stops = () if server is None else (options.kills // 3, options.kills * 2 // 3)

        def restart(kill: int) -> None:
            if server is not None and kill in stops:
                engine.dispose()
                server.stop()
                time.sleep(1)
                server.start()

        began = time.monotonic()
        writer = kill_again_and_again(
            url,
            engine,
            folder,
            kills=options.kills,
            rate=options.rate,
            chance=random.Random(options.seed),
            between=restart,
        )
        took = time.monotonic() - began
        missing, more = differences(engine, writer.lines)
        print(f"database:   {engine.dialect.name}, stopped and started {len(stops)} times")
        print(f"kills:      {options.kills} in {took:.0f} s")
        print(f"rotations:  {writer.rotations['rename']} renamed, {writer.rotations['copy']} copied and truncated")
        print(f"lines:      {len(writer.lines)} written, {stored_rows(engine)} stored")
        print(f"missing:    {missing}")
        print(f"twice:      {more}")
        engine.dispose()
    sys.exit(1 if missing or more else 0)


if __name__ == "__main__":
    main()
