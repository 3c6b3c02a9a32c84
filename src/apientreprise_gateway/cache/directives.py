"""The `Cache-Control` of a request: what the caller asks of the cache."""

from collections.abc import Iterable
from typing import NamedTuple


class CacheControl(NamedTuple):
    """The directives of a caller that the cache follows."""

    fresh: bool = False
    """Whether the answer must come from the provider."""
    unkept: bool = False
    """Whether the answer must not be kept."""


NOTHING = CacheControl()


def wish(headers: Iterable[tuple[bytes, bytes]]) -> CacheControl:
    """Read the directives in the headers of a request; unknown ones are ignored.

    `max-age=0` is what browsers and libraries send for `no-cache`.
    """
    found = NOTHING
    for name, value in headers:
        if name == b"cache-control":
            directives = {directive.strip() for directive in value.lower().split(b",")}
            unkept = b"no-store" in directives
            fresh = unkept or b"no-cache" in directives or b"max-age=0" in directives
            found = CacheControl(found.fresh or fresh, found.unkept or unkept)
    return found
