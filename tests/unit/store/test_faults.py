"""Tests of how errors of Redis are told of."""

from structlog.testing import capture_logs

from apientreprise_gateway.store.errors import About, ReplyError
from apientreprise_gateway.store.faults import Faults


def test_errors_are_told_of_once_a_minute() -> None:
    """Each error is counted, and one line a minute is written of those about keys, one of those about commands."""
    counted: list[About] = []
    now = [0.0]
    faults = Faults("limits", on_fault=counted.append, clock=lambda: now[0])
    with capture_logs() as logs:
        for second in (0.0, 1.0, 59.0, 61.0):
            now[0] = second
            faults.tell(ReplyError("WRONGTYPE x", About.KEY), About.KEY, "gw:{a}:b")
            faults.tell(ReplyError("CROSSSLOT x", About.COMMAND), About.COMMAND, "gw:{a}:b")
    assert counted == [About.KEY, About.COMMAND] * 4
    assert [(line["event"], line["about"]) for line in logs] == [("store_fault", "key"), ("store_fault", "command")] * 2
    assert all(line["key"] == "gw:{a}:b" and line["part"] == "limits" for line in logs)
