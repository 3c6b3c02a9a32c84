"""Reading of a provider's answers: bytes in, an answer or a fault out, whatever pieces they come in."""

import gzip
from collections.abc import Callable, Iterable

import pytest

from apientreprise_gateway.upstream.faults import Fault
from apientreprise_gateway.upstream.response import MAX_BODILESS_BYTES, MAX_HEAD_BYTES, Response, ResponseReader

Cut = Callable[[bytes], Iterable[bytes]]
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n2\r\nde\r\n0\r\nContent-Type: text/html\r\nLocation: /x\r\n\r\n"
)
GZIP = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b"
REDIRECTION = b"HTTP/1.1 301 Moved\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
UNFRAMED = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nabc"


def whole(data: bytes) -> list[bytes]:
    """In one piece."""
    return [data]


def by_byte(data: bytes) -> list[bytes]:
    """Byte by byte."""
    return [data[at : at + 1] for at in range(len(data))]


def read(data: bytes, cut: Cut = whole, *, in_memory: int = 1000, allowed: int = 1000) -> ResponseReader:
    """A reader that was fed some bytes."""
    reader = ResponseReader()
    reader.begin(in_memory, allowed)
    for piece in cut(data):
        reader.feed(piece)
    return reader


@pytest.mark.parametrize("cut", [whole, by_byte])
@pytest.mark.parametrize(
    ("data", "response"),
    [
        (PLAIN, Response(200, "application/json", b"{}")),
        (CHUNKED, Response(200, "text/plain", b"abcde")),
        (REDIRECTION, Response(301, "", b"", "/elsewhere")),
        (b"HTTP/1.1 204 No Content\r\n\r\n", Response(204, "", b"")),
        (b"HTTP/1.1 103 Early Hints\r\nContent-Type: a/b\r\n\r\n" + PLAIN, Response(200, "application/json", b"{}")),
        (GZIP % (len(gzip.compress(b"abc", mtime=0)), gzip.compress(b"abc", mtime=0)), Response(200, "", b"abc")),
    ],
)
def test_an_answer_in_any_pieces(data: bytes, response: Response, cut: Cut) -> None:
    """An answer is the same however it is cut, and trailers change nothing of it."""
    reader = read(data, cut)
    assert (reader.done, reader.fault, reader.response) == (True, None, response)
    assert reader.keep_alive
    assert not reader.out_of_step


@pytest.mark.parametrize("data", [PLAIN, CHUNKED, REDIRECTION])
def test_an_answer_is_done_with_its_last_byte(data: bytes) -> None:
    """No answer is complete before its last byte."""
    reader = read(data[:-1])
    assert (reader.done, reader.response) == (False, None)
    reader.feed(data[-1:])
    assert reader.done


@pytest.mark.parametrize("more", [PLAIN, b"HTTP/1.1 100 Continue\r\n\r\n", b"garbage"])
def test_what_follows_an_answer_is_not_for_the_next_call(more: bytes) -> None:
    """Bytes after an answer leave it as it is, and mark the connection as of no further use."""
    reader = read(PLAIN + more)
    assert reader.response == Response(200, "application/json", b"{}")
    assert (reader.done, reader.fault, reader.out_of_step) == (True, None, True)


def test_answers_follow_each_other() -> None:
    """After `begin` a reader expects the next answer on the same connection."""
    reader = read(REDIRECTION)
    reader.begin(1000, 1000)
    assert (reader.done, reader.response, reader.keep_alive, reader.is_untouched) == (False, None, False, True)
    reader.feed(PLAIN)
    assert reader.response == Response(200, "application/json", b"{}")
    assert not reader.out_of_step


def test_a_server_that_closes() -> None:
    """`Connection: close` is heeded."""
    assert not read(PLAIN.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")).keep_alive


@pytest.mark.parametrize("data", [b"\x16\x03\x01", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 2x0 OK\r\n\r\n"])
def test_what_is_no_http(data: bytes) -> None:
    """Another protocol is a fault, and the connection of no further use."""
    reader = read(data)
    assert (reader.done, reader.fault, reader.response, reader.out_of_step) == (True, Fault.NOT_HTTP, None, True)


def test_an_endless_head() -> None:
    """A header that does not end is a fault, once it is longer than allowed."""
    reader = read(b"HTTP/1.1 200 OK\r\nA: ")
    reader.feed(b"a" * (MAX_HEAD_BYTES - 20))
    assert not reader.done
    reader.feed(b"a")
    assert reader.fault is Fault.NOT_HTTP


def test_an_endless_trailer() -> None:
    """What comes without any body is counted as well."""
    reader = read(CHUNKED.partition(b"0\r\n")[0] + b"0\r\nA: ")
    reader.feed(b"a" * MAX_BODILESS_BYTES)
    assert not reader.done
    reader.feed(b"a")
    assert reader.fault is Fault.NOT_HTTP


@pytest.mark.parametrize("cut", [whole, by_byte])
@pytest.mark.parametrize("framing", [b"Content-Length: 10000", b"Transfer-Encoding: chunked"])
def test_a_body_that_is_too_long(framing: bytes, cut: Cut) -> None:
    """A body beyond what is allowed is a fault; of an error the status is enough."""
    head = b"HTTP/1.1 %b X\r\nContent-Type: a/b\r\n" + framing + b"\r\n\r\n"
    body = b"7d0\r\n" + b"a" * 2000 if framing.endswith(b"chunked") else b"a" * 2000
    reader = read(head % b"200" + body, cut)
    assert (reader.done, reader.fault, reader.response) == (True, Fault.TOO_LARGE, None)
    reader = read(head % b"500" + body, cut)
    assert (reader.done, reader.fault, reader.response) == (True, None, Response(500, "a/b", b""))
    assert not reader.keep_alive, "the rest of the body is still to come"


def test_a_long_body_overflows() -> None:
    """A body that is too long for memory is handed on in parts, after the head of the answer."""
    reader = read(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nabc", in_memory=4, allowed=12)
    assert (reader.response, reader.overflow) == (None, [])
    reader.feed(b"def")
    assert (reader.done, reader.response) == (False, Response(200, "", b""))
    assert reader.overflow == [b"abc", b"def"]
    reader.overflow.clear()
    reader.feed(b"ghijkl")
    assert (reader.done, reader.fault, reader.overflow) == (True, None, [b"ghijkl"])


def test_the_overflow_has_a_bound() -> None:
    """A body that is too long for the file as well is a fault; so is a long one of an error without its body."""
    chunk = b"HTTP/1.1 %b X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n5\r\nfghij\r\n"
    reader = read(chunk % b"200", in_memory=4, allowed=9)
    assert (reader.done, reader.fault, reader.overflow) == (True, Fault.TOO_LARGE, [b"abcde"])
    reader = read(chunk % b"404", in_memory=4, allowed=9)
    assert (reader.done, reader.response, reader.overflow) == (True, Response(404, "", b""), [])


def test_a_body_that_cannot_be_decompressed() -> None:
    """A body that is not what its coding says is a fault, and so is one that ends too early."""
    for body in (b"\x00\x01\x02", gzip.compress(b"abc", mtime=0)[:-4]):
        assert read(GZIP % (len(body), body)).fault is Fault.ENCODED


def test_a_bomb_goes_off_in_part_only() -> None:
    """Of a body that grows when it is decompressed no more is kept than is allowed."""
    body = gzip.compress(bytes(10_000_000), mtime=0)
    reader = read(GZIP % (len(body), body), in_memory=100_000, allowed=200_000)
    assert reader.fault is Fault.TOO_LARGE
    assert sum(map(len, reader.overflow)) <= 200_000


def test_a_body_that_ends_with_its_connection() -> None:
    """A body without a length is complete at the end of the connection, one with a length is not."""
    reader = read(UNFRAMED)
    assert not reader.done
    reader.end_of_input()
    assert (reader.done, reader.response) == (True, Response(200, "text/plain", b"abc"))
    reader = read(PLAIN[:-1])
    reader.end_of_input()
    assert not reader.done


def test_whether_anything_has_come() -> None:
    """A first byte is enough for an answer to have begun."""
    assert read(b"").is_untouched
    assert not read(b"H").is_untouched
    assert not read(PLAIN).is_untouched
