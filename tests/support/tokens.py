"""Tokens for tests, good and bad."""

import time
from typing import Any

import jwt

from apientreprise_gateway.providers.entreprise.product import PROVIDERS

SECRET = "a-secret-for-tests-that-is-long-enough-to-be-accepted"
JTI = "6f1d4f0e-27aa-4f0b-9a55-2d6a4c7d3b10"
UID = "0d3c1b52-8c34-4f39-9d0e-0d3b7a1a9c55"
ALL_SCOPES = sorted({scope for provider in PROVIDERS for endpoint in provider.endpoints for scope in endpoint.scopes})


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of an ordinary token; a change to None leaves a claim out."""
    now = int(time.time())
    usual: dict[str, Any] = {
        "uid": UID,
        "jti": JTI,
        "scopes": ALL_SCOPES,
        "sub": "tests",
        "iat": now - 10,
        "exp": now + 3600,
        "version": "1.0",
    }
    return {name: value for name, value in (usual | changes).items() if value is not None}


def token(*, secret: str = SECRET, **changes: Any) -> str:
    """A token with these claims."""
    return jwt.encode(claims(**changes), secret, algorithm="HS256")


def bearer(**changes: Any) -> dict[str, str]:
    """The header that carries such a token."""
    return {"Authorization": f"Bearer {token(**changes)}"}
