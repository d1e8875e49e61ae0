"""Disputes in the books: kept with the line as it stood, answered once, never changed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from meterbook.books import corrections, disputes
from meterbook.books.database import Books
from meterbook.books.disputes import AnsweredAlready, OpenAlready
from meterbook.domain.correction import Exclusion
from meterbook.domain.dispute import Dispute, DisputeAnswer
from meterbook.domain.interval import Shares
from meterbook.domain.statement import Line, Statement

LINE = Line(
    id="2026-10:放射科:0f1e2d3c4b5a",
    utility="electricity",
    kind="shared",
    meter="E-B1-REST",
    quantity=Decimal("-10412.370"),
    unit="kWh",
    share=Decimal("0.250000"),
    charge=Decimal("7021.06"),
    tariff="grid-2026",
    band=None,
    start=2**60,
    end=2**60 + 1,
    quality=Shares(Decimal("0.9958"), Decimal("0.0042"), Decimal(0)),
)
STATEMENT = Statement(
    department="放射科",
    month="2026-10",
    state="closed",
    revision=1,
    currency="CNY",
    lines=(LINE,),
    total=LINE.charge,
    payable=LINE.charge,
    subtree_total=LINE.charge,
    quality=LINE.quality,
    remarks=(),
    hash="0" * 64,
)
REJECTED = DisputeAnswer("rejection", "王", "the register is right", 2**61, "v2")


def opened(books: Books, line: Line = LINE, statement: Statement = STATEMENT) -> Dispute:
    with books.write() as connection:
        return disputes.add(connection, statement, line, "v1", "李", "that was not us", 2**60)


def answered(books: Books, dispute: Dispute, given: DisputeAnswer = REJECTED) -> Dispute:
    with books.write() as connection:
        return disputes.answer(connection, dispute.id, given)


def excluded(books: Books) -> int:
    with books.write() as connection:
        return corrections.add(connection, "E-B1", Exclusion(0, 1), "王", "…", 1).id


def test_a_dispute_is_kept_with_the_line_as_it_stood(books: Books) -> None:
    odd = replace(LINE, id="x", meter=None, quantity=None, unit=None, share=None, charge=None, band="funds")
    kept = [opened(books), opened(books, odd, replace(STATEMENT, state="open"))]
    with books.read() as connection:
        assert [disputes.get(connection, one.id) for one in kept] == kept
        assert disputes.get(connection, kept[-1].id + 1) is None
    assert kept[0] == Dispute(
        kept[0].id, "2026-10", "放射科", LINE, "closed", "0" * 64, "v1", "李", "that was not us", 2**60
    )
    assert str(kept[0].line.quantity) == "-10412.370"
    assert (kept[1].line, kept[1].state) == (odd, "open")


def test_a_line_is_contested_once_at_a_time(books: Books) -> None:
    first = opened(books)
    with pytest.raises(OpenAlready, match=f"李 contests {LINE.id} already: dispute {first.id} waits") as refused:
        opened(books)
    assert refused.value.dispute == first
    answered(books, first)
    assert opened(books).id > first.id


def test_a_dispute_is_answered_once(books: Books) -> None:
    dispute = opened(books)
    assert answered(books, dispute) == replace(dispute, answer=REJECTED)
    with pytest.raises(AnsweredAlready, match=f"dispute {dispute.id} was answered by 王 already: rejection"):
        answered(books, dispute)
    with pytest.raises(KeyError):
        answered(books, replace(dispute, id=dispute.id + 1))


def test_an_adjustment_names_the_corrections_that_mend_the_figure(books: Books) -> None:
    first, second = excluded(books), excluded(books)
    given = DisputeAnswer("adjustment", "王", "so it was", 2**61, "v2", (first, second), "the ratio in meters.yaml")
    dispute = opened(books)
    answered(books, dispute, given)
    with books.read() as connection:
        assert disputes.get(connection, dispute.id) == replace(dispute, answer=given)
    other = opened(books)
    with pytest.raises(IntegrityError):
        answered(books, other, replace(given, corrections=(first, second + 1)))
    with books.read() as connection:
        assert disputes.get(connection, other.id) == other


def test_they_are_found_by_whose_they_are_and_paged_backwards(books: Books) -> None:
    own = [opened(books, replace(LINE, id=name)) for name in "abc"]
    wards = opened(books, replace(LINE, id="d"), replace(STATEMENT, department="wards", month="2026-11"))
    own[0] = answered(books, own[0])
    with books.read() as connection:
        assert disputes.find(connection, limit=2) == [wards, own[2]]
        assert disputes.find(connection, before=own[2].id, limit=5) == [own[1], own[0]]
        assert disputes.find(connection, departments={"放射科"}, answered=False, limit=5) == [own[2], own[1]]
        assert disputes.find(connection, departments=set(), limit=5) == []
        assert disputes.find(connection, answered=True, limit=5) == [own[0]]
        assert disputes.find(connection, month="2026-11", limit=5) == [wards]
        assert disputes.find(connection, line="b", limit=5) == [own[1]]
        assert disputes.waiting(connection) == {"2026-10": 2, "2026-11": 1}


@pytest.mark.parametrize(
    ("table", "deed"),
    [
        (table, deed)
        for table, column in (("disputes", "at"), ("dispute_answers", "at"), ("dispute_corrections", "correction"))
        for deed in (f"UPDATE {{}} SET {column} = 1", "DELETE FROM {}")
    ],
)
def test_nothing_that_was_said_can_be_changed(books: Books, table: str, deed: str) -> None:
    dispute = opened(books)
    after = answered(books, dispute, replace(REJECTED, outcome="adjustment", corrections=(excluded(books),)))
    with pytest.raises(IntegrityError, match="disputes are append-only"), books.write() as connection:
        connection.execute(text(deed.format(table)))
    with books.read() as connection:
        assert disputes.get(connection, dispute.id) == after
