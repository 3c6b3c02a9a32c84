"""The journal of a demonstration: a SQLite file in its folder, which a follower of its access log fills.

The access lines are shown as well, as a gateway shows them that writes to standard output.
"""

import json
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from apientreprise_gateway.journal.follower import Follower

_LOOK_SECONDS: Final = 0.02
_END_SECONDS: Final = 5.0


class DemoJournal:
    """Shows and stores the lines of an access log, in two threads."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "access.log"
        """Where the gateway writes its lines."""
        self.url = f"sqlite:///{folder / 'journal.sqlite'}"
        self._ended = threading.Event()
        self._follower: Follower | None = None
        self._showing = threading.Thread(target=self._show, name="demo-lines", daemon=True)
        self._storing = threading.Thread(target=self._store, name="demo-journal", daemon=True)

    def show(self) -> None:
        """Begin to show lines; the file must be there."""
        self._showing.start()

    def store(self) -> None:
        """Begin to store lines."""
        self._storing.start()

    def end(self) -> None:
        """Show what is left, and end."""
        self._ended.set()
        if self._follower is not None:
            self._follower.stop()
        for thread in (self._showing, self._storing):
            if thread.is_alive():
                thread.join(_END_SECONDS)

    def _show(self) -> None:
        from apientreprise_gateway.observability.access_text import as_text

        is_terminal, rest = sys.stdout.isatty(), b""
        with self.log.open("rb") as file:
            while True:
                is_over = self._ended.is_set()
                *lines, rest = (rest + file.read()).split(b"\n")
                for line in lines:
                    sys.stdout.buffer.write((as_text(json.loads(line)) if is_terminal else line) + b"\n")
                if lines:
                    sys.stdout.buffer.flush()
                elif is_over:
                    return
                self._ended.wait(0 if is_over else _LOOK_SECONDS)

    def _store(self) -> None:
        from apientreprise_gateway.cli.outcome import tell
        from apientreprise_gateway.database.engine import DatabaseError, connect
        from apientreprise_gateway.database.migrate import migrate
        from apientreprise_gateway.journal.follower import Follower
        from apientreprise_gateway.journal.metrics import JournalMetrics

        try:
            engine = connect(self.url)
            migrate(engine)
        except (DatabaseError, OSError) as error:
            tell(f"The journal of this demonstration cannot be kept: {error}.")
            return
        self._follower = Follower(engine, [self.log], host="demo", metrics=JournalMetrics())
        if not self._ended.is_set():
            self._follower.run()
        engine.dispose()
