"""How a line is read."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apientreprise_gateway.journal.line import COLUMNS, FIELDS, LISTS, NoLineError, Outcome, parse
from apientreprise_gateway.journal.wrappings import Unwrapping
from support.lines import line


def test_every_field_is_kept_under_its_name() -> None:
    """Lists as JSON, the time in one form."""
    row = parse(line(1, codes=["00429"]))
    assert not isinstance(row, Outcome)
    stored, given_fields = dict(zip(COLUMNS, row, strict=True)), json.loads(line(1, codes=["00429"]))
    for name in FIELDS:
        if name in LISTS:
            assert json.loads(stored[name] or "null") == given_fields.get(name)
        elif name != "time":
            assert stored[name] == given_fields.get(name)
    assert stored["time"] == "2026-11-27T12:00:00.001000Z"
    assert stored["extra"] is None


def test_fields_of_later_versions_are_kept() -> None:
    """As JSON, in a column of their own."""
    row = parse(line(habilitation="12"))
    assert not isinstance(row, Outcome)
    assert json.loads(row[COLUMNS.index("extra")]) == {"habilitation": "12"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"x", "it is no JSON"),
        (b"\xff\xfe", "it is no JSON"),
        (b"[" * 100_000, "it is no JSON"),
        (b"[1]", "it is no JSON object"),
        (b"NaN", "it is no JSON"),
        (b'{"event":"other"}', "`event` is none of an access line"),
        (b'{"event":["access"]}', "`event` is none of an access line"),
        (line(request_id=None), "`request_id` is missing"),
        (line(request_id=7), "`request_id` is no text"),
        (line(time="yesterday"), "`time` is no time"),
        (line(time=12), "`time` is no time"),
        (line(time="0001-01-01T00:00:00+14:00"), "`time` is no time"),
        (line(time="2026-11-27T12:00:00"), "`time` has no time zone"),
        (line(status="200"), "`status` is no number that it can be"),
        (line(status=True), "`status` is no number that it can be"),
        (line(status=10**30), "`status` is no number that it can be"),
        (line(bytes=2**63), "`bytes` is no number that it can be"),
        (line(seconds="1"), "`seconds` is no number"),
        (line(seconds=10**400), "`seconds` is no number that it can be"),
        (line(cached=1), "`cached` is neither true nor false"),
        (line(codes="00429"), "`codes` is no list"),
        (line(identifier=130025265), "`identifier` is no text"),
        (line(identifier="1" * 257), "`identifier` is too long"),
        (line(operation="o" * 257), "`operation` is too long"),
        (line(jti="@").replace(b"@", rb"\ud800" * 200), "`jti` is too long"),
        (line(context="c" * 8193), "`context` is too long"),
    ],
)
def test_what_is_no_access_line_is_rejected_with_its_reason(text: bytes, reason: str) -> None:
    """The reason names the field and shows no value."""
    with pytest.raises(NoLineError, match=f"^{reason}$"):
        parse(text)


@pytest.mark.parametrize("text", [b"", b" \r", b'{"event":"ready","level":"info","timestamp":"2026"}'])
def test_lines_of_the_operators_log_and_empty_ones_are_skipped(text: bytes) -> None:
    """They are no rejects."""
    assert parse(text) is Outcome.SKIPPED


@pytest.mark.parametrize(("written", "kept"), [(r"a\u0000b", r"a\u0000b"), (r"\ud800", r"\ud800"), (r"\u00e9", "é")])
def test_text_that_no_database_holds_is_kept_as_its_escape(written: str, kept: str) -> None:
    """The line is an access line all the same."""
    row = parse(line(context="@").replace(b"@", written.encode()))
    assert not isinstance(row, Outcome)
    assert row[COLUMNS.index("context")] == kept


@given(st.binary(max_size=200))
def test_any_bytes_are_a_row_or_a_reject(text: bytes) -> None:
    """Nothing else is raised."""
    for each in (text, line(context="@").replace(b"@", text)):
        try:
            row = parse(each)
        except NoLineError:
            continue
        assert row is Outcome.SKIPPED or isinstance(row, tuple)


def test_the_wrapping_of_the_cri_is_taken_off() -> None:
    """Parts of a line are joined, each stream for itself."""
    at = b"2026-11-28T20:00:00.123456789Z"
    unwrapping = Unwrapping()
    text = line()
    assert unwrapping.line(at + b" stdout F " + text) == text
    assert unwrapping.line(at + b" stdout P " + text[:9]) is None
    assert unwrapping.line(at + b" stderr F {}") == b"{}"
    assert unwrapping.line(at + b" stdout F " + text[9:]) == text


def test_the_wrapping_of_docker_is_taken_off() -> None:
    """Parts of a line are joined."""
    unwrapping = Unwrapping()
    text = line(context="é\u2028")

    def wrapped(part: bytes) -> bytes:
        return orjson.dumps({"log": part.decode(), "stream": "stdout", "time": "2026-11-28T20:00:00Z"})

    assert unwrapping.line(wrapped(text + b"\n")) == text
    assert unwrapping.line(wrapped(text[:40])) is None
    assert unwrapping.line(wrapped(text[40:] + b"\n")) == text


@pytest.mark.parametrize("before", [b"", b"2026-11-28T20:00:00.1Z ", b"[pod/gateway-0/gateway] "])
def test_what_kubectl_puts_before_a_line_is_taken_off(before: bytes) -> None:
    """`--timestamps` and `--prefix`."""
    assert Unwrapping().line(before + line()) == line()


@given(st.binary(max_size=100).filter(lambda text: b"\n" not in text))
def test_any_other_line_is_left_as_it_is(text: bytes) -> None:
    """Whatever bytes it has."""
    unwrapping = Unwrapping()
    assert unwrapping.line(b"x" + text) == b"x" + text
    assert unwrapping.rest() == []
