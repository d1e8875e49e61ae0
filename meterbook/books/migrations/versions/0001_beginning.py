"""The books as they began."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

TABLES = (
    "arrivals",
    "audit",
    "engine",
    "incidents",
    "login_failures",
    "quarantine",
    "quarantine_counts",
    "users",
    "incident_events",
    "outbox",
    "sessions",
    "tokens",
)

AUDIT_IS_FOR_EVER = {
    "sqlite": [
        f"CREATE TRIGGER audit_no_{deed} BEFORE {deed} ON audit BEGIN SELECT raise(ABORT, 'audit is append-only'); END"
        for deed in ("update", "delete")
    ],
    "postgresql": [
        "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION 'audit is append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$",
        "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit"
        " EXECUTE FUNCTION audit_is_append_only()",
    ],
}


def upgrade() -> None:
    """Every table, and the triggers that keep the audit trail as it was written."""
    op.create_table(
        "arrivals",
        sa.Column("sequence", ID, nullable=False),
        sa.Column("start", sa.BigInteger()),
        sa.Column("end", sa.BigInteger()),
        sa.Column("late", sa.Text(), nullable=False),
        sa.Column("recorded", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_arrivals"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "audit",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("deed", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_table(
        "engine",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_engine"),
    )
    op.create_table(
        "incidents",
        sa.Column("id", ID, nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("severity", sa.String(length=10), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("raised", sa.BigInteger(), nullable=False),
        sa.Column("cleared", sa.BigInteger()),
        sa.Column("acknowledged_by", sa.Text()),
        sa.Column("space", sa.Text()),
        sa.Column("department", sa.Text()),
        sa.Column("device", sa.Text()),
        sa.Column("meter", sa.Text()),
        sa.Column("evidence_point", sa.Text()),
        sa.Column("evidence_value", sa.Double()),
        sa.Column("evidence_limit", sa.Double()),
        sa.Column("evidence_unit", sa.Text(), nullable=False),
        sa.Column("cause_zh", sa.Text()),
        sa.Column("cause_en", sa.Text()),
        sa.Column("action_zh", sa.Text()),
        sa.Column("action_en", sa.Text()),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_incidents"),
    )
    op.create_index("ix_incidents_department", "incidents", ["department"])
    op.create_index("ix_incidents_state", "incidents", ["state"])
    op.create_table(
        "login_failures",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_login_failures"),
    )
    op.create_index("ix_login_failures_name", "login_failures", ["name", "at"])
    op.create_table(
        "quarantine",
        sa.Column("id", ID, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_quarantine"),
    )
    op.create_table(
        "quarantine_counts",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", name="pk_quarantine_counts"),
    )
    op.create_table(
        "users",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("department", sa.Text()),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("name", name="uq_users_name"),
    )
    op.create_table(
        "incident_events",
        sa.Column("id", ID, nullable=False),
        sa.Column("incident", ID, nullable=False),
        sa.Column("deed", sa.String(length=20), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("recorded", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text()),
        sa.ForeignKeyConstraint(["incident"], ["incidents.id"], name="fk_incident_events_incident"),
        sa.PrimaryKeyConstraint("id", name="pk_incident_events"),
    )
    op.create_index("ix_incident_events_incident", "incident_events", ["incident"])
    op.create_table(
        "outbox",
        sa.Column("id", ID, nullable=False),
        sa.Column("incident", ID, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("settled", sa.BigInteger()),
        sa.ForeignKeyConstraint(["incident"], ["incidents.id"], name="fk_outbox_incident"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_index("ix_outbox_incident", "outbox", ["incident"])
    op.create_index("ix_outbox_state_due", "outbox", ["state", "due"])
    op.create_table(
        "sessions",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("user", ID, nullable=False),
        sa.Column("csrf", sa.Text(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["users.id"], name="fk_sessions_user"),
        sa.PrimaryKeyConstraint("digest", name="pk_sessions"),
    )
    op.create_table(
        "tokens",
        sa.Column("id", ID, nullable=False),
        sa.Column("user", ID, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("expires", sa.BigInteger()),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["users.id"], name="fk_tokens_user"),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.UniqueConstraint("digest", name="uq_tokens_digest"),
    )

    for statement in AUDIT_IS_FOR_EVER[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    """Nothing is left."""
    for table in reversed(TABLES):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_is_append_only")
