"""Every folder of tests/cases/accounting: a site, its readings, and what comes out of them to the last digit."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from collectors.files import rows
from meterbook.accounting.ledger import Ledger
from meterbook.domain.instant import Instant, iso, parse
from meterbook.domain.reading import ABSURD_PAST, Reading
from meterbook.domain.site import Site
from meterbook.domain.statement import Line
from meterbook.readings.memory import MemoryStore
from meterbook.site.load import load

CASES = Path(__file__).parent.parent / "cases" / "accounting"
ARRIVAL = parse("2026-12-31T00:00:00Z")


def opened(case: Path) -> tuple[Site, MemoryStore]:
    loaded = load(case / "site")
    assert loaded.site is not None, loaded.problems
    store = MemoryStore()
    for row in rows(case / "readings.csv", loaded.site, None, None, ARRIVAL):
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
    wanted = [
        [*line[:4], exact(line[4]), exact(line[5]) if line[5] else None, exact(line[6])] for line in asked["lines"]
    ]
    assert [line_shown(line, site) for line in found.lines] == wanted
    assert sum((line.charge or Decimal(0) for line in found.lines), Decimal(0)) == found.total


def check_balance(ledger: Ledger, asked: dict[str, Any], now: Instant) -> None:
    (found,) = [one for one in ledger.balances(asked["month"], now) if one.utility == asked["utility"]]
    for figure in ("supplied", "unallocated", "losses", "difference"):
        assert getattr(found, figure) == Decimal(asked[figure]), figure
    for parts in ("allocated", "losses_shared"):
        assert getattr(found, parts) == {party: Decimal(part) for party, part in asked[parts].items()}, parts


@pytest.mark.parametrize("case", sorted(CASES.iterdir()), ids=lambda case: case.name)
def test_case(case: Path) -> None:
    expected = yaml.safe_load((case / "expected.yaml").read_text())
    site, store = opened(case)
    ledger, now = Ledger(site, store), parse(expected.get("now", "2026-12-31T00:00:00Z"))
    for asked in expected.get("consumption", []):
        check_consumption(site, ledger, asked)
    for asked in expected.get("statements", []):
        check_statement(site, ledger, asked, now)
    for asked in expected.get("balance", []):
        check_balance(ledger, asked, now)
    for point, wanted in expected.get("conflicts", {}).items():
        found = store.conflicts(point, ABSURD_PAST, ARRIVAL)
        assert [(one.at, Decimal(str(one.value))) for one in found] == [(parse(at), Decimal(v)) for at, v in wanted]
