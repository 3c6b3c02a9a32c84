"""Reading of a query string.

Only the parameters that the caller names are decoded: a query full of others costs a split. Where a parameter comes
twice, the last one counts, for the check, for the trace and for the provider alike; an endpoint with arrays
(`prenoms[]`, once for each value) has its query read by `read_all`, which the others do not pay for.
"""

from urllib.parse import unquote_to_bytes

UNDECODABLE = "\ufffd"
"""Stands for a value that is not UTF-8; no rule accepts it but that of a parameter which may be any text."""


def read(query: bytes, wanted: frozenset[str]) -> dict[str, str]:
    """The wanted parameters of a query string, decoded; a missing one is absent."""
    text = query.decode("latin-1").replace("+", " ")
    plain = _is_plain(text)
    found: dict[str, str] = {}
    for part in text.split("&"):
        name, _, value = part.partition("=")
        if name in wanted or ("%" in name and (name := _decode(name)) in wanted):
            found[name] = value if plain else _decode(value)
    return found


def read_all(query: bytes, wanted: frozenset[str]) -> dict[str, list[str]]:
    """The wanted parameters of a query string, each with all of its values, decoded, in their order.

    The name of an array ends with its brackets, which may be percent-encoded: `prenoms[]`, `prenoms%5B%5D`.
    """
    text = query.decode("latin-1").replace("+", " ")
    plain = _is_plain(text)
    found: dict[str, list[str]] = {}
    for part in text.split("&"):
        name, _, value = part.partition("=")
        if name in wanted or ("%" in name and (name := _decode(name)) in wanted):
            found.setdefault(name, []).append(value if plain else _decode(value))
    return found


def _is_plain(text: str) -> bool:
    """Whether a text, and thus each part of it, needs no decoding."""
    return "%" not in text and text.isascii()


def _decode(text: str) -> str:
    if _is_plain(text):
        return text
    try:
        return unquote_to_bytes(text.encode("latin-1")).decode()
    except UnicodeDecodeError:
        return UNDECODABLE
