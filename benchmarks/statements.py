"""How long it takes to draw, explain, judge and close the accounts of a large site.

A synthetic campus (see _campus.py) is stored in real files; the months before the one that is asked for are closed,
and a part of the readings of the last closed one comes late, so that there are adjustments. Each figure is measured in
a ledger that has just been opened over kept intervals (cold), and again (warm). Aims: statements in 5 s and an
explanation in 0.2 s at 1,000 departments and 3,000 meters.

`--closed 12` closes a year, `--spacing` makes the readings of closed months rarer, in minutes; `--keep DIR` leaves the
filled files there and takes them up again; `--profile` shows where the time of cold statements goes. Everything else
stays in a temporary directory, which needs 300 MB for each month at full size.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date, timedelta
from pathlib import Path

from _campus import CALENDAR, Size, campus, readings
from rich.console import Console
from rich.progress import track
from rich.table import Table

from api.closing import close
from api.judging import judge_of
from meterbook.accounting.closing import blocks, findings
from meterbook.accounting.explain import explain, find
from meterbook.accounting.ledger import Ledger
from meterbook.books import arrivals
from meterbook.books.arrivals import LatePoint
from meterbook.books.closings import Closings
from meterbook.books.database import Books
from meterbook.domain.instant import HOUR, MINUTE, Instant
from meterbook.domain.reading import Reading
from meterbook.domain.site import Site
from meterbook.domain.statement import Statement
from meterbook.readings.intervals import IntervalFile
from meterbook.readings.sqlite import SqliteStore
from meterbook.wiring.keeping import ledger_of
from meterbook.wiring.opening import Archive

LAST = date(2026, 10, 1)
"""The month that is asked for."""
EXPLAINED = ("direct", "shared", "loss", "demand", "power_factor", "surcharge", "adjustment")
LOADED = 500_000
"""Readings in one transaction."""


def months(closed: int) -> tuple[str, ...]:
    """The months there are, `closed` before the last one."""
    found, first = [LAST], LAST
    for _ in range(closed):
        first = (first - timedelta(days=1)).replace(day=1)
        found.append(first)
    return tuple(f"{month:%Y-%m}" for month in reversed(found))


@contextmanager
def archive(place: Path) -> Iterator[Archive]:
    """The files of a campus."""
    with closing(Books(f"sqlite:///{place / 'books.db'}")) as books:
        books.migrate()
        with (
            closing(SqliteStore(place / "readings.db")) as store,
            closing(IntervalFile(place / "intervals.db")) as intervals,
        ):
            yield Archive(store, books, intervals, place)


def timed(task: Callable[[], object]) -> float:
    """Seconds a task takes."""
    begin = time.perf_counter()
    task()
    return time.perf_counter() - begin


def fill(files: Archive, size: Size, site: Site, console: Console) -> list[Reading]:
    """Store the readings; those that come late are only returned."""
    batch: list[Reading] = []
    late: list[Reading] = []
    count = sum(meter.physical for meter in site.meters.values())
    for _, rows, more in track(readings(size, site), "filling", count, console=console, transient=True):
        batch += rows
        late += more
        if len(batch) > LOADED:
            files.store.append(batch, size.end)
            batch = []
    files.store.append(batch, size.end)
    return late


def arrive(files: Archive, rows: list[Reading], now: Instant) -> None:
    """Let readings come late."""
    files.store.append(rows, now)
    points = {row.point: row.at for row in reversed(rows)}
    late = [LatePoint(point, at, max(row.at for row in rows if row.point == point)) for point, at in points.items()]
    with files.books.write() as connection:
        arrivals.add(connection, None, None, late, now)


def prepared(files: Archive, size: Size, site: Site, console: Console, found: dict[str, float]) -> None:
    """Fill, compute and keep all intervals, close the earlier months, and let the late readings come."""
    found["fill"] = 0.0
    late: list[Reading] = []
    found["fill"] = timed(lambda: late.extend(fill(files, size, site, console)))
    start, end = CALENDAR.month(size.months[-1])
    ledger = ledger_of(site, files)
    look = ledger.look(start, end)
    found["intervals of all meters, anew"] = timed(
        lambda: [look.intervals(meter) for meter in site.meters.values() if meter.physical]
    )
    for month in track(size.months[:-1], "closing", console=console, transient=True):
        now = CALENDAR.month(month)[1] + 2 * HOUR
        found[f"close {month}"] = timed(
            lambda month=month, now=now: close(ledger_of(site, files), files.books, month, "bench", "bench", now)  # type: ignore[misc]
        )
    arrive(files, late, size.end)


def measured(files: Archive, size: Size, site: Site, found: dict[str, float], profile: bool) -> None:
    """Every figure in seconds."""
    month, now = size.months[-1], size.end + HOUR
    drawn: list[Statement] = []

    def draw(ledger: Ledger) -> None:
        drawn[:] = ledger.statements(month, now)

    found["look of all meters"] = timed(lambda: look_at_all(ledger_of(site, files), size))
    ledger = ledger_of(site, files)
    seen = cProfile.Profile()
    if profile:
        seen.enable()
    found["statements, news of late readings"] = timed(lambda: draw(ledger))
    if profile:
        seen.disable()
        pstats.Stats(seen).sort_stats("cumulative").print_stats(45)
    ledger = ledger_of(site, files)
    found["statements, cold"] = timed(lambda: draw(ledger))
    found["statements, warm"] = timed(lambda: draw(ledger))
    one = next(statement for statement in drawn if any(line.kind == "adjustment" for line in statement.lines))
    found["one statement, cold"] = timed(lambda: ledger_of(site, files).statement(month, one.department, now))
    found["one statement, warm"] = timed(lambda: ledger.statement(month, one.department, now))
    lines = {line.kind: line.id for statement in [*drawn, one] for line in statement.lines}
    for kind in EXPLAINED:
        found[f"explain {kind}"] = timed(lambda kind=kind: explained(ledger, lines[kind], now))  # type: ignore[misc]
    found["explain direct, cold"] = timed(lambda: explained(ledger_of(site, files), lines["direct"], now))
    for name, fresh in (("cold", True), ("warm", False)):
        asked = ledger_of(site, files) if fresh else ledger
        judge = judge_of(asked, files.books)
        found[f"balances, {name}"] = timed(lambda asked=asked: asked.balances(month, now))  # type: ignore[misc]
        found[f"quotas, {name}"] = timed(lambda asked=asked: asked.quotas(month, now))  # type: ignore[misc]
        found[f"scores, {name}"] = timed(lambda judge=judge: judge and judge.month(month, now))  # type: ignore[misc]
    closed = size.months[-2]
    found["statements of a closed month, cold"] = timed(lambda: ledger_of(site, files).statements(closed, now))
    arrive(files, [Reading(f"{meter}.register", size.end + MINUTE, 1e7) for meter in site.meters], size.end + HOUR)
    found["statements after news of all"] = timed(lambda: draw(ledger))
    found["blocks"] = timed(lambda: blocks(findings(ledger_of(site, files), month, now)))
    found["close"] = timed(lambda: close(ledger_of(site, files), files.books, month, "bench", "bench", now))
    found["reading its record"] = timed(lambda: Closings(files.books).closed(month))
    console_lines = sum(len(statement.lines) for statement in drawn)
    found["(lines)"] = float(console_lines)


def look_at_all(ledger: Ledger, size: Size) -> None:
    look = ledger.look(*CALENDAR.month(size.months[-1]))
    for meter in ledger.site.meters.values():
        look.intervals(meter)


def explained(ledger: Ledger, line: str, now: Instant) -> None:
    found = find(ledger, line, now)
    assert found is not None
    explain(ledger, *found, now)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--departments", type=int, default=1_000)
    parser.add_argument("--meters", type=int, default=3_000)
    parser.add_argument("--closed", type=int, default=3)
    parser.add_argument("--spacing", type=int, default=15)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--profile", action="store_true")
    asked = parser.parse_args()
    console = Console()
    size = Size(asked.departments, asked.meters, months(asked.closed), asked.spacing * MINUTE)
    site, found = campus(size), dict[str, float]()
    with tempfile.TemporaryDirectory() as place:
        directory = asked.keep or Path(place)
        filled = (directory / "readings.db").exists()
        directory.mkdir(parents=True, exist_ok=True)
        with archive(directory) as files:
            if not filled:
                prepared(files, size, site, console, found)
            measured(files, size, site, found, asked.profile)
    table = Table("what", "seconds")
    for name, seconds in found.items():
        table.add_row(name, f"{seconds:.3f}")
    console.print(table)
    console.print(f"memory at its highest: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
