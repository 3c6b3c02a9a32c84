"""Measure the time and size of a scrape with the whole catalogue in use.

    python bench/scrape.py [WORKERS ...]

Each worker has answered every operation with five statuses, called every provider with five outcomes, and so on: more
than any real worker will. The time is what /metrics costs the process that answers it.
"""

import os
import subprocess
import sys
import tempfile
import time

from prometheus_client import generate_latest

from apientreprise_gateway.observability.metrics import MULTIPROCESS_DIR, Metrics, all_workers
from apientreprise_gateway.providers.entreprise.product import PROVIDERS
from apientreprise_gateway.upstream.breaker import State

STATUSES = (200, 404, 422, 429, 502)
OUTCOMES = ("ok", "002", "003", "999", "abandoned")


def use_everything(metrics: Metrics) -> None:
    """Count something for every label that a gateway may come to use."""
    for provider in PROVIDERS:
        for outcome in OUTCOMES:
            metrics.provider_calls(provider.key, outcome).inc()
        metrics.provider_seconds(provider.key).observe(0.1)
        metrics.breaker_state(provider.key, State.CLOSED)
        for endpoint in provider.endpoints:
            for status in STATUSES:
                metrics.answers(endpoint.operation, status).inc()
            metrics.seconds(endpoint.operation).observe(0.1)
            for decision in ("admitted", "refused"):
                metrics.decisions(endpoint.group.name, decision).inc()
    metrics.flush()


def measure(workers: int) -> tuple[float, int]:
    """Seconds and bytes of a scrape of so many workers."""
    if workers == 1:
        metrics = Metrics()
        use_everything(metrics)
        return best(metrics.exposed)
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {MULTIPROCESS_DIR: folder}
        for _ in range(workers):
            subprocess.run([sys.executable, __file__, "--use"], env=environment, check=True)
        os.environ[MULTIPROCESS_DIR] = folder
        result = best(all_workers())
        del os.environ[MULTIPROCESS_DIR]
        return result


def best(registry) -> tuple[float, int]:
    """Seconds and bytes of the fastest of five scrapes, to leave out other work of the machine."""
    took = []
    for _ in range(5):
        started = time.perf_counter()
        text = generate_latest(registry)
        took.append(time.perf_counter() - started)
    return min(took), len(text)


if __name__ == "__main__":
    if sys.argv[1:] == ["--use"]:
        import asyncio

        async def main() -> None:
            use_everything(Metrics())

        asyncio.run(main())
    else:
        print("workers  ms  kB")
        for number in map(int, sys.argv[1:] or ("1", "2", "4", "8")):
            seconds, size = measure(number)
            print(f"{number:7d}  {seconds * 1e3:.0f}  {size / 1e3:.0f}")
