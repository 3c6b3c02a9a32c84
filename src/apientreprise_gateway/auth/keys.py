"""The keys that may sign tokens.

Each key serves one algorithm: secrets serve HS256 alone, a key of a JWKS the algorithm that it names or that its type
implies. The token's own header only chooses among these keys.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from jwt import PyJWK

HMAC: Final = "HS256"
PUBLIC: Final = frozenset({"RS256", "ES256", "EdDSA"})
"""Algorithms that a key of a JWKS may serve."""
MIN_RSA_BITS: Final = 2048
"""Bits of the shortest RSA key that is accepted (RFC 7518, section 3.3)."""
MAX_RSA_BITS: Final = 16_384
"""Bits of the longest RSA key, the most that OpenSSL takes; a longer one would slow every call that names it."""
MAX_KID_LENGTH: Final = 256
_NUMBERS: Final = ("n", "e", "x", "y", "crv", "alg", "kty")
_LONGEST_NUMBER: Final = MAX_RSA_BITS // 6 + 8
"""Base64 characters of the longest parameter of a key."""
MAX_KEYS: Final = 64
"""Keys of one set; a token that names none of them is tried against all."""
MIN_SECRET_BYTES: Final = 32
"""Bytes of the shortest secret: an HS256 key is at least as long as the hash (RFC 7518, section 3.2)."""


class Key(NamedTuple):
    """A key that verifies tokens, with the one algorithm that it serves."""

    algorithm: str
    kid: str | None
    material: Any
    """The bytes of a secret, or a public key, as PyJWT takes it."""


class KeyRing:
    """The keys in force."""

    def __init__(self, keys: Iterable[Key], *, known: bool = True, renewable: bool = False) -> None:
        """Keep the keys.

        Args:
            keys: in the order in which they are tried.
            known: False while public keys are configured but could not be fetched yet.
            renewable: whether the issuer may publish newer public keys than these.
        """
        self._keys = tuple(keys)
        self.known = known
        self._renewable = renewable

    def holds(self, other: "KeyRing") -> bool:
        """Whether this ring has every key of another ring."""
        return all(key in self._keys for key in other._keys)

    def may_lack(self, algorithm: object, kid: object) -> bool:
        """Whether a token that no key has verified may be signed with a newer public key, not fetched yet."""
        if not self._renewable or algorithm not in PUBLIC:
            return False
        return kid is None or all(key.kid != kid for key in self._keys)

    def candidates(self, algorithm: object, kid: object) -> list[Key]:
        """The keys to try for a token, by the algorithm and `kid` in its (untrusted) header.

        Those with that `kid`, if there are any; else those without one, such as secrets; all if the token has no `kid`.
        """
        fitting = [key for key in self._keys if key.algorithm == algorithm]
        named = [key for key in fitting if key.kid is not None and key.kid == kid]
        return named or [key for key in fitting if key.kid is None or kid is None]


def secret_keys(secrets: Iterable[str]) -> list[Key]:
    """HS256 keys made of shared secrets.

    Raises:
        ValueError: a secret is too short to be safe; the message does not show it.
    """
    keys = [Key(HMAC, None, secret.encode()) for secret in secrets]
    if any(len(key.material) < MIN_SECRET_BYTES for key in keys):
        raise ValueError(f"each secret must have at least {MIN_SECRET_BYTES} bytes")
    return keys


def jwks_keys(path: Path) -> list[Key]:
    """The public keys of a JWKS file (RFC 7517).

    Raises:
        ValueError: the file cannot be read, or as `read_jwks`.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} is no JWKS file that can be read ({error.strerror})") from error
    return read_jwks(content, str(path)).keys


class KeySetContent(NamedTuple):
    """The content of a JWKS."""

    keys: list[Key]
    left_out: list[str]
    """Why each unusable entry was left out, a sentence each; no sentence shows a key."""


def read_jwks(content: bytes, origin: str) -> KeySetContent:
    """The public keys in the text of a JWKS (RFC 7517); `origin` names it in messages.

    Unusable entries are left out, whatever their shape: issuers also publish encryption keys and keys of other
    algorithms, and one broken entry must not make the others unusable.

    Raises:
        ValueError: it is no JWKS, holds a private key or a secret, or has no usable key. The message shows no key, and
            does not quote the libraries, whose messages may show one.
    """
    keys, left_out = [], []
    for entry, where in _entries(content, origin):
        try:
            keys.append(_public_key(entry, where))
        except _UnfitKeyError as error:
            left_out.append(str(error))
    if not keys:
        raise ValueError(f"{origin} is a JWKS without a key that can serve ({left_out[0]})")
    return KeySetContent(keys, left_out)


_ACCEPTED: Final = ", ".join(sorted(PUBLIC))


class _UnfitKeyError(ValueError):
    """An entry of a key set cannot be used to verify tokens; the text says why."""


def _entries(content: bytes, origin: str) -> list[tuple[Any, str]]:
    """The entries of a key set, each with the name that messages give it."""
    try:
        entries = json.loads(content)["keys"]
    except (TypeError, KeyError, ValueError, RecursionError):
        entries = None
    if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_KEYS:
        raise ValueError(f"{origin} is no JWKS with 1 to {MAX_KEYS} keys")
    return [(entry, f"key {place} of the JWKS {origin}") for place, entry in enumerate(entries, start=1)]


def _public_key(entry: Any, where: str) -> Key:
    if not isinstance(entry, dict):
        raise _UnfitKeyError(f"{where} is no JSON object")
    if "d" in entry or "k" in entry:
        raise ValueError(f"{where} is a private key or a secret; the gateway needs public keys alone")
    if entry.get("use", "sig") != "sig":
        raise _UnfitKeyError(f"{where} is not for signatures (its `use` must be `sig` or absent)")
    kid = entry.get("kid")
    if kid is not None and not (isinstance(kid, str) and len(kid) <= MAX_KID_LENGTH):
        raise _UnfitKeyError(f"{where} has a `kid` that is no text of at most {MAX_KID_LENGTH} characters")
    if any(isinstance(value, str) and len(value) > _LONGEST_NUMBER for value in map(entry.get, _NUMBERS)):
        raise _UnfitKeyError(f"{where} is too long; keys have {MAX_RSA_BITS} bits or fewer")
    key = _material(entry)
    if key is None or key.algorithm_name not in PUBLIC or not _fits(key):
        raise _UnfitKeyError(f"{where} cannot be used; {_ACCEPTED} are accepted")
    if getattr(key.key, "key_size", MIN_RSA_BITS) < MIN_RSA_BITS and key.algorithm_name == "RS256":
        raise _UnfitKeyError(f"{where} is too short; RSA needs {MIN_RSA_BITS} bits or more")
    return Key(key.algorithm_name, kid, key.key)


def _material(entry: dict[str, Any]) -> PyJWK | None:
    """A key as PyJWT reads it; None if it cannot."""
    try:
        return PyJWK(entry)
    except Exception:  # PyJWT and OpenSSL raise many kinds of exceptions, depending on how the entry is malformed
        return None


def _fits(key: PyJWK) -> bool:
    """Whether a key is on the curve that its algorithm requires; PyJWT may accept other curves."""
    return key.algorithm_name != "ES256" or isinstance(key.key.curve, SECP256R1)
