"""The record of each call to a provider: metrics, a span, and whether its source of data works.

A call counts as good if its answer proves that the source works, whether or not it has what was asked for: data, 404,
422 and 451 do. It counts as bad if the source was the reason for a failure: no answer in time, a refused connection,
credentials refused, an answer that is not what was promised. Planned maintenance and calls given up count as neither.
"""

from collections.abc import Iterable
from typing import Final

from apientreprise_gateway.observability import tracing
from apientreprise_gateway.observability.metrics import Metrics

OK: Final = "ok"
ABANDONED: Final = "abandoned"
"""Outcome of a call whose answer nobody waits for any more; its status is 0."""
_MAINTENANCE: Final = "020"


class CallCounts:
    """The calls of this process to a source of data, counted since its start."""

    __slots__ = ("_answers", "bad", "good")

    def __init__(self, answers: Iterable[str] = ()) -> None:
        """Count none yet; `answers` are codes that prove that the source works despite a failing status."""
        self._answers = frozenset(answers)
        self.good = 0
        self.bad = 0

    def count(self, outcome: str, status: int) -> None:
        """Count a call by its outcome and status, which are those of `ProviderCalls.__call__`."""
        works = 0 < status < 500 or self.works(outcome, status)
        if works:
            self.good += 1
        elif works is not None:
            self.bad += 1

    def works(self, outcome: str, status: int) -> bool | None:
        """Whether a call proves that the source works; None if it proves nothing."""
        if outcome == ABANDONED:
            return None
        if status < 500 or outcome in self._answers:
            return True
        return None if outcome.endswith(_MAINTENANCE) else False


class ProviderCalls:
    """Records each call to a provider for one endpoint."""

    def __init__(
        self, provider: str, *, counts: CallCounts, metrics: Metrics, recorder: tracing.Recorder | None = None
    ) -> None:
        """Record what comes from now on.

        Args:
            provider: its key.
            counts: where the calls are counted that say whether the source works.
            metrics: where calls are counted by provider.
            recorder: records a span for each call that was made; None for no spans.
        """
        self._provider = provider
        self._counts = counts
        self._metrics = metrics
        self._recorder = recorder

    def __call__(self, outcome: str, status: int, seconds: float | None) -> None:
        """Record a call.

        Args:
            outcome: `OK`, `ABANDONED`, the code of the error, or why the provider was not asked: `open`, `busy`, `020`.
            status: of the answer; 0 if there is none.
            seconds: how long the provider took; None if it was not asked.
        """
        calls = self._metrics.provider_calls(self._provider, label(outcome))
        self._counts.count(outcome, status)
        if seconds is None:
            calls.inc()
            return
        calls.value += 1  # handed over with the duration
        self._metrics.provider_seconds(self._provider).observe(seconds)
        if self._recorder is not None:
            self._record_span(self._recorder, outcome, status, seconds)

    def _record_span(self, recorder: tracing.Recorder, outcome: str, status: int, seconds: float) -> None:
        trace = tracing.CURRENT.get()
        if trace is None or not trace.sampled:
            return
        attributes: tracing.Attributes = {
            "gateway.provider": self._provider,
            "gateway.outcome": outcome,
            "http.response.status_code": status,
        }
        recorder.asked(trace, self._provider, seconds, attributes, failed=status >= 500 or status == 0)


def label(outcome: str) -> str:
    """An outcome as metrics show it: without the provider's two digits."""
    return outcome[-3:] if outcome.isdigit() else outcome


def ignore(_outcome: str, _status: int, _seconds: float | None) -> None:
    """Record nothing: for calls that no caller caused, such as probes."""
