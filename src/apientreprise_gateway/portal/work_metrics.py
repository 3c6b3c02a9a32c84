"""What a portal process tells of its background work: mails and jobs."""

from collections.abc import Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge

from apientreprise_gateway.portal.mail.queue import Depth, State


class WorkMetrics:
    """Metrics of mails and jobs; counters are of this process, gauges of the database that all share."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Begin at zero."""
        ours: dict[str, Any] = {"registry": registry}
        shared = ours | {"multiprocess_mode": "mostrecent"}
        self._mails = Counter("portal_mails", "Mails that have ended", ("state",), **ours)
        self._queued = Gauge("portal_mails_queued", "Mails that wait to be sent", **shared)
        self._failed = Gauge("portal_mails_failed", "Mails refused or given up in the last 30 days", **shared)
        self._age = Gauge("portal_mail_queue_seconds", "Age of the oldest mail that waits", **shared)
        self._job_runs = Counter("portal_job_runs", "Jobs that were done", ("job",), **ours)
        self._job_failures = Counter("portal_job_failures", "Jobs that have failed", ("job",), **ours)
        self._jobs_failing = Gauge("portal_jobs_failing", "Jobs whose last runs have all failed", **shared)
        self._late = Gauge("portal_job_late_seconds", "Seconds for which a job is due that nobody does", **shared)
        for state in (State.SENT, State.FAILED):
            self._mails.labels(state)

    def expect(self, jobs: Iterable[str]) -> None:
        """Show the counters of jobs, by name, before they are done for the first time."""
        for job in jobs:
            self._job_runs.labels(job)
            self._job_failures.labels(job)

    def mail_ended(self, state: str) -> None:
        """Count a mail that was sent, or has failed for good."""
        self._mails.labels(state).inc()

    def job_done(self, name: str, *, failed: bool) -> None:
        """Count a job."""
        (self._job_failures if failed else self._job_runs).labels(name).inc()

    def show(self, depth: Depth, *, failing: int, late_seconds: float) -> None:
        """Show how the queue and the jobs are."""
        self._queued.set(depth.queued)
        self._failed.set(depth.failed)
        self._age.set(depth.oldest_seconds)
        self._jobs_failing.set(failing)
        self._late.set(late_seconds)
