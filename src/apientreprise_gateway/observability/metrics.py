"""The metrics that Prometheus reads.

Labels are bounded: operations, groups and providers come from the catalogue, statuses and codes from the contract.
Children are resolved once, because looking one up by its labels costs more than adding to it.
"""

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector

NO_OPERATION = "none"
"""The operation of a call whose path names no endpoint."""

_ANSWER_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15)


class Metrics:
    """Every metric of the gateway, on a registry of its own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._answers = Counter(
            "gateway_answers", "Answers given, by operation and status", ["operation", "status"], registry=registry
        )
        self._seconds = Histogram(
            "gateway_answer_seconds",
            "Time from the request to its answer, by operation",
            ["operation"],
            buckets=_ANSWER_BUCKETS,
            registry=registry,
        )
        self._errors = Counter("gateway_errors", "Errors answered, by code", ["code"], registry=registry)
        self._provider_calls = Counter(
            "gateway_provider_calls",
            "Calls to providers, by what came of them: `ok`, or the last three digits of the error code",
            ["provider", "outcome"],
            registry=registry,
        )
        self._provider_seconds = Histogram(
            "gateway_provider_seconds",
            "Time that providers took, by provider",
            ["provider"],
            buckets=_ANSWER_BUCKETS,
            registry=registry,
        )
        self._decisions = Counter(
            "gateway_limiter_decisions",
            "Calls admitted or refused by the rate limits, by group",
            ["group", "decision"],
            registry=registry,
        )
        self._bans = Counter("gateway_bans", "Addresses banned, by reason", ["reason"], registry=registry)
        self.dropped = Counter(
            "gateway_dropped", "Calls of banned addresses, which got no HTTP answer", registry=registry
        )
        self.abandoned = Counter(
            "gateway_abandoned", "Calls whose client went away before its answer", registry=registry
        )
        self.duplicates = Counter(
            "gateway_duplicates", "Calls made while the same call was in flight", registry=registry
        )
        self.in_flight = Gauge("gateway_in_flight", "Calls being answered", registry=registry)
        self.bans_in_force = Gauge("gateway_bans_in_force", "Bans in force", registry=registry)
        self.access_lines = Counter("gateway_access_lines", "Access lines written", registry=registry)
        # One set of children per instance: a cache on the class would keep instances alive.
        self.answers = cache(self._resolve_answers)
        self.seconds = cache(self._seconds.labels)
        self.errors = cache(self._errors.labels)
        self.provider_calls = cache(self._provider_calls.labels)
        self.provider_seconds = cache(self._provider_seconds.labels)
        self.decisions = cache(self._decisions.labels)
        self.bans = cache(self._bans.labels)

    def _resolve_answers(self, operation: str, status: int) -> Counter:
        return self._answers.labels(operation, str(status))
