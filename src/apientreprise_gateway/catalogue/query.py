"""Reading of a query string.

Only the parameters that the caller names are decoded: a query full of others costs a split. Where a parameter comes
twice, the last one counts, for the check, for the trace and for the provider alike.
"""

from urllib.parse import unquote_to_bytes

UNDECODABLE = "\ufffd"
"""Stands for a value that is not UTF-8; no rule accepts it."""


def read(query: bytes, wanted: frozenset[str]) -> dict[str, str]:
    """The wanted parameters of a query string, decoded; a missing one is absent."""
    found: dict[str, str] = {}
    for part in query.decode("latin-1").split("&"):
        name, _, value = part.partition("=")
        if name not in wanted and ("%" not in name or (name := _decode(name)) not in wanted):
            continue
        found[name] = _decode(value)
    return found


def _decode(text: str) -> str:
    if "+" in text:
        text = text.replace("+", " ")
    if "%" not in text and text.isascii():
        return text
    try:
        return unquote_to_bytes(text.encode("latin-1")).decode()
    except UnicodeDecodeError:
        return UNDECODABLE
