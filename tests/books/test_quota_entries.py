"""Quota entries in the books: kept as asked for, approved once, never changed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from meterbook.books import quotas
from meterbook.books.database import Books
from meterbook.books.quotas import ApprovedAlready, QuotaEntries
from meterbook.domain.quota import Approval, QuotaEntry


def asked(books: Books, department: str = "放射科", source: str | None = None, year: int = 2026) -> QuotaEntry:
    with books.write() as connection:
        return quotas.add(
            connection,
            utility="electricity",
            year=year,
            department=department,
            source=source,
            amount=Decimal("1E+3"),
            asked_by="李",
            reason="a second CT",
            at=2**60,
        )


def approved(books: Books, entry: QuotaEntry, by: str = "王", at: int = 2**61) -> QuotaEntry:
    with books.write() as connection:
        return quotas.approve(connection, entry.id, by, at)


def test_an_entry_is_kept_as_it_was_asked_for(books: Books) -> None:
    kept = [asked(books), asked(books, source="wards")]
    with books.read() as connection:
        assert [quotas.get(connection, one.id) for one in kept] == kept
        assert quotas.get(connection, kept[-1].id + 1) is None
    assert [one.approval for one in kept] == [None, None]
    assert kept[0].amount == 1000


def test_only_what_was_approved_counts(books: Books) -> None:
    first, _, other_year = asked(books), asked(books), asked(books, year=2025)
    assert QuotaEntries(books).approved(2026) == []
    after = approved(books, first)
    assert after == replace(first, approval=Approval("王", 2**61))
    assert after.counts(2**61 + 1)
    assert not after.counts(2**61)
    approved(books, other_year)
    assert QuotaEntries(books).approved(2026) == [after]


def test_an_entry_is_approved_once(books: Books) -> None:
    entry = asked(books)
    approved(books, entry)
    with pytest.raises(ApprovedAlready, match=f"quota entry {entry.id} was approved by 王 already"):
        approved(books, entry, "chen")
    with pytest.raises(KeyError):
        approved(books, replace(entry, id=entry.id + 1))


def test_they_are_found_by_department_and_paged_backwards(books: Books) -> None:
    mine = [asked(books), asked(books, "wards", source="放射科")]
    other = asked(books, "wards")
    with books.read() as connection:
        assert quotas.find(connection, limit=2) == [other, mine[1]]
        assert quotas.find(connection, before=mine[1].id, limit=2) == [mine[0]]
        assert quotas.find(connection, department="放射科", limit=5) == mine[::-1]


@pytest.mark.parametrize("table", ["quota_entries", "quota_approvals"])
@pytest.mark.parametrize("deed", ["UPDATE {} SET at = 1", "DELETE FROM {}"])
def test_no_entry_can_be_changed(books: Books, table: str, deed: str) -> None:
    after = approved(books, asked(books))
    with pytest.raises(IntegrityError, match="quota entries are append-only"), books.write() as connection:
        connection.execute(text(deed.format(table)))
    with books.read() as connection:
        assert quotas.get(connection, after.id) == after
