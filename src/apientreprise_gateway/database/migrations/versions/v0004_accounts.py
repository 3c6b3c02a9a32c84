"""The tables of accounts, and of the portal's own processes: mails, jobs, sessions, logins."""

from typing import Final

from alembic import op

revision = "0004"
down_revision = "0003"

_TABLES: Final = (
    "CREATE TABLE account_purges (id {id}, at {instant} NOT NULL, what TEXT NOT NULL, rows BIGINT NOT NULL)",
    """CREATE TABLE activity (id {id}, at {instant} NOT NULL, user_id TEXT, as_user_id TEXT, act TEXT NOT NULL,
        object_kind TEXT, object_id TEXT, details {json} NOT NULL)""",
    "CREATE INDEX activity_at ON activity (at)",
    "CREATE INDEX activity_object ON activity (object_kind, object_id)",
    "CREATE INDEX activity_user_id ON activity (user_id)",
    """CREATE TABLE bans (id TEXT NOT NULL, address TEXT NOT NULL, started_at {instant} NOT NULL, ends_at {instant}
        NOT NULL, reason TEXT NOT NULL, calls INTEGER, PRIMARY KEY (id), CONSTRAINT bans_address UNIQUE (address,
        started_at))""",
    "CREATE INDEX bans_ends_at ON bans (ends_at)",
    """CREATE TABLE editors (id TEXT NOT NULL, name TEXT NOT NULL, siret TEXT, url TEXT, form_uids {json} NOT NULL,
        delegations_enabled BOOLEAN NOT NULL, created_at {instant} NOT NULL, PRIMARY KEY (id), UNIQUE (name))""",
    """CREATE TABLE habilitation_events (id {id}, sha256 {blob} NOT NULL, source TEXT NOT NULL, product TEXT NOT
        NULL, external_id TEXT, name TEXT NOT NULL, fired_at {instant}, arrived_at {instant} NOT NULL, facts {json}
        NOT NULL, body {blob}, token_id TEXT, answer {json} NOT NULL, UNIQUE (sha256))""",
    "CREATE INDEX habilitation_events_arrived_at ON habilitation_events (arrived_at)",
    "CREATE INDEX habilitation_events_number ON habilitation_events (product, external_id, fired_at)",
    """CREATE TABLE habilitations (id TEXT NOT NULL, product TEXT NOT NULL, source TEXT NOT NULL, external_id TEXT
        NOT NULL, public_id TEXT, siret TEXT, title TEXT NOT NULL, description TEXT, form_uid TEXT, use_case TEXT,
        state TEXT NOT NULL, scopes {json} NOT NULL, modalities {json} NOT NULL, reopened BOOLEAN NOT NULL, details
        {json} NOT NULL, created_at {instant} NOT NULL, first_submitted_at {instant}, submitted_at {instant},
        validated_at {instant}, ended_at {instant}, updated_at {instant} NOT NULL, replaces TEXT, PRIMARY KEY (id),
        CONSTRAINT habilitations_number UNIQUE (product, external_id))""",
    "CREATE INDEX habilitations_form_uid ON habilitations (form_uid)",
    "CREATE INDEX habilitations_siret ON habilitations (siret)",
    """CREATE TABLE jobs (name TEXT NOT NULL, due_at {instant} NOT NULL, claimed_until {instant}, claimed_by TEXT,
        started_at {instant}, ended_at {instant}, failures INTEGER NOT NULL, error TEXT, PRIMARY KEY (name))""",
    """CREATE TABLE login_attempts (sha256 {blob} NOT NULL, session {blob} NOT NULL, nonce TEXT NOT NULL, verifier
        {blob}, goes_to TEXT, second_factor BOOLEAN NOT NULL, expires_at {instant} NOT NULL, PRIMARY KEY (sha256))""",
    "CREATE INDEX login_attempts_expires_at ON login_attempts (expires_at)",
    """CREATE TABLE login_links (sha256 {blob} NOT NULL, email TEXT NOT NULL, goes_to TEXT, created_at {instant}
        NOT NULL, expires_at {instant} NOT NULL, used_at {instant}, PRIMARY KEY (sha256))""",
    "CREATE INDEX login_links_expires_at ON login_links (expires_at)",
    """CREATE TABLE mails (id {id}, key TEXT NOT NULL, kind TEXT NOT NULL, recipient TEXT NOT NULL, copies {json}
        NOT NULL, data {json} NOT NULL, sealed {blob}, object_kind TEXT, object_id TEXT, state TEXT NOT NULL,
        created_at {instant} NOT NULL, due_at {instant} NOT NULL, expires_at {instant}, attempts INTEGER NOT NULL,
        claimed_until {instant}, ended_at {instant}, error TEXT, UNIQUE (key))""",
    "CREATE INDEX mails_due ON mails (state, due_at)",
    "CREATE INDEX mails_object ON mails (object_kind, object_id)",
    """CREATE TABLE organizations (siret TEXT NOT NULL, name TEXT, insee {json}, refreshed_at {instant}, PRIMARY
        KEY (siret))""",
    "CREATE TABLE tries (id {id}, kind TEXT NOT NULL, subject {blob} NOT NULL, at {instant} NOT NULL)",
    "CREATE INDEX tries_subject ON tries (kind, subject, at)",
    """CREATE TABLE attachments (id TEXT NOT NULL, habilitation_id TEXT NOT NULL, name TEXT NOT NULL, size INTEGER
        NOT NULL, sha256 {blob} NOT NULL, content {blob} NOT NULL, created_at {instant} NOT NULL, PRIMARY KEY (id),
        FOREIGN KEY(habilitation_id) REFERENCES habilitations (id) ON DELETE CASCADE)""",
    "CREATE INDEX attachments_habilitation_id ON attachments (habilitation_id)",
    """CREATE TABLE audit_notifications (id TEXT NOT NULL, habilitation_id TEXT NOT NULL, by TEXT NOT NULL, at
        {instant} NOT NULL, reason TEXT NOT NULL, volume INTEGER, request_ids {json} NOT NULL, PRIMARY KEY (id),
        FOREIGN KEY(habilitation_id) REFERENCES habilitations (id) ON DELETE CASCADE)""",
    "CREATE INDEX audit_notifications_habilitation_id ON audit_notifications (habilitation_id)",
    """CREATE TABLE ban_tokens (ban_id TEXT NOT NULL, jti TEXT NOT NULL, PRIMARY KEY (ban_id, jti), FOREIGN
        KEY(ban_id) REFERENCES bans (id) ON DELETE CASCADE)""",
    "CREATE INDEX ban_tokens_jti ON ban_tokens (jti)",
    """CREATE TABLE security_settings (habilitation_id TEXT NOT NULL, allowed_addresses {json} NOT NULL,
        cap_per_minute INTEGER, limit_per_minute INTEGER, updated_at {instant} NOT NULL, PRIMARY KEY
        (habilitation_id), FOREIGN KEY(habilitation_id) REFERENCES habilitations (id) ON DELETE CASCADE)""",
    """CREATE TABLE tokens (id TEXT NOT NULL, habilitation_id TEXT NOT NULL, event_id BIGINT, subject TEXT NOT
        NULL, scopes {json} NOT NULL, narrowed_scopes {json}, iat BIGINT NOT NULL, exp BIGINT NOT NULL, revoked_at
        {instant}, revocation_asked_at {instant}, revoked_by TEXT, revocation_reason TEXT, replaces TEXT,
        first_call_at {instant}, last_call_at {instant}, seen_at {instant}, PRIMARY KEY (id), FOREIGN
        KEY(habilitation_id) REFERENCES habilitations (id) ON DELETE CASCADE, UNIQUE (event_id))""",
    "CREATE INDEX tokens_exp ON tokens (exp)",
    "CREATE INDEX tokens_habilitation_id ON tokens (habilitation_id)",
    """CREATE TABLE users (id TEXT NOT NULL, email TEXT NOT NULL, given_name TEXT, family_name TEXT, phone_number
        TEXT, job_title TEXT, editor_id TEXT, created_at {instant} NOT NULL, last_login_at {instant}, last_used_at
        {instant} NOT NULL, PRIMARY KEY (id), UNIQUE (email), FOREIGN KEY(editor_id) REFERENCES editors (id) ON
        DELETE SET NULL)""",
    """CREATE TABLE delegations (id TEXT NOT NULL, habilitation_id TEXT NOT NULL, editor_id TEXT NOT NULL,
        by_user_id TEXT, created_at {instant} NOT NULL, revoked_at {instant}, PRIMARY KEY (id), FOREIGN
        KEY(habilitation_id) REFERENCES habilitations (id) ON DELETE CASCADE, FOREIGN KEY(editor_id) REFERENCES
        editors (id) ON DELETE CASCADE, FOREIGN KEY(by_user_id) REFERENCES users (id) ON DELETE SET NULL)""",
    "CREATE UNIQUE INDEX delegations_active ON delegations (habilitation_id, editor_id) WHERE revoked_at IS NULL",
    "CREATE INDEX delegations_editor_id ON delegations (editor_id)",
    """CREATE TABLE hand_overs (id TEXT NOT NULL, sha256 {blob} NOT NULL, token_id TEXT NOT NULL, by_user_id TEXT,
        email TEXT NOT NULL, created_at {instant} NOT NULL, expires_at {instant} NOT NULL, opened_at {instant},
        openings INTEGER NOT NULL, revoked_at {instant}, PRIMARY KEY (id), UNIQUE (sha256), FOREIGN KEY(token_id)
        REFERENCES tokens (id) ON DELETE CASCADE, FOREIGN KEY(by_user_id) REFERENCES users (id) ON DELETE SET NULL)""",
    "CREATE INDEX hand_overs_token_id ON hand_overs (token_id)",
    """CREATE TABLE identities (issuer TEXT NOT NULL, subject TEXT NOT NULL, user_id TEXT NOT NULL, idp_id TEXT,
        siret TEXT, created_at {instant} NOT NULL, PRIMARY KEY (issuer, subject), FOREIGN KEY(user_id) REFERENCES
        users (id) ON DELETE CASCADE)""",
    "CREATE INDEX identities_user_id ON identities (user_id)",
    """CREATE TABLE notices (token_id TEXT NOT NULL, threshold INTEGER NOT NULL, exp BIGINT NOT NULL, at {instant}
        NOT NULL, outcome TEXT NOT NULL, PRIMARY KEY (token_id, threshold, exp), FOREIGN KEY(token_id) REFERENCES
        tokens (id) ON DELETE CASCADE)""",
    """CREATE TABLE roles (habilitation_id TEXT NOT NULL, role TEXT NOT NULL, user_id TEXT NOT NULL, PRIMARY KEY
        (habilitation_id, role), FOREIGN KEY(habilitation_id) REFERENCES habilitations (id) ON DELETE CASCADE,
        FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE)""",
    "CREATE INDEX roles_user_id ON roles (user_id)",
    """CREATE TABLE sessions (sha256 {blob} NOT NULL, user_id TEXT, csrf TEXT NOT NULL, via TEXT, id_token {blob},
        impersonates TEXT, data {json} NOT NULL, created_at {instant} NOT NULL, authenticated_at {instant},
        expires_at {instant} NOT NULL, PRIMARY KEY (sha256), FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE
        CASCADE, FOREIGN KEY(impersonates) REFERENCES users (id) ON DELETE CASCADE)""",
    "CREATE INDEX sessions_expires_at ON sessions (expires_at)",
    "CREATE INDEX sessions_user_id ON sessions (user_id)",
    """CREATE TABLE token_publications (token_id TEXT NOT NULL, change BIGINT NOT NULL, since {instant} NOT NULL,
        PRIMARY KEY (token_id), FOREIGN KEY(token_id) REFERENCES tokens (id) ON DELETE CASCADE)""",
    """CREATE TABLE transfers (id TEXT NOT NULL, from_user_id TEXT NOT NULL, email TEXT NOT NULL, siret TEXT NOT
        NULL, state TEXT NOT NULL, asked_at {instant} NOT NULL, expires_at {instant} NOT NULL, accepted_at
        {instant}, ended_at {instant}, ended_by TEXT, reason TEXT, PRIMARY KEY (id), FOREIGN KEY(from_user_id)
        REFERENCES users (id) ON DELETE CASCADE)""",
    "CREATE INDEX transfers_email ON transfers (email)",
    "CREATE INDEX transfers_from_user_id ON transfers (from_user_id)",
)
_POSTGRESQL: Final = {
    "instant": "TIMESTAMPTZ",
    "blob": "BYTEA",
    "json": "JSONB",
    "id": "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
}
_SQLITE: Final = {
    "instant": "VARCHAR(27)",
    "blob": "BLOB",
    "json": "JSON",
    "id": "INTEGER PRIMARY KEY NOT NULL",
}


def upgrade() -> None:
    """Make the tables."""
    connection = op.get_bind()
    words = _POSTGRESQL if connection.dialect.name == "postgresql" else _SQLITE
    for statement in _TABLES:
        # In one line: SQLite keeps the text, and SQLAlchemy reads constraints from it.
        connection.exec_driver_sql(" ".join(statement.format(**words).split()))
