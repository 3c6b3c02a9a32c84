"""What is lost while everything goes wrong at once: answers, access lines, limits, bans, memory.

    .venv/bin/python bench/torture.py [--write] [--calm SECONDS]

Two gateways of two workers each, on one Redis (with its disk) and the sandbox, are called by honest and hostile clients
for two minutes and a half. Meanwhile Redis is frozen, killed, and killed with the loss of its data; providers die,
drip, break off and answer rubbish; workers are killed; gateways are reloaded and rolled. `--write` puts the figures
into README.md. The exit status is 1 if anything is lost that must not be.
"""

import argparse
import json
import os
import random
import signal
import socket
import sys
import tempfile
import threading
import time
import uuid
from asyncio import StreamReader, StreamWriter, sleep
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from ground import BIN, HERE, MissingToolError, Server, free_port, machine, need, say, started

from support import fleet, stores
from support.programs import run
from support.stub import answer as whole
from support.stub import stub
from support.tokens import SECRET, token
from support.wire import Answer, request, wire

WORKERS = 2
LIMIT = 60
"""Calls per minute and token on JSON endpoints."""
CEILING = 600
"""Calls per minute and address; one more bans it."""
HONEST, GREEDY, BANNED = 10, 4, 4
TOKENS = 1000
MINUTE = 60.0
SIREN, SIRET = "130025265", "13002526500013"
HEALTHY = (f"/v4/insee/sirene/unites_legales/{SIREN}", f"/v4/urssaf/unites_legales/{SIREN}/attestation_vigilance")
SICK = (
    f"/v3/ademe/etablissements/{SIRET}/certification_rge",
    f"/v3/probtp/etablissements/{SIRET}/conformite_cotisations_retraite",
)
EXPIRY = int(time.time()) + 90 * 86_400
KILL_SECONDS = 0.1
"""How long before a SIGKILL an answer may have come whose line is lost: 20 ms, and what a busy machine adds to them."""


class Seen(NamedTuple):
    """An answer as its client saw it."""

    request_id: str
    sent: float
    received: float
    status: int
    code: str


@dataclass
class Report:
    """What clients saw; shared by all of their threads."""

    answers: list[Seen] = field(default_factory=list)
    greedy: dict[int, list[Seen]] = field(default_factory=dict)
    broken: list[float] = field(default_factory=list)
    """When connections ended in the middle of a call."""
    hostile: Counter[str] = field(default_factory=Counter)
    hostile_ids: list[str] = field(default_factory=list)
    """Of those hostile calls that were answered."""
    kills: list[float] = field(default_factory=list)
    rolls: list[tuple[float, float]] = field(default_factory=list)
    """From when to when a gateway was stopping."""
    away: list[tuple[float, float]] = field(default_factory=list)
    """From when to when not every process was known to have Redis."""
    banned: list[str] = field(default_factory=list)
    freed: list[float] = field(default_factory=list)
    """When a banned address was answered."""
    turned_away: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)

    def is_away(self, since: float, until: float) -> bool:
        """Whether Redis was away in between."""
        return any(start <= until and since <= end for start, end in self.away)


def identified(path: str, bearer: str, **headers: str) -> tuple[str, bytes]:
    """A call and the id that it gives itself."""
    request_id = str(uuid.uuid4())
    return request_id, request(token=bearer, path=path, headers={"X-Request-Id": request_id, **headers})


def seen(request_id: str, sent: float, given: Answer) -> Seen:
    """What is remembered of an answer."""
    code = given.codes[0] if given.status >= 500 else ""
    return Seen(request_id, sent, time.time(), given.status, code)


def be_honest(report: Report, ports: list[int], tokens: list[str], place: int) -> None:
    """Call as many callers do: often, of many tokens, from many addresses, on connections that are kept for a while."""
    dice = random.Random(place)
    while not report.stopped.is_set():
        source = f"127.20.{place}.{dice.randrange(1, 250)}"
        try:
            with wire(dice.choice(ports), source=source) as line:
                for _ in range(20):
                    path = dice.choice(SICK if dice.random() < 0.15 else HEALTHY)
                    request_id, data = identified(path, dice.choice(tokens))
                    sent = time.time()
                    line.send(data)
                    given = line.answer()
                    report.answers.append(seen(request_id, sent, given))
                    if given.headers.get("connection") == "close" or report.stopped.wait(0.01):
                        break
        except ConnectionRefusedError:
            report.stopped.wait(0.02)
        except (OSError, IndexError):
            report.broken.append(time.time())


def be_greedy(report: Report, ports: list[int], place: int) -> None:
    """Call with one token on both gateways, whatever is answered."""
    bearer = token(jti=str(uuid.UUID(int=2**90 + place)), exp=EXPIRY)
    mine = report.greedy.setdefault(place, [])
    turn = 0
    while not report.stopped.wait(0.1):
        turn += 1
        with suppress(OSError, IndexError), wire(ports[turn % len(ports)], source=f"127.30.0.{place + 1}") as line:
            request_id, data = identified(HEALTHY[0], bearer)
            sent = time.time()
            line.send(data)
            mine.append(seen(request_id, sent, line.answer()))
            report.answers.append(mine[-1])


def be_hostile(report: Report, ports: list[int], place: int) -> None:
    """Send what no client should."""
    dice = random.Random(place)
    good = token(exp=EXPIRY)
    kinds: dict[str, Callable[[], bytes]] = {
        "garbage": lambda: dice.randbytes(dice.randrange(1, 2000)),
        "huge head": lambda: request(token=good, headers={"X": "a" * 200_000}),
        "endless head": lambda: b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000,
        "two requests smuggled": lambda: request(token=good, headers={"Content-Length": "5", "Transfer-Encoding": "x"}),
        "control characters": lambda: request(token=good, path="/v4/%0d%0a%00%1b[2J"),
    }
    while not report.stopped.wait(0.05):
        source = f"127.40.{place}.{dice.randrange(1, 250)}"
        with suppress(OSError, IndexError), wire(dice.choice(ports), source=source) as line:
            kind = dice.choice([*kinds, "bad token", "leaves", "slow"])
            report.hostile[kind] += 1
            if kind == "bad token":
                forged = dice.choice([token(secret="x" * 40), good[:-3] + "abc", "a.b.c", token(exp=1), "é" * 50])
                request_id, data = identified(HEALTHY[0], forged)
                line.send(data)
                line.answer()
                report.hostile_ids.append(request_id)
            elif kind == "leaves":
                line.send(identified(dice.choice(HEALTHY + SICK), good)[1])
            elif kind == "slow":
                for byte in request(token=good)[:12]:
                    line.send(bytes([byte]))
                    report.stopped.wait(0.1)
            else:
                line.send(kinds[kind]())
                line.some()


def stay_banned(report: Report, ports: list[int]) -> None:
    """Call from banned addresses; none may be answered."""
    bearer = token(exp=EXPIRY)
    while not report.stopped.wait(0.1):
        for address in list(report.banned):
            for port in ports:
                with suppress(OSError), wire(port, source=address) as line:
                    line.send(request(token=bearer))
                    if line.some():
                        report.freed.append(time.time())
                    else:
                        report.turned_away += 1


def be_banned(report: Report, port: int, address: str, tokens: list[str]) -> None:
    """Call from one address until it is banned."""
    with suppress(OSError, IndexError), wire(port, source=address) as line:
        for place in range(CEILING + 50):
            line.send(request(token=tokens[place % len(tokens)], path="/v4/nowhere"))
            line.answer()
    with wire(port, source=address) as line:
        line.send(request(token=tokens[0]))
        if line.some():
            raise RuntimeError(f"{address} is not banned")
    report.banned.append(address)


async def misbehave(target: str, _reader: StreamReader, writer: StreamWriter) -> None:
    """Answer as a provider in trouble: drip, break off, talk rubbish, fail, or say nothing."""
    way = random.randrange(6)
    if way == 0:
        for byte in whole(b'{"data":{},"links":{},"meta":{}}'):
            writer.write(bytes([byte]))
            await writer.drain()
            await sleep(0.1)
    elif way == 1:
        writer.write(whole(b'{"data":{')[:-4])
        writer.close()
    elif way == 2:
        writer.write(random.randbytes(5000))
        writer.close()
    elif way == 3:
        writer.write(whole(b'{"error":"' + target.encode() + b'"}', status=500))
    elif way == 4:
        await sleep(30)
    else:
        writer.write(whole(b"[" * 100_000))


class Disk(stores.Server):
    """A Redis as docs/store.md wants it: what it knows outlives it."""

    def _kept(self) -> list[str]:
        return ["--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--dir", str(self.folder)]

    def forget(self) -> None:
        """Lose what is on its disk."""
        for file in (self.folder / "appendonlydir").iterdir():
            file.unlink()


@dataclass
class Scene:
    """What is tortured."""

    folder: Path
    report: Report
    store: Disk
    settings: dict[str, str]
    ports: list[int]
    stacks: list[ExitStack]
    gateways: list[fleet.Gateway]
    sandbox_port: int
    sandbox: ExitStack
    calm: float
    """Seconds that it is left alone in the middle."""
    begun: float = field(default_factory=time.time)
    codes: list[int] = field(default_factory=list)
    """How gateways that were told to stop ended."""

    def now(self, what: str) -> None:
        """Show what happens."""
        say(f"{time.time() - self.begun:4.0f} s  {what}")

    def gateway(self, place: int) -> None:
        """Start a gateway where its clients expect it."""
        member = fleet.at_port(
            self.folder / f"gateway-{place}", self.ports[place], WORKERS, upstream="", **self.settings
        )
        self.stacks[place] = ExitStack()
        self.gateways[place] = self.stacks[place].enter_context(member)

    def roll(self, place: int) -> None:
        """Stop a gateway in order, and start it anew."""
        start = time.time()
        self.codes.append(self.gateways[place].stop())
        self.report.rolls.append((start, time.time()))
        self.stacks[place].close()
        self.gateway(place)

    def provider(self) -> None:
        """Start the sandbox."""
        command = [str(BIN / "apientreprise-gateway"), "sandbox", "--port", str(self.sandbox_port), "--latency-ms", "5"]
        cpus = f"0-{(os.cpu_count() or 1) - 1}"
        self.sandbox.enter_context(started(command, self.folder / "sandbox", port=self.sandbox_port, cpu=cpus))

    @contextmanager
    def without_store(self) -> Iterator[None]:
        """Remember when Redis was away, until all processes are known to have it again."""
        start = time.time()
        yield
        for member in self.gateways:
            member.settles_in("shared")
        self.report.away.append((start, time.time()))


def torture(scene: Scene) -> None:
    """Do everything to it, one thing after the other."""
    report, wait = scene.report, scene.report.stopped.wait

    def kill_a_worker(place: int) -> None:
        victim = min(scene.gateways[place].worker_pids())
        report.kills.append(time.time())
        os.kill(victim, signal.SIGKILL)
        wait(4)
        scene.gateways[place].wait_ready()

    scene.now("calm")
    wait(8)
    scene.now("Redis is frozen")
    with scene.without_store():
        scene.store.freeze()
        wait(5)
        scene.store.thaw()
    scene.now("a worker is killed")
    kill_a_worker(0)
    scene.now("providers die")
    scene.sandbox.close()
    wait(6)
    scene.provider()
    scene.now("both gateways are reloaded, twice")
    for _ in range(2):
        for member in scene.gateways:
            member.process.send_signal(signal.SIGHUP)
        wait(2)
    scene.now("Redis is killed and started from its disk")
    with scene.without_store():
        scene.store.stop()
        wait(4)
        scene.store.start()
    scene.now("the first gateway is rolled")
    scene.roll(0)
    scene.now("calm for more than a minute: limits are exact")
    wait(scene.calm)
    scene.now("a worker is killed while providers die")
    scene.sandbox.close()
    kill_a_worker(0)
    scene.provider()
    wait(4)
    scene.now("Redis loses everything")
    with scene.without_store():
        scene.store.stop()
        scene.store.forget()
        wait(2)
        scene.store.start()
    wait(5)
    scene.now("the second gateway is rolled")


def lines_of(scene: Scene) -> Counter[str]:
    """Access lines by the id of their call."""
    texts = [(scene.folder / f"gateway-{place}" / "output").read_bytes() for place in range(len(scene.ports))]
    return Counter(json.loads(line)["request_id"] for text in texts for line in text.splitlines() if line)


def lost_lines(report: Report, lines: Counter[str]) -> tuple[int, list[float]]:
    """Answers without a line: how many for no reason, and how old those were that a SIGKILL took along."""
    missing = [each for each in report.answers if each.request_id not in lines]
    ages = [
        min((kill - each.received for kill in report.kills if kill > each.received - 0.02), default=9.9)
        for each in missing
    ]
    killed = [age for age in ages if age <= KILL_SECONDS]
    unknown = sum(request_id not in lines for request_id in report.hostile_ids)
    return len(missing) - len(killed) + unknown, killed


def most_in_a_minute(report: Report) -> tuple[int, int]:
    """The most calls of a token that were admitted within 60 s: with Redis there all the time, and at all.

    A call was admitted between being sent and being answered; only calls that lie in the time as a whole count.
    """
    there = ever = 0
    outages = sorted(start for start, _ in report.away)
    for calls in report.greedy.values():
        admitted = sorted((each for each in calls if each.status != 429), key=lambda each: each.received)
        ends = [each.received for each in admitted]
        for first in admitted:
            within = [each for each in admitted[: bisect_left(ends, first.sent + MINUTE)] if each.sent >= first.sent]
            ever = max(ever, len(within))
            if not report.is_away(first.sent, first.sent):
                until = next((start for start in outages if start > first.sent), first.sent + MINUTE)
                there = max(there, sum(each.received < until for each in within))
    return there, ever


def unplanned_outages(scene: Scene) -> list[tuple[float, float]]:
    """From when to when a process did without Redis, by the logs: a busy machine delays its answers, too."""
    found: list[tuple[float, float]] = []
    for place in range(len(scene.ports)):
        open_since: list[float] = []
        for line in (scene.folder / f"gateway-{place}" / "errors").read_text().splitlines():
            told = json.loads(line)
            if told["event"] != "store_mode" or told["reason"] == "it answers":
                continue
            at = datetime.fromisoformat(told["timestamp"]).timestamp()
            if told["mode"] == "shared" and open_since:
                found.append((open_since.pop(0) - 0.5, at + 0.5))
            elif told["mode"] != "shared":
                open_since.append(at)
        found += [(at - 0.5, at + 5) for at in open_since]  # of a worker that was killed
    return found


class Weight(NamedTuple):
    """What the processes of a gateway have in memory."""

    at: float
    sizes: list[float]
    """MiB of the parent, then of each worker."""


def watch_memory(scene: Scene, weights: list[Weight], end: threading.Event) -> None:
    """Weigh the gateway whose workers live on throughout."""
    parent, workers = scene.gateways[1].process, sorted(scene.gateways[1].worker_pids())
    server = Server(parent, scene.ports[1], scene.folder)
    while not end.wait(1):
        sizes = server.memories()
        weights.append(Weight(time.time(), [sizes[pid] for pid in (parent.pid, *workers)]))


def listed_bans(scene: Scene) -> set[str]:
    """The bans in force, as an operator sees them."""
    told = run("bans", "list", "--json", redis_url=scene.store.url)
    return {ban["ip"] for ban in json.loads(told.stdout)}


@contextmanager
def built(folder: Path, *, calm: float) -> Iterator[Scene]:
    """Start everything."""
    with ExitStack() as stack:
        store = Disk("redis-server", folder, stores.free_port())
        stack.callback(store.stop)
        store.start()
        sick = stack.enter_context(stub(misbehave))
        sandbox_port = free_port()
        sandbox = stack.enter_context(ExitStack())
        settings = {
            "jwt_secrets": SECRET,
            "redis_url": store.url,
            "upstream_url": f"http://127.0.0.1:{sandbox_port}",
            "upstream_timeout": "2",
            "limit_json": str(LIMIT),
            "limit_ip": str(CEILING),
            "client_timeout": "2",
            "documents": str(folder / "documents"),
            "providers__ademe__base_url": sick.url,
            "providers__probtp__base_url": sick.url,
        }
        ports = [free_port(), free_port()]
        nobody: list[fleet.Gateway] = [None, None]  # type: ignore[list-item]
        stacks = [ExitStack(), ExitStack()]
        scene = Scene(folder, Report(), store, settings, ports, stacks, nobody, sandbox_port, sandbox, calm)
        scene.provider()
        for place in range(len(ports)):
            scene.gateway(place)
        try:
            yield scene
        finally:
            scene.report.stopped.set()
            for each in scene.stacks:
                each.close()


def tortured(scene: Scene) -> list[Weight]:
    """Call and torture it; what its memory was meanwhile."""
    report, weights, weighed = scene.report, [], threading.Event()
    tokens = [token(jti=str(uuid.UUID(int=2**100 + number)), exp=EXPIRY) for number in range(TOKENS)]
    scene.now("addresses are banned")
    for place in range(BANNED):
        be_banned(report, scene.ports[place % 2], f"127.50.0.{place + 1}", tokens)
    jobs = [(be_honest, (report, scene.ports, tokens, place)) for place in range(HONEST)]
    jobs += [(be_greedy, (report, scene.ports, place)) for place in range(GREEDY)]
    jobs += [(be_hostile, (report, scene.ports, place)) for place in range(3)]
    jobs += [(stay_banned, (report, scene.ports)), (watch_memory, (scene, weights, weighed))]
    threads = [threading.Thread(target=job, args=given, daemon=True) for job, given in jobs]
    for thread in threads:
        thread.start()
    try:
        torture(scene)
        weighed.set()
        scene.roll(1)
        report.stopped.wait(2)
    finally:
        weighed.set()
        report.stopped.set()
        for thread in threads:
            thread.join(30)
    for place in (0, 1):
        scene.codes.append(scene.gateways[place].stop())
    return weights


def table(scene: Scene, weights: list[Weight], seconds: float) -> tuple[str, list[str]]:
    """The figures, and what is wrong with them."""
    report, lines = scene.report, lines_of(scene)
    lost, killed = lost_lines(report, lines)
    planned = list(report.away)
    others = unplanned_outages(scene)
    report.away += others
    there, ever = most_in_a_minute(report)
    processes = WORKERS * len(scene.ports)
    # What was admitted before, what each process admits by itself, and what a Redis without memory admits afterwards.
    bound = LIMIT * (processes + 2)
    unplanned_count = sum(not any(a <= end and start <= b for a, b in planned) for start, end in others)
    freed = [at for at in report.freed if not report.is_away(at - 0.5, at)]
    missing = set(report.banned) - listed_bans(scene)
    errors = [(scene.folder / f"gateway-{place}" / "errors").read_text() for place in (0, 1)]
    tracebacks = sum(text.count("Traceback (most recent") for text in errors)
    at_kills = [at for at in report.broken if any(0 <= at - kill <= 1 for kill in report.kills)]
    at_rolls = [at for at in report.broken if any(start <= at <= end + 0.5 for start, end in report.rolls)]
    unplanned = [at for at in report.broken if at not in at_kills and at not in at_rolls]
    for name, moments in (("broke", unplanned), ("was answered though banned", freed)):
        for at in moments:
            say(f"{at - scene.begun:6.1f} s  a connection {name}")
    say("memory: " + " ".join(f"{sum(weight.sizes):.0f}" for weight in weights[::5]))
    sizes = [f"{first:.0f} → {last:.0f}" for first, last in zip(weights[0].sizes, weights[-1].sizes, strict=True)]
    last = len(weights) - 1
    thirds = [f"{sum(weights[last * third // 3].sizes):.0f}" for third in range(4)]
    codes = Counter(each.code for each in report.answers if each.status >= 500)
    twice = sum(count > 1 for count in lines.values())
    age = f", the oldest {max(killed) * 1000:.0f} ms before it" if killed else ""
    rows = [
        ("answers to honest and greedy clients", f"{len(report.answers)} in {seconds:.0f} s"),
        ("hostile connections", f"{report.hostile.total()} of {len(report.hostile)} kinds"),
        ("5xx by code", ", ".join(f"`{code}` {count}" for code, count in codes.most_common())),
        ("of them the gateway's own (`00500`)", str(codes["00500"])),
        (
            "connections that broke: at a SIGKILL, as a gateway closed them to stop, otherwise",
            f"{len(at_kills)}, {len(at_rolls)}, {len(unplanned)}",
        ),
        ("access lines", str(lines.total())),
        ("answers without a line, or with two", f"{lost}, {twice}"),
        (f"lines that {len(report.kills)} SIGKILLs took along", f"{len(killed)}{age}"),
        (f"most calls of a token admitted in 60 s with Redis there, limit {LIMIT}", str(there)),
        (f"the same with Redis away in between, bound {bound}", str(ever)),
        ("times that a process did without Redis, unplanned ones", f"{len(others)}, {unplanned_count}"),
        ("bans lost", f"{len(missing)} of {len(report.banned)}"),
        ("calls of banned addresses turned away, answered", f"{report.turned_away}, {len(freed)}"),
        ("of those, answered while Redis was away", str(len(report.freed) - len(freed))),
        ("MiB of a gateway's parent, first → last; of its workers", f"{sizes[0]}; {', '.join(sizes[1:])}"),
        ("all together: at first, after a third, after two, at last", f"{', '.join(thirds)} MiB"),
        ("tracebacks in the logs", str(tracebacks)),
        ("exit status of gateways told to stop", ", ".join(map(str, scene.codes))),
    ]
    wrong = {
        "access lines lost": lost,
        "calls with two lines": twice,
        "answers of 500": codes["00500"],
        "calls admitted beyond the limit": max(0, there - LIMIT),
        "calls admitted beyond the bound": max(0, ever - bound),
        "bans lost": len(missing) + len(freed),
        "tracebacks": tracebacks,
        "gateways that ended badly": sum(map(bool, scene.codes)),
    }
    text = "".join(f"| {name} | {value} |\n" for name, value in rows)
    return f"{machine()}\n\n| | |\n|---|---|\n{text}", [f"{count} {name}" for name, count in wrong.items() if count]


def write(text: str) -> None:
    """Put the figures into README.md."""
    readme = HERE.parent / "README.md"
    start, end = "<!-- torture -->\n", "<!-- /torture -->"
    before, found, rest = readme.read_text().partition(start)
    _, also, after = rest.partition(end)
    if not found or not also:
        raise RuntimeError(f"README.md has no place for the figures ({start.strip()} … {end})")
    readme.write_text(f"{before}{start}{text}{end}{after}")


def main() -> None:
    """Torture and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="update README.md")
    parser.add_argument(
        "--calm",
        type=float,
        default=MINUTE + 5,
        help="seconds without torture in the middle; more show what memory does",
    )
    parser.add_argument("--keep", type=Path, help="an empty folder in which the logs stay")
    options = parser.parse_args()
    try:
        need("redis-server", "taskset")
    except MissingToolError as error:
        sys.exit(f"torture: {error}")
    socket.setdefaulttimeout(30)
    with tempfile.TemporaryDirectory(prefix="gateway-torture-") as own:
        folder = options.keep or Path(own)
        with built(folder, calm=options.calm) as scene:
            begun = time.time()
            weights = tortured(scene)
            text, wrong = table(scene, weights, time.time() - begun)
    print(text)
    if options.write:
        write(text)
    if wrong:
        sys.exit(f"torture: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
