"""Secrets that the database keeps for a while, encrypted, and digests of what is only compared.

Both are made with `PORTAL_SECRET_KEYS`: the first of the ring is used, and what any other has sealed can be opened.
Keys are derived from the ring, one for each purpose: what was made for one is of no use for another.
"""

import base64
import hmac
from collections.abc import Sequence
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

from apientreprise_gateway.config.environment import SettingsError

_KEY_BYTES: Final = 32
_SEAL: Final = b"apientreprise-gateway portal seal 1"
_DIGEST: Final = b"apientreprise-gateway portal digest 1"


class SealError(Exception):
    """What was sealed cannot be opened: by no key of the ring, or it was changed."""


class Sealer:
    """Seals and opens with a ring of secrets."""

    def __init__(self, ring: Sequence[SecretStr]) -> None:
        """Derive the keys.

        Raises:
            SettingsError: the ring is empty.
        """
        if not ring:
            raise SettingsError("PORTAL_SECRET_KEYS: links and sessions are sealed with it. Set it.")
        secrets = [secret.get_secret_value().encode() for secret in ring]
        self._fernet = MultiFernet([Fernet(base64.urlsafe_b64encode(_derived(each, _SEAL))) for each in secrets])
        self._digest_key = _derived(secrets[0], _DIGEST)

    def seal(self, data: bytes) -> bytes:
        """Encrypt and authenticate."""
        return self._fernet.encrypt(data)

    def open(self, sealed: bytes) -> bytes:
        """What was sealed.

        Raises:
            SealError: no key of the ring has sealed it.
        """
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            raise SealError("no key of PORTAL_SECRET_KEYS opens what was sealed") from None

    def digest(self, kind: str, text: str) -> bytes:
        """A digest of 32 bytes that nobody without the ring can make; equal for equal text of one kind.

        It is made with the first secret alone: after a change of it, digests made before are not found again.
        """
        return hmac.digest(self._digest_key, f"{kind}\0{text}".encode(errors="surrogatepass"), "sha256")


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=purpose).derive(secret)
