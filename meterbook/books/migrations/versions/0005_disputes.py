"""What departments contest, and how it was answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

TABLES = ("disputes", "dispute_answers", "dispute_corrections")

DISPUTES_ARE_FOR_EVER = {
    "sqlite": [
        f"CREATE TRIGGER {table}_no_{deed} BEFORE {deed} ON {table}"
        " BEGIN SELECT raise(ABORT, 'disputes are append-only'); END"
        for table in TABLES
        for deed in ("update", "delete")
    ],
    "postgresql": [
        "CREATE FUNCTION disputes_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION 'disputes are append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$",
        *(
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " EXECUTE FUNCTION disputes_are_append_only()"
            for table in TABLES
        ),
    ],
}


def upgrade() -> None:
    """Three tables, and the triggers that keep what was said as it was signed."""
    op.create_table(
        "disputes",
        sa.Column("id", ID, nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("contested", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("site_version", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_disputes"),
    )
    op.create_index("ix_disputes_line", "disputes", ["line"])
    op.create_index("ix_disputes_month", "disputes", ["month", "department"])
    op.create_table(
        "dispute_answers",
        sa.Column("dispute", ID, nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("change", sa.Text()),
        sa.Column("site_version", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["dispute"], ["disputes.id"], name="fk_dispute_answers_dispute"),
        sa.PrimaryKeyConstraint("dispute", name="pk_dispute_answers"),
    )
    op.create_table(
        "dispute_corrections",
        sa.Column("dispute", ID, nullable=False),
        sa.Column("correction", ID, nullable=False),
        sa.ForeignKeyConstraint(["dispute"], ["dispute_answers.dispute"], name="fk_dispute_corrections_dispute"),
        sa.ForeignKeyConstraint(["correction"], ["corrections.id"], name="fk_dispute_corrections_correction"),
        sa.PrimaryKeyConstraint("dispute", "correction", name="pk_dispute_corrections"),
    )
    for statement in DISPUTES_ARE_FOR_EVER[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    """Nobody has contested anything."""
    for table in reversed(TABLES):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION disputes_are_append_only")
