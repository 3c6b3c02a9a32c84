"""The metrics that Prometheus reads.

Labels are bounded: operations, groups and providers come from the catalogue, statuses and codes from the contract.
Children are resolved once, because looking one up by its labels costs more than adding to it; those of the hot path
are tallies (`tally.py`).
"""

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from apientreprise_gateway.observability.hot import HotCounter, HotMetrics
from apientreprise_gateway.observability.processes import Processes
from apientreprise_gateway.observability.shared import DEATHS, SharedMetrics, reserve

NO_OPERATION = "none"
"""The operation of a call whose path names no endpoint."""

MULTIPROCESS_DIR: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable by which the client library shares the metrics of several workers."""
MAX_CODES: Final = 1000
"""Error codes that are counted by themselves."""
OTHER: Final = "other"
"""Stands for the others."""
FAILURES: Final = ("00500", "00502", "00505", "00506", "00904", "00906")
"""Codes of the errors by which the gateway itself fails a caller: what its availability is measured by."""
BAN_REASONS: Final = ("ceiling", "ignored_429")
CUT_REASONS: Final = ("full", "evicted", "slow_request", "slow_reader")
CHECKS: Final = ("limit", "ban", "control")
UNLOGGED_OUTCOMES: Final = ("refused", "abandoned")
COPY_ACTIONS: Final = ("read", "write")
FETCH_OUTCOMES: Final = ("ok", "failed")
STORE_PARTS: Final = ("limits", "cache", "pings")
STORE_FAULTS: Final = ("key", "command")
STORE_MODES: Final = ("shared", "local", "refuse")
BREAKER_STATES: Final = ("closed", "half_open", "open")

_ANSWER_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15)
_LAG_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1)


class Metrics:
    """Every metric of the gateway, on a registry of its own."""

    def __init__(self) -> None:
        """Count nothing yet.

        Raises:
            OSError: there is no room for what workers share.
        """
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a sample more for each counter, which nobody asks for
        self.registry = registry = CollectorRegistry()
        shared = MULTIPROCESS_DIR in os.environ
        if shared:
            reserve(Path(os.environ[MULTIPROCESS_DIR]), os.getpid())
        self._ledger = ledger = HotMetrics(shared=shared)
        registry.register(ledger)
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
            "Calls to providers, by what came of them: `ok`, the end of the error code, or why none was made",
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
        self._provider_up = Gauge(
            "gateway_provider_up",
            "Whether a source of data works: 1, or 0",
            ["provider", "source"],
            registry=registry,
            multiprocess_mode="livemostrecent",
        )
        self._probes = Counter(
            "gateway_provider_probes",
            "Calls to providers made for their pings, by what came of them, as in `gateway_provider_calls`",
            ["provider", "source", "outcome"],
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
        self._deviations = Counter(
            "gateway_upstream_deviations",
            "Answers of providers that are not as their schema says, by operation",
            ["operation"],
            registry=registry,
        )
        self._define_parts(registry)
        self._define_process(registry, ledger)
        self.exposed = all_workers(ledger) if shared else registry
        """What to scrape: the metrics of this process, or of all workers together."""
        # One set of children per instance: a cache on the class would keep instances alive.
        self.answers = cache(self._resolve_answers)
        self.seconds = cache(lambda operation: ledger.histogram(self._seconds.labels(operation)))
        self._codes: dict[str, HotCounter] = {}
        self._other_codes = ledger.counter(self._errors.labels(OTHER))
        self.provider_calls = cache(self._resolve_provider_calls)
        self.provider_seconds = cache(lambda provider: ledger.histogram(self._provider_seconds.labels(provider)))
        self.cache_lookups = cache(self._resolve_cache_lookups)
        self.decisions = cache(self._resolve_decisions)
        self.near_limit = cache(lambda group: ledger.counter(self._near_limit.labels(group)))
        self.tokens_expiring = cache(self._tokens_expiring.labels)
        self.provider_up = cache(self._provider_up.labels)
        self.probes = cache(self._probes.labels)
        self.bans = cache(self._bans.labels)
        self.shadowed = cache(self._shadowed.labels)
        self.store_faults = cache(self._store_faults.labels)
        self.connections_cut = cache(self._connections_cut.labels)
        self.deviations = cache(self._deviations.labels)
        self.background_failures = cache(self._background_failures.labels)
        self.unlogged = cache(self._unlogged.labels)
        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        """Show what alerts wait for before it happens: what appears with its first count has grown by nothing."""
        for code in FAILURES:
            self.errors(code)
        for reason in BAN_REASONS:
            self.bans(reason)
        for reason in CUT_REASONS:
            self.connections_cut(reason)
        for check in CHECKS:
            self.shadowed(check)
        for part in STORE_PARTS:
            for about in STORE_FAULTS:
                self.store_faults(part, about)
        for outcome in UNLOGGED_OUTCOMES:
            self.unlogged(outcome)
        for action in COPY_ACTIONS:
            self.revocations_copy_failures.labels(action)
        for outcome in FETCH_OUTCOMES:
            self.key_fetches.labels(outcome)

    def expect(self, groups: Iterable[str]) -> None:
        """Show the groups of the limits from the start as well."""
        for group in groups:
            self.near_limit(group)
            for decision in ("admitted", "refused"):
                self.decisions(group, decision)

    def _define_parts(self, registry: CollectorRegistry) -> None:
        """What the parts tell of: store, caches, breakers, keys, connections."""
        self._cache_lookups = Counter(
            "gateway_cache_lookups",
            "Questions to endpoints whose answers are kept, by provider and by how they were answered",
            ["provider", "result"],
            registry=registry,
        )
        self.cache_entries = Gauge(
            "gateway_cache_entries", "Answers that are kept", registry=registry, multiprocess_mode="livemax"
        )
        self.cache_bytes = Gauge(
            "gateway_cache_bytes", "Bytes of the answers that are kept", registry=registry, multiprocess_mode="livemax"
        )
        self.cache_available = Gauge(
            "gateway_cache_available",
            "0 while a process cannot ask the Redis of the cache, else 1",
            registry=registry,
            multiprocess_mode="livemin",
        )
        self._make_documents(registry)
        self._make_revocations(registry)
        self.bans_in_force = Gauge(
            "gateway_bans_in_force", "Bans in force that are known", registry=registry, multiprocess_mode="livemax"
        )
        self._store_mode = Gauge(
            "gateway_store_mode",
            "Processes, by who decides on limits: `shared`, `local` or `refuse`",
            ["mode"],
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._store_faults = Counter(
            "gateway_store_faults",
            "Errors of Redis about one key or one command, by what met them: `limits`, `cache`, `pings`",
            ["part", "about"],
            registry=registry,
        )
        self._breaker_state = Gauge(
            "gateway_breaker_state",
            "Processes, by what their circuit breaker does with calls to a provider",
            ["provider", "state"],
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._shadowed = Counter(
            "gateway_shadow_refusals",
            "Calls that limits (`limit`), bans (`ban`) or the ceiling of the control plane (`control`) would have "
            "refused if they were enforced",
            ["check"],
            registry=registry,
        )
        self.key_fetches = Counter(
            "gateway_jwks_fetches",
            "Fetches of the key set, by outcome: `ok` or `failed`",
            ["outcome"],
            registry=registry,
        )
        self.keys_fetched = Gauge(
            "gateway_jwks_fetched_timestamp_seconds",
            "When the key set in force was fetched; 0 if it is in a file, or could not be fetched yet",
            registry=registry,
            multiprocess_mode="livemin",
        )
        self.certificate_ends = Gauge(
            "gateway_tls_certificate_end_timestamp_seconds",
            "When the certificate that callers are shown ends; 0 without TLS",
            registry=registry,
            multiprocess_mode="livemin",
        )
        self._near_limit = Counter(
            "gateway_near_limit",
            "Calls admitted that leave 20 % or less of the limit of their token, by group",
            ["group"],
            registry=registry,
        )

    def _define_process(self, registry: CollectorRegistry, ledger: HotMetrics) -> None:
        """How the process is doing."""
        self.in_flight = ledger.gauge(
            Gauge("gateway_in_flight", "Calls being answered", registry=registry, multiprocess_mode="livesum")
        )
        self._connections_cut = Counter(
            "gateway_connections_cut",
            "Connections closed for what their clients do or do not, by reason",
            ["reason"],
            registry=registry,
        )
        self.untaken_bytes = Gauge(
            "gateway_untaken_bytes",
            "Bytes of answers that clients have not taken",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.unanswered_bytes = Gauge(
            "gateway_unanswered_bytes",
            "Bytes of long requests that are not answered yet",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.control_refused = Counter(
            "gateway_control_refused",
            "Calls to the control plane refused since their address has made too many",
            registry=registry,
        )
        self.control_addresses = Gauge(
            "gateway_control_addresses",
            "Addresses whose calls to the control plane a process remembers, 4096 at most",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._tokens_expiring = Gauge(
            "gateway_tokens_expiring",
            "Tokens seen by a process that expire soon, by how soon: `7d`, `30d`",
            ["within"],
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.loop_lag = ledger.histogram(
            Histogram(
                "gateway_event_loop_lag_seconds",
                "How much later than asked for the event loop goes on",
                buckets=_LAG_BUCKETS,
                registry=registry,
            )
        )
        self.access_lines = Counter("gateway_access_lines", "Access lines written", registry=registry)
        self.access_lines_lost = Counter(
            "gateway_access_lines_lost",
            "Access lines that could not be written by the end of a process",
            registry=registry,
        )
        self.calls_waiting = Gauge(
            "gateway_calls_waiting",
            "Calls that wait since access lines cannot be written",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._unlogged = Counter(
            "gateway_calls_without_line",
            "Calls that leave no line since lines cannot be written: `refused`, or `abandoned` while they waited",
            ["outcome"],
            registry=registry,
        )
        self.log_lines_dropped = Counter(
            "gateway_log_lines_dropped", "Lines of the operators' log that could not be written", registry=registry
        )
        self.access_lines_waiting = Gauge(
            "gateway_access_lines_waiting",
            "Access lines that wait to be written",
            registry=registry,
            multiprocess_mode="livesum",
        )
        Counter(*DEATHS, registry=registry)  # the supervisor counts them
        self._background_failures = Counter(
            "gateway_background_failures",
            "Failures of what a process does besides answering calls, by task",
            ["task"],
            registry=registry,
        )

    def _make_revocations(self, registry: CollectorRegistry) -> None:
        self.revocations = Gauge(
            "gateway_revocations",
            "Tokens revoked in Redis, now or from a date to come, that are known",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.revocations_known = Gauge(
            "gateway_revocations_known",
            "0 while a process has read the revocations neither in Redis nor in a copy, else 1",
            registry=registry,
            multiprocess_mode="livemin",
        )
        self.revocations_read = Gauge(
            "gateway_revocations_read_timestamp_seconds",
            "When the revocations were last read in Redis; 0 for never",
            registry=registry,
            multiprocess_mode="livemin",
        )
        self.revocations_copy_failures = Counter(
            "gateway_revocations_copy_failures",
            "Copies of what is revoked and banned that could not be used, by action: `read` or `write`",
            ["action"],
            registry=registry,
        )

    def _make_documents(self, registry: CollectorRegistry) -> None:
        self._documents = Counter(
            "gateway_documents",
            "Documents kept, by provider and by the form in which they came: `file`, `base64` or `address`",
            ["provider", "form"],
            registry=registry,
        )
        self.documents_removed = Counter(
            "gateway_documents_removed", "Documents removed after their end", registry=registry
        )
        self._work_waiting = Gauge(
            "gateway_work_waiting",
            "Parts of documents that wait to be spooled, read, decoded or kept, and uploads that wait, by what does it",
            ["pool"],
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.work_waiting = cache(self._work_waiting.labels)
        self._downloads = Counter(
            "gateway_downloads", "Answers to calls for documents, by status", ["status"], registry=registry
        )
        self.downloads_under_way = Gauge(
            "gateway_downloads_under_way",
            "Downloads of documents under way; a process carries 256 at most",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.download_bytes = Counter("gateway_download_bytes", "Bytes of documents sent", registry=registry)
        self.documents = cache(self._documents.labels)
        self.downloads = cache(self._resolve_downloads)

    def errors(self, code: str) -> HotCounter:
        """What counts the errors of a code; the codes come from providers too, so that only so many have their own."""
        tally = self._codes.get(code)
        if tally is None:
            if len(self._codes) >= MAX_CODES:
                return self._other_codes
            tally = self._codes[code] = self._ledger.counter(self._errors.labels(code))
        return tally

    def store_mode(self, mode: str) -> None:
        """Say who decides on limits, in this process."""
        for each in STORE_MODES:
            self._store_mode.labels(each).set(each == mode)

    def breaker_state(self, provider: str, state: str) -> None:
        """Say what the circuit breaker of a provider does, in this process."""
        for each in BREAKER_STATES:
            self._breaker_state.labels(provider, each).set(each == state)

    def tell(self) -> None:
        """Show other processes all that was counted so far."""
        self._ledger.tell()

    def _resolve_downloads(self, status: int) -> Counter:
        return self._downloads.labels(str(status))

    def _resolve_answers(self, operation: str, status: int) -> HotCounter:
        return self._ledger.counter(self._answers.labels(operation, str(status)))

    def _resolve_provider_calls(self, provider: str, outcome: str) -> HotCounter:
        return self._ledger.counter(self._provider_calls.labels(provider, outcome))

    def _resolve_cache_lookups(self, provider: str, result: str) -> HotCounter:
        return self._ledger.counter(self._cache_lookups.labels(provider, result))

    def _resolve_decisions(self, group: str, decision: str) -> HotCounter:
        return self._ledger.counter(self._decisions.labels(group, decision))


def all_workers(own: HotMetrics | None = None) -> CollectorRegistry:
    """A registry that shows the metrics of all workers together; `own` is of the worker that is asked, if it is one."""
    folder = Path(os.environ[MULTIPROCESS_DIR])
    registry = CollectorRegistry()
    if own is not None:
        registry.register(own)
    registry.register(SharedMetrics(folder))
    registry.register(Processes(folder, os.getpid() if own is None else os.getppid()))
    PlatformCollector(registry=registry)
    return registry
