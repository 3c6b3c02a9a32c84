"""What a client prefers, by the weights of its `Accept` and `Accept-Encoding` (RFC 9110, section 12.4.2)."""

import re
from typing import Final

_WEIGHT: Final = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")
_IDENTITY: Final = "identity"
_BARELY: Final = 0.0001
"""Weight of `identity` where the header does not name it: any coding that it names is preferred."""


def weights(header: str) -> dict[str, float]:
    """The weight of each value that a header names, in lower case; one without a readable weight does not count."""
    found = {}
    for element in header.lower().split(","):
        name, *parameters = (part.strip() for part in element.split(";"))
        weight = next((value.strip() for key, _, value in map(_pair, parameters) if key.strip() == "q"), "1")
        if name and _WEIGHT.fullmatch(weight):
            found[name] = float(weight)
    return found


def _pair(parameter: str) -> tuple[str, str, str]:
    return parameter.partition("=")


def encoding(header: str | None, offered: tuple[str, ...]) -> str | None:
    """The coding to answer with.

    Args:
        header: `Accept-Encoding`; None if there was none.
        offered: the codings available besides `identity`, the best first.

    Returns:
        One of them, or `identity`; None if the client takes neither.
    """
    if header is None:
        return _IDENTITY
    given = weights(header)
    if "x-gzip" in given:
        given.setdefault("gzip", given["x-gzip"])
    rest = given.get("*")
    wanted = {name: given.get(name, rest or 0) for name in offered}
    wanted[_IDENTITY] = given.get(_IDENTITY, _BARELY if rest is None else rest)
    best = max(wanted, key=lambda name: wanted[name])  # the first of equal weights, which is the best
    return best if wanted[best] else None


def accepts(header: str, media_type: str) -> bool:
    """Whether `Accept` names a media type itself."""
    return weights(header).get(media_type, 0) > 0
