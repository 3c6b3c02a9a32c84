"""The metrics that Prometheus reads, by subject.

Labels are bounded: operations, groups and providers come from the catalogue, statuses and codes from the contract. What
the values of other labels can be is known to the room that counts; `gateway/series.py` shows them from the start.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from apientreprise_gateway.observability.hot import HotCounter, HotGauge, HotHistogram, HotMetrics
from apientreprise_gateway.observability.instruments import (
    Maker,
    counter,
    counters,
    declarations,
    gauge,
    gauges,
    hot_counters,
    hot_gauge,
    hot_histogram,
    hot_histograms,
    state_gauge,
)
from apientreprise_gateway.observability.processes import Processes
from apientreprise_gateway.observability.shared import DEATHS, SharedMetrics, reserve

NO_OPERATION = "none"
"""The operation of a call whose path names no endpoint."""
MULTIPROCESS_DIR: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable by which the client library shares the metrics of several workers."""
MAX_CODES: Final = 1000
"""Error codes that are counted by themselves; providers make up codes of their own, so their number has no bound."""

_ANSWER_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15)
_LAG_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1)


@dataclass(frozen=True, init=False, eq=False)
class CallMetrics:
    """Calls of the data plane, as callers see them."""

    answers: Callable[[str, int], HotCounter] = hot_counters(
        "gateway_answers", "Answers given, by operation and status", "operation", "status"
    )
    seconds: Callable[[str], HotHistogram] = hot_histograms(
        "gateway_answer_seconds",
        "Time from the request to its answer, by operation",
        "operation",
        buckets=_ANSWER_BUCKETS,
    )
    operation_info: Callable[[str, str], Gauge] = gauges(
        "gateway_operation_info", "Always 1; the product of each operation", "operation", "product", merge="livemax"
    )
    ping_info: Callable[[str, str, str], Gauge] = gauges(
        "gateway_ping_info", "Always 1; the product of each ping", "provider", "source", "product", merge="livemax"
    )
    errors: Callable[[str], HotCounter] = hot_counters(
        "gateway_errors", "Errors answered, by code", "code", most=MAX_CODES
    )
    dropped: Counter = counter("gateway_dropped", "Calls of banned addresses, which got no HTTP answer")
    abandoned: Counter = counter("gateway_abandoned", "Calls whose client went away before its answer")
    duplicates: Counter = counter("gateway_duplicates", "Calls made while the same call was in flight")
    in_flight: HotGauge = hot_gauge("gateway_in_flight", "Calls being answered")


@dataclass(frozen=True, init=False, eq=False)
class ProviderMetrics:
    """Calls to providers, and whether these work."""

    provider_calls: Callable[[str, str], HotCounter] = hot_counters(
        "gateway_provider_calls",
        "Calls to providers, by what came of them: `ok`, the end of the error code, or why none was made",
        "provider",
        "outcome",
    )
    provider_seconds: Callable[[str], HotHistogram] = hot_histograms(
        "gateway_provider_seconds", "Time that providers took, by provider", "provider", buckets=_ANSWER_BUCKETS
    )
    provider_up: Callable[[str, str], Gauge] = gauges(
        "gateway_provider_up",
        "Whether a source of data works: 1, or 0",
        "provider",
        "source",
        merge="livemostrecent",
    )
    probes: Callable[[str, str, str], Counter] = counters(
        "gateway_provider_probes",
        "Calls to providers made for their pings, by what came of them, as in `gateway_provider_calls`",
        "provider",
        "source",
        "outcome",
    )
    breaker_state: Callable[[str, StrEnum], None] = state_gauge(
        "gateway_breaker_state",
        "Processes, by what their circuit breaker does with calls to a provider",
        "provider",
        "state",
    )
    deviations: Callable[[str], Counter] = counters(
        "gateway_upstream_deviations",
        "Answers of providers that are not as their schema says, by operation",
        "operation",
    )


@dataclass(frozen=True, init=False, eq=False)
class LimitMetrics:
    """Rate limits, bans, and the store that they are kept in."""

    decisions: Callable[[str, str], HotCounter] = hot_counters(
        "gateway_limiter_decisions", "Calls admitted or refused by the rate limits, by group", "group", "decision"
    )
    near_limit: Callable[[str], HotCounter] = hot_counters(
        "gateway_near_limit", "Calls admitted that leave 20 % or less of the limit of their token, by group", "group"
    )
    bans: Callable[[str], Counter] = counters("gateway_bans", "Addresses banned, by reason", "reason")
    bans_in_force: Gauge = gauge("gateway_bans_in_force", "Bans in force that are known", merge="livemax")
    shadowed: Callable[[str], Counter] = counters(
        "gateway_shadow_refusals",
        "Calls that limits (`limit`), bans (`ban`) or the ceiling of the control plane (`control`) would have "
        "refused if they were enforced",
        "check",
    )
    control_refused: Counter = counter(
        "gateway_control_refused", "Calls to the control plane refused since their address has made too many"
    )
    control_addresses: Gauge = gauge(
        "gateway_control_addresses",
        "Addresses whose calls to the control plane a process remembers, 4096 at most",
        merge="livemax",
    )
    store_mode: Callable[[StrEnum], None] = state_gauge(
        "gateway_store_mode", "Processes, by who decides on limits: `shared`, `local` or `refuse`", "mode"
    )
    store_faults: Callable[[str, str], Counter] = counters(
        "gateway_store_faults",
        "Errors of Redis about one key or one command, by what met them: `limits`, `cache`, `pings`",
        "part",
        "about",
    )


@dataclass(frozen=True, init=False, eq=False)
class CacheMetrics:
    """The cache of answers."""

    cache_lookups: Callable[[str, str], HotCounter] = hot_counters(
        "gateway_cache_lookups",
        "Questions to endpoints whose answers are kept, by provider and by how they were answered",
        "provider",
        "result",
    )
    cache_unopened: Counter = counter(
        "gateway_cache_unopened", "Answers about persons that are kept in Redis, and that no key of the ring opens"
    )
    cache_entries: Gauge = gauge("gateway_cache_entries", "Answers that are kept", merge="livemax")
    cache_bytes: Gauge = gauge("gateway_cache_bytes", "Bytes of the answers that are kept", merge="livemax")
    cache_available: Gauge = gauge(
        "gateway_cache_available", "0 while a process cannot ask the Redis of the cache, else 1", merge="livemin"
    )


@dataclass(frozen=True, init=False, eq=False)
class DocumentMetrics:
    """Documents of providers, from their arrival to their download."""

    documents: Callable[[str, str], Counter] = counters(
        "gateway_documents",
        "Documents kept, by provider and by the form in which they came: `file`, `base64` or `address`",
        "provider",
        "form",
    )
    documents_removed: Counter = counter("gateway_documents_removed", "Documents removed after their end")
    work_waiting: Callable[[str], Gauge] = gauges(
        "gateway_work_waiting",
        "Parts of documents that wait to be spooled, read, decoded or kept, and uploads that wait, by what does it",
        "pool",
        merge="livesum",
    )
    downloads: Callable[[int], Counter] = counters(
        "gateway_downloads", "Answers to calls for documents, by status", "status"
    )
    downloads_under_way: Gauge = gauge(
        "gateway_downloads_under_way",
        "Downloads of documents under way; a process carries 256 at most",
        merge="livesum",
    )
    download_bytes: Counter = counter("gateway_download_bytes", "Bytes of documents sent")


@dataclass(frozen=True, init=False, eq=False)
class TokenMetrics:
    """Tokens: keys that verify them, expiry, revocations, records."""

    tokens_expiring: Callable[[str], Gauge] = gauges(
        "gateway_tokens_expiring",
        "Tokens seen by a process that expire soon, by how soon: `7d`, `30d`",
        "within",
        merge="livemax",
    )
    key_fetches: Callable[[str], Counter] = counters(
        "gateway_jwks_fetches", "Fetches of the key set, by outcome: `ok` or `failed`", "outcome"
    )
    keys_fetched: Gauge = gauge(
        "gateway_jwks_fetched_timestamp_seconds",
        "When the key set in force was fetched; 0 if it is in a file, or could not be fetched yet",
        merge="livemin",
    )
    revocations: Gauge = gauge(
        "gateway_revocations",
        "Tokens revoked in Redis, now or from a date to come, that are known",
        merge="livemax",
    )
    revocations_known: Gauge = gauge(
        "gateway_revocations_known",
        "0 while a process has read revocations and records neither in Redis nor in a copy, else 1",
        merge="livemin",
    )
    revocations_read: Gauge = gauge(
        "gateway_revocations_read_timestamp_seconds",
        "When revocations and records were last read in Redis; 0 for never",
        merge="livemin",
    )
    token_records: Gauge = gauge(
        "gateway_token_records",
        "Tokens with a record in Redis that is known",
        merge="livemax",
    )
    token_records_unreadable: Gauge = gauge(
        "gateway_token_records_unreadable",
        "Records of tokens in Redis that cannot be read, and are left out",
        merge="livemax",
    )
    revocations_copy_failures: Callable[[str], Counter] = counters(
        "gateway_revocations_copy_failures",
        "Copies of what is revoked, recorded and banned that could not be used, by action: `read` or `write`",
        "action",
    )


@dataclass(frozen=True, init=False, eq=False)
class ConnectionMetrics:
    """Connections of callers, and what they hold."""

    connections_cut: Callable[[str], Counter] = counters(
        "gateway_connections_cut", "Connections closed for what their clients do or do not, by reason", "reason"
    )
    untaken_bytes: Gauge = gauge(
        "gateway_untaken_bytes", "Bytes of answers that clients have not taken", merge="livesum"
    )
    unanswered_bytes: Gauge = gauge(
        "gateway_unanswered_bytes", "Bytes of long requests that are not answered yet", merge="livesum"
    )
    gate_waiting: Gauge = gauge(
        "gateway_gate_waiting", "Calls that wait for the processor, before anything is done for them", merge="livesum"
    )
    outline_bytes: Gauge = gauge("gateway_outline_bytes", "Bytes of buffers for looking at answers", merge="livesum")
    certificate_ends: Gauge = gauge(
        "gateway_tls_certificate_end_timestamp_seconds",
        "When the certificate that callers are shown ends; 0 without TLS",
        merge="livemin",
    )


@dataclass(frozen=True, init=False, eq=False)
class LogMetrics:
    """Lines of the access log and of the operators' log."""

    access_lines: Counter = counter("gateway_access_lines", "Access lines written")
    access_lines_lost: Counter = counter(
        "gateway_access_lines_lost", "Access lines that could not be written by the end of a process"
    )
    access_lines_waiting: Gauge = gauge(
        "gateway_access_lines_waiting", "Access lines that wait to be written", merge="livesum"
    )
    calls_waiting: Gauge = gauge(
        "gateway_calls_waiting", "Calls that wait since access lines cannot be written", merge="livesum"
    )
    unlogged: Callable[[str], Counter] = counters(
        "gateway_calls_without_line",
        "Calls that leave no line since lines cannot be written: `refused`, or `abandoned` while they waited",
        "outcome",
    )
    log_lines_dropped: Counter = counter(
        "gateway_log_lines_dropped", "Lines of the operators' log that could not be written"
    )


@dataclass(frozen=True, init=False, eq=False)
class ProcessMetrics:
    """Whether processes keep up, and what failed in them."""

    loop_lag: HotHistogram = hot_histogram(
        "gateway_event_loop_lag_seconds", "How much later than asked for the event loop goes on", buckets=_LAG_BUCKETS
    )
    worker_deaths: Counter = counter(*DEATHS)
    """Stays at zero in a worker: the supervisor counts them."""
    background_failures: Callable[[str], Counter] = counters(
        "gateway_background_failures",
        "Failures of what a process does besides answering calls, by task",
        "task",
    )


@dataclass(frozen=True, init=False, eq=False, kw_only=True)
class Metrics(
    CallMetrics,
    ProviderMetrics,
    LimitMetrics,
    CacheMetrics,
    DocumentMetrics,
    TokenMetrics,
    ConnectionMetrics,
    LogMetrics,
    ProcessMetrics,
):
    """Every metric of the gateway, on a registry of its own."""

    registry: CollectorRegistry
    exposed: CollectorRegistry
    """What to scrape: the metrics of this process, or of all workers together."""
    _hot: HotMetrics

    def __init__(self) -> None:
        """Count nothing yet.

        Raises:
            OSError: there is no room for what workers share.
        """
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a sample more for each counter, which nobody asks for
        registry = CollectorRegistry()
        shared = MULTIPROCESS_DIR in os.environ
        if shared:
            reserve(Path(os.environ[MULTIPROCESS_DIR]), os.getpid())
        hot = HotMetrics(shared=shared)
        registry.register(hot)
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        maker = Maker(registry, hot)
        made = {name: maker.make(declared) for name, declared in declarations(Metrics)}
        vars(self).update(made, registry=registry, exposed=all_workers(hot) if shared else registry, _hot=hot)

    def flush(self) -> None:
        """Show other processes all that was counted so far."""
        self._hot.flush()


def all_workers(own: HotMetrics | None = None) -> CollectorRegistry:
    """A registry that shows the metrics of all workers together; `own` is None in the supervisor."""
    folder = Path(os.environ[MULTIPROCESS_DIR])
    registry = CollectorRegistry()
    if own is not None:
        registry.register(own)
    registry.register(SharedMetrics(folder))
    registry.register(Processes(folder, os.getpid() if own is None else os.getppid()))
    PlatformCollector(registry=registry)
    return registry
