"""Quarantine: what no reading could be made of. The newest rows are kept, all are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, insert, select, update

from meterbook.books.tables import quarantine, quarantine_counts
from meterbook.domain.reading import Refusal

KEPT = 10_000
"""Rows that are kept."""

LONGEST = 2_000
"""Characters that are kept of each text; what arrives here may be anything."""


def add(connection: Connection, refusals: Sequence[Refusal]) -> None:
    """Keep refusals, the newest `KEPT` of all, and count them by source."""
    if not refusals:
        return
    rows = [
        {"received": refusal.received}
        | {key: getattr(refusal, key)[:LONGEST] for key in ("source", "subject", "reason", "content")}
        for refusal in refusals
    ]
    connection.execute(insert(quarantine), rows[-KEPT:])
    newest = connection.execute(select(func.max(quarantine.c.id))).scalar_one()
    connection.execute(delete(quarantine).where(quarantine.c.id <= newest - KEPT))
    for source, count in Counter(str(row["source"]) for row in rows).items():
        _count(connection, source, count)


def counts(connection: Connection) -> dict[str, int]:
    """How many refusals each source has ever had."""
    query = select(quarantine_counts).order_by(quarantine_counts.c.source)
    return {row["source"]: row["count"] for row in connection.execute(query).mappings()}


def latest(connection: Connection, limit: int) -> list[Refusal]:
    """The newest refusals first."""
    query = select(quarantine).order_by(quarantine.c.id.desc()).limit(limit)
    return [
        Refusal(row.source, row.subject, row.reason, row.content, row.received) for row in connection.execute(query)
    ]


def _count(connection: Connection, source: str, more: int) -> None:
    of_source = quarantine_counts.c.source == source
    counted = update(quarantine_counts).where(of_source).values(count=quarantine_counts.c.count + more)
    if not connection.execute(counted).rowcount:
        connection.execute(insert(quarantine_counts).values(source=source, count=more))
