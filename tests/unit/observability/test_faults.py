"""Tests of the lines about faults."""

from structlog.testing import capture_logs

from apientreprise_gateway.auth.issue import issue
from apientreprise_gateway.observability.faults import EVERY_SECONDS, MAX_KINDS, FaultLog


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def fault_of_ours() -> Exception:
    """An exception that was raised in the program."""
    try:
        issue(secret="", scopes=(), subject="", issued_at=5)  # type: ignore[arg-type]
    except AttributeError as error:
        return error
    raise AssertionError


def test_a_fault_is_a_short_line() -> None:
    """It says what, why and where, without a trace, in bounded length."""
    with capture_logs() as logs:
        FaultLog().tell("call_failed", fault_of_ours(), operation="x")
        FaultLog().tell("call_failed", ValueError("a\nb" * 10_000))
    assert logs[0]["reason"] == "AttributeError: 'int' object has no attribute 'month'"
    assert logs[0]["at"].startswith("auth/issue.py:")
    assert "default_expiry" in logs[0]["at"]
    assert logs[0]["operation"] == "x"
    assert len(str(logs[1])) < 500
    assert all("exc_info" not in line for line in logs)


def test_one_line_a_minute() -> None:
    """Of the same fault a line is written once a minute, which counts those between; another fault has its own."""
    clock = Clock()
    faults = FaultLog(clock=clock)
    with capture_logs() as logs:
        for _ in range(1000):
            faults.tell("call_failed", ValueError("one"))
        faults.tell("call_failed", KeyError("two"))
        clock.now += EVERY_SECONDS
        faults.tell("call_failed", ValueError("three"))
        clock.now += EVERY_SECONDS
        faults.tell("call_failed", ValueError("four"))
    assert [line["reason"] for line in logs] == [
        "ValueError: one",
        "KeyError: 'two'",
        "ValueError: three",
        "ValueError: four",
    ]
    assert [line.get("untold") for line in logs] == [None, None, 999, None]


def test_what_is_remembered_is_bounded() -> None:
    """Any number of faults takes no more than a bounded memory."""
    faults = FaultLog()
    with capture_logs():
        for number in range(5 * MAX_KINDS):
            faults.tell(f"event-{number}", ValueError())
    assert len(faults._told) <= MAX_KINDS
