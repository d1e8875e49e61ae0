"""How long it takes to compute every interval of a site's meters anew, and to answer from what is kept.

One year of quarter hours each, read from SQLite, at three sizes: the time must grow with the number of readings and no
faster. 1,000 meters must be computed in 40 s, a month of all of them answered in 1 s and their statements in 2 s.
`--meters` makes the sizes smaller. Everything stays in a temporary directory, which needs 2 GB at full size.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from meterbook.accounting.ledger import Ledger
from meterbook.accounting.port import News
from meterbook.accounting.upkeep import Kept
from meterbook.domain.allocation import Allocation
from meterbook.domain.calendar import GRID, Calendar
from meterbook.domain.instant import MINUTE, Instant
from meterbook.domain.meter import Meter, Register
from meterbook.domain.organisation import Department
from meterbook.domain.reading import Reading
from meterbook.domain.site import Site
from meterbook.domain.tariff import Tariff
from meterbook.domain.text import Text
from meterbook.domain.timeline import BEGINNING
from meterbook.readings.intervals import IntervalFile
from meterbook.readings.sqlite import SqliteStore

CALENDAR = Calendar(ZoneInfo("Asia/Shanghai"), "CN")
START, _ = CALENDAR.month("2025-01")
_, END = CALENDAR.month("2025-12")
MONTH = "2025-10"
DEPARTMENTS = 40
METERS = 1_000
SIZES = (10, 3, 1)
"""What the number of meters is divided by, for the three sizes."""
BUDGETS = {"compute anew": 40.0, "a month of all meters": 1.0, "statements of a month": 2.0}


class Told:
    """An arrival log into which `late` readings are put by hand."""

    def __init__(self) -> None:
        self.sequence, self.late = 0, dict[str, Instant]()

    def since(self, sequence: int) -> News:
        """See accounting.port.Arrivals."""
        late, self.late = self.late, {}
        return News(self.sequence, None, late)

    def last(self) -> int:
        """See accounting.port.Arrivals."""
        return self.sequence


def site_of(count: int) -> Site:
    """A supply meter and the rest below it, each charged to a department at a flat price."""
    departments = {f"d{number}": Department(f"d{number}", Text.same(f"d{number}")) for number in range(DEPARTMENTS)}
    meters = {
        id_: Meter(
            id=id_,
            utility="electricity",
            name=Text.same(id_),
            reads=f"{id_}.active_energy",
            parent=None if id_ == "m0000" else "m0000",
            register=Register(Decimal("9999999.99")),
            max_rate=Decimal(1_000_000),
            period=15 * MINUTE,
        )
        for id_ in (f"m{number:04}" for number in range(count))
    }
    rules = [
        Allocation(meter=id_, start=BEGINNING, to=f"d{number % DEPARTMENTS}")
        for number, id_ in enumerate(meters)
        if number
    ]
    flat = Tariff("flat", "electricity", BEGINNING, price=Decimal("0.80"))
    nothing: dict[str, dict[str, object]] = {
        name: {} for name in ("spaces", "people", "teams", "connections", "devices", "points")
    }
    return Site(
        "bench",
        Text.same("bench"),
        CALENDAR,
        "CNY",
        "en",
        departments=departments,
        meters=meters,
        allocations=tuple(rules),
        tariffs=(flat,),
        **nothing,  # type: ignore[arg-type]
    )


def fill(store: SqliteStore, site: Site, console: Console) -> None:
    """A year of readings: daily rhythm, an evening off line now and then, a lump behind it."""
    at = np.arange(START, END + 1, GRID)
    random = np.random.default_rng(1)
    for number, meter in enumerate(track(site.meters.values(), "filling", console=console, transient=True)):
        load = 300 + 200 * np.sin(np.arange(len(at)) / 96 * 2 * np.pi) + random.integers(0, 100, len(at))
        figure = np.cumsum(load.astype(np.int64)) * (len(site.meters) if number == 0 else 1) / 100
        keep = random.random(len(at)) > 0.002
        keep[20_000 : 20_000 + number % 40] = False
        rows = zip(at[keep].tolist(), figure[keep].tolist(), strict=True)
        store.append([Reading(meter.reads or "", instant, value) for instant, value in rows], END)


def timed(task: Callable[[], object]) -> float:
    """Seconds a task takes."""
    begin = time.perf_counter()
    task()
    return time.perf_counter() - begin


def measured(count: int, console: Console) -> dict[str, float]:
    """Every figure of one size, in seconds."""
    site = site_of(count)
    with tempfile.TemporaryDirectory() as place:
        store, told = SqliteStore(Path(place) / "readings.db"), Told()
        file = IntervalFile(Path(place) / "intervals.db")
        fill(store, site, console)
        ledger = Ledger(site, store, kept=Kept(file, told))
        start, end = CALENDAR.month(MONTH)

        def read() -> None:
            for meter in site.meters.values():
                store.read(meter.reads or "", START, END + 1)

        def month() -> None:
            for meter in site.meters:
                ledger.consumption(meter, start, end, "month")

        found = {"reading alone": timed(read)}
        found["compute anew"] = timed(month)
        found["a month of all meters"] = timed(month)
        found["statements of a month"] = timed(lambda: ledger.statements(MONTH, END))
        for meter in site.meters.values():
            point, at = meter.reads or "", END + 5 * MINUTE
            store.append([Reading(point, at, store.latest([point])[point].value)], at)
            told.sequence, told.late[point] = told.sequence + 1, at
        found["a month after news of all"] = timed(month)
        one = next(iter(site.meters))
        told.sequence, told.late = told.sequence + 1, {site.meters[one].reads or "": START + 1}
        found["one meter, news of a year ago"] = timed(lambda: ledger.consumption(one, start, end, "month"))
        store.close()
        file.close()
    return found


def main() -> None:
    """Print every figure at the three sizes, with the budget of the largest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--meters", type=int, default=METERS)
    largest = parser.parse_args().meters
    console = Console()
    sizes = [max(2, largest // part) for part in SIZES]
    found = [measured(size, console) for size in sizes]
    table = Table("seconds", *(f"{size} meters" for size in sizes), "growth per meter", "budget at 1,000")
    for name in found[0]:
        per_meter = [figures[name] / size for figures, size in zip(found, sizes, strict=True)]
        growth = f"{per_meter[-1] / per_meter[0]:.2f} x" if "one meter" not in name else ""
        table.add_row(name, *(f"{figures[name]:.2f}" for figures in found), growth, str(BUDGETS.get(name, "")))
    console.print(table)
    console.print(f"memory at its highest: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
