"""Secret keys of 32 bytes, as settings write them: 64 hexadecimal digits, or base64.

No error repeats what was given: it may be a key but for one character.
"""

import re
from base64 import urlsafe_b64decode
from typing import Final

KEY_BYTES: Final = 32
MOST_KEYS: Final = 16
"""Keys of a ring."""
_HEXADECIMAL: Final = re.compile(rf"[0-9A-Fa-f]{{{2 * KEY_BYTES}}}")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]{43}=?|[A-Za-z0-9_-]{43}=?")
_FORMS: Final = f"{2 * KEY_BYTES} hexadecimal digits, or {KEY_BYTES} bytes in base64"


def parse_key(text: str) -> bytes:
    """The key that a text stands for; blanks around it do not count.

    Raises:
        ValueError: it is no key; the message does not show it.
    """
    return _parse(text, "the key")


def parse_keys(text: str) -> tuple[bytes, ...]:
    """The keys of a ring, separated by commas, each once.

    Raises:
        ValueError: one of them is no key, or there are none or too many; the message says which one, and shows none.
    """
    parts = text.split(",")
    if len(parts) > MOST_KEYS:
        raise ValueError(f"there are more than {MOST_KEYS} keys")
    keys = (_parse(part, f"key {place}") for place, part in enumerate(parts, 1))
    return tuple(dict.fromkeys(keys))


def _parse(text: str, name: str) -> bytes:
    text = text.strip()
    if not text:
        raise ValueError(f"{name} is empty: write {_FORMS}")
    if _HEXADECIMAL.fullmatch(text):
        return bytes.fromhex(text)
    if not _BASE64.fullmatch(text):
        raise ValueError(f"{name} has {len(text)} characters that are no key: write {_FORMS}")
    return urlsafe_b64decode(text.rstrip("=").replace("+", "-").replace("/", "_") + "=")
