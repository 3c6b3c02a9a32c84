"""More calls than a gateway can answer, for longer than a moment."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.site import ROOMY, Site, fresh, wait_until
from support.site import site as started
from support.wire import Answer, Wire, request, wire

LIMIT = 1_000_000
CONNECTIONS, CALLS, ROUNDS = 256, 50, 40
"""Connections, calls that each sends at once, and how often at most: once should do."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A gateway in which one call may wait."""
    with started(tmp_path, **ROOMY, waiting_calls="1", limit_json=str(LIMIT), duplicates="count") as own:
        yield own


def asked(lines: list[Wire], data: bytes) -> list[Answer]:
    """Send many calls on each connection; returns all answers."""
    for line in lines:
        line.send(data * CALLS)
    return [line.answer() for line in lines for _ in range(CALLS)]


def test_the_rest_is_refused_and_not_counted(site: Site) -> None:
    """Calls too many get 503 and may try again; they are in no window; all is as before once they are fewer."""
    key = fresh()
    answers: list[Answer] = []
    with ExitStack() as stack:
        lines = [stack.enter_context(wire(site.program.port)) for _ in range(CONNECTIONS)]
        while not any(answer.status == 503 for answer in answers) and len(answers) < ROUNDS * CONNECTIONS * CALLS:
            answers += asked(lines, request(token=key))
        again = site.call(token=key)

    refused = [answer for answer in answers if answer.status == 503]
    answered = [answer for answer in answers if answer.status == 200]
    assert 0 < len(refused) < len(answered)
    assert len(refused) + len(answered) == len(answers)
    for answer in refused:
        assert (answer.codes, answer.headers["retry-after"]) == (["00912"], "2")
        assert "ratelimit-remaining" not in answer.headers
        assert "x-request-id" in answer.headers

    assert again.status_code == 200
    assert LIMIT - int(again.headers["ratelimit-remaining"]) <= len(answered) + 1
    assert site.metric('gateway_errors_total{code="00912"}') == len(refused)
    assert sum(line["codes"] == ["00912"] for line in site.lines()) == len(refused)
    wait_until(lambda: site.metric("gateway_gate_waiting") == 0)
    assert site.program.logged("overload_began", count=1)
    assert site.program.logged("overload_ended", count=1)
