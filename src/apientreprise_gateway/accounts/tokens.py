"""What is done with tokens: made, replaced, narrowed, revoked, shown.

Every change that gateways must know of is queued for Redis in the transaction of the act (`publications.py`), and every
act is a row of the activity log. A revocation stands: one that is in force is never lifted or moved to a later date,
and one that is still to come may only be brought forward. Whoever lost a token to it is given another one.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection, Row, insert, select, update

from apientreprise_gateway.accounts.activity import record
from apientreprise_gateway.accounts.model import Habilitation, HabilitationState, Token
from apientreprise_gateway.accounts.publications import publish_later
from apientreprise_gateway.contract.token_life import LIFETIME_MONTHS, default_expiry
from apientreprise_gateway.database.accounts import habilitations, tokens

_OPEN_DATA: Final = "open_data"
_NAMES: Final = tuple(column for column in tokens.columns if column.name in Token.__dataclass_fields__)


class TokenRefusalError(Exception):
    """What was asked of a token cannot be done; the text says why, in French."""


def granted(scopes: Iterable[str]) -> tuple[str, ...]:
    """The scopes that a token is given for those of a habilitation: each once, `open_data_…` as `open_data`."""
    return tuple(dict.fromkeys(_OPEN_DATA if each.startswith(f"{_OPEN_DATA}_") else each for each in scopes))


def token(connection: Connection, jti: str, *, lock: bool = False) -> Token | None:
    """A token; `lock` keeps others from changing it until the transaction ends."""
    statement = select(*_NAMES).where(tokens.c.id == jti)
    row = connection.execute(statement.with_for_update() if lock else statement).one_or_none()
    return None if row is None else token_of(row)


def tokens_of(connection: Connection, habilitation_id: str, *, lock: bool = False) -> list[Token]:
    """The tokens of a habilitation, the newest first."""
    statement = select(*_NAMES).where(tokens.c.habilitation_id == habilitation_id)
    statement = statement.order_by(tokens.c.iat.desc(), tokens.c.id)
    return [token_of(row) for row in connection.execute(statement.with_for_update() if lock else statement)]


def token_of(row: Row[Any]) -> Token:
    """The token in a row that has its columns."""
    values = {column.name: getattr(row, column.name) for column in _NAMES}
    narrowed = values["narrowed_scopes"]
    return Token(
        **(
            values
            | {"scopes": tuple(values["scopes"]), "narrowed_scopes": None if narrowed is None else tuple(narrowed)}
        )
    )


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
    old = _of(connection, habilitation, jti)
    if old.ends_at <= now:
        raise TokenRefusalError("Ce jeton a expiré : il se renouvelle, il ne se remplace pas.")
    return make(
        connection, habilitation, now=now, scopes=old.scopes_in_force, expires_at=old.ends_at, replaces=old.id, by=by
    )


def _of(connection: Connection, habilitation: Habilitation, jti: str) -> Token:
    """A token of a habilitation that is in force."""
    found = token(connection, jti, lock=True)
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
    found = token(connection, jti, lock=True)
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
        for found in tokens_of(connection, habilitation_id, lock=True)
        if start < found.ends_at and _revoke(connection, found, now=now, at=start, by=by, reason=reason)
    ]


def _revoke(connection: Connection, found: Token, *, now: datetime, at: datetime, by: str | None, reason: str) -> bool:
    if found.revoked_at is not None and found.revoked_at <= at:
        return False
    values = {"revoked_at": at, "revocation_asked_at": now, "revoked_by": by, "revocation_reason": reason}
    connection.execute(update(tokens).where(tokens.c.id == found.id).values(values))
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
    found = token(connection, jti, lock=True)
    if found is None:
        raise TokenRefusalError("Ce jeton n’existe pas.")
    return _narrow(connection, found, scopes, now=now, by=by)


def narrow_all(
    connection: Connection, habilitation_id: str, scopes: Collection[str], *, now: datetime, by: str | None = None
) -> list[str]:
    """Withdraw scopes from every token of a habilitation that has not expired; the names of those that lost some."""
    return [
        found.id
        for found in tokens_of(connection, habilitation_id, lock=True)
        if now < found.ends_at and _narrow(connection, found, scopes, now=now, by=by)
    ]


def _narrow(connection: Connection, found: Token, scopes: Collection[str], *, now: datetime, by: str | None) -> bool:
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


def shown(connection: Connection, jti: str, *, now: datetime, by: str | None, as_user_id: str | None = None) -> None:
    """Write that the string of a token was shown to somebody."""
    unseen = update(tokens).where(tokens.c.id == jti, tokens.c.seen_at.is_(None))
    connection.execute(unseen.values(seen_at=now))
    record(connection, "token.shown", at=now, user_id=by, as_user_id=as_user_id, about=("token", jti))


def habilitation_state(connection: Connection, habilitation_id: str) -> HabilitationState | None:
    """Where the habilitation of a token stands."""
    state = connection.scalar(select(habilitations.c.state).where(habilitations.c.id == habilitation_id))
    return None if state is None else HabilitationState(state)


def _known(connection: Connection, jti: str) -> Token:
    found = token(connection, jti)
    assert found is not None, "it was just written"  # noqa: S101
    return found
