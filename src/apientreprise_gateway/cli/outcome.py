"""Exit statuses of commands, and their messages on standard error."""

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
    """Write why a command cannot be run as asked, and return the exit status for that."""
    tell(complaint)
    return USAGE_ERROR
