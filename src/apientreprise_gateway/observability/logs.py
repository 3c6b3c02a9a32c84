"""Set-up of the operators' log: everything that is not an access line, on standard error."""

import logging
import sys
from typing import Any

import orjson
import structlog


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
    return orjson.dumps(record, default=str).decode()
