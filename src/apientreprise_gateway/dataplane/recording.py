"""Records calls that have ended: metrics, the access line, the span, deviations of the answer from its schema."""

import time
from operator import attrgetter
from typing import Final

from msgspec import Struct

from apientreprise_gateway.contract.identifiers import is_recipient
from apientreprise_gateway.dataplane.call import Call
from apientreprise_gateway.dataplane.validation import AnswerValidator
from apientreprise_gateway.observability import tracing
from apientreprise_gateway.observability.access_log import AccessLog, now
from apientreprise_gateway.observability.metrics import Metrics
from apientreprise_gateway.providers.product import Versions

MAX_LOGGED_CHARACTERS: Final = 256
"""Characters of a parameter that an access line keeps at most."""
_CUT: Final = ("identifier", "context", "recipient", "object", "user_id")
_texts_of: Final = attrgetter(*_CUT)


class AccessLine(Struct, gc=False):
    """The fields of an access line, in their order; `docs/access-log.md` explains each."""

    event: str
    time: str
    request_id: str
    trace_id: str | None
    span_id: str | None
    product: str
    operation: str
    part_of: str | None
    identifier: str | None
    jti: str | None
    client_ip: str
    context: str | None
    recipient: str | None
    object: str | None
    user_id: str | None
    status: int | None
    codes: tuple[str, ...]
    shadow: tuple[str, ...]
    cached: bool
    stale: bool
    documents: tuple[str, ...]
    provider_seconds: float | None
    seconds: float


class Recording:
    """Records calls."""

    def __init__(
        self,
        *,
        metrics: Metrics,
        access_log: AccessLog,
        versions: Versions,
        recorder: tracing.Recorder | None = None,
        validator: AnswerValidator | None = None,
    ) -> None:
        """Configure it.

        Args:
            metrics: where calls are counted.
            access_log: takes a line for each call.
            versions: find the product of a call whose endpoint is unknown.
            recorder: records spans; None for no spans.
            validator: compares successful answers with their schemas; None to compare nothing.
        """
        self._metrics = metrics
        self._access_log = access_log
        self._versions = versions
        self._recorder = recorder
        self._validator = validator

    def answered(self, call: Call, status: int, body: bytes) -> None:
        """Record a call that was answered just now."""
        seconds = time.perf_counter() - call.started
        metrics = self._metrics
        metrics.answers(call.operation, status).value += 1  # handed over with the duration
        metrics.seconds(call.operation).observe(seconds)
        for code in call.codes:
            metrics.errors(code).inc()
        if call.outcome_without_line is None:
            product = self._versions.of(call.scope["raw_path"])[0] if call.plan is None else call.plan.product
            self._access_log.write(access_line(call, product.key, "access", status, seconds))
        else:
            metrics.unlogged(call.outcome_without_line).inc()
        if self._recorder is not None and call.trace is not None and call.trace.sampled and call.part_of is None:
            self._record_span(self._recorder, call, call.trace, status, seconds)
        # Of a dossier only the parts are compared; a cached answer was compared when it came.
        validator = self._validator
        if validator is None or status != 200 or call.cached or not _is_of_a_source(call):
            return
        if call.operation not in validator.due or validator.clock() >= validator.due[call.operation]:
            validator.compare(call.operation, body if call.unmasked is None else call.unmasked)

    def abandoned(self, call: Call) -> None:
        """Record a call whose client went away before the answer; the provider may have been asked."""
        self._metrics.abandoned.inc()
        if call.outcome_without_line is not None:
            self._metrics.unlogged(call.outcome_without_line).inc()
            return
        product = self._versions.of(call.scope["raw_path"])[0] if call.plan is None else call.plan.product
        self._access_log.write(access_line(call, product.key, "abandoned", None, time.perf_counter() - call.started))

    def _record_span(
        self, recorder: tracing.Recorder, call: Call, trace: tracing.Trace, status: int, seconds: float
    ) -> None:
        attributes = {
            "http.request.method": call.scope["method"],
            "http.response.status_code": status,
            "gateway.request_id": call.request_id.decode(),
            "gateway.codes": ",".join(call.codes),
            "gateway.cached": call.cached,
        }
        if call.plan is not None:
            attributes["http.route"] = call.plan.route.endpoint.path
        recorder.served(trace, call.operation, seconds, attributes, failed=status >= 500)


def _to_microseconds(seconds: float) -> float:
    """As `round(seconds, 6)`, in a third of its time."""
    return round(seconds * 1e6) / 1e6


def _is_of_a_source(call: Call) -> bool:
    return call.plan is not None and call.plan.source is not None


def access_line(call: Call, product: str, event: str, status: int | None, seconds: float) -> AccessLine:
    """The access line of a call."""
    parameters, plan, trace = call.parameters, call.plan, call.trace
    recipient = parameters.get("recipient")
    if plan is not None and plan.person is not None and not (call.asked or is_recipient(recipient or "")):
        recipient = None  # refused, or not judged: it may be a person's name
    line = AccessLine(
        event,
        now(),
        call.request_id.decode(),
        None if trace is None else trace.trace_id,
        None if trace is None else trace.span_id,
        product,
        call.operation,
        call.part_of,
        call.identifier,
        None if call.token is None else call.token.jti,
        call.client,
        parameters.get("context"),
        recipient,
        parameters.get("object"),
        parameters.get("user_id"),
        status,
        call.codes,
        call.shadowed,
        call.cached,
        call.stale,
        call.documents,
        None if call.provider_seconds is None else _to_microseconds(call.provider_seconds),
        _to_microseconds(seconds),
    )
    # Decoding never makes a value longer: if the whole target is short enough, so is each of its values.
    if len(call.scope.get("raw_path", b"")) + len(call.scope.get("query_string", b"")) > MAX_LOGGED_CHARACTERS:
        _cut(line)
    return line


def _cut(line: AccessLine) -> None:
    """Keep the beginnings of those values of a caller that are too long."""
    texts: tuple[str | None, ...] = _texts_of(line)
    if max(map(len, filter(None, texts)), default=0) > MAX_LOGGED_CHARACTERS:
        for name, text in zip(_CUT, texts, strict=True):
            if text is not None and len(text) > MAX_LOGGED_CHARACTERS:
                setattr(line, name, text[: MAX_LOGGED_CHARACTERS - 1] + "…")
