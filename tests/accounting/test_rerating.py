"""A closed month again: its hash, the same bytes while nothing was read since, and what would change before it does."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from accounting.agreed import Agreed
from accounting.test_cases import CASES
from accounting.test_closing import DECEMBER, LATE, NOVEMBER, Desk

from meterbook.accounting.closing import recomputed
from meterbook.accounting.comparison import Sum, comparison
from meterbook.accounting.ledger import Ledger
from meterbook.books.closings import Closings
from meterbook.books.database import Books
from meterbook.domain.emission import Emission
from meterbook.domain.fingerprint import fingerprint, scheme_of
from meterbook.domain.instant import parse
from meterbook.domain.interval import Shares
from meterbook.domain.quota import QuotaStanding
from meterbook.domain.statement import Line, Statement
from meterbook.domain.timeline import Timeline

QUOTAS = CASES / "quota-excess-in-steps"
APRIL = parse("2026-04-02T08:00:00+08:00")

FIRST_SCHEME = {
    "a": "67dd852abcd44103d8eb96a997a19769481f98b27fa8c964770873f3b2b20a13",
    "b": "d785002e977e2f9cd7a39c5574e798b70876a19a7dc675b890e3632e8d47c0c5",
}
"""What the version before the second scheme wrote under October of LATE."""


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    with closing(Books(f"sqlite:///{tmp_path / 'books.db'}")) as found:
        found.migrate()
        yield found


def standing() -> QuotaStanding:
    return QuotaStanding(
        department="a", utility="water", unit="m3", year=2026, at=NOVEMBER, declared=Decimal(100), amount=Decimal(110),
        planned=Decimal("91.5"), used=Decimal("80.25"), warning=Decimal(70), runs_out=date(2026, 12, 24),
    )  # fmt: skip


def changed(one: Any, name: str) -> Any:
    """A field with another value of its kind, and with none."""
    value = getattr(one, name)
    if isinstance(value, Shares):
        return [replace(value, **{part.name: Decimal("0.5")}) for part in fields(Shares)]
    if isinstance(value, tuple):
        return [(), (*value, "demand")] if name == "remarks" else [()]
    if isinstance(value, date):
        return [date(2027, 1, 1), None]
    other = value + 1 if isinstance(value, int | Decimal) else f"{value or ''}x"
    return [other, *([None] if value is not None and name in OPTIONAL else [])]


OPTIONAL = {"meter", "quantity", "share", "charge", "tariff", "band", "unit", "used", "warning", "kgco2e", "kgce"}


def variants(one: Any) -> list[tuple[str, Any]]:
    return [
        (name.name, replace(one, **{name.name: other})) for name in fields(one) for other in changed(one, name.name)
    ]


def test_the_hash_covers_everything_a_statement_says(books: Books) -> None:
    (one, _) = Desk(LATE, books).ledger.statements("2026-10", NOVEMBER)
    emitted = Emission("water", Decimal("25.000"), "m3", Decimal("4.5"), Decimal("6.43"))
    one = replace(one, quota=(standing(),), remarks=("electricity: demand",), emissions=(emitted,))
    told: list[tuple[str, Statement]] = variants(one)
    told += [(f"line {name}", replace(one, lines=(line,))) for name, line in variants(one.lines[0])]
    told += [(f"quota {name}", replace(one, quota=(other,))) for name, other in variants(one.quota[0])]
    told += [(f"emission {name}", replace(one, emissions=(other,))) for name, other in variants(emitted)]
    seen = {name for name, _ in told}
    assert {f"line {field.name}" for field in fields(Line)} | {
        f"quota {field.name}" for field in fields(QuotaStanding)
    } < seen
    of_no_account = {name for name, other in told if fingerprint(other) == fingerprint(one)}
    assert of_no_account == {"state", "hash"}


def test_what_an_earlier_version_closed_is_verified_for_ever(books: Books) -> None:
    old = [
        replace(one, hash=FIRST_SCHEME[one.department])
        for one in Desk(LATE, books).ledger.statements("2026-10", NOVEMBER)
    ]
    assert [scheme_of(one) for one in old] == [1, 1]
    assert [scheme_of(replace(one, hash=fingerprint(one))) for one in old] == [2, 2]
    assert scheme_of(replace(old[0], payable=Decimal("86.24"))) is None
    assert scheme_of(replace(old[0], hash=old[1].hash)) is None


def test_what_the_books_give_back_has_the_hash_it_was_closed_with(books: Books) -> None:
    desk = Desk(QUOTAS, books)
    desk.close("2026-03", APRIL)
    found = Closings(books).closed("2026-03").statements
    assert sorted(len(one.quota) for one in found) == [0, 1]
    assert {scheme_of(one) for one in found} == {2}


def test_a_closed_month_is_computed_again_to_the_same_bytes(books: Books) -> None:
    """Whatever the site's files say by then: prices, heads, quotas and rules are those it was closed by."""
    desk = Desk(QUOTAS, books)
    desk.close("2026-03", APRIL)
    closed = Closings(books).closed("2026-03").statements
    today = replace(
        desk.site,
        tariffs=tuple(replace(one, price=Decimal(99)) for one in desk.site.tariffs),
        quotas=tuple(replace(one, amount=Decimal(7)) for one in desk.site.quotas),
        allocations=(),
        departments={
            id: replace(one, headcount=Timeline.always(Decimal(3))) for id, one in desk.site.departments.items()
        },
    )
    again = recomputed(desk.of(today), "2026-03")
    assert tuple(replace(one, state="closed") for one in again) == closed
    assert desk.of(today).statements("2026-03", APRIL, current=True) != list(closed)
    with pytest.raises(KeyError):
        recomputed(desk.ledger, "2026-02")


def test_with_adjustments_booked_in_it_too(books: Books) -> None:
    desk = Desk(LATE, books)
    desk.close("2026-10", NOVEMBER)
    desk.read("later.csv")
    desk.close("2026-11", DECEMBER)
    closed = Closings(books).closed("2026-11").statements
    assert {line.kind for one in closed for line in one.lines} == {"shared", "adjustment"}
    assert [one.hash for one in recomputed(desk.ledger, "2026-11")] == [one.hash for one in closed]
    assert [one.hash for one in recomputed(desk.ledger, "2026-10")] != [
        one.hash for one in Closings(books).closed("2026-10").statements
    ], "what was read since is in it"


def test_a_closed_month_shows_its_quotas_as_they_stood(books: Books) -> None:
    desk = Desk(QUOTAS, books)
    before = desk.ledger.quotas("2026-03", APRIL)
    desk.close("2026-03", APRIL)
    larger = replace(desk.site, quotas=tuple(replace(one, amount=Decimal(1000)) for one in desk.site.quotas))
    assert desk.of(larger).quotas("2026-03", APRIL) == before
    assert [one.declared for one in desk.of(larger).quotas("2026-03", APRIL, current=True)] == [Decimal(1000)]
    assert [one.declared for one in desk.of(larger).quotas("2026-02", APRIL)] == [Decimal(1000)], "that one is open"


def test_an_entry_approved_later_changes_no_closed_standing(books: Books) -> None:
    desk = Desk(QUOTAS, books)
    desk.close("2026-03", APRIL)
    entries = Agreed.of(
        [{"utility": "water", "year": 2026, "department": "a", "amount": "50", "approved": "2026-03-20T08:00:00+08:00"}]
    )
    ledger = Ledger(desk.site, desk.store, None, entries=entries, closings=Closings(books))
    assert [one.amount for one in ledger.quotas("2026-03", APRIL)] == [Decimal(100)]
    assert [one.amount for one in ledger.quotas("2026-03", APRIL, current=True)] == [Decimal(150)]


def test_nothing_new_differs_in_nothing(books: Books) -> None:
    desk = Desk(LATE, books)
    desk.close("2026-10", NOVEMBER)
    found = comparison(desk.ledger, "2026-10")
    assert [(one.department, one.component, one.charged) for one in found.items] == [
        ("a", "energy", Sum(Decimal("25.000"), Decimal("86.25"))),
        ("b", "energy", Sum(Decimal("75.000"), Decimal("258.75"))),
    ]
    assert not any(one.difference or one.rerating for one in found.items)
    assert (found.booked_in, found.damaged, found.changed) == ("2026-11", (), ())


def test_late_readings_and_other_prices_show_before_anything_is_booked(books: Books) -> None:
    desk = Desk(LATE, books)
    desk.close("2026-10", NOVEMBER)
    desk.read("later.csv")
    dearer = replace(
        desk.site, tariffs=tuple(replace(one, id="w2", price=Decimal("3.50")) for one in desk.site.tariffs)
    )
    found = comparison(desk.of(dearer), "2026-10")
    # 110.001 m3 at 3.45 = 379.50, as in the case; at 3.50 = 385.0035 -> 385.00, of which a 385 x 27.5/110.001 = 96.249
    assert [(one.difference.charge, one.rerated.charge, one.rerating.charge) for one in found.items] == [
        (Decimal("8.62"), Decimal("96.25"), Decimal("1.38")),
        (Decimal("25.88"), Decimal("288.75"), Decimal("4.12")),
    ]
    assert [one.difference.quantity for one in found.items] == [Decimal("2.500"), Decimal("7.501")]
    assert found.changed == ("a", "b")
    booked = [line for one in desk.of(dearer).statements("2026-11", DECEMBER) for line in one.lines]
    assert [line.charge for line in booked if line.kind == "adjustment"] == [
        one.difference.charge for one in found.items
    ]


def test_what_is_booked_counts_as_charged(books: Books) -> None:
    desk = Desk(LATE, books)
    desk.close("2026-10", NOVEMBER)
    desk.read("later.csv")
    desk.close("2026-11", DECEMBER)
    found = comparison(desk.ledger, "2026-10")
    assert [one.charged.charge for one in found.items] == [Decimal("94.87"), Decimal("284.63")]
    assert not any(one.difference for one in found.items)
    assert found.booked_in == "2026-12"
    with pytest.raises(KeyError):
        comparison(desk.ledger, "2026-12")


def test_who_changes_the_books_behind_our_back_is_found_out(books: Books, tmp_path: Path) -> None:
    desk = Desk(LATE, books)
    desk.close("2026-10", NOVEMBER)
    with closing(sqlite3.connect(tmp_path / "books.db")) as file:
        with pytest.raises(sqlite3.IntegrityError):
            file.execute("UPDATE statement_lines SET charge = '80.00' WHERE department = 'a'")
        for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            file.execute(f"DROP TRIGGER {name}")
        file.execute("UPDATE statement_lines SET charge = '80.00' WHERE department = 'a'")
        file.commit()
    assert comparison(desk.ledger, "2026-10").damaged == ("a",)
