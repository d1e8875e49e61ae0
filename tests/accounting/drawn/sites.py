"""Sites drawn at random for the proofs of the accounts: rich in rules, small in time.

Each covers the first hours of a month, on days on which the clock changes among them. The registers of a `Bank` are
read once for many sites: their intervals are kept as a site keeps them, and each site is another tree over them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from accounting.drawn.rates import tariffs
from accounting.drawn.registers import MOST, WINDOW, Drawn, register
from accounting.drawn.rules import allocations, departments

from meterbook.domain.allocation import Split
from meterbook.domain.calendar import Calendar
from meterbook.domain.instant import DAY, MINUTE, Instant
from meterbook.domain.meter import Meter
from meterbook.domain.plans import Opening
from meterbook.domain.reading import Reading
from meterbook.domain.site import Site
from meterbook.domain.tariff import Tariff
from meterbook.domain.text import Text

GRID = 15 * MINUTE
T = TypeVar("T")


class Clock(NamedTuple):
    """A month and the clock on its first day."""

    zone: str
    month: str

    @property
    def calendar(self) -> Calendar:
        return Calendar(ZoneInfo(self.zone))

    @property
    def start(self) -> Instant:
        return self.calendar.month(self.month)[0]


CLOCKS = {
    "year-begins": Clock("Asia/Shanghai", "2026-01"),
    "hour-twice": Clock("America/New_York", "2026-11"),
    "half-hour-twice": Clock("Australia/Lord_Howe", "2029-04"),
    "half-hour-skipped": Clock("Australia/Lord_Howe", "2028-10"),
}


@dataclass(frozen=True)
class Bank:
    """Registers with what they said, over which sites are drawn."""

    clock: Clock
    calendar: Calendar
    registers: Sequence[Drawn]

    @classmethod
    def of(cls, clock: Clock, rng: Random) -> Bank:
        """The first is read every quarter hour, as a supply meter is, and has reactive registers."""
        kinds = ["dense", *(rng.choice(("dense", "sparse", "sparse", "late", "early", "gap")) for _ in range(MOST - 1))]
        drawn = [register(rng, f"m{index}", kind, clock.start) for index, kind in enumerate(kinds)]
        return cls(clock, clock.calendar, drawn)

    @property
    def rows(self) -> list[Reading]:
        return [row for one in self.registers for row in one.rows]


class Case(NamedTuple):
    """A site, what the clock says, and what is known of it.

    `plain`: no reading is more than two hours after the one before. `on_grid`: everything changes on a quarter hour.
    """

    site: Site
    month: str
    now: Instant
    rows: list[Reading]
    plain: bool
    on_grid: bool


def case(bank: Bank, rng: Random) -> Case:
    """A site over some of a bank's registers."""
    start, on_grid = bank.clock.start, rng.random() < 0.96
    pace = GRID if on_grid else 7 * MINUTE
    inside = [start + pace * number for number in range(1, WINDOW // pace)]
    chosen = [bank.registers[0], *rng.sample(list(bank.registers[1:]), rng.choice((0, 1, 2, 2, 3, 3, 4, 5)))]
    meters = _trees(rng, [one.meter for one in chosen])
    held = departments(rng, start, inside)
    roots = [meter for meter in meters if meter.physical and not meter.parent]
    rates = _tariffs(rng, bank.clock, roots, inside, 15 if on_grid else 10)
    rules = allocations(rng, meters, held, [start - DAY, *inside])
    yearly = any(tariff.tiers is not None and tariff.tiers.period == "year" for tariff in rates)
    site = Site(
        "s", Text.same("s"), bank.calendar, "CNY", "zh", {}, {one.id: one for one in held}, {}, {}, {}, {}, {},
        meters={one.id: one for one in meters},
        allocations=tuple(rules),
        tariffs=tuple(rates),
        openings=_openings(rng, roots, [start, *inside]) if yearly else {},
    )  # fmt: skip
    rows = [row for one in chosen for row in one.rows]
    now = start + WINDOW - rng.choice((0, 0, 1, 2)) * GRID
    return Case(site, bank.clock.month, now, rows, all(one.plain for one in chosen), on_grid)


def _tariffs(rng: Random, clock: Clock, roots: Sequence[Meter], inside: Sequence[Instant], step: int) -> list[Tariff]:
    """None to two versions for each utility, by the first of its roots."""
    before, found = clock.start - DAY, []
    for root in {root.utility: root for root in reversed(roots)}.values():
        starts = rng.choice(([], [before], [before], [before, rng.choice(inside)], rng.sample(inside, 2)))
        found += tariffs(rng, sorted(starts), root, clock.month.endswith("-01"), step)
    return found


def _trees(rng: Random, registers: Sequence[Meter]) -> list[Meter]:
    """The registers as meters of one or two utilities, in trees, with formulas for what some of them leave."""
    water = rng.randint(2, len(registers)) if len(registers) > 2 and rng.random() < 0.4 else len(registers)
    found: list[Meter] = []
    for utility, own in (("electricity", registers[:water]), ("water", registers[water:])):
        above: list[str] = []
        for meter in own:
            parent = rng.choice(above[:3]) if above and rng.random() < 0.85 else None
            above.append(meter.id)
            points = ("q0", "q1")[: rng.choice((0, 1, 2))] if meter.id == "m0" else ()
            found.append(replace(meter, utility=utility, parent=parent, reactive=points))
    return [*found, *_formulas(rng, found)]


def _formulas(rng: Random, meters: Sequence[Meter]) -> list[Meter]:
    """What sub-meters leave of a meter, written out or by way of their sum."""
    found = []
    for meter in meters:
        below = {child.id: Fraction(1) for child in meters if child.parent == meter.id}
        if below and rng.random() < 0.4:
            rest = {child: -factor for child, factor in below.items()}
            if rng.random() < 0.4:
                found.append(_formula(f"sum-{meter.id}", meter.utility, below))
                rest = {f"sum-{meter.id}": Fraction(-1)}
            found.append(_formula(f"rest-{meter.id}", meter.utility, {meter.id: Fraction(1), **rest}))
    return found


def _formula(id_: str, utility: str, factors: dict[str, Fraction]) -> Meter:
    return Meter(id_, utility, Text.same(id_), factors=factors, formula="written out in factors")


def _openings(rng: Random, roots: Sequence[Meter], instants: Sequence[Instant]) -> dict[str, Opening]:
    """What some of the roots had used by some time, since the year began: that is since the month did."""
    return {
        root.id: Opening(rng.choice(instants), Decimal(rng.randint(0, 4_000)) / 10)
        for root in roots
        if rng.random() < 0.6
    }


def shuffled(site: Site, rng: Random) -> Site:
    """The same site, written down in another order."""

    def turned(mapping: Mapping[str, T]) -> dict[str, T]:
        return dict(mixed(list(mapping.items())))

    def mixed(items: Sequence[T]) -> tuple[T, ...]:
        return tuple(rng.sample(items, len(items)))

    def split(one: Split | None) -> Split | None:
        return one and replace(one, among=mixed(one.among), shares=turned(one.shares), meters=turned(one.meters))

    def tariff(one: Tariff) -> Tariff:
        return replace(one, bands=turned(one.bands), surcharges=mixed(one.surcharges), fixed=mixed(one.fixed))

    return replace(
        site,
        departments=turned(site.departments),
        meters={id_: replace(one, factors=turned(one.factors)) for id_, one in turned(site.meters).items()},
        allocations=mixed([replace(one, split=split(one.split)) for one in site.allocations]),
        tariffs=mixed([tariff(one) for one in site.tariffs]),
        openings=turned(site.openings),
    )
