"""Takes off what container engines and shippers put around a line.

Known are the CRI (`2026-11-28T20:00:00Z stdout F …`, long lines in parts marked `P`), Docker (`{"log":"…\\n",…}`, long
lines in parts without an end of line), the time of `--timestamps` and the `[pod/…]` of `kubectl logs --prefix`.
"""

import re
from typing import Final

import orjson

MAX_LINE_BYTES: Final = 4 * 1024 * 1024
"""Bytes of a line; a longer one is kept in parts, as rejects."""
_TIME: Final = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)"
_CRI: Final = re.compile(_TIME + rb" (stdout|stderr) ([FP])(?::[^ ]*)? (.*)", re.DOTALL)
_PREFIX: Final = re.compile(rb"(?:\[pod/[^\]\s]+\] )?(?:" + _TIME + rb" )?(?=\{)")
_DOCKER: Final = b'{"log":"'


class Unwrapping:
    """Takes the wrapping off the lines of one stream; parts of a line wait for its end."""

    def __init__(self) -> None:
        self._parts: dict[bytes, bytes] = {}
        """The parts so far, by the stream within the stream."""

    def line(self, raw: bytes) -> bytes | None:
        """The line within a raw one; None if that is a part whose end is to come."""
        if raw.startswith(b'{"event"'):  # the line itself, as it almost always is
            return raw
        found = _CRI.fullmatch(raw.rstrip(b"\r"))
        if found is not None:
            stream, tag, part = found.groups()
            return self._joined(stream, part, is_end=tag == b"F")
        if raw.startswith(_DOCKER):
            return self._docker(raw)
        return _PREFIX.sub(b"", raw, count=1)

    def rest(self) -> list[bytes]:
        """The parts whose end has not come."""
        parts, self._parts = list(self._parts.values()), {}
        return [part for part in parts if part]

    def _docker(self, raw: bytes) -> bytes | None:
        try:
            fields = orjson.loads(raw)
            part, stream = fields["log"].encode(), str(fields.get("stream", "")).encode()
        except (orjson.JSONDecodeError, AttributeError, UnicodeEncodeError):
            return raw
        return self._joined(stream, part.removesuffix(b"\n"), is_end=part.endswith(b"\n"))

    def _joined(self, stream: bytes, part: bytes, *, is_end: bool) -> bytes | None:
        whole = self._parts.pop(stream, b"") + part
        if is_end or len(whole) > MAX_LINE_BYTES:
            return whole
        self._parts[stream] = whole
        return None
