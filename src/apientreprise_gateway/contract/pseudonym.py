"""The digest by which logs name a person: the same wherever the same identity is given, and nothing without the key.

It is made of birth name, first names in their order and date of birth, as they were given, and of nothing else; a call
by a number (INE, allowance number, identifier) gives the digest of that number, with its kind. Whoever holds the key
and knows an identity can find its digest in a journal; nobody can go the other way.
"""

import hmac
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from apientreprise_gateway.contract.person.identity import Identity

_PURPOSE: Final = b"apientreprise-gateway person"
"""What the key is used for here: no other use of it has the same messages."""


class IdentityKind(StrEnum):
    """What a digest is made of."""

    CIVIL_STATUS = "civil_status"
    INE = "ine"
    ALLOWANCE_NUMBER = "numeroAllocataire"
    IDENTIFIER = "identifiant"


def frame(*items: str) -> bytes:
    """Texts as bytes that no other texts have: each after its length in bytes."""
    encoded = (item.encode("utf-8", "surrogatepass") for item in items)
    return b"".join(len(each).to_bytes(4, "big") + each for each in encoded)


def basis(identity: Identity) -> bytes | None:
    """What the digest of an identity is made of; None if it names nobody.

    A number counts before a civil status: an operation that is given a number asks by it.
    """
    numbers = (
        (IdentityKind.INE, identity.ine),
        (IdentityKind.ALLOWANCE_NUMBER, identity.allowance_number),
        (IdentityKind.IDENTIFIER, identity.identifier),
    )
    for kind, number in numbers:
        if number:
            return frame(kind, number)
    if not identity.birth_name and not identity.first_names:
        return None
    return frame(IdentityKind.CIVIL_STATUS, identity.birth_name, *_birth_date(identity), *identity.first_names)


def _birth_date(identity: Identity) -> Iterator[str]:
    for part in (identity.birth_year, identity.birth_month, identity.birth_day):
        yield "" if part is None else str(part)


class Pseudonyms:
    """Gives persons their digests, under one key."""

    def __init__(self, key: bytes) -> None:
        """Take the key: 32 bytes, see `config.keys.parse_key`."""
        self._key = key

    def of(self, identity: Identity) -> str | None:
        """The digest of an identity, in 64 hexadecimal digits; None if it names nobody."""
        text = basis(identity)
        return None if text is None else hmac.digest(self._key, frame_with(_PURPOSE, text), "sha256").hex()


def frame_with(purpose: bytes, text: bytes) -> bytes:
    """A message for a key that serves several purposes: those of one purpose are never those of another."""
    return len(purpose).to_bytes(4, "big") + purpose + text
