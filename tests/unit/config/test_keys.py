"""Secret keys as settings write them."""

from base64 import b64encode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apientreprise_gateway.config.keys import MOST_KEYS, parse_key, parse_keys

keys = st.binary(min_size=32, max_size=32)


def spellings(key: bytes) -> list[str]:
    """How a key may be written."""
    base64, url_safe = b64encode(key).decode(), urlsafe_b64encode(key).decode()
    return [key.hex(), key.hex().upper(), base64, base64.rstrip("="), url_safe, url_safe.rstrip("="), f" {base64}\n"]


@given(keys)
def test_all_spellings_are_one_key(key: bytes) -> None:
    """Hexadecimal in either case and base64 in either alphabet, padded or not, are the same key."""
    assert {parse_key(text) for text in spellings(key)} == {key}


@given(st.lists(keys, min_size=1, max_size=4, unique=True))
def test_a_ring_keeps_its_order(ring: list[bytes]) -> None:
    """The keys of a ring come in their order, and each once."""
    assert parse_keys(", ".join(key.hex() for key in [*ring, ring[0]])) == tuple(ring)


@pytest.mark.parametrize(
    "text",
    ["", " ", "0" * 63, "0" * 65, "g" * 64, "A" * 42, "A" * 45, "A" * 42 + "é", "A" * 42 + "==", "A+_" * 14 + "A"],
)
def test_what_is_no_key_is_refused_without_being_shown(text: str) -> None:
    """What has another length or alphabet is refused, by a message that says what to write and shows nothing."""
    with pytest.raises(ValueError, match="64 hexadecimal digits, or 32 bytes in base64") as refused:
        parse_key(text)
    assert not text.strip() or text.strip() not in str(refused.value)
    assert refused.value.__cause__ is None


def test_the_message_names_the_place_in_a_ring() -> None:
    """Of several keys, the message says which is wrong."""
    with pytest.raises(ValueError, match="key 2 "):
        parse_keys(f"{'0' * 64},secret")
    with pytest.raises(ValueError, match="key 2 is empty"):
        parse_keys(f"{'0' * 64},")
    with pytest.raises(ValueError, match=f"more than {MOST_KEYS}"):
        parse_keys(",".join(["0" * 64] * (MOST_KEYS + 1)))
