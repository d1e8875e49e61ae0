"""Corrections of what readings say, and their undoing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

TABLES = ("corrections", "correction_undos")

ENTRIES_ARE_FOR_EVER = {
    "sqlite": [
        f"CREATE TRIGGER {table}_no_{deed} BEFORE {deed} ON {table}"
        " BEGIN SELECT raise(ABORT, 'corrections are append-only'); END"
        for table in TABLES
        for deed in ("update", "delete")
    ],
    "postgresql": [
        "CREATE FUNCTION corrections_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION 'corrections are append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$",
        *(
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " EXECUTE FUNCTION corrections_are_append_only()"
            for table in TABLES
        ),
    ],
}


def upgrade() -> None:
    """Both tables, and the triggers that keep every entry as it was signed."""
    op.create_table(
        "corrections",
        sa.Column("id", ID, nullable=False),
        sa.Column("meter", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger()),
        sa.Column("quantity", sa.Text()),
        sa.Column("old_final", sa.Text()),
        sa.Column("new_initial", sa.Text()),
        sa.Column("register_max", sa.Text()),
        sa.Column("multiplier", sa.Text()),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_corrections"),
    )
    op.create_index("ix_corrections_meter", "corrections", ["meter"])
    op.create_table(
        "correction_undos",
        sa.Column("correction", ID, nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["correction"], ["corrections.id"], name="fk_correction_undos_correction"),
        sa.PrimaryKeyConstraint("correction", name="pk_correction_undos"),
    )
    for statement in ENTRIES_ARE_FOR_EVER[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    """Readings count as they came."""
    for table in reversed(TABLES):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION corrections_are_append_only")
