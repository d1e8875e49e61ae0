"""What the use on a closed statement stands for in CO2 and standard coal; what was closed before says nothing of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLE = "statement_emissions"

CLOSED_IS_FOR_EVER = {
    "sqlite": [
        f"CREATE TRIGGER {TABLE}_no_{deed} BEFORE {deed} ON {TABLE}"
        " BEGIN SELECT raise(ABORT, 'closed months are append-only'); END"
        for deed in ("update", "delete")
    ],
    "postgresql": [
        f"CREATE TRIGGER {TABLE}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {TABLE}"
        " EXECUTE FUNCTION closed_months_are_append_only()"
    ],
}


def upgrade() -> None:
    """One table, as closed as the statements it belongs to."""
    op.create_table(
        TABLE,
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("utility", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("kgco2e", sa.Text()),
        sa.Column("kgce", sa.Text()),
        sa.ForeignKeyConstraint(["month"], ["closings.month"], name="fk_statement_emissions_month"),
        sa.PrimaryKeyConstraint("month", "department", "utility", name="pk_statement_emissions"),
    )
    for statement in CLOSED_IS_FOR_EVER[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    """Statements say nothing of emissions."""
    op.drop_table(TABLE)
