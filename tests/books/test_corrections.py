"""Corrections in the books: kept as signed, undone once, never changed."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from meterbook.books import corrections
from meterbook.books.corrections import Corrections, UndoneAlready
from meterbook.books.database import Books
from meterbook.domain.correction import Correction, Estimate, Exchange, Exclusion, Undo, What
from meterbook.domain.meter import Installation, Register

EXCHANGE = Exchange(
    Installation(2**60, Decimal("9987.320"), Decimal(0), Register(Decimal("999999.99"))), Decimal("0.0001")
)
EVERY_KIND: list[What] = [
    Exclusion(-5, 7),
    Estimate(0, 2**61, Decimal("-0.10")),
    EXCHANGE,
    Exchange(Installation(1, Decimal("1E+3"), Decimal("0.5"), Register())),
]


def entered(books: Books, *whats: What, meter: str = "表 1") -> list[Correction]:
    with books.write() as connection:
        return [corrections.add(connection, meter, what, "王", f"reason {at}", at) for at, what in enumerate(whats)]


def test_every_kind_is_kept_as_it_was_signed(books: Books) -> None:
    kept = entered(books, *EVERY_KIND)
    with books.read() as connection:
        assert [corrections.get(connection, one.id) for one in kept] == kept
        assert corrections.get(connection, kept[-1].id + 1) is None
        found = corrections.get(connection, kept[2].id)
    assert [one.what for one in kept] == EVERY_KIND
    assert found is not None
    assert isinstance(found.what, Exchange)
    assert str(found.what.installation.old_final) == "9987.320"
    assert found.what.installation.register.digit == Decimal("0.01")


def test_an_undo_takes_it_out_of_force_and_keeps_it(books: Books) -> None:
    first, second = entered(books, Exclusion(0, 1), Exclusion(5, 6))
    with books.write() as connection:
        undone = corrections.undo(connection, first.id, "李", "the meter was right", 99)
    assert undone == Correction(
        first.id, "表 1", first.what, "王", "reason 0", 0, Undo("李", "the meter was right", 99)
    )
    assert not undone.in_force
    with books.read() as connection:
        assert corrections.in_force(connection) == [second]
        assert corrections.find(connection, limit=10) == [second, undone]


def test_an_undo_happens_once(books: Books) -> None:
    (kept,) = entered(books, Exclusion(0, 1))
    with books.write() as connection:
        corrections.undo(connection, kept.id, "li", "too early", 9)
    told = f"correction {kept.id} was undone by li already: too early"
    with pytest.raises(UndoneAlready, match=told), books.write() as connection:
        corrections.undo(connection, kept.id, "wang", "again", 10)
    with pytest.raises(KeyError), books.write() as connection:
        corrections.undo(connection, kept.id + 1, "wang", "of nothing", 10)


def test_they_are_found_by_meter_and_paged_backwards(books: Books) -> None:
    mine = entered(books, *(Exclusion(at, at + 1) for at in range(3)))
    other = entered(books, Exclusion(0, 1), meter="E")
    with books.read() as connection:
        assert corrections.find(connection, limit=2) == [other[0], mine[2]]
        assert corrections.find(connection, before=mine[2].id, limit=2) == [mine[1], mine[0]]
        assert corrections.find(connection, meter="E", limit=10) == other
        assert corrections.in_force(connection, "表 1") == mine
        assert corrections.in_force(connection, "none") == []


def test_the_active_ones_by_meter_and_their_revision(books: Books) -> None:
    kept = Corrections(books)
    assert (kept.active(), kept.revision()) == ({}, 0)
    mine = entered(books, Exclusion(0, 1), Exclusion(5, 6))
    other = entered(books, Exclusion(0, 1), meter="E")
    assert (kept.active(), kept.revision()) == ({"表 1": tuple(mine), "E": tuple(other)}, 3)
    with books.write() as connection:
        corrections.undo(connection, mine[0].id, "li", "too early", 9)
    assert (kept.active(), kept.revision()) == ({"表 1": (mine[1],), "E": tuple(other)}, 4)


@pytest.mark.parametrize("table", ["corrections", "correction_undos"])
@pytest.mark.parametrize("deed", ["UPDATE {} SET reason = 'another'", "DELETE FROM {}"])
def test_no_entry_can_be_changed(books: Books, table: str, deed: str) -> None:
    (kept,) = entered(books, Exclusion(0, 1))
    with books.write() as connection:
        undone = corrections.undo(connection, kept.id, "li", "too early", 9)
    with pytest.raises(IntegrityError, match="corrections are append-only"), books.write() as connection:
        connection.execute(text(deed.format(table)))
    with books.read() as connection:
        assert corrections.get(connection, kept.id) == undone


def test_an_exchange_needs_no_new_ratio(books: Books) -> None:
    (kept,) = entered(books, Exchange(EXCHANGE.installation))
    with books.read() as connection:
        assert corrections.get(connection, kept.id) == kept
