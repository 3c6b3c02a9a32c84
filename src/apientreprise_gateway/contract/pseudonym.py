"""The digest by which logs name a person: the same wherever the same identity is given, and nothing without the key.

It is made of birth name, first names in their order and date of birth, as they were given, and of nothing else; a call
by a number (INE, allowance number, identifier) gives the digest of that number, with its kind. Whoever holds the key
and knows an identity can find its digest in a journal; nobody can go the other way.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from apientreprise_gateway.contract.person.identity import Identity

_BLOCK_BYTES: Final = 64
"""Of SHA-256; keys are not longer."""
_INNER: Final = 0x36
_OUTER: Final = 0x5C
_PURPOSE: Final = "apientreprise-gateway person"
"""What the key is used for here: no other use of it has the same messages."""


def frame(*items: str) -> str:
    """Texts as one that no other texts give: each after the number of its characters."""
    return "".join([f"{len(item)}:{item}" for item in items])


_INE: Final = frame(_PURPOSE, "ine")
_ALLOWANCE_NUMBER: Final = frame(_PURPOSE, "numeroAllocataire")
_IDENTIFIER: Final = frame(_PURPOSE, "identifiant")
_CIVIL_STATUS: Final = frame(_PURPOSE, "civil_status")


def basis(identity: Identity) -> str:
    """What the digest of an identity is made of; empty if it names nobody.

    A number counts before a civil status: an operation that is given a number asks by it.
    """
    if identity.ine:
        return student(identity.ine)
    if identity.allowance_number:
        return _ALLOWANCE_NUMBER + frame(identity.allowance_number)
    if identity.identifier:
        return _IDENTIFIER + frame(identity.identifier)
    if not identity.birth_name and not identity.first_names:
        return ""
    birth = f"{identity.birth_year or ''}-{identity.birth_month or ''}-{identity.birth_day or ''}"
    return civil_status(identity.birth_name, identity.first_names, birth)


def student(ine: str) -> str:
    """As `basis`, of the number of a student."""
    return _INE + frame(ine)


def civil_status(name: str, first_names: Sequence[str], birth: str) -> str:
    """As `basis`; `birth` is year, month and day with hyphens between them."""
    # As `frame` does, for every call about a person.
    names = "".join([f"{len(each)}:{each}" for each in first_names])
    return f"{_CIVIL_STATUS}{len(name)}:{name}{len(birth)}:{birth}{names}"


class Pseudonyms:
    """Gives persons their digests, under one key."""

    def __init__(self, key: bytes) -> None:
        """Take the key: 32 bytes, see `config.keys.parse_key`."""
        # The two hashes of an HMAC, once they have taken in the key: to copy these takes half of what `hmac` takes, and
        # every call about a person has a digest.
        block = key.ljust(_BLOCK_BYTES, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ _INNER for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ _OUTER for byte in block))

    def of(self, identity: Identity) -> str | None:
        """The digest of an identity, in 64 hexadecimal digits; None if it names nobody."""
        text = basis(identity)
        return self.digest(text) if text else None

    def digest(self, text: str) -> str:
        """As `of`, from the basis of the digest."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text.encode("utf-8", "surrogatepass"))
        outer.update(inner.digest())
        return outer.hexdigest()
