"""Records calls that have ended: metrics, the access line, the span, deviations of the answer from its schema."""

import time
from datetime import UTC, datetime
from typing import Any, Final

from apientreprise_gateway.contract.identifiers import is_recipient
from apientreprise_gateway.dataplane.call import Call
from apientreprise_gateway.dataplane.validation import AnswerValidator
from apientreprise_gateway.observability import tracing
from apientreprise_gateway.observability.access_log import AccessLog
from apientreprise_gateway.observability.metrics import Metrics
from apientreprise_gateway.providers.product import Versions

MAX_LOGGED_CHARACTERS: Final = 256
"""Characters of a parameter that an access line keeps at most."""
_CUT: Final = ("identifier", "context", "recipient", "object", "user_id")


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
            "gateway.request_id": call.request_id.decode("latin-1"),
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


def access_line(call: Call, product: str, event: str, status: int | None, seconds: float) -> dict[str, Any]:
    """The fields of an access line; `docs/access-log.md` explains each."""
    scope, parameters, trace = call.scope, call.parameters, call.trace
    fields: dict[str, Any] = {
        "event": event,
        "time": datetime.now(UTC),
        "request_id": call.request_id.decode("latin-1"),
        "trace_id": None if trace is None else trace.trace_id,
        "span_id": None if trace is None else trace.span_id,
        "product": product,
        "operation": call.operation,
        "part_of": call.part_of,
        "identifier": call.identifier,
        "jti": None if call.token is None else call.token.jti,
        "client_ip": call.client,
        "context": parameters.get("context"),
        "recipient": parameters.get("recipient"),
        "object": parameters.get("object"),
        "user_id": parameters.get("user_id"),
        "status": status,
        "codes": call.codes,
        "shadow": call.shadowed,
        "cached": call.cached,
        "stale": call.stale,
        "documents": call.documents,
        "provider_seconds": None if call.provider_seconds is None else _to_microseconds(call.provider_seconds),
        "seconds": _to_microseconds(seconds),
    }
    plan = call.plan
    if plan is not None and plan.person is not None and not (call.asked or is_recipient(fields["recipient"] or "")):
        fields["recipient"] = None  # refused, or not judged: it may be a person's name
    # Decoding never makes a value longer: if the whole target is short enough, so is each of its values.
    if len(scope.get("raw_path", b"")) + len(scope.get("query_string", b"")) > MAX_LOGGED_CHARACTERS:
        for name in _CUT:
            text = fields[name]
            if text is not None and len(text) > MAX_LOGGED_CHARACTERS:
                fields[name] = text[: MAX_LOGGED_CHARACTERS - 1] + "…"
    return fields
