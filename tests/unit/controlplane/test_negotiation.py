"""What a client prefers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apientreprise_gateway.controlplane.negotiation import accepts, encoding, weights

OFFERED = ("br", "gzip")


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        (None, "identity"),
        ("", "identity"),
        ("gzip", "gzip"),
        ("GZip", "gzip"),
        ("x-gzip", "gzip"),
        ("br", "br"),
        ("gzip, deflate, br, zstd", "br"),
        ("br;q=0.5, gzip;q=0.8", "gzip"),
        ("br;q=0.5,gzip ; q=0.5", "br"),
        ("gzip;q=0, br;q=0", "identity"),
        ("gzip;q=0.001", "gzip"),
        ("gzip;q=0.5, identity", "identity"),
        ("gzip;q=0.5, identity;q=0.2", "gzip"),
        ("identity;q=0, gzip", "gzip"),
        ("identity;q=0, *", "br"),
        ("*", "br"),
        ("*;q=0", None),
        ("identity;q=0", None),
        ("*;q=0, identity", "identity"),
        ("*;q=0, gzip;q=0.1", "gzip"),
        ("br;q=0, *", "gzip"),
        ("deflate", "identity"),
        ("gzip;q=2", "identity"),
        ("gzip;q=x", "identity"),
        ("gzip;q=", "identity"),
        ("gzip;level=9;q=0.5", "gzip"),
        (",, ,gzip", "gzip"),
        ("gzip;q=0.0", "identity"),
        ("gzip;q=1.000", "gzip"),
    ],
)
def test_the_coding_of_an_answer(header: str | None, coding: str | None) -> None:
    """It is the one of greatest weight; of equals the shortest answer; none where nothing is acceptable."""
    assert encoding(header, OFFERED) == coding


@given(st.text(max_size=60))
def test_any_header_has_an_answer(header: str) -> None:
    """Whatever it says, the coding is one of those that there are."""
    assert encoding(header, OFFERED) in {*OFFERED, "identity", None}
    assert all(0 <= weight <= 1 for weight in weights(header).values())


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        ("application/json, Text/HTML;level=1;q=0.4", True),
        ("text/html;q=0", False),
        ("text/html;q=0.000, */*", False),
        ("*/*", False),
        ("text/*", False),
        ("", False),
        ("application/json", False),
        ("text/htmlx", False),
    ],
)
def test_what_is_accepted(header: str, accepted: bool) -> None:
    """A type is accepted where it is named with a weight."""
    assert accepts(header, "text/html") is accepted
