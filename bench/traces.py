"""Measure the CPU microseconds that traces add to a call.

    python bench/traces.py

The figures count all threads: making the spans, packing them, sending them to a collector that accepts everything.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from apientreprise_gateway.observability import tracing
from apientreprise_gateway.observability.otel import OtelRecorder
from support.serving import serving

GIVEN = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
HEADERS = [
    (b"host", b"api.example.fr"),
    (b"user-agent", b"curl/8.5.0"),
    (b"accept", b"*/*"),
    (b"authorization", b"Bearer x"),
    (b"traceparent", GIVEN),
    (b"tracestate", b"vendor=00f067aa0ba902b7"),
]
CALLS = 20_000
ATTRIBUTES: dict[str, str | int | bool] = {
    "http.request.method": "GET",
    "http.response.status_code": 200,
    "http.route": "/v4/insee/sirene/unites_legales/{siren}",
    "gateway.request_id": "7a6b3f0e-27aa-4f0b-9a55-2d6a4c7d3b10",
    "gateway.codes": "",
    "gateway.cached": False,
}


async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Act as a collector: read each request, and answer 200."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            length = next(int(line[15:]) for line in head.split("\r\n") if line.startswith("content-length:"))
            await reader.readexactly(length)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            await writer.drain()
    except (EOFError, ConnectionError):
        writer.close()


def per_call(step: Callable[[], object], calls: int = CALLS) -> float:
    """CPU microseconds of a step."""
    started = time.process_time()
    for _ in range(calls):
        step()
    return (time.process_time() - started) / calls * 1e6


def record(recorder: OtelRecorder, trace: tracing.Trace) -> None:
    """Record the spans of one call: the call itself, and that to its provider."""
    recorder.asked(trace, "insee", 0.05, {"gateway.provider": "insee", "gateway.outcome": "ok"}, failed=False)
    recorder.served(trace, "api_entreprise_v4_insee_unites_legales", 0.06, ATTRIBUTES, failed=False)


def main() -> None:
    rows = {
        "no traceparent, nothing recorded": per_call(tracing.header_lines),
        "a traceparent, taken over and passed on": per_call(
            lambda: (tracing.enter(HEADERS, recorder=None), tracing.header_lines())
        ),
    }
    with serving(take) as port:
        recorder = OtelRecorder(f"http://127.0.0.1:{port}/v1/traces", share=1)
        trace = tracing.enter(HEADERS, recorder=recorder)
        assert trace is not None
        started = time.process_time()
        for number in range(CALLS):
            record(recorder, trace)
            if number % 500 == 499:
                recorder._provider.force_flush()  # so that the queue never drops one
        recorder.close()
        rows["two spans recorded and sent"] = (time.process_time() - started) / CALLS * 1e6
    for name, cost in rows.items():
        print(f"{cost:8.2f}  {name}")


if __name__ == "__main__":
    main()
