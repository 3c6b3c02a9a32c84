"""Our own key pair: FranceConnect encrypts its answers to the public key, which a page of the gateway shows."""

import json
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from apientreprise_gateway.auth.france_connect.faults import UnusableAnswerError

KID: Final = "api_particulier_rsa_oaep_jwks"
"""Name of the key, as published."""
_ALGORITHMS: Final = ("RSA-OAEP", "RSA-OAEP-256")
"""How the key of an answer may be encrypted to ours."""
_CONTENT_ALGORITHMS: Final = ("A256GCM", "A128GCM", "A256CBC-HS512", "A128CBC-HS256")
"""How an answer may be encrypted; compression is not among what is accepted."""
_BITS: Final = range(2048, 4096 + 1)
"""Bits that our key may have: to decrypt with a longer one would hold up other calls."""
_registry: Final = jwe.JWERegistry(algorithms=[*_ALGORITHMS, *_CONTENT_ALGORITHMS], strict_check_header=False)


class OwnKey:
    """Decrypts what is encrypted to our key."""

    def __init__(self, pem: bytes) -> None:
        """Read the private key.

        Raises:
            ValueError: it is no such key; the text shows nothing of it.
        """
        try:
            private = load_pem_private_key(pem, password=None)
        except TypeError:
            raise ValueError("the key is encrypted; store it without a password, for this user alone") from None
        except Exception:  # the library raises many kinds of exceptions
            raise ValueError("it holds no private key in PEM") from None
        if not isinstance(private, RSAPrivateKey):
            raise ValueError("the key is no RSA key")
        if private.key_size not in _BITS:
            raise ValueError(f"the key has {private.key_size} bits; give it from {_BITS[0]} to {_BITS[-1]}")
        self._key = RSAKey.import_key(private)
        public: dict[str, Any] = dict(self._key.as_dict(private=False))
        self.jwks: Final = json.dumps({"keys": [public | {"kid": KID, "use": "enc", "alg": _ALGORITHMS[0]}]}).encode()
        """The public key, as a JWKS."""

    def decrypt(self, text: bytes) -> bytes:
        """The content of a JWE in compact form.

        Raises:
            UnusableAnswerError: it is none, or not encrypted to our key with what is accepted.
        """
        try:
            return jwe.decrypt_compact(text, self._key, registry=_registry).plaintext or b""
        except JoseError as error:
            raise UnusableAnswerError(f"it cannot be decrypted ({error.error})") from None
        except Exception as error:  # the libraries may raise anything on bytes from outside
            raise UnusableAnswerError(f"it cannot be decrypted ({type(error).__name__})") from None
