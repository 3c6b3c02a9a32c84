"""Answers in a dialect of a real provider."""

from dataclasses import dataclass
from typing import Any

import orjson

from apientreprise_gateway.sandbox.exchange import NO_HEADERS, Reply


@dataclass(frozen=True, slots=True)
class DialectReply:
    """An answer, and the numbers that it is about."""

    reply: Reply
    identifiers: tuple[str, ...] = ()
    """The numbers in the call: each may be one that triggers a fault."""


def reply(status: int, content: Any, *numbers: str, location: str = "") -> DialectReply:
    """An answer in JSON, about these numbers."""
    return DialectReply(
        Reply(status, orjson.dumps(content), {"location": location} if location else NO_HEADERS), numbers
    )
