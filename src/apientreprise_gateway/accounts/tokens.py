"""What is done with tokens: made, replaced, narrowed, revoked, shown.

Every change that gateways must know of is queued for Redis in the transaction of the act (`publications.py`), and every
act is a row of the activity log. A revocation stands: one that is in force is never lifted or moved to a later date,
and one that is still to come may only be brought forward. Whoever lost a token to it is given another one.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from sqlalchemy import Connection, insert, select, update

from apientreprise_gateway.accounts import repository
from apientreprise_gateway.accounts.activity import record
from apientreprise_gateway.accounts.model import Habilitation, HabilitationState, Token
from apientreprise_gateway.accounts.publications import publish_later
from apientreprise_gateway.contract.token_life import LIFETIME_MONTHS, default_expiry
from apientreprise_gateway.database.accounts import hand_overs, tokens

_OPEN_DATA: Final = "open_data"


class TokenRefusalError(Exception):
    """What was asked of a token cannot be done; the text says why, in French."""


def granted(scopes: Iterable[str]) -> tuple[str, ...]:
    """The scopes that a token is given for those of a habilitation: each once, `open_data_…` as `open_data`."""
    return tuple(dict.fromkeys(_OPEN_DATA if each.startswith(f"{_OPEN_DATA}_") else each for each in scopes))


def locked(connection: Connection, jti: str) -> Token | None:
    """A token that others do not change until the transaction ends."""
    connection.execute(select(tokens.c.id).where(tokens.c.id == jti).with_for_update())
    return repository.token(connection, jti)


def _all_locked(connection: Connection, habilitation_id: str) -> list[Token]:
    # In one order, so that two that lock the same tokens do not wait for each other.
    own = select(tokens.c.id).where(tokens.c.habilitation_id == habilitation_id)
    connection.execute(own.order_by(tokens.c.id).with_for_update())
    return repository.tokens_of(connection, habilitation_id)


def make(
    connection: Connection,
    habilitation: Habilitation,
    *,
    now: datetime,
    scopes: Sequence[str] | None = None,
    event_id: int | None = None,
    jti: str | None = None,
    expires_at: datetime | None = None,
    replaces: str | None = None,
    by: str | None = None,
) -> Token:
    """Make a token of a habilitation.

    Args:
        connection: a transaction that writes.
        habilitation: whose it is; its title becomes the subject.
        now: when it is issued.
        scopes: those that are signed; by default those of the habilitation.
        event_id: the approval that it is made by, which makes one token only.
        jti: its name; by default a new one.
        expires_at: its end; by default 18 months later.
        replaces: the token after which it comes.
        by: the user who acted; None for the system.

    Raises:
        TokenRefusalError: it would have expired already, or would last longer than 18 months.
    """
    latest = default_expiry(now)
    end = latest if expires_at is None else expires_at
    if not now < end <= latest:
        raise TokenRefusalError(f"Un jeton expire après sa création, et au plus {LIFETIME_MONTHS} mois plus tard.")
    name = str(uuid4()) if jti is None else jti
    given = granted(habilitation.scopes if scopes is None else scopes)
    connection.execute(
        insert(tokens).values(
            id=name,
            habilitation_id=habilitation.id,
            event_id=event_id,
            subject=habilitation.title,
            scopes=list(given),
            iat=int(now.timestamp()),
            exp=int(end.timestamp()),
            replaces=replaces,
        )
    )
    publish_later(connection, name, now=now)  # the limits of its habilitation hold for it too
    details = {"habilitation": habilitation.id, "exp": int(end.timestamp()), "replaces": replaces}
    record(connection, "token.made", at=now, user_id=by, about=("token", name), details=details)
    return _known(connection, name)


def renew(connection: Connection, habilitation: Habilitation, jti: str, *, now: datetime, by: str | None) -> Token:
    """Make a token that lasts 18 months beside one that keeps its end.

    Raises:
        TokenRefusalError: the habilitation is not in force, or the token is not its own.
    """
    old = _of(connection, habilitation, jti)
    return make(connection, habilitation, now=now, replaces=old.id, by=by)


def replace(connection: Connection, habilitation: Habilitation, jti: str, *, now: datetime, by: str | None) -> Token:
    """Make a clean copy of a token: the scopes in force and the end of the old one, none of its notices.

    Raises:
        TokenRefusalError: the habilitation is not in force, or the token is not its own or has expired.
    """
    old = replaceable(connection, habilitation, jti, now=now)
    return make(
        connection, habilitation, now=now, scopes=old.scopes_in_force, expires_at=old.ends_at, replaces=old.id, by=by
    )


def replaceable(connection: Connection, habilitation: Habilitation, jti: str, *, now: datetime) -> Token:
    """A token that can be replaced.

    Raises:
        TokenRefusalError: it cannot, see `replace`.
    """
    found = _of(connection, habilitation, jti)
    if found.ends_at <= now:
        raise TokenRefusalError("Ce jeton a expiré : il se renouvelle, il ne se remplace pas.")
    return found


def _of(connection: Connection, habilitation: Habilitation, jti: str) -> Token:
    """A token of a habilitation that is in force."""
    found = locked(connection, jti)
    if found is None or found.habilitation_id != habilitation.id:
        raise TokenRefusalError("Ce jeton n’existe pas.")
    if habilitation.state is not HabilitationState.VALIDATED:
        raise TokenRefusalError("L’habilitation de ce jeton n’est pas en vigueur.")
    return found


def revoke(
    connection: Connection, jti: str, *, now: datetime, at: datetime | None = None, by: str | None = None, reason: str
) -> bool:
    """Revoke a token from a moment on, by default from now; False where it is revoked from that moment already.

    Args:
        connection: a transaction that writes.
        jti: the token's.
        now: the present.
        at: from when it is refused; may lie in the future.
        by: the user who acted; None for the system.
        reason: why, in words for its people.

    Raises:
        TokenRefusalError: there is no such token, or it will have expired by then.
    """
    found = locked(connection, jti)
    if found is None:
        raise TokenRefusalError("Ce jeton n’existe pas.")
    start = now if at is None else at.astimezone(UTC)
    if found.ends_at <= start:
        raise TokenRefusalError("Ce jeton aura expiré à cette date.")
    return _revoke(connection, found, now=now, at=start, by=by, reason=reason)


def revoke_all(
    connection: Connection,
    habilitation_id: str,
    *,
    now: datetime,
    at: datetime | None = None,
    by: str | None = None,
    reason: str,
) -> list[str]:
    """Revoke every token of a habilitation that has not expired by then; the names of those whose date changed."""
    start = now if at is None else at.astimezone(UTC)
    return [
        found.id
        for found in _all_locked(connection, habilitation_id)
        if start < found.ends_at and _revoke(connection, found, now=now, at=start, by=by, reason=reason)
    ]


def _revoke(connection: Connection, found: Token, *, now: datetime, at: datetime, by: str | None, reason: str) -> bool:
    if found.revoked_at is not None and found.revoked_at <= at:
        return False
    values = {"revoked_at": at, "revocation_asked_at": now, "revoked_by": by, "revocation_reason": reason}
    connection.execute(update(tokens).where(tokens.c.id == found.id).values(values))
    if at <= now:  # nobody is shown what is of no use any more
        links = update(hand_overs).where(hand_overs.c.token_id == found.id, hand_overs.c.revoked_at.is_(None))
        connection.execute(links.where(hand_overs.c.expires_at > now).values(revoked_at=now))
    publish_later(connection, found.id, now=now)
    details = {"from": at.isoformat(), "habilitation": found.habilitation_id}
    record(connection, "token.revoked", at=now, user_id=by, about=("token", found.id), details=details)
    return True


def narrow(connection: Connection, jti: str, scopes: Collection[str], *, now: datetime, by: str | None = None) -> bool:
    """Withdraw from a token the scopes that are not among those given; False where it has none of them left.

    A scope that was withdrawn does not come back: another token has it.

    Raises:
        TokenRefusalError: there is no such token.
    """
    found = locked(connection, jti)
    if found is None:
        raise TokenRefusalError("Ce jeton n’existe pas.")
    kept = set(granted(scopes))
    left = [scope for scope in found.scopes_in_force if scope in kept]
    withdrawn = [scope for scope in found.scopes_in_force if scope not in kept]
    if not withdrawn:
        return False
    connection.execute(update(tokens).where(tokens.c.id == found.id).values(narrowed_scopes=left))
    publish_later(connection, found.id, now=now)
    details = {"withdrawn": withdrawn, "habilitation": found.habilitation_id}
    record(connection, "token.narrowed", at=now, user_id=by, about=("token", found.id), details=details)
    return True


def shown(connection: Connection, jti: str, *, now: datetime, by: str | None, hand_over: str | None = None) -> None:
    """Write that the string of a token was shown, to a user or by the link of a hand-over."""
    unseen = update(tokens).where(tokens.c.id == jti, tokens.c.seen_at.is_(None))
    connection.execute(unseen.values(seen_at=now))
    details = {} if hand_over is None else {"hand_over": hand_over}
    record(connection, "token.shown", at=now, user_id=by, about=("token", jti), details=details)


def _known(connection: Connection, jti: str) -> Token:
    found = repository.token(connection, jti)
    assert found is not None, "it was just written"  # noqa: S101
    return found
