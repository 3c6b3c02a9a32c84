"""The figures of a torture run, and what is wrong with them."""

import json
from bisect import bisect_left
from collections import Counter
from datetime import datetime

from testbed import machine, say
from torture_clients import HOGS, Report
from torture_providers import ESCAPED
from torture_scene import DEADLINE, LIMIT, WORKERS, Scene, Weight

from support.programs import run

MINUTE = 60.0
DOWNLOADED = {"whole"}
KILL_SECONDS = 0.1
"""Seconds before a SIGKILL within which an answer may lose its line: 20 ms, and more on a busy machine."""


def lines_of(scene: Scene) -> Counter[str]:
    """Number of access lines by request id."""
    texts = [file.read_bytes() for file in scene.folder.glob("gateway-*/*.jsonl*")]
    return Counter(json.loads(line)["request_id"] for text in texts for line in text.splitlines() if line)


def lost_lines(report: Report, lines: Counter[str]) -> tuple[int, list[float]]:
    """Answers without a line: how many without a reason, and, where a SIGKILL is it, their ages then in seconds."""
    missing = [each for each in report.answers if each.request_id not in lines]
    ages = [
        min((kill - each.received for kill in report.kills if kill > each.received - 0.02), default=9.9)
        for each in missing
    ]
    killed = [age for age in ages if age <= KILL_SECONDS]
    unknown = sum(request_id not in lines for request_id in report.hostile_ids)
    return len(missing) - len(killed) + unknown, killed


def most_in_a_minute(report: Report) -> tuple[int, int]:
    """The most calls of a token that were admitted within 60 s: while Redis was there all the time, and overall.

    A call is admitted between being sent and being answered; only calls with both within the 60 s count.
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
    """Spans in which a process was without Redis, read from the logs: a busy machine delays Redis' answers, too."""
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
        found += [(at - 0.5, at + 5) for at in open_since]  # begun in a worker that was then killed
    return found


def listed(counts: Counter[str]) -> str:
    """The outcomes as text, each with its number."""
    return ", ".join(f"{what}: {count}" for what, count in counts.most_common())


def listed_bans(scene: Scene) -> set[str]:
    """The addresses banned at present, as the operator's command lists them."""
    told = run("bans", "list", "--json", redis_url=scene.store.url)
    return {ban["ip"] for ban in json.loads(told.stdout)}


def table(scene: Scene, weights: list[Weight], seconds: float) -> tuple[str, list[str]]:
    """The figures in Markdown, and a line for each that is wrong."""
    report, lines = scene.report, lines_of(scene)
    lost, killed = lost_lines(report, lines)
    planned = list(report.away)
    others = unplanned_outages(scene)
    report.away += others
    there, ever = most_in_a_minute(report)
    processes = WORKERS * len(scene.ports)
    # Admitted before the outage, by each process alone during it, and afterwards by a Redis that has lost its data.
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
    slowest = max((each.received - each.sent for each in report.heavy), default=0.0)
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
        ("calls with revoked tokens, by what was answered", listed(report.revoked)),
        (f"documents fetched beside {HOGS} connections that hold one", listed(report.downloads)),
        ("calls that hang, left and made again", listed(report.returned)),
        (
            f"documents of {ESCAPED * 6 // 2**20} MiB of escapes asked, the slowest answer (deadline {DEADLINE} s)",
            f"{len(report.heavy)}, {slowest:.1f} s",
        ),
        *scene.unread,
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
        "calls of revoked tokens answered": sum(n for what, n in report.revoked.items() if what.startswith("2")),
        "calls refused because one that was left is under way": report.returned["409 00015"],
        "documents refused": sum(n for what, n in report.downloads.items() if what not in DOWNLOADED),
        "documents of escapes that took three times their deadline": int(slowest > 3 * DEADLINE),
        "gateways that ended badly": sum(map(bool, scene.codes)),
    }
    text = "".join(f"| {name} | {value} |\n" for name, value in rows)
    return f"{machine()}\n\n| | |\n|---|---|\n{text}", [f"{count} {name}" for name, count in wrong.items() if count]
