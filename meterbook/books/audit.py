"""The audit trail: who did what, when. Rows are added and never changed; the database refuses it too."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, insert, select

from meterbook.books.tables import audit
from meterbook.domain.instant import Instant


class Entry(NamedTuple):
    """One deed: `subject` is what it was done to, `detail` what is worth knowing about it."""

    id: int
    at: Instant
    who: str
    deed: str
    subject: str
    detail: str | None


def add(connection: Connection, at: Instant, who: str, deed: str, subject: str, detail: str | None) -> None:
    """Write a deed down; never put a secret into any of it."""
    connection.execute(insert(audit).values(at=at, who=who, deed=deed, subject=subject, detail=detail))


def entries(connection: Connection, limit: int, before: int | None = None) -> list[Entry]:
    """The newest entries first, at most `limit`, with ids below `before`."""
    query = select(audit).order_by(audit.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(audit.c.id < before)
    return [Entry(*row) for row in connection.execute(query)]
