"""The entry point of the command line.

Each command has a file of its own, which adds it to the parser. A command imports what it needs when it runs, so that
`--help` and the short commands answer at once.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

from apientreprise_gateway import __version__
from apientreprise_gateway.cli import (
    bans,
    catalogue,
    check,
    demo,
    journal,
    openapi,
    portal,
    sandbox,
    serve,
    status,
    token,
)
from apientreprise_gateway.cli.outcome import FAILURE, PROGRAM, USAGE_ERROR, tell
from apientreprise_gateway.process import signals

_COMMANDS: Final = (demo, serve, sandbox, token, bans, portal, status, journal, catalogue, openapi, check)
"""The commands, in the order in which `--help` lists them."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; exit with 2 and one line on standard error if it cannot be run as asked."""
    signals.hold()  # starting takes a second, during which no handler is set
    options = make_parser().parse_args(arguments)
    if not options.serves:
        signals.obey()
    from apientreprise_gateway.config.environment import SettingsError
    from apientreprise_gateway.process.errors import PortTakenError

    command: Callable[[argparse.Namespace], int | None] = _serve_to_the_end if options.serves else options.command
    try:
        status = command(options) or 0
        sys.stdout.flush()
    except (SettingsError, PortTakenError) as error:
        tell(str(error))
        status = USAGE_ERROR
    except BrokenPipeError:
        _discard_output()  # the reader has closed the pipe (`| head`)
        status = FAILURE
    except Exception as error:
        _end_with(error)
    if "obstore" in sys.modules and arguments is None:
        # Its threads may run on, and abort the process when they find the interpreter gone.
        from apientreprise_gateway.process import ending

        ending.leave(status)
    sys.exit(status)


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands.

    The options that it returns hold the command's function as `command`; `serves` says whether that function runs until
    a signal asks to stop.
    """
    parser = argparse.ArgumentParser(
        prog=PROGRAM, description="One gateway in front of the French public data providers."
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    parser.set_defaults(serves=False)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for each in _COMMANDS:
        each.add_to(commands)
    return parser


def _discard_output() -> None:
    """Discard unwritten output, so that Python does not try to write it again when it exits."""
    import os

    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _end_with(error: Exception) -> NoReturn:
    """Report an unexpected error in one line and exit; at the log level DEBUG, raise it for its traceback."""
    import os

    from apientreprise_gateway.observability.faults import place, words

    if os.environ.get("GATEWAY_LOG_LEVEL", "").upper() == "DEBUG":
        raise error
    tell(f"{words(error)} ({place(error)}). GATEWAY_LOG_LEVEL=DEBUG shows the trace.")
    sys.exit(FAILURE)


def _serve_to_the_end(options: argparse.Namespace) -> NoReturn:
    """Run a command that serves, then end the process without waiting for threads or exit handlers."""
    import traceback

    from apientreprise_gateway.config.environment import SettingsError
    from apientreprise_gateway.observability import logs
    from apientreprise_gateway.process import ending
    from apientreprise_gateway.process.errors import PortTakenError

    logs.write_apart()
    try:
        status = options.command(options) or 0
    except (SettingsError, PortTakenError) as error:
        tell(str(error))
        status = USAGE_ERROR
    except Exception:
        traceback.print_exc()
        status = FAILURE
    ending.leave(status)
