"""Closing: what stands in the way, what stays as it was, and what later news become. Its cases are `closing-*`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from accounting.test_cases import ARRIVAL, CASES, check_statement, opened

from api.closing import NotClosable, close
from collectors.files import rows
from meterbook.accounting.closing import SENTENCES, Findings, blocks, findings, sentence
from meterbook.accounting.comparison import Sum, comparison
from meterbook.accounting.ledger import Ledger
from meterbook.books.closings import ClosedAlready, Closings
from meterbook.books.corrections import Corrections
from meterbook.books.database import Books
from meterbook.domain.closing import Block
from meterbook.domain.instant import Instant, parse
from meterbook.domain.interval import Consumption, Shares
from meterbook.domain.reading import Reading
from meterbook.domain.site import Site
from meterbook.domain.text import LANGUAGES
from meterbook.i18n import translator
from meterbook.readings.memory import MemoryStore
from meterbook.site.load import load

LATE = CASES / "closing-late-readings-become-adjustments"
NOVEMBER = parse("2026-11-02T08:00:00+08:00")
DECEMBER = parse("2026-12-02T08:00:00+08:00")


class Desk:
    """A case's site with books of its own."""

    def __init__(self, case: Path, books: Books) -> None:
        self.case, self.books = case, books
        self.site, self.store = opened(case)

    @property
    def ledger(self) -> Ledger:
        return self.of(self.site)

    def of(self, site: Site) -> Ledger:
        return Ledger(site, self.store, Corrections(self.books), closings=Closings(self.books))

    def read(self, file: str) -> None:
        for row in rows(self.case / file, self.site, None, None, ARRIVAL):
            assert isinstance(row, Reading), row
            self.store.append([row], ARRIVAL)

    def close(self, month: str, now: Instant, by: str = "wang", force: str | None = None) -> list[Block]:
        """What stood in the way, overridden or not."""
        try:
            return list(close(self.ledger, self.books, month, by, force, now).overridden)
        except NotClosable as error:
            assert self.ledger.signature(month) is None
            return error.blocks


def at(folder: Path) -> Site:
    """The site of a folder."""
    site = load(folder).site
    assert site is not None
    return site


def check_comparison(ledger: Ledger, asked: dict[str, Any]) -> None:
    found = comparison(ledger, asked["month"])
    assert found.booked_in == asked["booked_in"]
    sums = [[one.department, one.component, one.charged, one.due, one.rerated] for one in found.items]
    assert sums == [[*item[:2], *(Sum(*map(Decimal, told)) for told in item[2:])] for item in asked["items"]]


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    with closing(Books(f"sqlite:///{tmp_path / 'books.db'}")) as found:
        found.migrate()
        yield found


@pytest.mark.parametrize("case", sorted(CASES.glob("closing-*")), ids=lambda case: case.name)
def test_case(case: Path, books: Books) -> None:
    desk = Desk(case, books)
    for stage in yaml.safe_load((case / "expected.yaml").read_text(encoding="utf-8"))["stages"]:
        now = parse(stage["now"])
        if "site" in stage:
            desk.site = at(case / stage["site"])
        if "readings" in stage:
            desk.read(stage["readings"])
        if "close" in stage:
            found = desk.close(now=now, **stage["close"])
            assert [[block.kind, block.subject, block.figures] for block in found] == stage["blocks"]
        if "compare" in stage:
            check_comparison(desk.ledger, stage["compare"])
        for asked in stage.get("statements", []):
            check_statement(desk.site, desk.ledger, asked, now)


def test_a_closed_month_keeps_its_hash_and_its_balance(books: Books) -> None:
    desk = Desk(LATE, books)
    before = desk.ledger.statements("2026-10", NOVEMBER), desk.ledger.balances("2026-10", NOVEMBER)
    desk.close("2026-10", NOVEMBER)
    assert [replace(one, state="provisional") for one in desk.ledger.statements("2026-10", NOVEMBER)] == before[0]
    desk.read("later.csv")
    after = desk.ledger.statements("2026-10", DECEMBER), desk.ledger.balances("2026-10", DECEMBER)
    assert [(one.state, one.hash) for one in after[0]] == [("closed", one.hash) for one in before[0]]
    assert after[1] == before[1]
    (today,) = desk.ledger.balances("2026-10", DECEMBER, current=True)
    assert today.supplied == Decimal("110.001")
    current = desk.ledger.statements("2026-10", DECEMBER, current=True)
    assert sum(one.total or Decimal(0) for one in current) == Decimal("379.50")
    assert {one.state for one in current} == {"provisional"}


def test_nothing_new_changes_nothing_and_gives_the_same_bytes(books: Books) -> None:
    desk = Desk(LATE, books)
    desk.close("2026-10", NOVEMBER)
    closed, again = (desk.ledger.statements("2026-10", NOVEMBER, current=current) for current in (False, True))
    assert [one.hash for one in again] == [one.hash for one in closed]
    assert desk.ledger.statements("2026-11", NOVEMBER) == []


def test_line_ids_stay_and_are_unique(books: Books) -> None:
    desk = Desk(LATE, books)
    open_ids = [line.id for one in desk.ledger.statements("2026-10", NOVEMBER) for line in one.lines]
    desk.close("2026-10", NOVEMBER)
    desk.read("later.csv")
    assert [line.id for one in desk.ledger.statements("2026-10", DECEMBER) for line in one.lines] == open_ids
    drawn = [[line.id for one in desk.ledger.statements("2026-11", DECEMBER) for line in one.lines] for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert len({*drawn[0], *open_ids}) == len(drawn[0]) + len(open_ids)


def test_later_rules_and_prices_change_nothing_of_a_closed_month(books: Books) -> None:
    desk = Desk(LATE, books)
    desk.close("2026-10", NOVEMBER)
    dearer = replace(
        desk.site,
        tariffs=tuple(replace(one, price=Decimal(99)) for one in desk.site.tariffs),
        allocations=(),
    )
    assert [one.total for one in desk.of(dearer).statements("2026-10", NOVEMBER)] == [
        Decimal("86.25"),
        Decimal("258.75"),
    ]
    assert desk.of(dearer).statements("2026-11", NOVEMBER) == []
    desk.read("later.csv")
    booked = [
        (one.department, line.charge)
        for one in desk.of(dearer).statements("2026-11", DECEMBER)
        for line in one.lines
        if line.kind == "adjustment"
    ]
    assert booked == [("a", Decimal("8.62")), ("b", Decimal("25.88"))]


def test_a_ratio_that_was_wrong_is_mended_by_an_adjustment(books: Books) -> None:
    desk = Desk(LATE, books)
    desk.close("2026-10", NOVEMBER)
    meter = desk.site.meters["W"]
    doubled = replace(meter, multiplier=type(meter.multiplier).always(Decimal(2)))
    found = desk.of(replace(desk.site, meters={"W": doubled})).statements("2026-11", NOVEMBER)
    assert [one.total for one in found] == [Decimal("86.25"), Decimal("258.75")]


def test_a_month_is_closed_once(books: Books) -> None:
    desk = Desk(LATE, books)
    desk.close("2026-10", NOVEMBER)
    with pytest.raises(ClosedAlready, match="2026-10 was closed by wang already"):
        desk.close("2026-10", NOVEMBER, by="li", force="again")


def test_a_forced_month_says_why_and_what_was_overridden(books: Books) -> None:
    desk = Desk(LATE, books)
    desk.site = replace(
        desk.site, meters={"W": replace(desk.site.meters["W"], register=desk.site.meters["W"].register)}
    )
    desk.store = MemoryStore()
    assert [block.kind for block in desk.close("2026-10", NOVEMBER)] == ["coverage"]
    found = desk.close("2026-10", NOVEMBER, force="the pit was flooded")
    signed = desk.ledger.signature("2026-10")
    assert signed is not None
    assert (signed.reason, list(signed.overridden), signed.site_version) == (
        "the pit was flooded",
        found,
        desk.site.version,
    )


def test_a_reason_that_nothing_needed_is_not_kept(books: Books) -> None:
    desk = Desk(LATE, books)
    assert desk.close("2026-10", NOVEMBER, force="to be sure") == []
    signed = desk.ledger.signature("2026-10")
    assert signed is not None
    assert signed.reason is None


def test_only_what_concerns_the_month_stands_in_its_way(books: Books) -> None:
    desk = Desk(CASES / "closing-what-stands-in-the-way", books)
    found = {block.kind for block in desk.close("2026-11", DECEMBER)}
    assert {"price", "imbalance"}.isdisjoint(found)
    assert {"coverage", "question"} <= found


def _found(**changes: Any) -> Findings:
    site, _ = opened(LATE)
    start, end = site.calendar.month("2026-10")
    used = {"W": Consumption(start, end, Decimal(1), Shares.of_time(0, 0.05))}
    empty = Findings(site, "2026-10", end, used, frozenset({"W"}), (), (), (), {}, ())
    return replace(empty, **changes)


def test_exactly_the_limit_is_enough() -> None:
    assert blocks(_found()) == []
    month = _found().used["W"]
    short = replace(month, shares=Shares.of_time(0, 0.0501))
    assert blocks(_found(used={"W": short})) == [Block("coverage", "W", {"covered": "94.99 %", "least": "95 %"})]
    guessed = replace(month, shares=Shares.of_time(1, 0))
    assert blocks(_found(used={"W": guessed})) == []


def test_missing_reactive_time_stands_in_the_way() -> None:
    assert blocks(_found(reactive={("grid", "W"): Decimal(0)})) == []
    (block,) = blocks(_found(reactive={("grid", "W"): Decimal("0.0312")}))
    assert (block.kind, block.subject, block.figures["missing"]) == ("reactive", "W", "3.12 %")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_is_a_sentence_in_both_languages(books: Books, language: Any) -> None:
    desk = Desk(CASES / "closing-what-stands-in-the-way", books)
    found = [*blocks(findings(desk.ledger, "2026-10", NOVEMBER)), Block("running", "2026-10", {"end": "then"})]
    found.append(Block("reactive", "E", {"tariff": "grid", "missing": "1 %", "points": "q"}))
    assert {block.kind for block in found} == set(SENTENCES)
    told = [sentence(block, translator(language)) for block in found]
    assert all(block.subject in words and "%(" not in words for block, words in zip(found, told, strict=True))
    assert all(any("一" <= letter <= "鿿" for letter in words) == (language == "zh") for words in told)


def test_the_days_of_a_closed_month_are_what_they_were(books: Books) -> None:
    desk = Desk(LATE, books)
    desk.close("2026-10", NOVEMBER)
    terms = Closings(books).closed("2026-10").terms
    assert terms.site(desk.site).calendar is desk.site.calendar
    chinese = replace(desk.site, calendar=replace(desk.site.calendar, country="CN"))
    national_day = date(2026, 10, 1)
    assert chinese.calendar.kind(national_day) == "holiday"
    assert terms.site(chinese).calendar.kind(national_day) == "workday"
    assert terms.site(chinese).calendar.kind(date(2027, 10, 1)) == "holiday"
    assert desk.of(chinese).statements("2026-11", NOVEMBER) == []


def test_a_month_between_closed_ones_stays_open_and_takes_the_adjustments(books: Books) -> None:
    desk = Desk(LATE, books)
    desk.close("2026-10", NOVEMBER)
    desk.read("later.csv")
    desk.close("2026-12", parse("2027-01-02T08:00:00+08:00"), force="nobody works in December")
    assert [one.total for one in desk.ledger.statements("2026-11", DECEMBER)] == [Decimal("94.87"), Decimal("284.63")]
    january = desk.ledger.statements("2027-01", parse("2027-01-02T08:00:00+08:00"))
    assert [line for one in january for line in one.lines if line.start == parse("2026-10-01T00:00:00+08:00")] == []
