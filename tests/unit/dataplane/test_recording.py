"""Tests of what is left of a call that has ended."""

from typing import Any

import pytest

from apientreprise_gateway.dataplane.call import Call
from apientreprise_gateway.dataplane.recording import MAX_LOGGED_CHARACTERS, Recording, access_line
from apientreprise_gateway.dataplane.validation import AnswerValidator
from apientreprise_gateway.observability import tracing
from apientreprise_gateway.observability.metrics import Metrics
from apientreprise_gateway.providers.entreprise.product import ENTREPRISE
from unit.dataplane.rig import BODY, CLIENT, OPERATION, VERSIONS, FakeSource, Lines, call_of, plan

TRACEPARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-%b"


class Spans:
    """A recorder that keeps what it is told of calls."""

    def __init__(self) -> None:
        self.served_as: list[tuple[str, tracing.Attributes, bool]] = []

    def begins(self) -> bool:
        return False

    def served(
        self, _trace: tracing.Trace, name: str, _seconds: float, attributes: tracing.Attributes, *, failed: bool
    ) -> None:
        self.served_as.append((name, attributes, failed))

    def asked(self, *_: Any, **__: Any) -> None:
        raise AssertionError("this is about calls")

    def close(self) -> None:
        raise NotImplementedError


class Bench:
    """Records calls in memory."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.lines = Lines()
        self.spans = Spans()
        self.deviations: list[str] = []
        validator = AnswerValidator({OPERATION: ENTREPRISE.schemas}, sample=False, on_deviation=self.deviations.append)
        self.recording = Recording(
            metrics=self.metrics,
            access_log=self.lines,
            versions=VERSIONS,
            recorder=self.spans,
            validator=validator,
        )

    def count(self, sample: str, **labels: str) -> float | None:
        """The value of a metric."""
        return self.metrics.registry.get_sample_value(sample, labels)


def call(*, flags: bytes | None = None, source: bool = True, **known: Any) -> Call:
    """A call of which something is known, in a trace if there are flags."""
    made = call_of()
    made.client, made.request_id, made.operation = CLIENT, b"mine", OPERATION
    made.plan = plan(source=FakeSource() if source else None)
    if flags is not None:
        made.trace = tracing.enter([(b"traceparent", TRACEPARENT % flags)], recorder=None)
        tracing.leave()
    for name, value in known.items():
        setattr(made, name, value)
    return made


def test_an_answer_is_counted_and_leaves_a_line() -> None:
    """An answer is counted by operation, status and codes, timed, and leaves one line."""
    bench = Bench()
    bench.recording.answered(call(codes=("01003",)), 404, BODY)

    assert bench.count("gateway_answers_total", operation=OPERATION, status="404") == 1
    assert bench.count("gateway_answer_seconds_count", operation=OPERATION) == 1
    assert bench.count("gateway_errors_total", code="01003") == 1
    (line,) = bench.lines.lines
    assert (line["event"], line["status"], line["codes"], line["request_id"]) == ("access", 404, ("01003",), "mine")


def test_a_call_given_up_leaves_a_line_without_status() -> None:
    """A call that nobody got the answer of is counted apart."""
    bench = Bench()
    bench.recording.abandoned(call(provider_seconds=1.23456789))

    assert bench.count("gateway_abandoned_total") == 1
    (line,) = bench.lines.lines
    assert (line["event"], line["status"], line["provider_seconds"]) == ("abandoned", None, 1.234568)


@pytest.mark.parametrize(("outcome", "gives_up"), [("refused", False), ("abandoned", True)])
def test_calls_without_a_line_are_counted(outcome: str, gives_up: bool) -> None:
    """What leaves no line, since lines cannot be written, is counted by what became of it."""
    bench = Bench()
    made = call(outcome_without_line=outcome)
    if gives_up:
        bench.recording.abandoned(made)
    else:
        bench.recording.answered(made, 503, BODY)

    assert not bench.lines.lines
    assert bench.count("gateway_calls_without_line_total", outcome=outcome) == 1


@pytest.mark.parametrize(
    ("flags", "part_of", "status", "failed"),
    [(b"01", None, 200, False), (b"01", None, 502, True), (b"00", None, 200, None), (b"01", "dossiers", 200, None)],
)
def test_sampled_traces_get_a_span(flags: bytes, part_of: str | None, status: int, failed: bool | None) -> None:
    """A call of a sampled trace has a span, failed where we failed; parts of a dossier have none of their own."""
    bench = Bench()
    bench.recording.answered(call(flags=flags, part_of=part_of), status, BODY)

    assert [each[2] for each in bench.spans.served_as] == ([] if failed is None else [failed])
    for name, attributes, _ in bench.spans.served_as:
        assert name == OPERATION
        assert attributes["http.response.status_code"] == status
        assert str(attributes["http.route"]).endswith("{siren}")


@pytest.mark.parametrize(
    ("status", "cached", "source", "compared"),
    [(200, False, True, True), (200, True, True, False), (404, False, True, False), (200, False, False, False)],
)
def test_successes_are_compared_with_their_schema(status: int, cached: bool, source: bool, compared: bool) -> None:
    """What a provider answers is compared once: not errors, not what was kept, not what is our own."""
    bench = Bench()
    bench.recording.answered(call(cached=cached, source=source), status, b'{"data":1,"links":{},"meta":{}}')

    assert bench.deviations == ([OPERATION] if compared else [])


@pytest.mark.parametrize(("length", "cut"), [(MAX_LOGGED_CHARACTERS, False), (MAX_LOGGED_CHARACTERS + 1, True)])
def test_long_parameters_are_cut(length: int, cut: bool) -> None:
    """A line keeps the beginning of what is too long."""
    text = "a" * length
    made = call_of(f"/v4/nothing?object={text}")
    made.parameters = {"object": text}
    logged = access_line(made, ENTREPRISE.key, "access", 404, 0.1).object

    assert logged is not None
    assert (logged != text) is cut
    assert len(logged) == MAX_LOGGED_CHARACTERS
