"""Set-up of the operators' log: everything that is not an access line, on standard error.

A process that serves has a thread write it (`write_apart`), so that no event loop waits for a slow reader, whether the
gateway, a library or Python itself logs. Lines that find no room are dropped, counted and reported.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

from apientreprise_gateway.observability.access_log import encode
from apientreprise_gateway.observability.faults import FaultLog
from apientreprise_gateway.observability.stderr import ErrorStream

_LONGEST: Final = 200
_CREDENTIALS: Final = re.compile(r"""//[^/?#\s"']*@""")
"""User and password of a URL."""
_stream: ErrorStream | None = None


def write_apart() -> None:
    """Write standard error in a thread of its own from now on; for processes that serve."""
    global _stream  # noqa: PLW0603 - a process has one standard error
    if _stream is None:
        _stream = sys.stderr = ErrorStream(on_dropped=_tell_of_dropped)


def drain(seconds: float) -> None:
    """Wait until all lines logged so far are written, for so many seconds at most."""
    if _stream is not None:
        _stream.drain(seconds)


def newly_dropped() -> int:
    """Number of lines dropped since this was last called."""
    return 0 if _stream is None else _stream.newly_dropped()


def configure(*, level: str = "INFO") -> None:
    """Send structlog's and the standard library's records to standard error, as JSON, or readable on a terminal."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer(_dumps)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                *([_as_text] if sys.stderr.isatty() else []),
                renderer,
                _without_credentials,
            ],
        )
    )
    if level != "DEBUG":
        handler.addFilter(_ShortFaults())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # uvicorn's own lines repeat ours (start, stop) or let anybody fill the log (one per request that is no HTTP).
    logging.getLogger("uvicorn.error").setLevel(max(logging.ERROR, root.level))
    # httpx logs every request with its URL.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


class _ShortFaults(logging.Filter):
    """Has errors that libraries log with a traceback logged like our own faults: one short line a minute and kind."""

    def __init__(self) -> None:
        super().__init__()
        self._faults = FaultLog()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is to be written as it is."""
        error = record.exc_info[1] if record.exc_info else None
        if error is None or isinstance(record.msg, dict):  # a dict: one of our own, made by structlog
            return True
        self._faults.tell(" ".join(record.getMessage().split())[:_LONGEST], error, logger=record.name)
        return False


def _tell_of_dropped(lines: int) -> None:
    structlog.get_logger(__name__).error("log_lines_dropped", lines=lines, reason="nobody read standard error")


def _dumps(record: Any, **_options: Any) -> str:
    return encode(record).decode()


def _without_credentials(_logger: Any, _name: str, line: Any) -> str:
    """A line without the passwords of URLs: libraries quote those of proxies that they cannot use."""
    return _CREDENTIALS.sub("//***@", str(line))


def _as_text(_logger: Any, _name: str, record: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A record whose control characters are escaped, so that the terminal which shows it obeys none of them."""
    for field, value in record.items():
        if isinstance(value, str) and not value.isprintable():
            record[field] = "".join(sign if sign.isprintable() or sign == "\n" else ascii(sign)[1:-1] for sign in value)
    return record
