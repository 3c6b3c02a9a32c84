"""Minting of tokens."""

from calendar import monthrange
from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

import jwt

from apientreprise_gateway.auth.keys import HMAC

LIFETIME_MONTHS: Final = 18
"""Longest lifetime of a token in months, and the default, as in the published API."""
CLAIMS_VERSION: Final = "1.0"


def default_expiry(issued_at: datetime) -> datetime:
    """The moment `LIFETIME_MONTHS` later: on the same day of the month, or on its last day if the month is shorter."""
    months = issued_at.month - 1 + LIFETIME_MONTHS
    year, month = issued_at.year + months // 12, months % 12 + 1
    return issued_at.replace(year=year, month=month, day=min(issued_at.day, monthrange(year, month)[1]))


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
    """Sign a token with these claims, whose values are not checked."""
    claims = {
        "uid": str(jti),
        "jti": str(jti),
        "scopes": list(scopes),
        "sub": subject,
        "iat": int(issued_at.timestamp()),
        "exp": int(expires_at.timestamp()),
        "version": CLAIMS_VERSION,
    }
    return jwt.encode(claims, secret, algorithm=HMAC)
