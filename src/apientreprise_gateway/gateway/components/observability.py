"""Makes the metrics, the access log and the recorder of spans."""

import asyncio
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Self

import structlog
from pydantic import AnyHttpUrl

from apientreprise_gateway.gateway.components.context import Context
from apientreprise_gateway.gateway.lifecycle import Component, Flush, inherited
from apientreprise_gateway.gateway.settings import Settings, SettingsError, environment_name
from apientreprise_gateway.gateway.workplace import folder, shared_file
from apientreprise_gateway.observability.access_log import AccessLog
from apientreprise_gateway.observability.leftover import Leftover
from apientreprise_gateway.observability.metrics import MULTIPROCESS_DIR, Metrics
from apientreprise_gateway.observability.sink import Sink, open_file, standard
from apientreprise_gateway.observability.tracing import Recorder

_LINES_SHARE: Final = 1 / 2
"""Share of the seconds for closing that is for access lines not written yet."""
_SPANS_SHARE: Final = 1 / 4
_SPANS_SECONDS: Final = 3.0
"""Seconds that a stop waits for spans to be sent, at most."""
_log = structlog.get_logger(__name__)


def make_metrics() -> Metrics:
    """The metrics of this process.

    Raises:
        SettingsError: there is no room for what workers share.
    """
    try:
        return Metrics()
    except OSError as error:
        raise SettingsError(
            f"{MULTIPROCESS_DIR}: no metrics can be kept there ({error}). Workers are given it by the gateway itself: "
            "make room in TMPDIR, or unset it if it is yours."
        ) from error


# Access lines.

AccessLogComponent = Component[None, AccessLog]


def access_log_component(context: Context, *, former: AccessLogComponent | None) -> AccessLogComponent:
    """The component of the access log: one for the life of the process, so that unwritten lines survive a reload.

    Raises:
        SettingsError: the file cannot be opened.
    """
    if former is not None:
        return former
    shared = folder()
    part = AccessLog(
        access_sink(context.settings.access_log),
        on_written=context.metrics.access_lines.inc,
        on_lost=context.metrics.access_lines_lost.inc,
        leftover=None if shared is None else Leftover(shared),
    )

    async def start() -> None:
        part.start()

    return Component(
        name="access_log", part=part, made_of=None, start=start, flush=Flush(work=part.close, share=_LINES_SHARE)
    )


def access_sink(path: Path | None) -> Sink:
    """The sink of the access lines: a file, or standard output.

    Raises:
        SettingsError: the file cannot be opened.
    """
    try:
        if path is None:
            return standard(1, lock=shared_file("access-log.lock"))
        return open_file(path)
    except OSError as error:
        where = path or "standard output"
        raise SettingsError(
            f"{environment_name('access_log')}: {where}: {error.strerror}. Name another file."
        ) from error


class AccessFile:
    """The access-log file of one gateway, reopened at each reload, as it may have been moved away."""

    def __init__(self, log: AccessLog, path: Path | None, *, former: "AccessFile | None" = None) -> None:
        """Open the file.

        Args:
            log: writes the lines.
            path: path of the file; None for standard output.
            former: that of the previous gateway; None for the first, whose file the log has opened itself.

        Raises:
            SettingsError: the file cannot be opened.
        """
        self._log = log
        self._path = path
        self._sink = None if former is None else self._opened(former._path)

    async def start(self) -> None:
        """Write lines to the file from now on."""
        if self._sink is not None:
            self._log.redirect(self._sink)
            self._sink = None

    def discard(self) -> None:
        """Close the file of a gateway that will not serve."""
        if self._sink is not None:
            self._sink.close()
            self._sink = None

    def reopen(self) -> None:
        """Reopen the file, as it may have been moved away; keep the open one if that fails."""
        try:
            sink = self._opened(self._path)
        except SettingsError as error:
            _log.error("access_log_not_reopened", reason=str(error), effect="lines go to the file that is open")
            return
        if sink is not None:
            self._log.redirect(sink)
        _log.info("access_log_reopened", file="standard output" if self._path is None else str(self._path))

    def _opened(self, before: Path | None) -> Sink | None:
        """The file, opened; None if lines go to standard output, as they did before."""
        return None if before is None and self._path is None else access_sink(self._path)


AccessFileComponent = Component[None, AccessFile]


def access_file_component(
    context: Context, *, access_log: AccessLog, former: AccessFileComponent | None
) -> AccessFileComponent:
    """The component of the access-log file, which is used once all others have started.

    Raises:
        SettingsError: the file cannot be opened.
    """
    part = AccessFile(access_log, context.settings.access_log, former=None if former is None else former.part)
    return Component(name="access_file", part=part, made_of=None, start=part.start, discard=part.discard)


# Spans.


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderSettings:
    """The settings that the recorder of spans depends on."""

    url: AnyHttpUrl | None
    share: float

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Select them from all settings."""
        return cls(url=settings.traces_url, share=settings.traces_share)


RecorderComponent = Component[RecorderSettings, Recorder | None]


def recorder_component(context: Context, *, former: RecorderComponent | None) -> RecorderComponent:
    """The component of the span recorder, which a reload keeps; its part is None if tracing is off."""

    def make(own: RecorderSettings) -> RecorderComponent:
        part = span_recorder(own)
        if part is None:
            return Component(name="recorder", part=None, made_of=own)
        flush = Flush(work=partial(_close_recorder, part), share=_SPANS_SHARE)
        return Component(name="recorder", part=part, made_of=own, flush=flush)

    return inherited(former, RecorderSettings.of(context.settings), make)


def span_recorder(settings: RecorderSettings) -> Recorder | None:
    """The recorder of spans; None if tracing is off.

    Raises:
        SettingsError: the optional dependency for tracing is not installed.
    """
    if settings.url is None:
        return None
    try:
        from apientreprise_gateway.observability.otel import OtelRecorder  # noqa: PLC0415 - an extra, and slow to import
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"{environment_name('traces_url')}: {error.name} is not installed. "
            "Install apientreprise-gateway[otel], or unset it."
        ) from error
    return OtelRecorder(str(settings.url), share=settings.share)


async def _close_recorder(recorder: Recorder, seconds: float) -> None:
    # In a daemon thread: a collector that does not answer must not delay the stop; spans not sent by then are lost.
    closing = threading.Thread(target=recorder.close, name="traces", daemon=True)
    closing.start()
    await asyncio.to_thread(closing.join, min(_SPANS_SECONDS, seconds))
