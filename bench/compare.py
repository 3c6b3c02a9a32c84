"""Compare the gateway with its peers on the same work: `make bench` (about two minutes).

The work of every call: verify an HS256 token, require context, object and recipient, one round trip to Redis for ban,
address window and token window, ask a provider that answers 1.2 kB of JSON at once, add three RateLimit headers, count
and time the answer, write one JSON line. The gateway does more (route lookup among all endpoints, scopes, identifiers,
duplicates, a check of the provider's answer), and none of it is switched off. Each call asks about another company.

    .venv/bin/python bench/compare.py [--rounds 3] [--seconds 3] [--connections 1,16,64] [--write]

Each figure is the median of the rounds; CPU is that of the server's whole process tree, per answer. `--write` puts the
table into docs/performance.md, and the chart into docs/images/bench.svg.
"""

import argparse
import contextlib
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pygal
from pygal.style import CleanStyle
from testbed import (
    BIN,
    HERE,
    LIMIT,
    PATH,
    QUERY,
    SECRET,
    MissingToolError,
    Server,
    Testbed,
    bearer,
    filled,
    free_port,
    machine,
    need,
    say,
    started,
)
from testbed import testbed as prepared

GATEWAY: Final = "gateway"
SERVERS: Final = (GATEWAY, "nginx + Lua", "FastAPI + httpx")
_MILLISECONDS: Final = {"us": 0.001, "ms": 1.0, "s": 1000.0}


class Measurement(NamedTuple):
    """The figures of one run."""

    per_second: float
    p50: float
    """Median time of a call, in milliseconds."""
    p99: float
    cpu: float
    """CPU microseconds per answer."""
    memory: float
    """Memory in MiB."""


@contextlib.contextmanager
def serving(name: str, testbed: Testbed) -> Iterator[Server]:
    """Run one of the servers."""
    if name == GATEWAY:
        with testbed.gateway() as server:
            yield server
        return
    folder, port = testbed.folder / re.sub(r"\W+", "-", name), free_port()
    folder.mkdir(exist_ok=True)
    if name == "nginx + Lua":
        script = testbed.store().script_load((HERE / "peers/window.lua").read_text())
        blanks = {"port": port, "redis": testbed.redis_port, "upstream": testbed.upstream.removeprefix("http://")}
        command = ["nginx", "-c", str(filled("nginx.conf", folder, script=script, **blanks))]
    else:
        command = [str(BIN / "uvicorn"), "fastapi_httpx:app", "--app-dir", str(HERE / "peers"), "--port", str(port)]
        command += ["--no-access-log", "--loop", "uvloop", "--http", "httptools"]
    env = {
        "SECRET": SECRET,
        "LIMIT": str(LIMIT),
        "REDIS_PORT": str(testbed.redis_port),
        "UPSTREAM": testbed.upstream,
        "ACCESS_LOG": str(folder / "access.log"),
    }
    with started(command, folder, port=port, cpu="0", env=env) as server:
        yield server


def load(server: Server, testbed: Testbed, *, connections: int, seconds: int, same: bool = False) -> Measurement:
    """Call a server as fast as it answers, about another company each time, or always the same one (`same`)."""
    testbed.store().flushdb()
    command = ["taskset", "-c", testbed.cpus, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    command += ["--timeout", "5s", "-H", bearer()]
    command += [server.url + PATH] if same else ["-s", str(HERE / "load.lua"), server.url + "/" + QUERY]
    before = server.cpu()
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    spent = server.cpu() - before
    answers = int(_found(r"(\d+) requests in", told))
    if answers == 0 or "Non-2xx" in told or "Socket errors" in told:
        raise RuntimeError(f"not every call was answered with 200 (see {server.folder}):\n{told}")
    return Measurement(
        per_second=float(_found(r"Requests/sec: +([\d.]+)", told)),
        p50=_latency(told, "50%"),
        p99=_latency(told, "99%"),
        cpu=spent / answers * 1e6,
        memory=server.memory(),
    )


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    return match[1] if match else "0"


def _latency(text: str, share: str) -> float:
    match = re.search(rf"{share} +([\d.]+)(us|ms|s)", text)
    return float(match[1]) * _MILLISECONDS[match[2]] if match else 0.0


def measure(
    testbed: Testbed, *, rounds: int, seconds: int, connections: list[int]
) -> dict[tuple[int, str], Measurement]:
    """The median of each figure, by connections and server."""
    runs: dict[tuple[int, str], list[Measurement]] = {}
    for number in range(rounds):
        for name in SERVERS:
            say(f"round {number + 1} of {rounds}: {name}")
            with serving(name, testbed) as server:
                load(server, testbed, connections=8, seconds=1)  # warm-up
                for count in connections:
                    runs.setdefault((count, name), []).append(load(server, testbed, connections=count, seconds=seconds))
    return {
        key: Measurement(*(statistics.median(column) for column in zip(*found, strict=True)))
        for key, found in sorted(runs.items(), key=lambda item: (item[0][0], SERVERS.index(item[0][1])))
    }


def table(figures: dict[tuple[int, str], Measurement]) -> str:
    """The figures in Markdown."""
    lines = [
        "| connections | server | answers/s | p50 ms | p99 ms | CPU µs per answer | of the gateway's | MiB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (count, name), each in figures.items():
        ratio = each.cpu / figures[count, GATEWAY].cpu
        lines.append(
            f"| {count} | {name} | {each.per_second:.0f} | {each.p50:.2f} | {each.p99:.2f} | {each.cpu:.0f} | "
            f"{ratio:.2f} | {each.memory:.0f} |"
        )
    return "\n".join(lines)


def chart(figures: dict[tuple[int, str], Measurement]) -> str:
    """A chart (SVG) of the CPU time that each server spends."""
    counts = sorted({count for count, _ in figures})
    drawing = pygal.HorizontalBar(
        title="CPU per answer (µs, logarithmic; less is better)",
        style=CleanStyle(font_family="sans-serif"),
        logarithmic=True,
        zero=10,
        print_values=True,
        print_values_position="top",
        value_formatter=lambda value: f"{value:.0f}",
        height=380,
        disable_xml_declaration=True,
        js=[],
        range=(10, 2 * max(each.cpu for each in figures.values())),
        legend_at_bottom=True,
    )
    drawing.y_labels = [10, 100, 1000]
    drawing.x_labels = [f"{count} connection{'s' if count > 1 else ''}" for count in counts]
    for name in SERVERS:
        drawing.add(name, [figures[count, name].cpu for count in counts])
    return str(drawing.render(is_unicode=True)) + "\n"


def write(text: str, picture: str) -> None:
    """Write the table into docs/performance.md, and the chart into docs/images/bench.svg."""
    root = HERE.parent
    page = root / "docs" / "performance.md"
    start, end = "<!-- bench -->\n", "<!-- /bench -->"
    before, _, rest = page.read_text().partition(start)
    _, _, after = rest.partition(end)
    if not after:
        raise RuntimeError(f"performance.md has no place for the table ({start.strip()} … {end})")
    page.write_text(f"{before}{start}{text}\n{end}{after}")
    target = root / "docs/images/bench.svg"
    target.parent.mkdir(exist_ok=True)
    target.write_text(picture)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", default="1,16,64")
    parser.add_argument("--write", action="store_true", help="update docs/performance.md and the chart")
    options = parser.parse_args()
    try:
        need("wrk")
        with tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder, prepared(Path(folder)) as testbed:
            figures = measure(
                testbed,
                rounds=options.rounds,
                seconds=options.seconds,
                connections=[int(count) for count in options.connections.split(",")],
            )
    except MissingToolError as error:
        sys.exit(f"bench: {error}")
    text = f"{machine()}; median of {options.rounds} rounds of {options.seconds} s\n\n{table(figures)}"
    print(text)
    if options.write:
        write(text, chart(figures))


if __name__ == "__main__":
    main()
