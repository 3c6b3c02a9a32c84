"""Programs that are started by a fork behave as those of a fresh interpreter."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support import zygote
from support.fleet import is_running, together
from support.programs import environment, run
from support.stores import until

PROBE = """
import atexit, json, os, random, signal, sys, tempfile, threading

print("to stderr", file=sys.stderr)
atexit.register(print, "at exit")
how = sys.argv[1]
if how == "state":
    numbers = sorted(set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP})
    print(json.dumps({
        "arguments": [sys.argv, sys.orig_argv],
        "environment": dict(os.environ),
        "cwd": os.getcwd(),
        "temporary": tempfile.gettempdir(),
        "path": sys.path,
        "descriptors": sorted(set(os.listdir("/proc/self/fd"))),
        "threads": threading.active_count(),
        "handlers": [str(signal.getsignal(number)).partition(" at ")[0] for number in numbers],
        "masked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "buffered": [(stream.line_buffering, stream.encoding, stream.errors) for stream in (sys.stdout, sys.stderr)],
        "main": [__name__, sys.modules["__main__"].__spec__.name],
    }))
elif how == "exit":
    sys.exit(int(sys.argv[2]))
elif how == "words":
    sys.exit("it cannot be done")
elif how == "fault":
    raise LookupError("of the program")
elif how == "signal":
    os.kill(os.getpid(), int(sys.argv[2]))
elif how == "random":
    print(random.random())
elif how == "waits":
    print("here", flush=True)
    signal.pause()
"""


WORKERS = """
import json, multiprocessing, os, resource, signal, sys, threading

def work(number, pipe):
    from prometheus_client import values
    from multiprocessing import parent_process

    numbers = sorted(set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP})
    print(json.dumps({
        "number": number,
        "arguments": sys.argv,
        "environment": dict(os.environ),
        "cwd": os.getcwd(),
        "path": sys.path,
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": threading.active_count(),
        "handlers": [str(signal.getsignal(number)).partition(" at ")[0] for number in numbers],
        "masked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "limit": resource.getrlimit(resource.RLIMIT_NOFILE),
        "parent": parent_process().pid == os.getppid(),
        "group": os.getpgid(0) == os.getpgid(os.getppid()),
        "counts": values.ValueClass.__name__,
        "main": sys.modules["__main__"].__spec__.name,
    }), flush=True)
    pipe.send_bytes(b"here")
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    os._exit(5)

if __name__ == "__main__":
    os.environ |= {"PROMETHEUS_MULTIPROC_DIR": os.getcwd(), "GATEWAY_LATER": "yes"}
    del os.environ["AWS_REGION"]
    os.chdir("/")
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
    resource.setrlimit(resource.RLIMIT_NOFILE, (600, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    context = multiprocessing.get_context("spawn")
    for number in (1, 2):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(number, theirs))
        process.start()
        theirs.close()
        assert ours.recv_bytes() == b"here"
        process.join()
        print(process.exitcode, flush=True)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the probes."""
    (tmp_path / "probe.py").write_text(PROBE)
    (tmp_path / "workers.py").write_text(WORKERS)
    return tmp_path


def forked(folder: Path, *arguments: str, module: str = "probe") -> tuple[int, str, str]:
    """Status, output and errors of a probe, forked."""
    number = len(list(folder.iterdir()))
    files = [folder / f"{number}-{arguments[-1]}.{name}" for name in ("output", "errors")]
    with files[0].open("wb") as out, files[1].open("wb") as err:
        process = zygote.fork(
            arguments, env=environment(), cwd=folder, stdout=out.fileno(), stderr=err.fileno(), module=module
        )
    status = process.wait(30)
    return status, files[0].read_text(), files[1].read_text()


def fresh(folder: Path, *arguments: str, module: str = "probe") -> tuple[int, str, str]:
    """The same of a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=environment(),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return done.returncode, done.stdout, done.stderr


def test_a_child_finds_what_a_fresh_interpreter_finds(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arguments, environment, folder, descriptors, signals and streams are those of a fresh interpreter."""
    monkeypatch.setenv("AWS_REGION", "somewhere")
    monkeypatch.setenv("GATEWAY_WINDOW", "not for it")
    monkeypatch.setenv("TMPDIR", str(folder))
    status, output, errors = forked(folder, "state")
    expected_status, expected, expected_errors = fresh(folder, "state")
    assert (status, errors) == (expected_status, expected_errors) == (0, "to stderr\n")
    assert json.loads(output.splitlines()[0]) == json.loads(expected.splitlines()[0])
    assert output.splitlines()[1:] == expected.splitlines()[1:] == ["at exit"]


def test_a_worker_finds_what_a_fresh_interpreter_finds(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So do the workers of a child, which has changed all of that; it is their parent, and learns how they end."""
    monkeypatch.setenv("AWS_REGION", "somewhere")
    status, output, errors = forked(folder, "--workers", "2", module="workers")
    expected_status, expected, expected_errors = fresh(folder, "--workers", "2", module="workers")
    assert (status, errors) == (expected_status, expected_errors) == (0, "")
    said, ends = output.splitlines()[::2], output.splitlines()[1::2]
    assert list(map(json.loads, said)) == list(map(json.loads, expected.splitlines()[::2]))
    assert [json.loads(each)["parent"] for each in said] == [True, True]
    assert ends == expected.splitlines()[1::2] == ["5", "-9"]


@pytest.mark.parametrize(
    "arguments", [("exit", "0"), ("exit", "7"), ("words",), ("signal", "2"), ("signal", "9"), ("signal", "15")]
)
def test_a_child_ends_as_a_fresh_interpreter_does(folder: Path, arguments: tuple[str, ...]) -> None:
    """Status, signal, output and errors of an end are the same."""
    status, output, errors = forked(folder, *arguments)
    expected_status, expected, expected_errors = fresh(folder, *arguments)
    assert (status, output) == (expected_status, expected)
    assert errors.splitlines()[-1] == expected_errors.splitlines()[-1]


def test_a_fault_of_a_child_is_told(folder: Path) -> None:
    """A program that fails ends with 1 and a trace."""
    status, output, errors = forked(folder, "fault")
    assert (status, output) == (1, "at exit\n")
    assert errors.endswith("LookupError: of the program\n")
    assert "Traceback" in errors


def test_many_are_started_at_once(folder: Path) -> None:
    """Each of many children has a status, an output and random numbers of its own, and leaves nothing behind."""
    statuses = together([lambda number=number: forked(folder, "exit", str(number)) for number in range(12)])  # type: ignore[misc]
    assert statuses == [(number, "at exit\n", "to stderr\n") for number in range(12)]
    outputs = {forked(folder, "random")[1] for _ in range(3)}
    assert len(outputs) == 3


def test_a_child_is_waited_for_and_signalled(folder: Path) -> None:
    """A wait ends in time, a signal ends the child, and it is gone then; later signals do nothing."""
    reader, writer = os.pipe()
    with open(reader, "rb") as output:
        process = zygote.fork(
            ["waits"], env=environment(), cwd=folder, stdout=writer, stderr=2, new_session=True, module="probe"
        )
        os.close(writer)
        assert output.readline() == b"here\n"
        assert process.poll() is None
        assert os.getsid(process.pid) == process.pid
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01)
        process.terminate()
        assert process.wait(30) == process.poll() == process.returncode == -signal.SIGTERM
        assert not Path(f"/proc/{process.pid}").exists()
        process.kill()


PYTEST = """
import os, signal
from pathlib import Path
from support import zygote

child = zygote.fork(["waits"], env=dict(os.environ), cwd=Path({folder!r}), stdout=1, stderr=2, module="probe")
print(child.pid, zygote._zygote({{}})._process.pid, flush=True)
signal.pause()
"""


def test_nothing_outlives_who_has_started_it(folder: Path) -> None:
    """Helper and children end when the process that they serve is killed."""
    tests = Path(zygote.__file__).parent.parent
    with subprocess.Popen(
        [sys.executable, "-c", PYTEST.format(folder=str(folder))],
        cwd=tests,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        try:
            said = b""
            while said.count(b"\n") < 2:  # two processes write, perhaps between each other's text and its end of line
                more = os.read(process.stdout.fileno(), 4096)
                assert more, said
                said += more
            assert b"here" in said
            pids = [int(pid) for pid in re.findall(rb"\d+", said)]
            assert len(pids) == 2
            assert all(is_running(pid) for pid in pids)
        finally:
            process.kill()
        process.wait()
        until(lambda: not any(is_running(pid) for pid in pids), "it goes on")


@pytest.mark.parametrize("name", ["LD_LIBRARY_PATH", "PYTHONPATH", "TZ", "PROMETHEUS_MULTIPROC_DIR", "PATH"])
def test_what_is_read_at_a_start_needs_a_fresh_interpreter(name: str) -> None:
    """A fork is for commands in our own environment, but for what is read when they run."""
    usual = environment(jwt_secrets="secret")
    assert zygote.can_fork(usual)
    free = {"AWS_REGION": "somewhere", "https_proxy": "http://127.0.0.1:1", "TMPDIR": "/tmp", "SSL_CERT_FILE": "/none"}
    assert zygote.can_fork(usual | free)
    assert not zygote.can_fork(usual | {name: "/nowhere"})


def test_a_command_is_run_to_its_end() -> None:
    """What a command says and ends with is what a fresh interpreter gives."""
    done = run("token", "nothing")
    expected = subprocess.run(done.args, env=environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (expected.returncode, expected.stdout, expected.stderr)
    assert done.returncode == 2
    assert run("--version").stdout.startswith("apientreprise-gateway ")
