"""FranceConnect, as tests play it: what it says of access tokens, signed by its key and encrypted to ours."""

import asyncio
import json
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwe
from joserfc.jwk import RSAKey

from support.issuer import Issuer
from support.stub import Handler

CLIENT = ("the-gateway", "the-secret-of-the-gateway")
KID = "signs"
IDENTITY: dict[str, Any] = {
    "family_name": "MARTIN",
    "given_name": "Claire Marie",
    "given_name_array": ["Claire", "Marie"],
    "gender": "female",
    "birthdate": "1991-04-23",
    "birthplace": "35238",
    "birthcountry": "99100",
    "preferred_username": "DURAND",
}
"""The pivot identity of an ordinary person."""


@cache
def rsa_key(name: str = "ours", bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key, made once for each name."""
    del name
    return rsa.generate_private_key(65537, bits)


def pem_of(key: Any) -> bytes:
    """A private key as a file holds it."""
    pem: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem


issuer = Issuer()
"""Has the keys that sign answers, by `kid`."""


def settings_in(folder: Path, *, url: str, **changes: str) -> dict[str, str]:
    """The settings of a gateway that asks at an address; the files of keys are put in a folder."""
    key, jwks = folder / "key.pem", folder / "jwks.json"
    key.write_bytes(pem_of(rsa_key()))
    jwks.write_bytes(issuer.published(KID))
    return {
        "france_connect_url": url,
        "france_connect_client_id": CLIENT[0],
        "france_connect_client_secret": CLIENT[1],
        "france_connect_key": str(key),
        "france_connect_jwks": str(jwks),
        **changes,
    }


def said(**changes: Any) -> dict[str, Any]:
    """What FranceConnect says of a token that is in force; a change to None leaves a claim out."""
    now = int(time.time())
    usual: dict[str, Any] = {
        "active": True,
        "aud": "the-service",
        "sub": "subject-of-claire-v1",
        "iat": now,
        "exp": now + 3600,
        "scope": "openid identite_pivot cnaf_quotient_familial cnous_statut_boursier cnous_identite",
        **IDENTITY,
    }
    return {name: value for name, value in (usual | changes).items() if value is not None}


def signed(content: object, *, kid: str = KID, algorithm: str = "ES256", key: Any = None) -> str:
    """A content as FranceConnect signs it."""
    body = json.dumps(content).encode()
    headers = {"kid": kid, "typ": "token-introspection+jwt"}
    signing: Any = None if algorithm == "none" else key or issuer.key(kid)
    return jwt.PyJWS().encode(body, signing, algorithm=algorithm, headers=headers)


def encrypted(text: str | bytes, *, key: Any = None, alg: str = "RSA-OAEP", enc: str = "A256GCM", **more: Any) -> bytes:
    """A text as FranceConnect encrypts it to a key, ours by default."""
    algorithms = [alg, enc, *([more["zip"]] if "zip" in more else [])]
    public = RSAKey.import_key((key or rsa_key()).public_key())
    header = {"alg": alg, "enc": enc, "cty": "JWT", **more}
    registry = jwe.JWERegistry(algorithms=algorithms, strict_check_header=False)
    return jwe.encrypt_compact(header, text, public, registry=registry).encode()


def introspection(**changes: Any) -> bytes:
    """The whole answer about a token that is in force, with changes to what it says."""
    outer = {"iss": "https://france-connect.test/api/v2", "aud": CLIENT[0], "iat": int(time.time())}
    return encrypted(signed({**outer, "token_introspection": said(**changes)}))


def introspecting(answer_to: Callable[[str], bytes]) -> Handler:
    """A handler for a stub that plays FranceConnect; `answer_to` makes the raw answer to a token."""

    async def handler(_target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # What follows the head is the form, whose last field ends it.
        form = await reader.readuntil(b"token=")
        token = await reader.read(64 * 1024)
        writer.write(answer_to(parse_qs((form + token).decode())["token"][0]))

    return handler
