"""Closed months: who closed them, by which rules, and every line that was charged."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = ("closings", "statements", "statement_lines")

CLOSED_IS_FOR_EVER = {
    "sqlite": [
        f"CREATE TRIGGER {table}_no_{deed} BEFORE {deed} ON {table}"
        " BEGIN SELECT raise(ABORT, 'closed months are append-only'); END"
        for table in TABLES
        for deed in ("update", "delete")
    ],
    "postgresql": [
        "CREATE FUNCTION closed_months_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION 'closed months are append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$",
        *(
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " EXECUTE FUNCTION closed_months_are_append_only()"
            for table in TABLES
        ),
    ],
}


def upgrade() -> None:
    """Three tables, and the triggers that keep a closed month as it was signed."""
    op.create_table(
        "closings",
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("overridden", sa.Text(), nullable=False),
        sa.Column("site_version", sa.Text(), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("balances", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("month", name="pk_closings"),
    )
    op.create_table(
        "statements",
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("total", sa.Text()),
        sa.Column("payable", sa.Text()),
        sa.Column("subtree_total", sa.Text()),
        sa.Column("quality", sa.Text(), nullable=False),
        sa.Column("remarks", sa.Text(), nullable=False),
        sa.Column("quota", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["month"], ["closings.month"], name="fk_statements_month"),
        sa.PrimaryKeyConstraint("month", "department", name="pk_statements"),
    )
    op.create_table(
        "statement_lines",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("utility", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("meter", sa.Text()),
        sa.Column("quantity", sa.Text()),
        sa.Column("unit", sa.Text()),
        sa.Column("share", sa.Text()),
        sa.Column("charge", sa.Text()),
        sa.Column("tariff", sa.Text()),
        sa.Column("band", sa.Text()),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("quality", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["month"], ["closings.month"], name="fk_statement_lines_month"),
        sa.PrimaryKeyConstraint("id", name="pk_statement_lines"),
    )
    op.create_index("ix_statement_lines_month", "statement_lines", ["month", "department"])
    for statement in CLOSED_IS_FOR_EVER[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    """No month is closed."""
    for table in reversed(TABLES):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION closed_months_are_append_only")
