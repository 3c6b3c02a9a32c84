"""What `ps` and `pgrep -f` show a process as."""

from setproctitle import setproctitle

_PROGRAM = "apientreprise-gateway"


def show(what: str) -> None:
    """Name this process by what it does, and where."""
    setproctitle(f"{_PROGRAM} {what}")
