"""The string of a token, signed when somebody may see it; it is kept nowhere.

A token is signed with the first of `PORTAL_JWT_SECRETS`, the gateway's ring, over the same claims in the same order:
whoever sees it twice sees the same text, until the ring changes.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from pydantic import SecretStr

from apientreprise_gateway.accounts.model import Token
from apientreprise_gateway.auth.issue import encode


class SigningUnavailableError(Exception):
    """`PORTAL_JWT_SECRETS` is not set."""


def string_of(token: Token, secrets: Sequence[SecretStr]) -> str:
    """The string of a token, to be shown and not kept.

    Raises:
        SigningUnavailableError: there is no secret.
    """
    if not secrets:
        raise SigningUnavailableError("PORTAL_JWT_SECRETS is not set: tokens cannot be shown")
    return encode(
        secret=secrets[0].get_secret_value(),
        jti=UUID(token.id),
        scopes=token.scopes,
        subject=token.subject,
        issued_at=datetime.fromtimestamp(token.iat, UTC),
        expires_at=token.ends_at,
    )
