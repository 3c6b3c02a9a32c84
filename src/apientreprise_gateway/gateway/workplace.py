"""The folder that the workers of one gateway share."""

import os
from pathlib import Path

from apientreprise_gateway.observability.metrics import MULTIPROCESS_DIR


def folder() -> Path | None:
    """The folder that the workers share; None for a process that serves alone."""
    path = os.environ.get(MULTIPROCESS_DIR)
    return None if path is None else Path(path)


def shared_file(name: str) -> Path | None:
    """The path of a file in that folder; None for a process that serves alone."""
    shared = folder()
    return None if shared is None else shared / name
