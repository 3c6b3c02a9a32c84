"""The log of acts: who did what to which object, written in the transaction of the act."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert

from apientreprise_gateway.database.accounts import activity


def record(
    connection: Connection,
    act: str,
    *,
    at: datetime,
    user_id: str | None = None,
    as_user_id: str | None = None,
    about: tuple[str, str] | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Write an act, such as `token.shown`, about an object (its kind and id); without a user it is the system's.

    Details hold no person's data beyond ids, and no secret.
    """
    kind, id_ = about or (None, None)
    connection.execute(
        insert(activity).values(
            at=at,
            user_id=user_id,
            as_user_id=as_user_id,
            act=act,
            object_kind=kind,
            object_id=id_,
            details=dict(details or {}),
        )
    )
