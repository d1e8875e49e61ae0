"""Closed months in the books: kept to the last digit, closed once, never changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from meterbook.books import closings
from meterbook.books.closings import ClosedAlready, Closings
from meterbook.books.database import Books
from meterbook.domain.closing import Block, Closed, Signature, Terms
from meterbook.domain.emission import Emission
from meterbook.domain.interval import Shares
from meterbook.domain.quota import QuotaStanding
from meterbook.domain.statement import Balance, Line, Statement
from meterbook.site.load import load

HOSPITAL = Path(__file__).parents[1] / "site" / "hospital"
SHARES = Shares(Decimal("0.9900"), Decimal("0.0100"), Decimal(0))
LINE = Line(
    id="2026-10:放射科:1",
    utility="electricity",
    kind="direct",
    meter="E",
    quantity=Decimal("-10.10"),
    unit="kWh",
    share=Decimal("1.000000"),
    charge=None,
    tariff=None,
    band=None,
    start=-5,
    end=2**61,
    quality=SHARES,
)
STANDING = QuotaStanding(
    department="放射科",
    utility="water",
    unit="m3",
    year=2026,
    at=7,
    declared=Decimal("10.0"),
    amount=Decimal("10.0"),
    planned=Decimal("8.3"),
    used=None,
    warning=None,
    runs_out=date(2026, 12, 24),
)


def record(month: str = "2026-10") -> Closed:
    site = load(HOSPITAL).site
    assert site is not None
    lines = (LINE, replace(LINE, id="2", charge=Decimal("0.10"), kind="surcharge", band="funds", meter=None))
    told = Statement(
        department="放射科",
        month=month,
        state="closed",
        revision=1,
        currency="CNY",
        lines=lines if month == "2026-10" else (),
        total=None,
        payable=Decimal("0.10"),
        subtree_total=Decimal(0),
        quality=SHARES,
        remarks=("electricity: demand",),
        hash="abc",
        quota=(STANDING,),
        emissions=(
            Emission("electricity", Decimal("-10.10"), "kWh", Decimal("-5.41966"), Decimal("-1.241290")),
            Emission("water", Decimal("2.000"), "m3", None, Decimal("0.5142")),
        ),
    )
    balance = Balance("water", "m3", 0, 9, Decimal("1.10"), {"a": Decimal("1.1")}, {}, Decimal(0), Decimal(0), SHARES)
    overridden = (Block("coverage", "W", {"covered": "50 %", "least": "95 %"}),)
    signature = Signature(month, "王", 2**60, "f00", "the pit\nwas flooded", overridden)
    return Closed(signature, Terms.of(site, month), (told,), (balance,))


def added(books: Books, *records: Closed) -> None:
    with books.write() as connection:
        for one in records:
            closings.add(connection, one)


def test_it_is_kept_as_it_was_signed(books: Books) -> None:
    kept = record()
    added(books, kept)
    found = Closings(books).closed("2026-10")
    assert found == kept
    assert str(found.statements[0].lines[0].quantity) == "-10.10"
    assert found.terms.tariffs == kept.terms.tariffs


def test_who_closed_what_is_told_in_the_order_of_months(books: Books) -> None:
    months = Closings(books)
    assert months.signatures() == []
    added(books, record("2026-11"), record("2026-10"))
    assert [one.month for one in months.signatures()] == ["2026-10", "2026-11"]
    with pytest.raises(KeyError):
        months.closed("2026-12")


def test_a_month_is_closed_once(books: Books) -> None:
    added(books, record())
    with pytest.raises(ClosedAlready, match="2026-10 was closed by 王 already") as refused:
        added(books, replace(record(), signature=replace(record().signature, by="李")))
    assert refused.value.signature == record().signature


@pytest.mark.parametrize("table", ["closings", "statements", "statement_lines", "statement_emissions"])
@pytest.mark.parametrize("deed", ["UPDATE {} SET month = '2026-09'", "DELETE FROM {}"])
def test_nothing_of_it_can_be_changed(books: Books, table: str, deed: str) -> None:
    added(books, record())
    with pytest.raises(IntegrityError, match="closed months are append-only"), books.write() as connection:
        connection.execute(text(deed.format(table)))
    assert Closings(books).closed("2026-10") == record()


def test_a_transaction_that_fails_leaves_the_month_open(books: Books) -> None:
    twice = replace(record(), statements=record().statements * 2)
    with pytest.raises(IntegrityError):
        added(books, twice)
    assert Closings(books).signatures() == []
    added(books, record())
