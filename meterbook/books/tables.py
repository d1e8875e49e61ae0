"""Every table of the books. The migrations build exactly these; a test compares the two.

Instants are whole microseconds (BIGINT), texts in two languages are two columns, nested values are JSON text.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy import Text as AnyText

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)

# SQLite numbers rows by itself only in a column that is declared INTEGER.
_ID = BigInteger().with_variant(Integer(), "sqlite")


class Text(TypeDecorator[str]):
    """Text that every database takes: without NUL and halves of surrogate pairs, which anybody can send us."""

    impl = AnyText
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Put marks in their place."""
        return value and value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


# --- the way of a reading --------------------------------------------------------------------------------------------

# What each stored batch brought; readers follow `sequence`, which is never used twice.
arrivals = Table(
    "arrivals",
    metadata,
    Column("sequence", _ID, primary_key=True),
    Column("start", BigInteger),
    Column("end", BigInteger),
    Column("late", Text, nullable=False),
    Column("recorded", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

# The newest things no reading could be made of, and how many there ever were.
quarantine = Table(
    "quarantine",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("source", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("received", BigInteger, nullable=False),
)
quarantine_counts = Table(
    "quarantine_counts",
    metadata,
    Column("source", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
)

# --- incidents and who is told ---------------------------------------------------------------------------------------

incidents = Table(
    "incidents",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("rule", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("severity", String(10), nullable=False),
    Column("team", Text, nullable=False),
    Column("state", String(20), nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("raised", BigInteger, nullable=False),
    Column("cleared", BigInteger),
    Column("acknowledged_by", Text),
    Column("space", Text),
    Column("department", Text),
    Column("device", Text),
    Column("meter", Text),
    Column("evidence_point", Text),
    Column("evidence_value", Double),
    Column("evidence_limit", Double),
    Column("evidence_unit", Text, nullable=False),
    Column("cause_zh", Text),
    Column("cause_en", Text),
    Column("action_zh", Text),
    Column("action_en", Text),
    Column("late", Boolean, nullable=False),
    Column("revision", Integer, nullable=False),
    Index("ix_incidents_state", "state"),
    Index("ix_incidents_department", "department"),
)

incident_events = Table(
    "incident_events",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("incident", _ID, ForeignKey("incidents.id"), nullable=False),
    Column("deed", String(20), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("recorded", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("note", Text),
    Index("ix_incident_events_incident", "incident"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("incident", _ID, ForeignKey("incidents.id"), nullable=False),
    Column("channel", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("language", String(5), nullable=False),
    Column("text", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("state", String(10), nullable=False),
    Column("reason", Text),
    Column("settled", BigInteger),  # when it was sent or given up
    Index("ix_outbox_state_due", "state", "due"),
    Index("ix_outbox_incident", "incident"),
)

# What the alert engine remembers, and the last arrival it has seen: one row.
engine = Table(
    "engine",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
)

# --- what people say about readings: rows are added, never changed ---------------------------------------------------

# `end` and `quantity` belong to ranges, the figures to exchanges; decimals are texts. Who takes one back adds an undo.
corrections = Table(
    "corrections",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("meter", Text, nullable=False),
    Column("kind", String(10), nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("end", BigInteger),
    Column("quantity", Text),
    Column("old_final", Text),
    Column("new_initial", Text),
    Column("register_max", Text),
    Column("multiplier", Text),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("ix_corrections_meter", "meter"),
)

correction_undos = Table(
    "correction_undos",
    metadata,
    Column("correction", _ID, ForeignKey("corrections.id"), primary_key=True),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)

# --- what people agree about quotas: rows are added, never changed ----------------------------------------------------

# A top-up of `department`, or with `source` a transfer from there; `amount` is a decimal. An approval is a row more.
quota_entries = Table(
    "quota_entries",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("utility", Text, nullable=False),
    Column("year", Integer, nullable=False),
    Column("department", Text, nullable=False),
    Column("source", Text),
    Column("amount", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("ix_quota_entries_year", "year"),
)

quota_approvals = Table(
    "quota_approvals",
    metadata,
    Column("entry", _ID, ForeignKey("quota_entries.id"), primary_key=True),
    Column("by", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)

# --- closed months: rows are added, never changed -------------------------------------------------------------------

# `terms` are the rules, prices and calendar that the month was closed by, `balances` where its supply went: JSON.
closings = Table(
    "closings",
    metadata,
    Column("month", String(7), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text),
    Column("overridden", Text, nullable=False),
    Column("site_version", Text, nullable=False),
    Column("terms", Text, nullable=False),
    Column("balances", Text, nullable=False),
)

# Decimals are texts. `quality` holds three shares; it, remarks and standings are JSON.
statements = Table(
    "statements",
    metadata,
    Column("month", String(7), ForeignKey("closings.month"), primary_key=True),
    Column("department", Text, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("currency", Text, nullable=False),
    Column("total", Text),
    Column("payable", Text),
    Column("subtree_total", Text),
    Column("quality", Text, nullable=False),
    Column("remarks", Text, nullable=False),
    Column("quota", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

statement_lines = Table(
    "statement_lines",
    metadata,
    Column("id", Text, primary_key=True),
    Column("month", String(7), ForeignKey("closings.month"), nullable=False),
    Column("department", Text, nullable=False),
    Column("place", Integer, nullable=False),
    Column("utility", Text, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("meter", Text),
    Column("quantity", Text),
    Column("unit", Text),
    Column("share", Text),
    Column("charge", Text),
    Column("tariff", Text),
    Column("band", Text),
    Column("start", BigInteger, nullable=False),
    Column("end", BigInteger, nullable=False),
    Column("quality", Text, nullable=False),
    Index("ix_statement_lines_month", "month", "department"),
)

statement_emissions = Table(
    "statement_emissions",
    metadata,
    Column("month", String(7), ForeignKey("closings.month"), primary_key=True),
    Column("department", Text, primary_key=True),
    Column("utility", Text, primary_key=True),
    Column("quantity", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("kgco2e", Text),
    Column("kgce", Text),
)

# --- contested lines: rows are added, never changed -------------------------------------------------------------------

# `contested` is the line as it stood that day (JSON), `state` and `hash` those of its statement. An answer is a row
# more, and so is each correction that it names.
disputes = Table(
    "disputes",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("line", Text, nullable=False),
    Column("month", String(7), nullable=False),
    Column("department", Text, nullable=False),
    Column("contested", Text, nullable=False),
    Column("state", String(12), nullable=False),
    Column("hash", Text, nullable=False),
    Column("site_version", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("ix_disputes_line", "line"),
    Index("ix_disputes_month", "month", "department"),
)

dispute_answers = Table(
    "dispute_answers",
    metadata,
    Column("dispute", _ID, ForeignKey("disputes.id"), primary_key=True),
    Column("outcome", String(10), nullable=False),
    Column("author", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("change", Text),
    Column("site_version", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)

dispute_corrections = Table(
    "dispute_corrections",
    metadata,
    Column("dispute", _ID, ForeignKey("dispute_answers.dispute"), primary_key=True),
    Column("correction", _ID, ForeignKey("corrections.id"), primary_key=True),
)

# --- who may come in -------------------------------------------------------------------------------------------------

users = Table(
    "users",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", String(20), nullable=False),
    Column("department", Text),
    Column("password_hash", Text, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("created", BigInteger, nullable=False),
    UniqueConstraint("name"),
)

# Tokens and sessions are kept as digests: the books cannot give them away.
tokens = Table(
    "tokens",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("user", _ID, ForeignKey("users.id"), nullable=False),
    Column("digest", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("expires", BigInteger),
    Column("created", BigInteger, nullable=False),
    UniqueConstraint("digest"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("user", _ID, ForeignKey("users.id"), nullable=False),
    Column("csrf", Text, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("created", BigInteger, nullable=False),
)

login_failures = Table(
    "login_failures",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("name", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("ix_login_failures_name", "name", "at"),
)

# --- what was done by whom: rows are added, never changed ------------------------------------------------------------

audit = Table(
    "audit",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("deed", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text),
)
