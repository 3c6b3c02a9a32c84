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
    """The public keys of a JWKS file (RFC 7517); keys of other uses or types are refused.

    Raises:
        ValueError: the file cannot be read as such.
    """
    try:
        entries = json.loads(path.read_bytes())["keys"]
        return [_public_key(entry) for entry in entries]
    except (OSError, TypeError, KeyError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is not a readable JWKS file ({error})") from error


def _public_key(entry: dict[str, Any]) -> Key:
    try:
        key = PyJWK(entry)
    except (PyJWKError, InvalidKeyError) as error:
        raise ValueError(f"the JWKS holds a key that cannot be used ({error})") from error
    if key.algorithm_name not in PUBLIC:
        raise ValueError(
            f"the JWKS holds a key for {key.algorithm_name}; only {', '.join(sorted(PUBLIC))} are accepted"
        )
    if "d" in entry:
        raise ValueError("the JWKS holds a private key; the gateway needs the public one alone")
    return Key(key.algorithm_name, key.key_id, key.key)
