"""Ranges of bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apientreprise_gateway.documents.ranges import UnsatisfiableError, read_range


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"bytes=0-0", (0, 1)),
        (b"bytes=0-99", (0, 100)),
        (b"bytes=10-", (10, 100)),
        (b"bytes=10-1000", (10, 100)),
        (b"bytes=-1", (99, 100)),
        (b"bytes=-1000", (0, 100)),
        (b"Bytes= 3-4 ", (3, 5)),
    ],
)
def test_satisfiable(header: bytes, expected: tuple[int, int]) -> None:
    """A range from a byte to another, to the end, or of the last bytes."""
    assert read_range(header, 100) == expected


@pytest.mark.parametrize("header", [b"bytes=100-", b"bytes=100-200", b"bytes=-0"])
def test_unsatisfiable(header: bytes) -> None:
    """A range that the document has nothing of."""
    with pytest.raises(UnsatisfiableError):
        read_range(header, 100)


@pytest.mark.parametrize(
    "header",
    [
        None,
        b"",
        b"bytes=",
        b"bytes=-",
        b"bytes=5-4",
        b"bytes=a-b",
        b"lines=1-2",
        b"bytes=0-1,3-4",
        b"bytes=1",
        b"bytes=\xb2-",
        b"bytes=-" + b"9" * 30,
    ],
)
def test_the_whole(header: bytes | None) -> None:
    """What is no range, or several, asks for the whole."""
    assert read_range(header, 100) is None


@given(st.binary(max_size=40), st.integers(1, 10**9))
def test_a_range_lies_within(tail: bytes, size: int) -> None:
    """Whatever is asked, what is sent are bytes that the document has."""
    try:
        found = read_range(b"bytes=" + tail, size)
    except UnsatisfiableError:
        return
    assert found is None or 0 <= found.start < found.stop <= size
