"""Tests of the operators' log on a terminal."""

import io
import logging
from collections.abc import Iterator

import pytest
import structlog

from apientreprise_gateway.observability import logs


class Terminal(io.StringIO):
    """A terminal that remembers what is written to it."""

    def isatty(self) -> bool:
        """Say that it is one."""
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """A terminal in place of standard error."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    shown = Terminal()
    monkeypatch.setattr("sys.stderr", shown)
    logs.configure()
    yield shown
    structlog.reset_defaults()
    root.handlers[:], level = before
    root.setLevel(level)


def test_a_terminal_is_not_told_what_to_do(terminal: Terminal) -> None:
    """Sequences of control in a value, or in the text of an exception, are shown and not obeyed."""
    log = structlog.get_logger("of this test")
    try:
        raise ValueError("\x1b]0;title\x07 \x9b2J")
    except ValueError:
        log.exception("failed", reason="\x1b[2J", at="a\u202eb")
    text = terminal.getvalue()
    for sign in ("\x1b]", "\x1b[2J", "\x07", "\x9b", "\u202e"):
        assert sign not in text
    assert "x1b[2J" in text
