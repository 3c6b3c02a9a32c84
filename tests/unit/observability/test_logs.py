"""Tests of the operators' log on a terminal."""

import io
import json
import logging

import pytest
import structlog

from apientreprise_gateway.observability import logs


class Terminal(io.StringIO):
    """A terminal that remembers what is written to it."""

    def isatty(self) -> bool:
        """Say that it is one."""
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal in place of standard error."""
    shown = Terminal()
    monkeypatch.setattr("sys.stderr", shown)
    logs.configure()
    return shown


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


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What goes to standard error, which is no terminal."""
    shown = io.StringIO()
    monkeypatch.setattr("sys.stderr", shown)
    logs.configure()
    return shown


def test_what_libraries_log_with_a_trace(written: io.StringIO) -> None:
    """It is one short line for all alike, without the trace; a line of another kind has its own."""
    library = logging.getLogger("a.library")
    for _ in range(50):
        try:
            raise LookupError("\n" * 5000 + "gone")
        except LookupError:
            library.exception("Exception in %s\n", "application")
    library.error("without a trace")
    first, second = map(json.loads, written.getvalue().splitlines())
    assert (first["event"], first["reason"]) == ("Exception in application", "LookupError: gone")
    assert first["logger"] == "a.library"
    assert second["event"] == "without a trace"


@pytest.mark.parametrize("value", ["half of \ud83e", {"a": "\udfff"}, 2**70, -(2**70), [2**64]])
def test_what_json_cannot_hold(written: io.StringIO, value: object) -> None:
    """Half a character or a number beyond 64 bits, from whoever sent it, is a line like any other."""
    structlog.get_logger("of this test").error("refused", value=value)
    line = json.loads(written.getvalue())
    assert (line["event"], line["value"]) == ("refused", value)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Failed to parse: http://user:S3CRET@proxy:99999", "Failed to parse: http://***@proxy:99999"),
        ("redis+sentinel://:S3CRET@one:1,two:2/main", "redis+sentinel://***@one:1,two:2/main"),
        (
            "ProxyError('http://S3CRET@proxy', //u:S3CRET@[::1]:3128)",
            "ProxyError('http://***@proxy', //***@[::1]:3128)",
        ),
        ("https://host/path@x?a=//b", "https://host/path@x?a=//b"),
    ],
)
def test_no_password_of_a_url_is_shown(written: io.StringIO, said: str, shown: str) -> None:
    """What stands before the host of a URL is in no line, whether a library says it or we do, in text or in a list."""
    logging.getLogger("library").error("it says %s", said)
    structlog.get_logger("ours").error("ours", reason=said, reasons=[said])
    theirs, ours = map(json.loads, written.getvalue().splitlines())
    assert theirs["event"] == f"it says {shown}"
    assert (ours["reason"], ours["reasons"]) == (shown, [shown])
