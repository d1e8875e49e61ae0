"""Every folder of tests/cases/accounting: a site, its readings, and what comes out of them to the last digit."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from accounting.agreed import Agreed, check_quota
from accounting.emitting import check_emissions
from accounting.entries import signed
from accounting.keeping import kept
from accounting.stepping import check_step_down

from collectors.files import rows
from collectors.modbus.decode import decode
from collectors.normalise import Normaliser
from meterbook.accounting.imbalance import imbalances
from meterbook.accounting.ledger import Ledger
from meterbook.books.corrections import Corrections
from meterbook.domain.instant import Instant, iso, parse
from meterbook.domain.reading import ABSURD_PAST, Reading, Refusal, Sample
from meterbook.domain.site import Site
from meterbook.domain.statement import Line
from meterbook.readings.memory import MemoryStore
from meterbook.site.load import load

CASES = Path(__file__).parent.parent / "cases" / "accounting"
ARRIVAL = parse("2026-12-31T00:00:00Z")


def arrivals(case: Path, site: Site) -> Iterable[Reading | Refusal]:
    """The readings in the order of their arrival: rows of a table, or words that a profile decodes."""
    if not (case / "words.csv").exists():
        return rows(case / "readings.csv", site, None, None, ARRIVAL)
    normaliser = Normaliser(site)
    return [normaliser.normalise(sample, ARRIVAL) for sample in decoded(case / "words.csv", site)]


def decoded(path: Path, site: Site) -> Iterable[Sample]:
    """The samples that a device's words are; there is none where they say "not available"."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            device, point = row["point"].split(".")
            profile = site.devices[device].profile
            assert profile is not None
            (register,) = [one for one in profile.registers if one.point == point]
            words = [int(word, 16) for word in row["words"].split()]
            value = decode(register, words, profile.word_order, profile.byte_order)
            if value is not None:
                shown = value if isinstance(value, float) else str(value)
                yield Sample(device, point, shown, parse(row["timestamp"]), ARRIVAL)


def opened(case: Path, backwards: bool = False) -> tuple[Site, MemoryStore]:
    loaded = load(case / "site")
    assert loaded.site is not None, loaded.problems
    store = MemoryStore()
    found = list(arrivals(case, loaded.site))
    for row in reversed(found) if backwards else found:
        assert isinstance(row, Reading), row
        store.append([row], ARRIVAL)
    return loaded.site, store


def exact(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def line_shown(line: Line, site: Site) -> list[object]:
    start = iso(line.start, site.calendar.zone)
    return [line.kind, line.meter, line.band, start, line.quantity, line.share, line.charge]


def check_consumption(site: Site, ledger: Ledger, asked: dict[str, Any]) -> None:
    found = ledger.consumption(asked["meter"], parse(asked["from"]), parse(asked["to"]), asked["by"])
    shown = [(one.value, one.shares.measured, one.shares.estimated, one.shares.missing) for one in found]
    assert shown == [tuple(exact(figure) for figure in wanted) for wanted in asked["intervals"]]


def check_statement(site: Site, ledger: Ledger, asked: dict[str, Any], now: Instant) -> None:
    found = ledger.statement(asked["month"], asked["department"], now)
    assert (found.state, found.total) == (asked["state"], exact(asked["total"]))
    assert found.payable == exact(asked.get("payable", asked["total"]))
    assert list(found.remarks) == asked.get("remarks", list(found.remarks))
    wanted = [
        [*line[:4], exact(line[4]), exact(line[5]) if line[5] else None, exact(line[6])] for line in asked["lines"]
    ]
    assert [line_shown(line, site) for line in found.lines] == wanted
    assert sum((line.charge or Decimal(0) for line in found.lines), Decimal(0)) == found.payable


def check_balance(ledger: Ledger, asked: dict[str, Any], now: Instant) -> None:
    (found,) = [one for one in ledger.balances(asked["month"], now) if one.utility == asked["utility"]]
    for figure in ("supplied", "unallocated", "losses", "difference"):
        assert getattr(found, figure) == Decimal(asked[figure]), figure
    for parts in ("allocated", "losses_shared"):
        assert getattr(found, parts) == {party: Decimal(part) for party, part in asked[parts].items()}, parts


def check_imbalance(site: Site, ledger: Ledger, asked: dict[str, Any]) -> None:
    start, end = site.calendar.month(asked["month"])
    family = [asked["meter"], *(child.id for child in site.children(asked["meter"]))]
    (found,) = imbalances(site, {meter: ledger.consumption(meter, start, end, "month")[0] for meter in family})
    wanted = (exact(asked["difference"]), exact(asked["limit"]), asked["explained"])
    assert (found.difference, found.limit, found.explained) == wanted


def check(expected: dict[str, Any], site: Site, store: MemoryStore, corrections: Corrections | None) -> None:
    with kept() as intervals:
        agreed = Agreed.of(expected.get("entries", []))
        check_answers(expected, site, store, Ledger(site, store, corrections, intervals, agreed))


def check_answers(expected: dict[str, Any], site: Site, store: MemoryStore, ledger: Ledger) -> None:
    now = parse(expected.get("now", "2026-12-31T00:00:00Z"))
    for asked in expected.get("consumption", []):
        check_consumption(site, ledger, asked)
    for asked in expected.get("statements", []):
        check_statement(site, ledger, asked, now)
    for asked in expected.get("balance", []):
        check_balance(ledger, asked, now)
    for asked in expected.get("quotas", []):
        check_quota(ledger, asked, now)
    for asked in expected.get("emissions", []):
        check_emissions(ledger, asked, now)
    for asked in expected.get("step_down", []):
        check_step_down(ledger, asked, now)
    for asked in expected.get("imbalance", []):
        check_imbalance(site, ledger, asked)
    if "questions" in expected:
        found = [(one.meter, one.since, one.figure, one.until, one.shown) for one in ledger.questions()]
        assert found == [
            (meter, parse(since), Decimal(figure), parse(until), Decimal(shown))
            for meter, since, figure, until, shown in expected["questions"]
        ]
    for point, wanted in expected.get("conflicts", {}).items():
        found = store.conflicts(point, ABSURD_PAST, ARRIVAL)
        assert [(one.at, Decimal(str(one.value))) for one in found] == [(parse(at), Decimal(v)) for at, v in wanted]


@pytest.mark.parametrize("case", sorted(CASES.iterdir()), ids=lambda case: case.name)
def test_case(case: Path, tmp_path: Path) -> None:
    site, store = opened(case)
    with signed(case, site, store, tmp_path) as corrections:
        check(yaml.safe_load((case / "expected.yaml").read_text(encoding="utf-8")), site, store, corrections)


@pytest.mark.parametrize("case", sorted(CASES.glob("trap-*")), ids=lambda case: case.name)
def test_the_last_reading_may_come_first(case: Path, tmp_path: Path) -> None:
    expected = yaml.safe_load((case / "expected.yaml").read_text(encoding="utf-8"))
    if "conflicts" not in expected:  # of two readings of one instant the later arrival counts
        site, store = opened(case, backwards=True)
        with signed(case, site, store, tmp_path) as corrections:
            check(expected, site, store, corrections)
