"""Tests of the reading of W3C trace contexts."""

import asyncio
import re
from contextvars import copy_context

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apientreprise_gateway.observability import tracing
from apientreprise_gateway.observability.tracing import Trace, enter

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GIVEN = f"00-{TRACE}-{PARENT}-01".encode()


def headers(given: bytes | None, *states: bytes) -> list[tuple[bytes, bytes]]:
    """The headers of a call."""
    parent = [] if given is None else [(b"traceparent", given)]
    return [(b"host", b"test"), *parent, *((b"tracestate", state) for state in states)]


def entered(given: bytes | None, *states: bytes) -> Trace | None:
    """The trace of a call, in a context of its own."""
    return copy_context().run(lambda: enter(headers(given, *states), recorder=None))


def passed_on(*states: bytes) -> bytes:
    """What a provider gets of a `tracestate`; nothing if it gets none."""
    trace = entered(GIVEN, *states)
    assert trace is not None
    return trace.lines.partition(b"\r\ntracestate: ")[2].removesuffix(b"\r\n")


def test_a_trace_is_continued() -> None:
    """The caller's trace goes on, with a span of our own whose parent is the caller's."""
    trace = entered(GIVEN, b"vendor=a,other=b")
    assert trace is not None
    assert (trace.trace_id, trace.parent_id, trace.sampled) == (TRACE, PARENT, True)
    assert re.fullmatch("[0-9a-f]{16}", trace.span_id)
    assert trace.span_id != PARENT
    assert trace.lines.decode() == (f"traceparent: 00-{TRACE}-{trace.span_id}-01\r\ntracestate: vendor=a,other=b\r\n")


@pytest.mark.parametrize(("flags", "sampled"), [("00", False), ("01", True), ("02", False), ("03", True), ("ff", True)])
def test_flags(flags: str, sampled: bool) -> None:
    """Of the flags, the one that asks for spans is known, and passed on alone."""
    trace = entered(f"00-{TRACE}-{PARENT}-{flags}".encode())
    assert trace is not None
    assert trace.sampled is sampled
    assert trace.lines.endswith(b"-01\r\n" if sampled else b"-00\r\n")


def test_a_version_to_come() -> None:
    """A later version may say more; we take over what we know, and pass it on as ours."""
    trace = entered(f"cc-{TRACE}-{PARENT}-01-what-the-future-brings".encode())
    assert trace is not None
    assert trace.lines.startswith(f"traceparent: 00-{TRACE}-".encode())


@pytest.mark.parametrize(
    "given_header",
    [
        b"",
        b"00",
        f"ff-{TRACE}-{PARENT}-01".encode(),
        f"00-{TRACE.upper()}-{PARENT}-01".encode(),
        f"00-{'0' * 32}-{PARENT}-01".encode(),
        f"00-{TRACE}-{'0' * 16}-01".encode(),
        f"00-{TRACE}-{PARENT}-01-more".encode(),
        f"00-{TRACE}-{PARENT}-1".encode(),
        f"00-{TRACE}{PARENT}-01".encode(),
        f"00-{TRACE[:-1]}-{PARENT}-01".encode(),
        GIVEN + b"\r\nX-Forged: 1",
        GIVEN + b", " + GIVEN,
        GIVEN + b" ",
        GIVEN[:-1] + b"G",
        GIVEN[:-2],
        GIVEN + b"0",
        GIVEN + b"-",
        f"00-{TRACE}0-{PARENT}-01".encode(),
        f"00-{TRACE}-{PARENT}0-01".encode(),
        f"00-{TRACE}-{PARENT[:-1]}-01".encode(),
        f"00-{TRACE}-{PARENT.upper()}-01".encode(),
        f"00-{TRACE}-{PARENT}-0A".encode(),
        f"0-{TRACE}-{PARENT}-01".encode(),
        f"cc-{TRACE}-{PARENT}-01.more".encode(),
        f"cc-{TRACE}-{PARENT}-010".encode(),
    ],
)
def test_what_is_not_well_formed(given_header: bytes) -> None:
    """Anything else is as good as no trace."""
    assert entered(given_header) is None


def test_two_parents() -> None:
    """A call with two parents belongs to no trace, even if they are the same."""
    twice = [(b"traceparent", GIVEN), (b"traceparent", GIVEN), (b"tracestate", b"a=b")]
    assert enter(twice, recorder=None) is None


MANY = [f"k{number}=v".encode() for number in range(33)]


@pytest.mark.parametrize(
    ("states", "passed"),
    [
        ([b"a=b"], b"a=b"),
        ([b"a=b", b"c=d"], b"a=b,c=d"),
        ([b" a=b ,\t c=d,,"], b"a=b,c=d"),
        ([b"tenant@system=x y", b"1a_-*/=~"], b"tenant@system=x y,1a_-*/=~"),
        ([b",".join(MANY[:32])], b",".join(MANY[:32])),
        ([b"a=" + b"x" * 256], b"a=" + b"x" * 256),
        ([b"a=" + b"x" * 200, b"b=" + b"x" * 100, b"c=" + b"x" * 250], b"b=" + b"x" * 100),
        ([b"%c=" % letter + b"x" * 126 for letter in b"abcde"], b",".join(b"%c=" % c + b"x" * 126 for c in b"abc")),
    ],
)
def test_a_state_is_passed_on(states: list[bytes], passed: bytes) -> None:
    """Whatever headers it comes in, it goes on in one; beyond 512 bytes the long and the last members are left out."""
    assert passed_on(*states) == passed


@pytest.mark.parametrize(
    "state",
    [
        b"",
        b",",
        b"a",
        b"=a",
        b"a=",
        b"a=b=c",
        b"A=b",
        b"a b=c",
        b"a=b\r\nX-Forged: 1",
        b"a=\xc3\xa9",
        b"a=" + b"b" * 257,
        b"a" * 257 + b"=b",
        b"a\x00b",
        b",".join(MANY),
    ],
)
def test_a_state_that_is_not_passed_on(state: bytes) -> None:
    """A state that cannot be read, or has too many members, is dropped as a whole; the trace goes on."""
    assert passed_on(state) == b""


@given(st.binary(max_size=80), st.lists(st.binary(max_size=600), max_size=3))
def test_no_line_can_be_forged(given_header: bytes, states: list[bytes]) -> None:
    """Whatever is sent, what providers get is one or two well-formed header lines, or none."""
    for header in (given_header, GIVEN):
        trace = entered(header, *states)
        if trace is not None:
            names = [line.partition(b": ")[0] for line in trace.lines.split(b"\r\n")]
            assert names in ([b"traceparent", b""], [b"traceparent", b"tracestate", b""])
            assert trace.lines.count(b"\n") == trace.lines.count(b"\r") == len(names) - 1


async def test_a_trace_is_its_calls_own() -> None:
    """What one call enters, calls beside and after it do not see; what it starts does."""

    async def call(header: bytes | None) -> bytes:
        enter(headers(header), recorder=None)
        await asyncio.sleep(0)
        return await asyncio.create_task(provider())

    async def provider() -> bytes:
        trace = tracing.CURRENT.get()
        return b"" if trace is None else trace.lines

    async def main() -> list[bytes]:
        return await asyncio.gather(*(asyncio.create_task(call(header)) for header in (GIVEN, None, GIVEN, None)))

    first, second, third, fourth = await main()
    assert (second, fourth) == (b"", b"")
    assert first != third
    assert first[:49] == third[:49]


class Always:
    """Begins a trace for every call."""

    def begins(self) -> bool:
        """It does."""
        return True

    def served(self, *_: object, **__: object) -> None:
        """Nothing is recorded."""

    asked = served

    def close(self) -> None:
        """Nothing is kept."""


async def test_a_trace_that_begins_here() -> None:
    """Without a caller's trace the recorder decides whether there is one; a caller's own is not replaced."""

    async def main(header: bytes | None) -> Trace | None:
        return enter(headers(header), recorder=Always())

    begun, continued = await main(None), await main(GIVEN)
    assert begun is not None
    assert continued is not None
    assert (begun.parent_id, begun.sampled) == (None, True)
    assert continued.trace_id == TRACE
    assert begun.trace_id != TRACE
