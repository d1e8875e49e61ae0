"""Explaining lines: of every case's statements, down to registers and raw readings."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from accounting.entries import signed
from accounting.keeping import kept
from accounting.test_cases import CASES, opened
from accounting.test_closing import DECEMBER, LATE, NOVEMBER, Desk

from meterbook.accounting.explain import Explanation, Raw, explain, find
from meterbook.accounting.ledger import Ledger
from meterbook.books.database import Books
from meterbook.domain.instant import parse
from meterbook.domain.site import Site


def told(ledger: Ledger, month: str, department: str, place: int, now: int = NOVEMBER) -> Explanation:
    found = find(ledger, ledger.statement(month, department, now).lines[place].id, now)
    assert found is not None
    return explain(ledger, *found, now)


def check_registers(site: Site, told: Explanation) -> None:
    """What each meter used is the difference of its registers, where they are known at both ends."""
    for part in told.parts:
        meter = site.meters[part.meter]
        if part.used.shares.missing or any(None in (one.opening.figure, one.closing.figure) for one in part.stretches):
            continue
        span = (meter.register.span or 0) * meter.register.digit
        used = Decimal(0)
        for one in part.stretches:
            assert one.closing.figure is not None
            assert one.opening.figure is not None
            used += (one.closing.figure - one.opening.figure + one.rollovers * span) * one.multiplier
        assert used == part.used.value


def check_days(told: Explanation) -> None:
    """The line is its share of what its meter counted in its band."""
    if told.line.meter is None or told.line.share is None or told.line.quantity is None or not told.days:
        return
    counted = sum((day.value or Decimal(0) for day in told.days), Decimal(0))
    assert abs(counted * told.line.share - told.line.quantity) <= Decimal("0.001") + abs(counted) * Decimal("0.000001")


WITH_STATEMENTS = [
    case
    for case in sorted(CASES.iterdir())
    if "statements:" in (case / "expected.yaml").read_text(encoding="utf-8")
    and not (case / "corrections.yaml").exists()
]


@pytest.mark.parametrize("case", WITH_STATEMENTS, ids=lambda case: case.name)
def test_every_line_of_a_case_comes_down_to_its_registers(case: Path, tmp_path: Path) -> None:
    site, store = opened(case)
    expected = yaml.safe_load((case / "expected.yaml").read_text(encoding="utf-8"))
    now = parse(expected.get("now", "2026-12-31T00:00:00Z"))
    with signed(case, site, store, tmp_path) as corrections, kept() as intervals:
        ledger = Ledger(site, store, corrections, intervals)
        for month in sorted({asked["month"] for asked in expected.get("statements", [])}):
            for statement in ledger.statements(month, now):
                for line in statement.lines:
                    found = find(ledger, line.id, now)
                    assert found == (statement, line)
                    explained = explain(ledger, statement, line, now)
                    check_registers(site, explained)
                    check_days(explained)


def test_a_band_shows_its_price_its_days_and_the_readings_at_its_edges() -> None:
    site, store = opened(CASES / "trap-17-half-past-eight")
    found = told(Ledger(site, store), "2026-10", "a", 0)
    assert (found.name, found.component.quantity, found.component.charge) == ("peak", Decimal("6.00"), Decimal("7.20"))
    assert found.tariff is not None
    assert found.tariff.bands[found.name] == Decimal("1.20")
    assert [day.value for day in found.days if day.value] == [Decimal("6.00")]
    (part,) = found.parts
    assert part.meter == "E"
    assert part.used.value == Decimal("92.00")


def test_an_exchange_makes_two_stretches_with_their_ratios() -> None:
    site, store = opened(CASES / "trap-02-exchange")
    (part,) = told(Ledger(site, store), "2026-10", "unallocated", 0).parts
    first, second = part.stretches
    assert (first.opening.figure, first.closing.figure, first.multiplier) == (None, Decimal("9987.32"), 40)
    assert (second.opening.figure, second.closing.figure, second.multiplier) == (Decimal("12.40"), None, 60)
    start = parse("2026-10-12T10:00:00+08:00")
    assert first.opening.readings == (Raw(start, Decimal("9980.0"), 0),)
    assert [raw.figure for raw in first.closing.readings] == [Decimal("9983.5"), Decimal("13.4")]


def test_losses_stand_on_a_parent_and_its_children() -> None:
    site, store = opened(CASES / "losses-weigh-what-is-shared")
    ledger = Ledger(site, store)
    (line,) = [one for one in ledger.statement("2026-10", "a", NOVEMBER).lines if one.kind == "loss"]
    found = explain(ledger, ledger.statement("2026-10", "a", NOVEMBER), line, NOVEMBER)
    assert found.rule is not None
    assert found.rule.losses
    assert {part.meter: int(part.factor) for part in found.parts}["P"] == 1
    assert sum((part.factor * int(part.used.value or 0) for part in found.parts), 0) == 10
    assert sum((day.value or Decimal(0) for day in found.days), Decimal(0)) == 10


def test_an_adjustment_says_what_was_charged_before(tmp_path: Path) -> None:
    with closing(Books(f"sqlite:///{tmp_path / 'books.db'}")) as books:
        books.migrate()
        desk = Desk(LATE, books)
        desk.close("2026-10", NOVEMBER)
        desk.read("later.csv")
        for state in ("provisional", "closed"):
            found = told(desk.ledger, "2026-11", "a", 1, DECEMBER)
            assert (found.statement.state, found.line.charge) == (state, Decimal("8.62"))
            assert found.before is not None
            assert (found.before.charge, found.before.quantity) == (Decimal("86.25"), Decimal("25.000"))
            assert found.component.charge == Decimal("34.50")
            desk.close("2026-11", DECEMBER) if state == "provisional" else None


def test_a_closed_line_keeps_its_rule_and_its_price(tmp_path: Path) -> None:
    with closing(Books(f"sqlite:///{tmp_path / 'books.db'}")) as books:
        books.migrate()
        desk = Desk(LATE, books)
        desk.close("2026-10", NOVEMBER)
        bare = replace(desk.site, allocations=(), tariffs=())
        found = told(desk.of(bare), "2026-10", "a", 0)
        assert found.rule == desk.site.allocations[0]
        assert found.tariff == desk.site.tariffs[0]
        assert (found.component.charge, found.line.charge) == (Decimal("345.00"), Decimal("86.25"))


@pytest.mark.parametrize(
    "id", ["", "x", "2026-13:a:1", "2026-10:a:000000000000", "2026-10:nobody:1", "2026-10:a", "::"]
)
def test_what_is_no_line_is_not_found(id: str) -> None:
    site, store = opened(LATE)
    assert find(Ledger(site, store), id, NOVEMBER) is None
