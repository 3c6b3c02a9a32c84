"""Reading of a query string.

Only the parameters that the caller names are decoded: a query full of others costs a split. Where a parameter comes
twice, the last one counts, for the check, for the trace and for the provider alike; an endpoint with arrays
(`prenoms[]`, once for each value) has its query read by `read_all`, which the others do not pay for.
"""

from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote_plus, unquote_to_bytes

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
    ascii_alone = text.isascii()
    found: dict[str, list[str]] = {}
    for part in text.split("&"):
        name, _, value = part.partition("=")
        if name in wanted or ("%" in name and (name := _decode_name(name)) in wanted):
            if "%" in value or not ascii_alone:
                value = _decode(value)
            if name in found:
                found[name].append(value)
            else:
                found[name] = [value]
    return found


def encoded(parameters: Iterable[tuple[str, str]]) -> str:
    """A query string of these parameters, in their order, as `urllib.parse.urlencode` writes it.

    Names have to be those of the catalogue: they are remembered.
    """
    return "&".join(
        [
            # Most values need no encoding, and to find that out costs less than to encode them.
            f"{_encode_name(name)}={value if value.isalnum() and value.isascii() else quote_plus(value)}"
            for name, value in parameters
        ]
    )


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


_decode_name = lru_cache(256)(_decode)
_encode_name = lru_cache(256)(quote_plus)
