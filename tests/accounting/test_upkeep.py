"""The interval ledger: what is kept is, byte for byte, what computing everything anew gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

import pytest

from meterbook.accounting.computation import Register
from meterbook.accounting.corrected import as_declared
from meterbook.accounting.grid import Grid
from meterbook.accounting.port import News
from meterbook.accounting.upkeep import Kept, Upkeep
from meterbook.domain.calendar import GRID, Calendar
from meterbook.domain.correction import Correction, Estimate, Exchange, Exclusion
from meterbook.domain.instant import DAY, HOUR, MINUTE, SECOND, Instant
from meterbook.domain.kept import MonthKept
from meterbook.domain.meter import Installation, Meter
from meterbook.domain.meter import Register as Mechanism
from meterbook.domain.reading import Quality, Reading
from meterbook.domain.site import Site
from meterbook.domain.text import Text
from meterbook.domain.timeline import BEGINNING, Timeline
from meterbook.readings.intervals import IntervalFile
from meterbook.readings.memory import MemoryStore

CALENDAR = Calendar(ZoneInfo("Europe/Berlin"), "DE")
START, _ = CALENDAR.month("2026-03")
MONTHS = ["2026-01", "2026-02", "2026-03", "2026-04", "2026-05", "2026-06"]
FOR_EVER = ("0000-00", "9999-99")


@dataclass
class Log:
    """An arrival log that tells everything since the last time as one range, or as late points."""

    sequence: int = 0
    start: Instant | None = None
    late: dict[str, Instant] = field(default_factory=dict)
    lost: bool = False

    def add(self, readings: list[Reading], late: bool) -> None:
        first = min(reading.at for reading in readings)
        self.sequence += 1
        if late:
            point = readings[0].point
            self.late[point] = min(first, self.late.get(point, first))
        else:
            self.start = first if self.start is None else min(first, self.start)

    def since(self, sequence: int) -> News | None:
        if self.lost:
            self.lost, self.start, self.late = False, None, {}
            return None
        news = News(self.sequence, self.start, self.late)
        self.start, self.late = None, {}
        return news

    def last(self) -> int:
        return self.sequence


def site_of(meter: Meter) -> Site:
    nothing: dict[str, Mapping[str, object]] = {
        name: {} for name in ("spaces", "departments", "people", "teams", "connections", "devices", "points")
    }
    return Site("s", Text.same("s"), CALENDAR, "EUR", "en", meters={meter.id: meter}, **nothing)  # type: ignore[arg-type]


def random_meter(random: Random) -> Meter:
    register = random.choice([Mechanism(Decimal("999.9")), Mechanism(Decimal("99999.9")), Mechanism()])
    ratios = [(BEGINNING, Decimal(10))]
    if random.random() < 0.3:
        ratios.append((START + random.randrange(60) * DAY + 7 * MINUTE, Decimal("12.5")))
    installations: list[Installation] = []
    if random.random() < 0.4:
        at = START + random.choice([random.randrange(20 * 24 * 60) * MINUTE, 0, 5 * DAY])
        figures = (Decimal(random.randrange(900)), Decimal(random.randrange(900)))
        installations.append(Installation(at, *figures, register))
    return Meter(
        id="M",
        utility="electricity",
        name=Text.same("M"),
        reads="m.energy",
        register=register,
        multiplier=Timeline.of(ratios),
        installations=tuple(installations),
        max_rate=random.choice([None, Decimal(400), Decimal(5000)]),
        signed=random.random() < 0.15,
        delta=random.random() < 0.1,
        period=random.choice([0, MINUTE, 20 * MINUTE]),
    )


def random_life(random: Random, point: str) -> list[list[Reading]]:
    """Readings of some weeks with everything that goes wrong in them, in the batches in which they arrive."""
    at, figure, readings = START + random.randrange(3 * DAY), random.randrange(8000), []
    for _ in range(random.randrange(3, 120)):
        at += random.choice([MINUTE, GRID, GRID, GRID + SECOND, HOUR, 5 * HOUR, 30 * HOUR, 4 * DAY])
        at = at // GRID * GRID + random.choice([0, 0, MINUTE, 119 * SECOND]) if random.random() < 0.5 else at
        figure += random.choice([0, 1, 7, 25])
        shown = figure
        mishap = random.random()
        if mishap < 0.05:
            shown = random.choice([0, 2**16, 9_000, -5])
        elif mishap < 0.12:
            shown = max(0, figure - random.randrange(12))
        elif mishap < 0.14:
            figure = shown = random.randrange(60)  # an exchange nobody declared, or a rollover
        quality = random.choices([Quality.GOOD, Quality.ESTIMATED, Quality.BAD], [30, 1, 1])[0]
        readings.append(Reading(point, at, shown / 10, quality))
    order = readings if random.random() < 0.5 else sorted(readings, key=lambda one: one.at // DAY + random.random() * 9)
    batches = []
    while order:
        size = random.randrange(1, 15)
        batches.append(order[:size])
        order = order[size:]
    if random.random() < 0.5:  # a later arrival for the same instants counts
        batches.append([one._replace(value=one.value + 0.1) for one in random.sample(readings, 2)])
    return batches


def random_corrections(random: Random) -> tuple[Correction, ...]:
    def instant() -> Instant:
        return START + random.randrange(50 * 96) * GRID

    found: list[Exclusion | Estimate | Exchange] = []
    if random.random() < 0.3:
        start = instant()
        found.append(Estimate(start, start + random.randrange(1, 300) * GRID, Decimal("777.77")))
    if random.random() < 0.3:
        start = instant()
        found.append(Exclusion(start, start + random.randrange(1, 30) * HOUR))
    if random.random() < 0.1:
        found.append(Exclusion(START, START + 40 * DAY))
    if random.random() < 0.1:
        found.append(Estimate(START - 40 * DAY, START - 39 * DAY, Decimal(5)))
    if random.random() < 0.2:
        found.append(Exchange(Installation(instant(), Decimal(800), Decimal(3), Mechanism(Decimal("999.9")))))
    return tuple(Correction(number, "M", what, "a", "b", START) for number, what in enumerate(found))


def contents(file: IntervalFile) -> list[MonthKept]:
    return file.months("M", *FOR_EVER)


def asked(upkeep: Upkeep, register: Register, grid: Grid, months: list[str]) -> list[list[object]]:
    upkeep.follow()
    found = upkeep.between(register, grid.span(months))
    columns = ("edges", "amount", "missing", "measured", "ends", "inside")
    return [getattr(found, column).tolist() for column in columns]


@pytest.mark.parametrize("part", range(8))
def test_kept_intervals_are_those_computed_anew(part: int, counts: Callable[[int], int]) -> None:
    for seed in range(part, counts(3_200), 8):
        random = Random(seed)
        meter = random_meter(random)
        grid, store, log, file = Grid(site_of(meter)), MemoryStore(), Log(), IntervalFile()
        upkeep = Upkeep(grid, store, Kept(file, log))
        register = Register(meter)
        for batch in random_life(random, "m.energy"):
            store.append(batch, 0)
            log.add(batch, late=random.random() < 0.5)
            log.lost = random.random() < 0.03
            if random.random() < 0.2:
                entries = random_corrections(random)
                register = Register(as_declared(meter, entries), entries)
            first = random.randrange(len(MONTHS))
            months = MONTHS[first : first + random.choice([1, 1, 2])]
            directly = asked(Upkeep(grid, store), register, grid, months)
            assert asked(upkeep, register, grid, months) == directly, (seed, months)
            if random.random() < 0.5:  # news of later months may wait until somebody asks for these
                continue
            upkeep.settle([register], "2199-11")
            anew = IntervalFile()
            asked(Upkeep(grid, store, Kept(anew, Log())), register, grid, months)
            assert contents(file) == contents(anew), seed
            anew.close()
        file.close()
