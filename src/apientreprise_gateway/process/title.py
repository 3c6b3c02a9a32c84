"""The process title, which `ps` and `pgrep -f` show."""

from setproctitle import setproctitle

_PROGRAM = "apientreprise-gateway"


def show(what: str) -> None:
    """Set the title of this process to the program's name and `what`, such as its command and port."""
    setproctitle(f"{_PROGRAM} {what}")
