"""Top-ups and transfers of quotas, and who approved them. What they amount to is decided in `accounting.quota`."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Select, insert, or_, select

from meterbook.books.database import Books
from meterbook.books.tables import quota_approvals as approvals
from meterbook.books.tables import quota_entries as _entries
from meterbook.domain.instant import Instant
from meterbook.domain.quota import Approval, QuotaEntry


class ApprovedAlready(ValueError):
    """Somebody has approved the entry before."""


class QuotaEntries:
    """The quota entries of a site's books, for whoever computes with them."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def approved(self, year: int) -> list[QuotaEntry]:
        """The approved entries of a calendar year's quotas, oldest first."""
        with self._books.read() as connection:
            return approved(connection, year)


def add(
    connection: Connection,
    *,
    utility: str,
    year: int,
    department: str,
    source: str | None,
    amount: Decimal,
    asked_by: str,
    reason: str,
    at: Instant,
) -> QuotaEntry:
    """Keep a new entry; it counts once somebody approves it."""
    row = {"utility": utility, "year": year, "department": department, "source": source, "amount": f"{amount:f}"}
    row |= {"asked_by": asked_by, "reason": reason, "at": at}
    key = connection.execute(insert(_entries).values(row).returning(_entries.c.id)).scalar_one()
    return QuotaEntry(key, utility, year, department, source, amount, asked_by, reason, at)


def get(connection: Connection, id: int) -> QuotaEntry | None:
    """The entry, None when there is none of that id."""
    row = connection.execute(_all().where(_entries.c.id == id)).one_or_none()
    return None if row is None else _entry(row)


def approve(connection: Connection, id: int, by: str, at: Instant) -> QuotaEntry:
    """Let an entry count. Raises KeyError for an unknown id, ApprovedAlready where somebody has done so before."""
    found = get(connection, id)
    if found is None:
        raise KeyError(id)
    if found.approval is not None:
        raise ApprovedAlready(f"quota entry {id} was approved by {found.approval.by} already")
    connection.execute(insert(approvals).values(entry=id, by=by, at=at))
    return replace(found, approval=Approval(by, at))


def approved(connection: Connection, year: int) -> list[QuotaEntry]:
    """The approved entries of a calendar year's quotas, oldest first."""
    query = _all().where(approvals.c.by.is_not(None), _entries.c.year == year).order_by(_entries.c.id)
    return [_entry(row) for row in connection.execute(query)]


def find(
    connection: Connection, *, department: str | None = None, before: int | None = None, limit: int
) -> list[QuotaEntry]:
    """The newest entries first, those that wait for approval too, at most `limit`, with ids below `before`.

    Those of a `department` are what it was given and what it gave away.
    """
    query = _all().order_by(_entries.c.id.desc()).limit(limit)
    if department is not None:
        query = query.where(or_(_entries.c.department == department, _entries.c.source == department))
    if before is not None:
        query = query.where(_entries.c.id < before)
    return [_entry(row) for row in connection.execute(query)]


def _all() -> Select[Any]:
    given = (approvals.c.by.label("approved_by"), approvals.c.at.label("approved_at"))
    return select(_entries, *given).outerjoin(approvals, approvals.c.entry == _entries.c.id)


def _entry(row: Any) -> QuotaEntry:
    return QuotaEntry(
        id=row.id,
        utility=row.utility,
        year=row.year,
        department=row.department,
        source=row.source,
        amount=Decimal(row.amount),
        asked_by=row.asked_by,
        reason=row.reason,
        at=row.at,
        approval=None if row.approved_by is None else Approval(row.approved_by, row.approved_at),
    )
