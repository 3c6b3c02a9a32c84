"""Whose name is to be asked from the INSEE: establishments of which something was told, each once a day at most."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, and_, func, or_, select, update

from apientreprise_gateway.database.accounts import habilitations, organizations

REST: Final = timedelta(hours=24)
"""Between two questions about the same establishment."""


def due(connection: Connection, *, now: datetime, most: int) -> list[str]:
    """Some SIRET to ask about, in any order, so that one that cannot be answered does not hold up the others."""
    c = organizations.c
    told_since = and_(c.refreshed_at <= now - REST, habilitations.c.updated_at > c.refreshed_at)
    concerned = (
        select(habilitations.c.id)
        .where(habilitations.c.siret == c.siret, or_(c.refreshed_at.is_(None), told_since))
        .exists()
    )
    return list(connection.scalars(select(c.siret).where(concerned).order_by(func.random()).limit(most)))


def answered(connection: Connection, siret: str, name: str | None, *, now: datetime) -> None:
    """Note that the INSEE was asked, and the name that it gave; without one the name before stays."""
    said = {} if name is None else {"name": name}
    connection.execute(update(organizations).where(organizations.c.siret == siret).values(refreshed_at=now, **said))
