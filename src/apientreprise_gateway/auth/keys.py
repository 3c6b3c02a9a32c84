"""The keys that may sign tokens.

Algorithms are pinned by configuration: secrets serve HS256 alone, a key of a JWKS serves the one algorithm that it
names or that its type implies. The token's own header only chooses among them.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

from jwt import InvalidKeyError, PyJWK
from jwt.exceptions import PyJWKError

HMAC: Final = "HS256"
PUBLIC: Final = frozenset({"RS256", "ES256", "EdDSA"})
"""Algorithms that a key of a JWKS may serve."""
MIN_RSA_BITS: Final = 2048
"""RFC 7518, section 3.3."""
MIN_SECRET_BYTES: Final = 32
"""RFC 7518, section 3.2: an HS256 key is at least as long as the hash."""


class Key(NamedTuple):
    """A key, with the only algorithm that it serves."""

    algorithm: str
    kid: str | None
    material: Any
    """What PyJWT verifies with: bytes of a secret, or a public key."""


class KeyRing:
    """The keys in force."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._keys = tuple(keys)

    def candidates(self, algorithm: object, kid: object) -> list[Key]:
        """The keys that a token may have been signed with, by its (untrusted) header.

        A `kid` that names a key singles it out; an unknown one is ignored for secrets, which have none.
        """
        fitting = [key for key in self._keys if key.algorithm == algorithm]
        named = [key for key in fitting if key.kid is not None and key.kid == kid]
        return named or [key for key in fitting if key.kid is None or kid is None]


def secret_keys(secrets: Iterable[str]) -> list[Key]:
    """The keys that shared secrets are.

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
        ValueError: the file cannot be read as such, or holds a key that cannot serve. The message shows no key: the
            libraries' own texts may, and are not quoted.
    """
    try:
        entries = json.loads(path.read_bytes())["keys"]
    except (OSError, TypeError, KeyError, ValueError):
        entries = None
    if not isinstance(entries, list) or not entries:
        raise ValueError(f"{path} is not a readable JWKS file with at least one key")
    return [_public_key(path, place, entry) for place, entry in enumerate(entries, start=1)]


def _public_key(path: Path, place: int, entry: Any) -> Key:
    if not isinstance(entry, dict):
        raise ValueError(f"key {place} of the JWKS {path} is no JSON object")
    if "d" in entry or "k" in entry:
        raise ValueError(
            f"key {place} of the JWKS {path} is a private key or a secret; the gateway needs public keys alone"
        )
    if entry.get("use", "sig") != "sig":
        raise ValueError(f"key {place} of the JWKS {path} is not for signatures (its `use` must be `sig` or absent)")
    try:
        key = PyJWK(entry)
    except (PyJWKError, InvalidKeyError, NotImplementedError, ValueError, TypeError, AttributeError):
        key = None
    if key is None or key.algorithm_name not in PUBLIC:
        raise ValueError(f"key {place} of the JWKS {path} cannot be used; {', '.join(sorted(PUBLIC))} are accepted")
    if getattr(key.key, "key_size", MIN_RSA_BITS) < MIN_RSA_BITS and key.algorithm_name == "RS256":
        raise ValueError(f"key {place} of the JWKS {path} is too short; RSA needs {MIN_RSA_BITS} bits or more")
    return Key(key.algorithm_name, key.key_id, key.key)
