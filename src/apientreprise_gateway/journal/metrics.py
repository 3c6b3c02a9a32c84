"""What a follower tells of itself."""

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge


class JournalMetrics:
    """The metrics of a follower, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ours: dict[str, Any] = {"registry": self.registry}
        self.lines = Counter("journal_lines", "Access lines stored", **ours)
        self.rejects = Counter("journal_rejects", "Lines kept that are no access lines", **ours)
        self.skipped = Counter("journal_skipped", "Lines of the operators' log left out", **ours)
        self.failures = Counter("journal_failures", "Transactions that the database refused", **ours)
        self.lag_bytes = Gauge("journal_lag_bytes", "Bytes of followed files that are not stored yet", **ours)
        self.lag_seconds = Gauge("journal_lag_seconds", "Seconds since everything that was written was stored", **ours)
        self.waiting = Gauge("journal_waiting_files", "Followed files that another follower has", **ours)
        self.in_default = Gauge(
            "journal_default_partition_rows", "Calls that no month's partition took, up to 10,000", **ours
        )
