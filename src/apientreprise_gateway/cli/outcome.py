"""How a command ends: with an exit status, and a line on standard error where something is wrong."""

import sys
from typing import Final

PROGRAM: Final = "apientreprise-gateway"
FAILURE: Final = 1
USAGE_ERROR: Final = 2


def tell(text: str) -> None:
    """Write each line of a text to standard error, after the name of the program."""
    for line in text.splitlines():
        print(f"{PROGRAM}: {line}", file=sys.stderr)


def refuse(complaint: str) -> int:
    """Say why a command cannot be run as asked; the exit status for it."""
    tell(complaint)
    return USAGE_ERROR
