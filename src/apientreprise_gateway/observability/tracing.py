"""The trace that a call belongs to, across all who take part in it (W3C Trace Context).

A caller's `traceparent` is taken over: its access line names the trace, and calls to providers carry it on, with the
gateway's own span as their parent. A malformed one is ignored. Spans are recorded only if the
deployment asks for it, by a `Recorder`, which may also begin traces.
"""

import os
import re
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Protocol

_TRACEPARENT: Final = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_MEMBER: Final = re.compile(
    rb"[a-z0-9][a-z0-9_*/@-]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
"""A member of `tracestate`: a vendor's key and its value."""
_MOST_MEMBERS: Final = 32
_LONGEST_STATE: Final = 512
_LONG_MEMBER: Final = 128
"""Bytes of a member; longer ones are the first to be left out where not all members fit."""
_NO_TRACE: Final = b"0" * 32
_NO_SPAN: Final = b"0" * 16
_SAMPLED: Final = 0x01

Attributes = Mapping[str, str | int | float | bool]


@dataclass(frozen=True, slots=True)
class Trace:
    """The gateway's part in the trace of one call."""

    trace_id: str
    """32 hexadecimal digits, the same for all who take part."""
    span_id: str
    """16 hexadecimal digits: the span of the gateway's own work for the call."""
    parent_id: str | None
    """The id of the caller's span; None if the trace begins here."""
    sampled: bool
    """Whether spans are to be recorded."""
    lines: bytes
    """Headers for the call to a provider that carry the trace on, each with its CRLF."""


CURRENT: Final[ContextVar[Trace | None]] = ContextVar("trace", default=None)
"""The trace of the call that a task answers."""


class Recorder(Protocol):
    """Records spans."""

    def begins(self) -> bool:
        """Whether to begin a trace for a call that has none."""

    def served(self, trace: Trace, name: str, seconds: float, attributes: Attributes, *, failed: bool) -> None:
        """Record a call that was answered just now."""

    def asked(self, trace: Trace, name: str, seconds: float, attributes: Attributes, *, failed: bool) -> None:
        """Record the call to a provider, which ended just now."""

    def close(self) -> None:
        """Send what was recorded; may take a while."""


def enter(headers: Sequence[tuple[bytes, bytes]], *, recorder: Recorder | None) -> Trace | None:
    """Make the trace of a call the current one, until `leave` or the end of its task; None if it belongs to none.

    Args:
        headers: of the call, their names in lower case.
        recorder: asked whether to begin a trace where the call has none.
    """
    given = [value for name, value in headers if name == b"traceparent"]
    # Two headers count as none: nobody can tell which one is meant.
    trace = _continued(given[0], headers) if len(given) == 1 else None
    if trace is None and recorder is not None and recorder.begins():
        trace = _trace(os.urandom(16).hex(), None, flags=_SAMPLED)
    if trace is not None:
        CURRENT.set(trace)
    return trace


def leave() -> None:
    """Clear the current trace, in a task that goes on with another call."""
    CURRENT.set(None)


def _continued(given: bytes, headers: Sequence[tuple[bytes, bytes]]) -> Trace | None:
    match = _TRACEPARENT.fullmatch(given)
    if match is None:
        return None
    version, trace_id, parent_id, flags, more = match.groups()
    if version == b"ff" or (version == b"00" and more) or trace_id == _NO_TRACE or parent_id == _NO_SPAN:
        return None
    state = _state([value for name, value in headers if name == b"tracestate"])
    return _trace(trace_id.decode(), parent_id.decode(), flags=int(flags, 16) & _SAMPLED, state=state)


def _state(given: Sequence[bytes]) -> bytes:
    """The members of `tracestate`, which may be several headers, that are passed on; empty if it is malformed."""
    members = [member for part in b",".join(given).split(b",") if (member := part.strip(b" \t"))]
    if len(members) > _MOST_MEMBERS or not all(map(_MEMBER.fullmatch, members)):
        return b""
    if len(b",".join(members)) > _LONGEST_STATE:
        members = [member for member in members if len(member) <= _LONG_MEMBER]
    while len(state := b",".join(members)) > _LONGEST_STATE:
        members.pop()
    return state


def _trace(trace_id: str, parent_id: str | None, *, flags: int, state: bytes = b"") -> Trace:
    span_id = os.urandom(8).hex()
    lines = f"traceparent: 00-{trace_id}-{span_id}-{flags:02x}\r\n".encode()
    if state:
        lines += b"tracestate: " + state + b"\r\n"
    return Trace(trace_id, span_id, parent_id, bool(flags), lines)
