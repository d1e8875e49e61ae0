"""The ledger over a real archive follows what the pipeline stores, and never answers otherwise than the readings do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from meterbook.accounting.ledger import Ledger
from meterbook.books import arrivals, corrections
from meterbook.books.corrections import Corrections
from meterbook.domain.correction import Exclusion
from meterbook.domain.instant import HOUR, MINUTE, Instant, parse
from meterbook.domain.reading import Reading
from meterbook.domain.site import Site
from meterbook.pipeline import Pipeline
from meterbook.settings import Settings
from meterbook.site.load import load
from meterbook.wiring.keeping import ledger_of
from meterbook.wiring.opening import Archive, open_archive

START = parse("2026-10-01T00:00:00+08:00")
END = parse("2026-11-01T00:00:00+08:00")
NOW = parse("2026-10-20T00:00:00+08:00")
SITE = "site: {id: s, name: S, timezone: Asia/Shanghai, currency: CNY}\n"
METERS = "meters:\n  - {id: W, utility: water, entry: manual}\n  - {id: V, utility: water, entry: manual}\n"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    directory = tmp_path / "site"
    directory.mkdir()
    (directory / "site.yaml").write_text(SITE)
    (directory / "meters.yaml").write_text(METERS)
    loaded = load(directory)
    assert loaded.site is not None, loaded.problems
    return loaded.site


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with open_archive(tmp_path / "data", Settings()) as opened:
        yield opened


@pytest.fixture
def pipeline(site: Site, archive: Archive) -> Iterator[Pipeline]:
    opened = Pipeline(site, archive.store, archive.books, lambda: NOW, 1_000)
    opened.start()
    yield opened
    opened.stop()


def shown(ledger: Ledger, meter: str = "W") -> list[object]:
    return [(one.start, one.value, one.shares) for one in ledger.consumption(meter, START, END, "hour")]


def directly(site: Site, archive: Archive, meter: str = "W") -> list[object]:
    return shown(Ledger(site, archive.store, Corrections(archive.books)), meter)


def hourly(meter: str, first: int, last: int) -> list[Reading]:
    return [Reading(meter, START + hour * HOUR, hour * 1.5 + hour % 3 * 0.25) for hour in range(first, last)]


def test_fresh_and_late_readings_are_followed(site: Site, archive: Archive, pipeline: Pipeline) -> None:
    ledger = ledger_of(site, archive)
    pipeline.deliver("import", hourly("W", 0, 400))
    first = shown(ledger)
    assert first == directly(site, archive)
    pipeline.deliver("import", hourly("W", 400, 456))
    assert shown(ledger) == directly(site, archive) != first
    pipeline.deliver("import", [Reading("W", START + 100 * HOUR + 7 * MINUTE, 150.5)])
    pipeline.deliver("import", [Reading("W", START + 300 * HOUR, 450.4)])  # another figure for the same instant
    assert shown(ledger) == directly(site, archive)
    assert shown(ledger_of(site, archive)) == directly(site, archive)


def test_a_log_that_reaches_not_far_enough_costs_a_computation(
    site: Site, archive: Archive, pipeline: Pipeline
) -> None:
    ledger = ledger_of(site, archive)
    pipeline.deliver("import", hourly("W", 0, 300))
    shown(ledger)
    pipeline.deliver("import", [Reading("W", START + 100 * HOUR + 7 * MINUTE, 150.5)])
    pipeline.deliver("import", hourly("W", 300, 310))
    with archive.books.write() as connection:
        arrivals.forget(connection, arrivals.last(connection) - 1)
    assert shown(ledger) == directly(site, archive)


def test_corrections_and_their_undo_are_followed(site: Site, archive: Archive, pipeline: Pipeline) -> None:
    ledger = ledger_of(site, archive)
    pipeline.deliver("import", hourly("W", 0, 50))
    before = shown(ledger)
    with archive.books.write() as connection:
        what = Exclusion(START + 10 * HOUR, START + 20 * HOUR)
        entry = corrections.add(connection, "W", what, "li.na", "the meter was being cleaned", NOW)
    assert shown(ledger) == directly(site, archive) != before
    with archive.books.write() as connection:
        corrections.undo(connection, entry.id, "li.na", "it was another meter", NOW)
    assert shown(ledger) == before


def test_two_who_keep_the_same_file_agree(site: Site, archive: Archive, pipeline: Pipeline, tmp_path: Path) -> None:
    with open_archive(tmp_path / "data", Settings()) as other:
        one, two = ledger_of(site, archive), ledger_of(site, other)
        for step in range(0, 200, 20):
            pipeline.deliver("import", hourly("W", step, step + 20))
            pipeline.deliver("import", hourly("V", step, step + 20))
            assert shown(one) == directly(site, archive)
            assert shown(two, "V") == directly(site, archive, "V")
            assert shown(two) == shown(one)


def ahead(file: Path) -> Instant:
    return file.stat().st_mtime_ns


def test_the_same_question_again_writes_nothing(
    site: Site, archive: Archive, pipeline: Pipeline, tmp_path: Path
) -> None:
    ledger = ledger_of(site, archive)
    pipeline.deliver("import", hourly("W", 0, 300))
    shown(ledger)
    written = [ahead(tmp_path / "data" / name) for name in ("intervals.db", "intervals.db-wal")]
    shown(ledger)
    assert [ahead(tmp_path / "data" / name) for name in ("intervals.db", "intervals.db-wal")] == written


def test_a_calendar_that_many_ask_at_once_knows_the_holidays() -> None:
    """In a process of its own: what other tests asked before stays known."""
    program = """
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from zoneinfo import ZoneInfo
from meterbook.domain.calendar import Calendar
sys.setswitchinterval(1e-6)
days = [date(2020, 1, 1) + timedelta(days=number) for number in range(2500)]
with ThreadPoolExecutor(8) as threads:
    calendar = Calendar(ZoneInfo("Asia/Shanghai"), "CN")
    turns = [days[turn::-1] + days for turn in range(0, 2400, 300)]
    found = list(threads.map(lambda turn: [calendar.is_workday(day) for day in turn], turns))
alone = Calendar(ZoneInfo("Asia/Shanghai"), "CN")
assert all(answer[-2500:] == [alone.is_workday(day) for day in days] for answer in found)
assert alone.is_workday(date(2021, 2, 7)) and not alone.is_workday(date(2021, 2, 11))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
