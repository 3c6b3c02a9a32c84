"""Which of several probers counts: one holds a lease, and another takes it when it was not renewed."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, update

from apientreprise_gateway.database.status import leases
from apientreprise_gateway.status.store import insert_for

PROBER: Final = "prober"


def hold(connection: Connection, holder: str, *, now: datetime, length: timedelta, name: str = PROBER) -> bool:
    """Take the lease, or renew it; False while another one holds it."""
    until = now + length
    claimed = connection.execute(
        update(leases)
        .where(leases.c.name == name, (leases.c.holder == holder) | (leases.c.until <= now))
        .values(holder=holder, until=until)
    )
    if claimed.rowcount:
        return True
    first = insert_for(connection, leases).values(name=name, holder=holder, until=until)
    first = first.on_conflict_do_nothing(index_elements=["name"]).returning(leases.c.name)
    return connection.scalar(first) is not None


def release(connection: Connection, holder: str, *, now: datetime, name: str = PROBER) -> None:
    """Give the lease up, so that another one need not wait for its end."""
    connection.execute(update(leases).where(leases.c.name == name, leases.c.holder == holder).values(until=now))
