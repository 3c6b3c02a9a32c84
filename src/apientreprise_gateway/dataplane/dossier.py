"""The body of a dossier: what each part answered, in one document."""

from typing import Any, Final, NamedTuple

import orjson

from apientreprise_gateway.dataplane.call import Call
from apientreprise_gateway.net.asgi import Header

_SHOWN: Final = {
    name.lower().encode(): name
    for name in (
        "RateLimit-Limit",
        "RateLimit-Remaining",
        "RateLimit-Reset",
        "Retry-After",
        "X-Response-Cached",
        "X-Cache-Expires-in",
        "X-Cache-Stale",
    )
}
"""The headers of a part that its reader needs; the others are the same for the whole answer."""
MAX_PART_BYTES: Final = 1024 * 1024
"""Longest body of a part."""

_OF_BODIES: Final = ("data", "links", "meta", "errors")
"""What a part shows of a body: nothing in it can take the place of what we say of it."""


class Part(NamedTuple):
    """The answer to one part."""

    name: str
    call: Call
    status: int
    body: bytes
    headers: list[Header]


def render(siret: str, parts: list[Part]) -> bytes:
    """The document of a dossier, in the form of v3."""
    return orjson.dumps(
        {
            "data": {part.name: _part(part) for part in parts},
            "links": {},
            "meta": {
                "siret": siret,
                "ressources": len(parts),
                "ressources_obtenues": sum(part.status == 200 for part in parts),
            },
        }
    )


def fits(body: bytes) -> bool:
    """Whether a body can be written into a dossier: orjson reads four times as many levels as it writes.

    One that is very long does not fit either: all parts are parsed again at the end, in one go.
    """
    if len(body) > MAX_PART_BYTES:
        return False
    try:
        orjson.dumps(orjson.loads(body))
    except TypeError:
        return False
    return True


def _part(part: Part) -> dict[str, Any]:
    """Status, headers, then what the body of the call that it replaces has: data, links and meta, or errors."""
    headers = {_SHOWN[name]: value.decode("latin-1") for name, value in part.headers if name in _SHOWN}
    body = orjson.loads(part.body)
    return {"status": part.status, "headers": headers, **{name: body[name] for name in _OF_BODIES if name in body}}
