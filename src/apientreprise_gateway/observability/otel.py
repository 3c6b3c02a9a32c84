"""Spans for OpenTelemetry, sent to a collector by OTLP over HTTP.

Needs the extra `otel`. Spans are a sample and may be lost (a queue that is full, a collector that is away); access
lines are complete. A span has neither addresses nor identifiers, and of what the caller wrote the request id alone.
"""

import random
import time
from typing import Any, Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from apientreprise_gateway import __version__
from apientreprise_gateway.observability.tracing import Attributes, Trace

SERVICE: Final = "apientreprise-gateway"
_EXPORT_SECONDS: Final = 5.0
_STOP_SECONDS: Final = 2.0
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)


class OtelRecorder:
    """A `Recorder` for OpenTelemetry."""

    def __init__(self, url: str, *, share: float) -> None:
        """Set up the export; nothing is sent yet.

        Args:
            url: where the collector takes traces, such as `http://127.0.0.1:4318/v1/traces`.
            share: fraction of the calls without a trace of their own that are recorded, 0 to 1.
        """
        self._share = share
        self._ids = _Ids()
        self._provider = TracerProvider(
            sampler=ALWAYS_ON,  # whether to record was decided before
            resource=Resource.create({"service.name": SERVICE, "service.version": __version__}),
            id_generator=self._ids,
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url, timeout=_EXPORT_SECONDS)))
        self._tracer = self._provider.get_tracer(SERVICE, __version__)

    def begins(self) -> bool:
        return random.random() < self._share  # noqa: S311 - a sample, not a secret

    def served(self, trace: Trace, name: str, seconds: float, attributes: Attributes, *, failed: bool) -> None:
        self._ids.next = (int(trace.trace_id, 16), int(trace.span_id, 16))
        parent = None if trace.parent_id is None else _context(trace.trace_id, trace.parent_id)
        self._record(name, parent, SpanKind.SERVER, seconds, attributes, failed=failed)

    def asked(self, trace: Trace, name: str, seconds: float, attributes: Attributes, *, failed: bool) -> None:
        parent = _context(trace.trace_id, trace.span_id)
        self._record(name, parent, SpanKind.CLIENT, seconds, attributes, failed=failed)

    def close(self) -> None:
        self._provider.force_flush(int(_STOP_SECONDS * 1000))
        self._provider.shutdown()

    def _record(
        self, name: str, parent: Any, kind: SpanKind, seconds: float, attributes: Attributes, *, failed: bool
    ) -> None:
        end = time.time_ns()
        span = self._tracer.start_span(
            name, context=parent, kind=kind, attributes=attributes, start_time=end - int(seconds * 1e9)
        )
        if failed:
            span.set_status(Status(StatusCode.ERROR))
        span.end(end)


class _Ids(IdGenerator):
    """Gives spans the ids that callers and providers already know."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()
        self.next: tuple[int, int] | None = None

    def generate_trace_id(self) -> int:
        return self._random.generate_trace_id() if self.next is None else self.next[0]

    def generate_span_id(self) -> int:
        if self.next is None:
            return self._random.generate_span_id()
        (_, span_id), self.next = self.next, None
        return span_id


def _context(trace_id: str, span_id: str) -> Any:
    known = SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=_SAMPLED)
    return set_span_in_context(NonRecordingSpan(known))
