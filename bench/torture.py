"""Check that nothing is lost while everything goes wrong at once: answers, access lines, limits, bans, memory.

    .venv/bin/python bench/torture.py [--write] [--calm SECONDS]

Two gateways of two workers each, on one Redis (with its disk) and the sandbox, are called by honest and hostile clients
for two minutes and a half. Meanwhile Redis is frozen, killed, and killed with the loss of its data; providers die,
drip, break off and answer rubbish; workers are killed; gateways are reloaded and rolled. `--write` puts the figures
into docs/withstands.md. The exit status is 1 if anything is lost that must not be.
"""

import argparse
import os
import signal
import socket
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torture_clients as clients
from testbed import HERE, MissingToolError, need
from torture_report import MINUTE, table
from torture_scene import Scene, Weight, built, watch_memory
from torture_unread import unread

from support import stores
from support.programs import run
from support.tokens import token

HONEST, GREEDY, BANNED, REVOKED = 10, 4, 4, 4
TOKENS = 1000


def torture(scene: Scene) -> None:
    """Cause every trouble, one after the other."""
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
        wait(3)
        kill_a_worker(0)
        scene.store.thaw()
    scene.now("a worker is killed")
    kill_a_worker(0)
    scene.now("providers die")
    scene.sandbox.close()
    wait(6)
    scene.provider()
    scene.now("both gateways are reloaded, twice")
    for _ in range(2):
        scene.reload()
        wait(2)
    fill_the_disk(scene)
    scene.now("Redis is killed and started from its disk")
    with scene.without_store():
        scene.store.stop()
        wait(1)
        scene.now("the first gateway is rolled while Redis is away")
        scene.roll(0)
        scene.store.start()
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


def fill_the_disk(scene: Scene) -> None:
    """Make the disk of access lines full, redirect them to another file, and move that file away."""
    wait = scene.report.stopped.wait
    scene.now("the access log's disk is full, through three reloads")
    for place in (0, 1):
        scene.log_to(place, "full")
        (scene.folder / f"gateway-{place}" / "full").symlink_to("/dev/full")
    for _ in range(3):
        scene.reload()
        wait(1.5)
    scene.now("access lines get another file")
    for place in (0, 1):
        scene.log_to(place, "other.jsonl")
    scene.reload()
    wait(3)
    scene.now("the access log is rotated")
    for place in (0, 1):
        (scene.folder / f"gateway-{place}" / "other.jsonl").rename(scene.folder / f"gateway-{place}" / "other.jsonl.1")
    scene.reload()
    wait(2)


def revoke_tokens(scene: Scene) -> list[str]:
    """Revoke tokens, wait until the gateways know it, and return them."""
    jtis = [str(uuid.UUID(int=2**70 + number)) for number in range(REVOKED)]
    for jti in jtis:
        told = run("token", "revoke", jti, redis_url=scene.store.url)
        if told.returncode:
            raise RuntimeError(told.stderr)
    tokens = [token(jti=jti, exp=clients.EXPIRY) for jti in jtis]
    for member in scene.gateways:
        stores.until(
            lambda member=member: all(member.ask(token=each).status == 401 for each in tokens * 4), "not revoked"
        )
    return tokens


def tortured(scene: Scene) -> list[Weight]:
    """Call the gateways and cause troubles; return the memory of one of them meanwhile."""
    report, weights, weighed = scene.report, [], threading.Event()
    tokens = [token(jti=str(uuid.UUID(int=2**100 + number)), exp=clients.EXPIRY) for number in range(TOKENS)]
    scene.now("tokens are revoked, addresses are banned")
    revoked = revoke_tokens(scene)
    for place in range(BANNED):
        clients.be_banned(report, scene.ports[place % 2], f"127.50.0.{place + 1}", tokens)
    jobs: list[tuple[Callable[..., None], tuple[Any, ...]]] = [
        *((clients.be_honest, (report, scene.ports, tokens, place)) for place in range(HONEST)),
        *((clients.be_greedy, (report, scene.ports, place)) for place in range(GREEDY)),
        *((clients.be_hostile, (report, scene.ports, place)) for place in range(3)),
        (clients.stay_banned, (report, scene.ports)),
        (clients.stay_revoked, (report, scene.ports, revoked)),
        (clients.leave_and_return, (report, scene.ports)),
        (clients.be_heavy, (report, scene.ports)),
        (clients.hog, (report, scene.ports[0])),
        (clients.download, (report, scene.ports)),
        (watch_memory, (scene, weights, weighed)),
    ]
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


def write(text: str) -> None:
    """Put the figures into docs/withstands.md."""
    page = HERE.parent / "docs" / "withstands.md"
    start, end = "<!-- torture -->\n", "<!-- /torture -->"
    before, found, rest = page.read_text().partition(start)
    _, also, after = rest.partition(end)
    if not found or not also:
        raise RuntimeError(f"withstands.md has no place for the figures ({start.strip()} … {end})")
    page.write_text(f"{before}{start}{text}{end}{after}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="update docs/withstands.md")
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
            scene.now("a gateway whose output nobody reads")
            scene.unread += unread(scene)
            text, wrong = table(scene, weights, time.time() - begun)
    print(text)
    if options.write:
        write(text)
    if wrong:
        sys.exit(f"torture: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
