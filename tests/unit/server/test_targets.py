"""Tests of what the target of a request says."""

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apientreprise_gateway.server.request_parser import Target, split_target, with_host

PATHS = st.binary(max_size=30).map(lambda noise: b"/" + noise.replace(b"\x00", b"?"))


@given(PATHS)
def test_paths_are_split_as_the_parser_splits_them(target: bytes) -> None:
    """What a request's line may hold is split like httptools would."""
    read: list[bytes] = []

    class Reader:
        def on_url(self, url: bytes) -> None:
            read.append(url)

    try:
        httptools.HttpRequestParser(Reader()).feed_data(b"GET %b HTTP/1.1\r\nhost: x\r\n\r\n" % target)
    except httptools.HttpParserError:
        return
    target = b"".join(read)
    parsed = httptools.parse_url(target)
    assert split_target(target) == Target(parsed.path, parsed.query or b"")


@pytest.mark.parametrize(
    ("target", "read"),
    [
        (b"http://h", Target(b"/", b"", b"h")),
        (b"http://h/", Target(b"/", b"", b"h")),
        (b"HTTP://Example.ORG?a=b", Target(b"/", b"a=b", b"Example.ORG")),
        (b"hTTps://h:8443/x/y?a=http://other/&b=?", Target(b"/x/y", b"a=http://other/&b=?", b"h:8443")),
        (b"http://h:/x", Target(b"/x", b"", b"h")),
        (b"http://h:00080/x", Target(b"/x", b"", b"h:80")),
        (b"http://h:65535", Target(b"/", b"", b"h:65535")),
        (b"http://[::1]:8080/x", Target(b"/x", b"", b"[::1]:8080")),
        (b"http://h//x", Target(b"//x", b"", b"h")),
        (b"http://h/a@b:c", Target(b"/a@b:c", b"", b"h")),
        (b"http://h/x?a@b", Target(b"/x", b"a@b", b"h")),
        (b"http://h/x#f", Target(b"/x", b"", b"h")),
    ],
)
def test_the_absolute_form(target: bytes, read: Target) -> None:
    """An absolute target is its path, `/` if that is empty, and its host and port."""
    assert split_target(target) == read


@pytest.mark.parametrize(
    "target",
    [
        b"", b"*", b"x", b"h:443", b"ftp://h/x", b"http:/x", b"http://", b"http:///x", b"http://?x", b"http://u@h/",
        b"http://u:p@h/", b"http://@h/", b"http://h:65536/", b"http://h:0/", b"http://h:00/", b"http://h:a/",
        b"http://h:-1/", b"http://h:80:80/", b"http://h:" + b"1" * 5000 + b"/", b"http://[::1/", b"http://::1/",
        b"http://[x]/", b"http://h\\@x/", b"http://h\x00/", b"http://h\r\nx: y/", b"http://h h/", b"httpx://h/",
        b"http://\xc3\xa9/",
    ],
)  # fmt: skip
def test_targets_that_are_refused(target: bytes) -> None:
    """Users, ports that there are not, other schemes and hosts that are none are refused."""
    with pytest.raises(httptools.HttpParserInvalidURLError):
        split_target(target)


@given(st.binary(max_size=40).map(lambda noise: b"http://" + noise))
def test_a_host_that_is_read_can_stand_in_a_header(target: bytes) -> None:
    """Whatever is taken for a host has no user, no blank and no line break."""
    try:
        found = split_target(target)
    except httptools.HttpParserInvalidURLError:
        return
    assert found.host is not None
    assert not set(found.host) & set(b"@ \t\r\n\x00/?#\\")
    assert found.path.startswith(b"/")


def test_a_request_about_the_server() -> None:
    """OPTIONS may be about the server as such, in both forms."""
    assert split_target(b"*", "OPTIONS") == Target(b"*", b"")
    assert split_target(b"http://h", "OPTIONS") == Target(b"*", b"", b"h")
    assert split_target(b"http://h/", "OPTIONS") == Target(b"/", b"", b"h")
    assert split_target(b"http://h?", "OPTIONS") == Target(b"/", b"", b"h")


def test_the_host_of_the_target_counts() -> None:
    """It takes the place of `Host`, and stands where none was."""
    assert with_host([(b"a", b"b"), (b"host", b"x")], b"h") == [(b"host", b"h"), (b"a", b"b")]
    assert with_host([], b"h") == [(b"host", b"h")]
