"""A token handed to somebody without an account: by a link of four hours to a mail address that its applicant typed.

The link's secret has 256 bits; the database holds its SHA-256 alone, and the queue of mails the link as it was sealed.
Looking at the link shows nothing, as scanners of mail open every link: who asks by a form is shown the string.
Each time is counted, and the applicant is told of the first.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import uuid4

from sqlalchemy import Connection, func, insert, select, update

from apientreprise_gateway.accounts import mails, repository
from apientreprise_gateway.accounts.activity import record
from apientreprise_gateway.accounts.mail_address import mail_address
from apientreprise_gateway.accounts.model import Habilitation, Role, Token
from apientreprise_gateway.accounts.tokens import TokenRefusalError, locked, shown
from apientreprise_gateway.database.accounts import hand_overs

LIFE: Final = timedelta(hours=4)
MOST_OPEN: Final = 5
"""Links to one token that can be opened at the same time."""
PATH: Final = "/public/jetons/"
_SECRET_BYTES: Final = 32
_LONGEST_SECRET: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """A link that was sent."""

    id: str
    token_id: str
    by_user_id: str | None
    email: str
    created_at: datetime
    expires_at: datetime
    opened_at: datetime | None
    openings: int
    revoked_at: datetime | None

    def is_open(self, now: datetime) -> bool:
        """Whether it can be opened, if its token still works."""
        return self.revoked_at is None and now < self.expires_at


_COLUMNS: Final = tuple(hand_overs.c[name] for name in HandOver.__dataclass_fields__)


def share(
    connection: Connection,
    habilitation: Habilitation,
    jti: str,
    *,
    email: str,
    by: str,
    seal: mails.Seal,
    now: datetime,
) -> HandOver:
    """Have a link to a token sent.

    Args:
        connection: a transaction that writes.
        habilitation: the token's.
        jti: the token's.
        email: to whom, as it was typed.
        by: the user who shares it, its applicant.
        seal: encrypts what only the sender of mails may read.
        now: the present.

    Raises:
        TokenRefusalError: it is not theirs to share, does not work any more, or is shared by five links already.
        MailAddressError: the address is none.
    """
    address = mail_address(email)
    token = locked(connection, jti)
    is_theirs = Role.APPLICANT in repository.roles_of(connection, by, habilitation.id)
    if token is None or token.habilitation_id != habilitation.id or not is_theirs:
        raise TokenRefusalError("Ce jeton n’existe pas, ou seul son demandeur peut le transmettre.")
    if not token.works(now):
        raise TokenRefusalError("Ce jeton a expiré ou a été révoqué : il ne peut plus être transmis.")
    if _count_open(connection, jti, now) >= MOST_OPEN:
        raise TokenRefusalError(
            f"Ce jeton a déjà {MOST_OPEN} liens ouverts. Révoquez l’un d’eux, ou attendez la fin du premier."
        )
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    made = HandOver(
        id=str(uuid4()),
        token_id=jti,
        by_user_id=by,
        email=address,
        created_at=now,
        expires_at=min(filter(None, (now + LIFE, token.ends_at, token.revoked_at))),
        opened_at=None,
        openings=0,
        revoked_at=None,
    )
    values = {name: getattr(made, name) for name in HandOver.__dataclass_fields__}
    connection.execute(insert(hand_overs).values(values | {"sha256": _digest(secret)}))
    mails.hand_over(
        connection, habilitation, hand_over_id=made.id, email=address, link=PATH + secret, seal=seal,
        expires_at=made.expires_at, now=now,
    )  # fmt: skip
    record(connection, "token.shared", at=now, user_id=by, about=("token", jti), details={"hand_over": made.id})
    return made


def _count_open(connection: Connection, jti: str, now: datetime) -> int:
    unended = hand_overs.c.revoked_at.is_(None), hand_overs.c.expires_at > now
    return connection.scalar(select(func.count()).where(hand_overs.c.token_id == jti, *unended)) or 0


def find(connection: Connection, secret: str, *, now: datetime) -> tuple[HandOver, Token] | None:
    """What a link opens; None for one that is unknown, ended or revoked, or whose token does not work any more."""
    if not secret.isascii() or len(secret) > _LONGEST_SECRET:
        return None
    row = connection.execute(select(*_COLUMNS).where(hand_overs.c.sha256 == _digest(secret))).mappings().first()
    if row is None:
        return None
    found = HandOver(**row)
    token = repository.token(connection, found.token_id)
    if token is None or not found.is_open(now) or not token.works(now):
        return None
    return found, token


def reveal(connection: Connection, secret: str, *, now: datetime) -> tuple[HandOver, Token] | None:
    """What a link opens, whose string is then shown: it is counted, and the applicant is told of the first time."""
    looked = find(connection, secret, now=now)
    if looked is None:
        return None
    # Others that revoke the token, or open the same link, come before or after; then it is looked at again.
    locked(connection, looked[1].id)
    found = find(connection, secret, now=now)
    if found is None:
        return None
    hand_over, token = found
    is_first = hand_over.opened_at is None
    values = {"openings": hand_overs.c.openings + 1, "opened_at": func.coalesce(hand_overs.c.opened_at, now)}
    connection.execute(update(hand_overs).where(hand_overs.c.id == hand_over.id).values(values))
    shown(connection, token.id, now=now, by=None, hand_over=hand_over.id)
    habilitation = repository.habilitation(connection, token.habilitation_id)
    if is_first and habilitation is not None:
        mails.hand_over_opened(
            connection, habilitation, hand_over_id=hand_over.id, email=hand_over.email, jti=token.id, now=now
        )
    return hand_over, token


def withdraw(connection: Connection, hand_over_id: str, *, jti: str, by: str, now: datetime) -> bool:
    """Revoke a link to a token; False where it has ended already, or is a link to another one."""
    open_one = hand_overs.c.id == hand_over_id, hand_overs.c.token_id == jti, hand_overs.c.revoked_at.is_(None)
    statement = update(hand_overs).where(*open_one, hand_overs.c.expires_at > now).values(revoked_at=now)
    if connection.execute(statement).rowcount != 1:
        return False
    details = {"hand_over": hand_over_id}
    record(connection, "token.share_withdrawn", at=now, user_id=by, about=("token", jti), details=details)
    return True


def of_token(connection: Connection, jti: str) -> list[HandOver]:
    """The links to a token, the newest first."""
    query = select(*_COLUMNS).where(hand_overs.c.token_id == jti)
    query = query.order_by(hand_overs.c.created_at.desc(), hand_overs.c.id)
    return [HandOver(**row) for row in connection.execute(query).mappings()]


def _digest(secret: str) -> bytes:
    return sha256(secret.encode()).digest()
