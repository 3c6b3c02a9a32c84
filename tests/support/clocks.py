"""A system clock that a test sets for the programs that it starts (libfaketime); monotonic clocks are not changed."""

import os
from pathlib import Path

import pytest

_PRELOADED = "libfaketime.so.1"


class SetClock:
    """The clock of programs that are started from now on."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        """Begin with the right time; skips the test if the library is missing."""
        found = sorted(Path("/usr/lib").glob(f"*/faketime/{_PRELOADED}"))
        if not found:
            pytest.skip("no libfaketime on this machine (Debian: apt-get install libfaketime)")
        self._file = folder / "clock"
        self.ahead_by(0)
        patch.setenv("LD_PRELOAD", str(found[0]))
        patch.setenv("FAKETIME_TIMESTAMP_FILE", str(self._file))
        patch.setenv("FAKETIME_NO_CACHE", "1")
        for name in ("DONT_FAKE_MONOTONIC", "FAKETIME_DONT_FAKE_MONOTONIC"):
            patch.setenv(name, "1")

    def ahead_by(self, seconds: float) -> None:
        """Set it so many seconds ahead of the right time, or behind it if negative."""
        partial = self._file.with_suffix(".new")
        partial.write_text(f"{seconds:+f}\n")
        os.replace(partial, self._file)
