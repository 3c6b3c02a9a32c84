"""Tests of the reading of W3C trace contexts."""

import asyncio
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apientreprise_gateway import tracing
from apientreprise_gateway.tracing import Trace, enter

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GIVEN = f"00-{TRACE}-{PARENT}-01".encode()


def entered(given: bytes | None, state: bytes | None = None) -> Trace | None:
    """The trace of a call, in a context of its own."""

    async def main() -> Trace | None:
        return enter(given, state, recorder=None)

    return asyncio.run(main())


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
    ],
)
def test_what_is_not_well_formed(given_header: bytes) -> None:
    """Anything else is as good as no trace."""
    assert entered(given_header) is None


@pytest.mark.parametrize("state", [b"", b"a=b\r\nX-Forged: 1", b"a=\xc3\xa9", b"a=" + b"b" * 511, b"a\x00b"])
def test_a_state_that_is_not_passed_on(state: bytes) -> None:
    """A state that is too long, or is no plain text, is dropped; the trace goes on."""
    trace = entered(GIVEN, state)
    assert trace is not None
    assert trace.lines.count(b"\r\n") == 1


@given(st.binary(max_size=80), st.none() | st.binary(max_size=600))
def test_no_line_can_be_forged(given_header: bytes, state: bytes | None) -> None:
    """Whatever is sent, what providers get is one or two well-formed header lines, or none."""
    for header in (given_header, GIVEN):
        trace = entered(header, state)
        if trace is not None:
            names = [line.partition(b": ")[0] for line in trace.lines.split(b"\r\n")]
            assert names in ([b"traceparent", b""], [b"traceparent", b"tracestate", b""])
            assert trace.lines.count(b"\n") == trace.lines.count(b"\r") == len(names) - 1


def test_a_trace_is_its_calls_own() -> None:
    """What one call enters, calls beside and after it do not see; what it starts does."""

    async def call(header: bytes | None) -> bytes:
        enter(header, None, recorder=None)
        await asyncio.sleep(0)
        return await asyncio.create_task(provider())

    async def provider() -> bytes:
        return tracing.header_lines()

    async def main() -> list[bytes]:
        return await asyncio.gather(*(asyncio.create_task(call(header)) for header in (GIVEN, None, GIVEN, None)))

    first, second, third, fourth = asyncio.run(main())
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


def test_a_trace_that_begins_here() -> None:
    """Without a caller's trace the recorder decides whether there is one; a caller's own is not replaced."""

    async def main(header: bytes | None) -> Trace | None:
        return enter(header, None, recorder=Always())

    begun, continued = asyncio.run(main(None)), asyncio.run(main(GIVEN))
    assert begun is not None
    assert continued is not None
    assert (begun.parent_id, begun.sampled) == (None, True)
    assert continued.trace_id == TRACE
    assert begun.trace_id != TRACE
