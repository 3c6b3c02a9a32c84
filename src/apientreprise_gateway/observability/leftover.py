"""Access lines that a worker could not write by its end, kept for the one that takes its place."""

import os
from pathlib import Path
from typing import Final

_KEPT: Final = ".lines"


class Leftover:
    """Lines kept as files in the folder that the workers of a gateway share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, lines: bytes) -> bool:
        """Keep lines; return whether there was room for them."""
        new = self._folder / f"{os.getpid()}.new"
        try:
            new.write_bytes(lines)
            new.rename(new.with_suffix(_KEPT))
        except OSError:
            new.unlink(missing_ok=True)
            return False
        return True

    def take(self) -> bytes:
        """Remove the lines that are kept and return them, oldest first."""
        taken = b""
        for file in sorted(self._folder.glob(f"*{_KEPT}"), key=lambda file: file.stat().st_mtime_ns):
            own = file.with_suffix(f".{os.getpid()}")
            try:
                file.rename(own)
            except FileNotFoundError:  # another one has taken it
                continue
            taken += own.read_bytes()
            own.unlink()
        return taken
