"""Minting of tokens."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

import jwt

from apientreprise_gateway.auth.keys import HMAC
from apientreprise_gateway.contract.token_life import LIFETIME_MONTHS, default_expiry

CLAIMS_VERSION: Final = "1.0"


def issue(
    *, secret: str, scopes: Iterable[str], subject: str, issued_at: datetime, expires_at: datetime | None = None
) -> str:
    """Mint a token.

    Args:
        secret: signs the token; the first of `GATEWAY_JWT_SECRETS`.
        scopes: names of the scopes that it grants.
        subject: who it is for, as operators will read it.
        issued_at: the current time.
        expires_at: when it expires; eighteen months later by default.

    Raises:
        ValueError: it would have expired already, or would last longer than eighteen months.
    """
    latest = default_expiry(issued_at)
    end = latest if expires_at is None else expires_at
    if not issued_at < end <= latest:
        raise ValueError(f"a token must expire between now and {latest.date()}, {LIFETIME_MONTHS} months ahead")
    return encode(secret=secret, jti=uuid4(), scopes=scopes, subject=subject, issued_at=issued_at, expires_at=end)


def encode(
    *, secret: str, jti: UUID, scopes: Iterable[str], subject: str, issued_at: datetime, expires_at: datetime
) -> str:
    """Sign a token with these claims, whose values are not checked; the same ones give the same text."""
    claims = {
        "uid": str(jti),
        "jti": str(jti),
        "scopes": list(scopes),
        "sub": subject,
        "extra_info": {},
        "iat": int(issued_at.timestamp()),
        "version": CLAIMS_VERSION,
        "exp": int(expires_at.timestamp()),
    }
    return jwt.encode(claims, secret, algorithm=HMAC)
