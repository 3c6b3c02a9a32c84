"""Makers of software (editors), and the habilitations that are delegated to them.

An editor sees the state, the end, the statistics and the bans of what is delegated to it, never a token. Its list also
has the validated habilitations that were asked for by its own forms.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection, and_, func, insert, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from apientreprise_gateway.accounts.activity import record
from apientreprise_gateway.accounts.model import DATAPASS_URL, HabilitationState, Role
from apientreprise_gateway.contract.spreadsheet import cell
from apientreprise_gateway.database.accounts import delegations, editors, habilitations, roles, tokens, users
from apientreprise_gateway.database.engine import is_postgresql

CSV_COLUMNS: Final = ("datapass_id", "datapass_url", "intitule", "token_expiration", "siret", "demandeur_email")


class DelegationRefusedError(Exception):
    """A delegation that cannot be made; the text says why, in French."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Editor:
    """A maker of software."""

    id: str
    name: str
    siret: str | None
    url: str | None
    form_uids: tuple[str, ...]
    delegations_enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """A habilitation that is, or was, delegated to an editor."""

    id: str
    habilitation_id: str
    editor_id: str
    editor_name: str
    by_user_id: str | None
    created_at: datetime
    revoked_at: datetime | None


_EDITOR: Final = tuple(editors.c[name] for name in Editor.__dataclass_fields__)


def add_editor(
    connection: Connection,
    *,
    name: str,
    now: datetime,
    by: str | None,
    siret: str | None = None,
    url: str | None = None,
    form_uids: Sequence[str] = (),
    delegations_enabled: bool = True,
) -> Editor:
    """Make an editor known.

    Raises:
        DelegationRefusedError: there is one of this name.
    """
    if connection.scalar(select(editors.c.id).where(editors.c.name == name)) is not None:
        raise DelegationRefusedError("Un éditeur porte déjà ce nom.")
    made = Editor(
        id=str(uuid4()),
        name=name,
        siret=siret,
        url=url,
        form_uids=tuple(form_uids),
        delegations_enabled=delegations_enabled,
    )
    values = {field: getattr(made, field) for field in Editor.__dataclass_fields__}
    connection.execute(insert(editors).values(values | {"form_uids": list(made.form_uids), "created_at": now}))
    record(connection, "editor.added", at=now, user_id=by, about=("editor", made.id))
    return made


def set_editor_of(
    connection: Connection, user_id: str, editor_id: str | None, *, now: datetime, by: str | None
) -> None:
    """Say for which editor a person works; None for none."""
    connection.execute(update(users).where(users.c.id == user_id).values(editor_id=editor_id))
    details = {"editor": editor_id}
    record(connection, "user.editor_set", at=now, user_id=by, about=("user", user_id), details=details)


def editor(connection: Connection, editor_id: str) -> Editor | None:
    """The editor with this id."""
    row = connection.execute(select(*_EDITOR).where(editors.c.id == editor_id)).mappings().first()
    return None if row is None else _editor(row)


def all_editors(connection: Connection, *, only_delegable: bool = False) -> list[Editor]:
    """The editors by name; those to whom something can be delegated, if only they are wanted."""
    query = select(*_EDITOR).order_by(editors.c.name)
    if only_delegable:
        query = query.where(editors.c.delegations_enabled)
    return [_editor(row) for row in connection.execute(query).mappings()]


def _editor(row: Any) -> Editor:
    return Editor(**{**row, "form_uids": tuple(row["form_uids"])})


def delegate(connection: Connection, habilitation_id: str, editor_id: str, *, by: str, now: datetime) -> str:
    """Delegate a habilitation to an editor; the id of the delegation, which is the one in force if there is one.

    Raises:
        DelegationRefusedError: nothing can be delegated to this editor, or the habilitation is not in force.
    """
    found = editor(connection, editor_id)
    if found is None or not found.delegations_enabled:
        raise DelegationRefusedError("Rien ne peut être délégué à cet éditeur.")
    state = connection.scalar(select(habilitations.c.state).where(habilitations.c.id == habilitation_id))
    if state != HabilitationState.VALIDATED:
        raise DelegationRefusedError("Seule une habilitation validée se délègue.")
    values = {
        "id": str(uuid4()),
        "habilitation_id": habilitation_id,
        "editor_id": editor_id,
        "by_user_id": by,
        "created_at": now,
    }
    dialect = postgresql if is_postgresql(connection) else sqlite
    unless_there = dialect.insert(delegations).values(values)
    unless_there = unless_there.on_conflict_do_nothing(
        index_elements=["habilitation_id", "editor_id"], index_where=text("revoked_at IS NULL")
    )
    if connection.scalar(unless_there.returning(delegations.c.id)) is not None:
        about, details = ("habilitation", habilitation_id), {"editor": editor_id}
        record(connection, "habilitation.delegated", at=now, user_id=by, about=about, details=details)
    active = delegations.c.habilitation_id == habilitation_id, delegations.c.editor_id == editor_id
    return str(connection.scalar(select(delegations.c.id).where(*active, delegations.c.revoked_at.is_(None))))


def revoke(connection: Connection, delegation_id: str, *, habilitation_id: str, by: str, now: datetime) -> bool:
    """End a delegation of a habilitation; False where it has ended, or is one of another habilitation."""
    active = and_(
        delegations.c.id == delegation_id,
        delegations.c.habilitation_id == habilitation_id,
        delegations.c.revoked_at.is_(None),
    )
    if connection.execute(update(delegations).where(active).values(revoked_at=now)).rowcount != 1:
        return False
    about, details = ("habilitation", habilitation_id), {"delegation": delegation_id}
    record(connection, "habilitation.delegation_revoked", at=now, user_id=by, about=about, details=details)
    return True


def of_habilitation(connection: Connection, habilitation_id: str) -> list[Delegation]:
    """The delegations of a habilitation, those in force first."""
    own = (delegations.c[name] for name in Delegation.__dataclass_fields__ if name != "editor_name")
    query = (
        select(*own, editors.c.name.label("editor_name"))
        .join(editors, editors.c.id == delegations.c.editor_id)
        .where(delegations.c.habilitation_id == habilitation_id)
        .order_by(delegations.c.revoked_at.is_not(None), delegations.c.created_at.desc(), delegations.c.id)
    )
    return [Delegation(**row) for row in connection.execute(query).mappings()]


def is_delegated(connection: Connection, habilitation_id: str, editor_id: str | None) -> bool:
    """Whether an editor may look at a habilitation."""
    active = delegations.c.habilitation_id == habilitation_id, delegations.c.editor_id == editor_id
    query = select(delegations.c.id).where(*active, delegations.c.revoked_at.is_(None))
    return editor_id is not None and connection.scalar(query) is not None


def delegated_to(connection: Connection, editor_id: str) -> list[str]:
    """The ids of the habilitations that are delegated to an editor, those delegated last first."""
    query = select(delegations.c.habilitation_id).where(delegations.c.editor_id == editor_id)
    query = query.where(delegations.c.revoked_at.is_(None))
    return list(connection.scalars(query.order_by(delegations.c.created_at.desc(), delegations.c.id)))


def numbers_of(connection: Connection, habilitation_ids: Sequence[str]) -> dict[str, str]:
    """The ids of habilitations by the numbers that people know."""
    query = select(habilitations.c.external_id, habilitations.c.id).where(habilitations.c.id.in_(habilitation_ids))
    return {row.external_id: row.id for row in connection.execute(query)}


def rows_for(connection: Connection, found: Editor, *, now: datetime) -> list[dict[str, str]]:
    """The habilitations that an editor looks after, for a table or a CSV file: by its forms, or delegated to it."""
    ends = (
        select(tokens.c.habilitation_id, func.max(tokens.c.exp).label("exp"))
        .where(or_(tokens.c.revoked_at.is_(None), tokens.c.revoked_at > now))
        .group_by(tokens.c.habilitation_id)
        .subquery()
    )
    applicants = select(roles.c.habilitation_id, users.c.email).join(users, users.c.id == roles.c.user_id)
    applicants_ = applicants.where(roles.c.role == Role.APPLICANT).subquery()
    of_forms = and_(habilitations.c.form_uid.in_(found.form_uids), habilitations.c.state == HabilitationState.VALIDATED)
    query = (
        select(habilitations, ends.c.exp, applicants_.c.email)
        .outerjoin(ends, ends.c.habilitation_id == habilitations.c.id)
        .outerjoin(applicants_, applicants_.c.habilitation_id == habilitations.c.id)
        .where(or_(of_forms, habilitations.c.id.in_(delegated_to(connection, found.id))))
        .order_by(habilitations.c.created_at.desc(), habilitations.c.id)
    )
    return [_row(row) for row in connection.execute(query)]


def _row(row: Any) -> dict[str, str]:
    end = "" if row.exp is None else datetime.fromtimestamp(row.exp, UTC).date().isoformat()
    url = f"{DATAPASS_URL}{row.external_id}" if row.source == "datapass" else ""
    values = (row.external_id, url, row.title, end, row.siret or "", row.email or "")
    return dict(zip(CSV_COLUMNS, map(cell, values), strict=True))
