"""The end of a token that somebody asks for: revoked, replaced at once where it can be, its people told by mail."""

from datetime import datetime

from sqlalchemy import Connection

from apientreprise_gateway.accounts import mails
from apientreprise_gateway.accounts.model import Habilitation, Token
from apientreprise_gateway.accounts.tokens import TokenRefusalError, replace, replaceable, revoke


def end(
    connection: Connection,
    habilitation: Habilitation,
    jti: str,
    *,
    now: datetime,
    at: datetime | None = None,
    by: str | None,
    reason: str,
    replaced: bool,
) -> Token | None:
    """Revoke a token of a habilitation, and make the one that replaces it; returns that.

    Args:
        connection: a transaction that writes.
        habilitation: the token's.
        jti: the token's.
        now: the present.
        at: from when it is refused; by default now.
        by: the user who acted; None for the system.
        reason: why, for its people, who are told by mail.
        replaced: whether another one, with the same end, is made.

    Raises:
        TokenRefusalError: it is revoked from then on already, has expired by then, or cannot be replaced.
    """
    if replaced:
        replaceable(connection, habilitation, jti, now=now)  # before anything is written
    if not revoke(connection, jti, now=now, at=at, by=by, reason=reason):
        raise TokenRefusalError("Ce jeton est déjà révoqué.")
    made = replace(connection, habilitation, jti, now=now, by=by) if replaced else None
    mails.token_revoked(
        connection,
        habilitation,
        jti=jti,
        at=at or now,
        now=now,
        comment=reason,
        replacement=None if made is None else made.id,
    )
    return made
