"""Tests of what `Cache-Control` asks for."""

import pytest

from apientreprise_gateway.cache.directives import NOTHING, CacheControl, wish

FRESH = CacheControl(fresh=True)
UNKEPT = CacheControl(fresh=True, unkept=True)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b"no-cache", FRESH),
        (b"No-Cache", FRESH),
        (b"max-age=0", FRESH),
        (b"max-age=0, no-transform", FRESH),
        (b" private ,\tno-cache ", FRESH),
        (b"no-store", UNKEPT),
        (b"no-cache,no-store", UNKEPT),
        (b"", NOTHING),
        (b"max-age=60", NOTHING),
        (b"max-age=00", NOTHING),
        (b"no-cache-please", NOTHING),
        (b"only-if-cached", NOTHING),
        (b"x=no-cache", NOTHING),
        (b"\xff\x00,,,", NOTHING),
    ],
)
def test_wish(value: bytes, found: CacheControl) -> None:
    """The directives that ask for a new answer are found among others; the others ask for nothing."""
    assert wish([(b"host", b"no-cache"), (b"cache-control", value)]) == found


def test_no_header() -> None:
    """A call without the header wants nothing in particular."""
    assert wish([]) == NOTHING


def test_headers_that_come_twice() -> None:
    """Each of several headers counts."""
    assert wish([(b"cache-control", b"no-store"), (b"cache-control", b"max-age=60")]) == UNKEPT
