"""What people agree about quotas, and who approved it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

TABLES = ("quota_entries", "quota_approvals")

ENTRIES_ARE_FOR_EVER = {
    "sqlite": [
        f"CREATE TRIGGER {table}_no_{deed} BEFORE {deed} ON {table}"
        " BEGIN SELECT raise(ABORT, 'quota entries are append-only'); END"
        for table in TABLES
        for deed in ("update", "delete")
    ],
    "postgresql": [
        "CREATE FUNCTION quota_entries_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION 'quota entries are append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$",
        *(
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " EXECUTE FUNCTION quota_entries_are_append_only()"
            for table in TABLES
        ),
    ],
}


def upgrade() -> None:
    """Both tables, and the triggers that keep every entry as it was signed."""
    op.create_table(
        "quota_entries",
        sa.Column("id", ID, nullable=False),
        sa.Column("utility", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("source", sa.Text()),
        sa.Column("amount", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_quota_entries"),
    )
    op.create_index("ix_quota_entries_year", "quota_entries", ["year"])
    op.create_table(
        "quota_approvals",
        sa.Column("entry", ID, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["entry"], ["quota_entries.id"], name="fk_quota_approvals_entry"),
        sa.PrimaryKeyConstraint("entry", name="pk_quota_approvals"),
    )
    for statement in ENTRIES_ARE_FOR_EVER[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    """Quotas are what the site's files grant."""
    for table in reversed(TABLES):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION quota_entries_are_append_only")
