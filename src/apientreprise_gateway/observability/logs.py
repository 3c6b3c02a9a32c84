"""Set-up of the operators' log: everything that is not an access line, on standard error."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from apientreprise_gateway.observability.access_log import encode


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
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # uvicorn's own lines repeat ours (start, stop) or let anybody fill the log (one per request that is no HTTP).
    logging.getLogger("uvicorn.error").setLevel(max(logging.ERROR, root.level))
    # Those of httpx tell of every fetch, with its address.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _dumps(record: Any, **_options: Any) -> str:
    return encode(record).decode()


def _as_text(_logger: Any, _name: str, record: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Let nothing in a record be obeyed by the terminal that it is shown on."""
    for field, value in record.items():
        if isinstance(value, str) and not value.isprintable():
            record[field] = "".join(sign if sign.isprintable() or sign == "\n" else ascii(sign)[1:-1] for sign in value)
    return record
