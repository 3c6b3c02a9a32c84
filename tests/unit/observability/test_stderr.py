"""Tests of standard error in a thread of its own, as programs whose standard error is a pipe."""

import json
import os
import subprocess
import sys

import pytest

PROGRAM = """
import sys, threading, warnings
from apientreprise_gateway.observability import logs
import structlog
logs.write_apart()
logs.configure()
log = structlog.get_logger()
WHAT
print("done", flush=True)
sys.stdin.read()
logs.drain(20)
import os; os._exit(0)
"""
SAYS = {
    "lines": 'for number in range(20000): log.info("line", number=number, text="x" * 100)',
    "prints": 'for number in range(20000): print(\'{"event":"x"}\', file=sys.stderr)',
    "warnings": 'warnings.simplefilter("always")\nfor number in range(20000): warnings.warn("w" * 200)',
    "traces": """
def fail(): raise ValueError("v" * 500)
for number in range(3000):
    thread = threading.Thread(target=fail); thread.start(); thread.join()
""",
}


@pytest.mark.parametrize("what", SAYS)
def test_nobody_reads(what: str) -> None:
    """Whatever is said to standard error, in megabytes, nobody waits for its reader; what is lost is told later."""
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.replace("WHAT", SAYS[what])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=writer,
    )
    os.close(writer)
    assert process.stdout is not None
    assert process.stdin is not None
    with process, os.fdopen(reader, "rb") as errors:
        assert process.stdout.readline() == b"done\n"
        process.stdin.close()
        text = errors.read()
        assert process.wait(60) == 0
    lines = text.split(b"\n")
    assert lines.pop() == b"", "the last line is not whole"
    if what in ("lines", "prints"):
        told = [json.loads(line) for line in lines]
        dropped = sum(line["lines"] for line in told if line["event"] == "log_lines_dropped")
        others = [line for line in told if line["event"] != "log_lines_dropped"]
        assert dropped == 20_000 - len(others)
        if what == "lines":
            assert dropped > 0
            assert [line["number"] for line in others] == [*range(len(others))]


@pytest.mark.parametrize("number", [0, 1, 1000])
def test_the_last_lines_are_written(number: int) -> None:
    """What was said before the end of the process, an unfinished line too, is there once it has ended."""
    code = PROGRAM.replace("WHAT", f"for n in range({number}): log.info('l', n=n)\nsys.stderr.write('the end')")
    done = subprocess.run([sys.executable, "-c", code], input=b"", capture_output=True, check=True, timeout=60)
    *lines, last = done.stderr.splitlines()
    assert [json.loads(line)["n"] for line in lines] == [*range(number)]
    assert last == b"the end"


def test_standard_error_is_closed() -> None:
    """A process that was started without standard error says nothing, and does not fail for it."""
    code = PROGRAM.replace("WHAT", "log.info('nobody hears')")
    done = subprocess.run(
        ["sh", "-c", f'exec {sys.executable} -c "$0" 2>&-', code],
        input=b"",
        stdout=subprocess.PIPE,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, b"done\n")
