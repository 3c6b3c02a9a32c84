"""A disk without room for access lines: they outlive every reload, and are written where there is room, once."""

import json
import os
import resource
import signal
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from support.configuration import Configuration, hang_up
from support.disks import KILOBYTE, disk, fill
from support.fleet import Gateway, gateway, piped, together
from support.site import fresh
from support.stores import Server, until
from support.stub import Stub


def call(member: Gateway, count: int) -> list[str]:
    """Make calls; their request ids."""
    answers = together([partial(member.ask, token=fresh())] * count, threads=8)
    assert {each.status for each in answers} == {200}
    return [each.headers["x-request-id"] for each in answers]


def lines_of(*files: Path) -> Counter[str]:
    """The request ids of the lines of files, each of which is whole."""
    return Counter(json.loads(line)["request_id"] for file in files for line in file.read_text().splitlines())


def is_stuck(member: Gateway) -> bool:
    """Whether every process that has lines to write has said that it cannot."""
    return bool(member.logged("access_log_unwritable")) and member.metrics()["gateway_access_lines_waiting"] > 0


@pytest.mark.parametrize("workers", [1, 2])
def test_the_log_moves_to_another_disk(tmp_path: Path, store: Server, provider: Stub, workers: int) -> None:
    """Lines that a full disk has not taken go to the disk that a reload names, after other reloads even, once."""
    with disk(tmp_path / "small", 16) as small:
        log, other = small / "access.jsonl", tmp_path / "access.jsonl"
        file = Configuration(tmp_path, upstream_url=provider.url, access_log=str(log))
        with gateway(tmp_path, workers, upstream="", redis_url=store.url, **file.variables) as member:
            ids = call(member, 100)
            until(lambda: is_stuck(member), "the disk has room")
            hang_up(member)
            log.rename(small / "access.jsonl.1")
            hang_up(member)
            ids += call(member, 50)
            hang_up(member, event="access_log_reopened", number=signal.SIGUSR1)
            ids += call(member, 50)
            file.change(access_log=str(other))
            hang_up(member)
            ids += call(member, 50)
            until(lambda: other.exists() and len(other.read_text().splitlines()) >= 50, "nothing is written there")
            assert member.stop() == 0
            assert member.logged("access_lines_lost") == []
        assert lines_of(*small.glob("access*"), other) == Counter(ids)


def test_workers_are_replaced(tmp_path: Path, store: Server, provider: Stub) -> None:
    """Lines that a worker could not write by its end are written by its successor, once there is room."""
    log = tmp_path / "access.jsonl"
    with disk(tmp_path / "small", 8) as small:
        file = Configuration(tmp_path, upstream_url=provider.url, access_log=str(small / "access.jsonl"))
        settings = {"redis_url": store.url, "stop_timeout": "4"}
        with gateway(tmp_path, 2, upstream="", **file.variables, **settings) as both:
            ids = call(both, 100)
            until(lambda: is_stuck(both), "the disk has room")
            for _ in range(2):
                before = both.worker_pids()
                for pid in before:
                    os.kill(pid, signal.SIGTERM)
                until(lambda before=before: len(both.worker_pids() - before) == 2, "they are not replaced", seconds=60)  # type: ignore[misc]
                both.settles_in("shared")
                ids += call(both, 20)
            file.change(access_log=str(log))
            hang_up(both)
            until(lambda: both.metrics()["gateway_access_lines_waiting"] == 0, "lines are missing")
            assert both.stop() == 0
            assert both.logged("access_lines_lost") == []
        assert lines_of(small / "access.jsonl", log) == Counter(ids)


def test_room_is_made_after_reloads(tmp_path: Path, provider: Stub) -> None:
    """Lines are written in their order once the disk has room again, however often the log was moved away meanwhile."""
    with disk(tmp_path / "small", 64) as small:
        ballast, log = small / "ballast", small / "access.jsonl"
        with gateway(tmp_path, upstream=provider.url, access_log=str(log)) as only:
            ids = [only.ask(token=fresh()).headers["x-request-id"] for _ in range(3)]
            until(lambda: len(log.read_text().splitlines()) == 3, "they are not written")
            fill(ballast)
            for number in range(4):
                ids += [only.ask(token=fresh()).headers["x-request-id"] for _ in range(10)]
                log.rename(small / f"access.jsonl.{number}")
                hang_up(only, event="access_log_reopened" if number % 2 else "reloaded", number=_signal(number))
            ballast.unlink()
            until(
                lambda: log.exists() and sum(lines_of(*small.glob("access*")).values()) == len(ids), "lines are missing"
            )
            assert only.stop() == 0
        parts = [*sorted(small.glob("access.jsonl.*")), log]
        assert [json.loads(line)["request_id"] for part in parts for line in part.read_text().splitlines()] == ids


def _signal(number: int) -> signal.Signals:
    return signal.SIGUSR1 if number % 2 else signal.SIGHUP


def test_to_standard_output_and_back(tmp_path: Path, provider: Stub) -> None:
    """A file that may grow no more is left for standard output, and that for the file; each line is in one of them."""
    log = tmp_path / "access.jsonl"
    file = Configuration(tmp_path, upstream_url=provider.url, access_log=str(log))
    with gateway(tmp_path, upstream="", **file.variables) as only:
        limit = only.errors.stat().st_size + 20 * KILOBYTE
        resource.prlimit(only.process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        ids = call(only, 120)
        until(lambda: is_stuck(only), "it has room")
        file.change(access_log=None)
        hang_up(only)
        until(lambda: len(only.output.read_text().splitlines()) > 10, "nothing goes to standard output")
        resource.prlimit(only.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        ids += call(only, 20)
        file.change(access_log=str(log))
        hang_up(only)
        ids += call(only, 20)
        assert only.stop() == 0
    assert lines_of(log, only.output) == Counter(ids)
    assert list(lines_of(log))[-20:] == [each for each in lines_of(log) if each in ids[-20:]]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_pipe_that_nobody_reads(tmp_path: Path, store: Server, provider: Stub, workers: int) -> None:
    """Lines that a stalled pipe has not taken go to the file that a reload names, and the gateway ends at once."""
    log = tmp_path / "access.jsonl"
    file = Configuration(tmp_path, upstream_url=provider.url)
    with piped(tmp_path, workers, upstream="", redis_url=store.url, **file.variables) as member:
        ids = call(member, 200)
        until(lambda: member.metrics()["gateway_access_lines_waiting"] > 0, "the pipe has room")
        file.change(access_log=str(log))
        hang_up(member)
        ids += call(member, 20)
        assert member.stop(seconds=40) == 0
        assert member.pipe is not None
        with os.fdopen(member.pipe, "rb") as pipe:
            in_pipe = pipe.read()
        member.pipe = None
    (tmp_path / "piped").write_bytes(in_pipe)
    assert lines_of(log, tmp_path / "piped") == Counter(ids)
