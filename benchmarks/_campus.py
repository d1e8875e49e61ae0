"""A synthetic campus of any size for benchmarks: departments in a tree, two utilities, and everything a bill can hold.

Electricity has a supply meter with feeders and meters below them, time-of-use bands, demand, power factor, a surcharge
and a fixed charge; water has zones and yearly tiers. Meters are direct or shared by headcount, area, consumption or
shares; feeders lose something, or a formula names their remainder. Every department has a quota of both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import numpy as np

from meterbook.domain.allocation import Allocation, Split
from meterbook.domain.calendar import GRID, Calendar
from meterbook.domain.instant import DAY, HOUR, MINUTE, Instant
from meterbook.domain.meter import Meter, Register
from meterbook.domain.organisation import Department
from meterbook.domain.plans import ExcessStep, Quota, ScorePart, Scores
from meterbook.domain.reading import Reading
from meterbook.domain.site import Site
from meterbook.domain.tariff import (
    Demand,
    FixedCharge,
    Hours,
    PowerFactor,
    ScheduleRow,
    Surcharge,
    Tariff,
    Tiers,
    TierStep,
)
from meterbook.domain.text import Text
from meterbook.domain.timeline import BEGINNING, Timeline
from meterbook.site.config import config_dir
from meterbook.site.files import Files
from meterbook.site.tables import power_factor_tables

CALENDAR = Calendar(ZoneInfo("Asia/Shanghai"), "CN")
SUPPLY, WATER = "E", "W"
BRANCHES = {SUPPLY: 40, WATER: 20}
TOGETHER = 20
"""Departments that share a meter."""
HELD_BACK: Instant = 8 * HOUR


@dataclass(frozen=True)
class Size:
    """How large a campus is, and which months of it there are: `months` in order, the last one is asked for."""

    departments: int
    meters: int
    months: tuple[str, ...]
    spacing: Instant = GRID

    @property
    def start(self) -> Instant:
        """Where readings begin."""
        return CALENDAR.month(self.months[0])[0]

    @property
    def end(self) -> Instant:
        """Where the month that is asked for ends."""
        return CALENDAR.month(self.months[-1])[1]


def campus(size: Size) -> Site:
    """The campus of a size."""
    departments = dict(_departments(size))
    meters = {meter.id: meter for meter in _meters(size)}
    nothing: dict[str, dict[str, object]] = {
        name: {} for name in ("spaces", "people", "teams", "connections", "devices", "points")
    }
    return Site(
        "campus",
        Text.same("campus"),
        CALENDAR,
        "CNY",
        "en",
        departments=departments,
        meters=meters,
        allocations=tuple(_allocations(size, meters, list(departments))),
        tariffs=_tariffs(),
        quotas=tuple(_quotas(size, departments)),
        scores=Scores(
            Decimal(60),
            (
                ScorePart("quota", Decimal(40), "quota"),
                ScorePart("trend", Decimal(20), "against_last_year"),
                ScorePart("hours", Decimal(20), "after_hours_share"),
                ScorePart("answers", Decimal(20), "incidents_answered"),
            ),
        ),
        version="campus",
        **nothing,  # type: ignore[arg-type]
    )


def _departments(size: Size) -> Iterator[tuple[str, Department]]:
    """A tree in which everybody has up to ten below; some grow in the middle of the month that is asked for."""
    grows = CALENDAR.month(size.months[-1])[0] + 10 * DAY
    for number in range(size.departments):
        heads = [(BEGINNING, Decimal(5 + number % 40))]
        if number % 50 == 7:
            heads.append((grows, Decimal(60)))
        id_, parent = f"d{number:04}", f"d{(number - 1) // 10:04}" if number else None
        area = Timeline.always(Decimal(100 + number % 300))
        yield id_, Department(id_, Text.same(id_), parent, headcount=Timeline.of(heads), area_m2=area)


def _meters(size: Size) -> Iterator[Meter]:
    counted = {SUPPLY: size.meters * 4 // 5, WATER: size.meters // 5}
    for root, utility in ((SUPPLY, "electricity"), (WATER, "water")):
        reactive = ("E.reactive_energy",) if root == SUPPLY else ()
        yield _meter(root, utility, None, reactive=reactive)
        branches = [f"{root}{number:02}" for number in range(BRANCHES[root])]
        for branch in branches:
            yield _meter(branch, utility, root)
        below: dict[str, list[str]] = {branch: [] for branch in branches}
        for number in range(counted[root] - len(branches) - 1):
            branch = branches[number % len(branches)]
            below[branch].append(f"{branch}-{number:04}")
            yield _meter(below[branch][-1], utility, branch)
        for branch in branches[:8]:
            factors = {branch: Fraction(1), **dict.fromkeys(below[branch], Fraction(-1))}
            yield _meter(f"{branch}-rest", utility, None, reads=None, factors=factors, formula="rest")


def _meter(id_: str, utility: str, parent: str | None, **more: object) -> Meter:
    values: dict[str, object] = {
        "reads": f"{id_}.register",
        "register": Register(Decimal("999999999.99")),
        "max_rate": Decimal(10_000_000),
        "period": 15 * MINUTE,
    }
    return Meter(id=id_, utility=utility, name=Text.same(id_), parent=parent, **{**values, **more})  # type: ignore[arg-type]


def _allocations(size: Size, meters: dict[str, Meter], departments: list[str]) -> Iterator[Allocation]:
    """Three meters in four are somebody's own; the others and the remainders are shared, each in its turn."""
    half = CALENDAR.month(size.months[-1])[0] + 14 * DAY

    def among(number: int) -> tuple[str, ...]:
        first = number * 7 % len(departments)
        return tuple((departments * 2)[first : first + min(TOGETHER, len(departments))])

    for number, meter in enumerate(meters.values()):
        owner = departments[number % len(departments)]
        if meter.id in (SUPPLY, WATER):
            yield Allocation(meter.id, BEGINNING, split=Split("area_m2", tuple(departments)), losses=True)
        elif meter.parent in (SUPPLY, WATER):
            if number % 3:
                by = "consumption" if number % 2 else "area_m2"
                yield Allocation(meter.id, BEGINNING, split=Split(by, among(number)), losses=True)  # type: ignore[arg-type]
        elif meter.formula or number % 4 == 3:
            yield Allocation(meter.id, BEGINNING, split=_split(number // 4, among(number)))
        else:
            yield Allocation(meter.id, BEGINNING, to=owner)
            if number % 100 == 12:
                yield Allocation(meter.id, half, to=departments[(number + 1) % len(departments)])


def _split(number: int, among: tuple[str, ...]) -> Split:
    if number % 4 == 0:
        return Split("consumption", among)
    if number % 4 == 1:
        return Split("shares", shares=dict.fromkeys(among, Decimal(100) / len(among) - Decimal("0.5")))
    return Split("headcount" if number % 4 == 2 else "area_m2", among)


def _tariffs() -> tuple[Tariff, ...]:
    tables, _ = power_factor_tables(config_dir(), Files())
    hours = ((0, 8, "valley"), (8, 10, "flat"), (10, 12, "sharp"), (12, 18, "flat"), (18, 22, "peak"), (22, 24, "flat"))
    power = Tariff(
        "time-of-use",
        "electricity",
        BEGINNING,
        bands={"sharp": Decimal("1.21"), "peak": Decimal("1.02"), "flat": Decimal("0.68"), "valley": Decimal("0.31")},
        schedule=(ScheduleRow(tuple(Hours(low * 60, high * 60, band) for low, high, band in hours)),),
        demand=Demand(SUPPLY, 15 * MINUTE, Decimal("38.4"), Decimal(4_000), Decimal(2), Decimal("1.05")),
        power_factor=PowerFactor(SUPPLY, Decimal("0.90"), tables[Decimal("0.90")]),
        surcharges=(Surcharge("fund", Text.same("fund"), Decimal("0.0291")),),
        fixed=(FixedCharge("basic", Text.same("basic"), Decimal(1_200)),),
    )
    steps = (TierStep(Decimal("2.80"), Decimal(200_000)), TierStep(Decimal("3.45"), Decimal(900_000)))
    tiers = Tiers("year", (*steps, TierStep(Decimal("4.83"))))
    sewage = Surcharge("sewage", Text.same("sewage"), Decimal("1.15"))
    return power, Tariff("tiered", "water", BEGINNING, tiers=tiers, surcharges=(sewage,))


def _quotas(size: Size, departments: dict[str, Department]) -> Iterator[Quota]:
    excess = (ExcessStep(Decimal(0), Decimal("1.5")), ExcessStep(Decimal("0.2"), Decimal(2)))
    for year in sorted({int(month[:4]) for month in size.months}):
        for number, id_ in enumerate(departments):
            for utility, base in (("electricity", 9_000), ("water", 900)):
                yield Quota(
                    id_,
                    utility,
                    year,
                    amount=Decimal(base * (1 + number % 5)),
                    excess=excess,
                    saving_reward=Decimal("0.1"),
                    warn_at=(Decimal(70), Decimal(90), Decimal(100)),
                    used_before=Decimal(base // 2),
                )


def readings(size: Size, site: Site) -> Iterator[tuple[str, list[Reading], list[Reading]]]:
    """Of each point its readings in time, and those of a night before the last month that come late.

    The month that is asked for has one every quarter hour, the others one every `spacing`.
    """
    asked = CALENDAR.month(size.months[-1])[0]
    at = np.unique(np.concatenate((np.arange(size.start, asked, size.spacing), np.arange(asked, size.end + 1, GRID))))
    quarters = np.diff(at, prepend=at[0] - GRID) // GRID
    random = np.random.default_rng(1)
    sums: dict[str, np.ndarray] = {}
    for number, meter in enumerate(reversed([one for one in site.meters.values() if one.physical])):
        own = sums.pop(meter.id, None)
        rhythm = 1 + np.sin(at / DAY * 2 * np.pi) / 2
        load = (rhythm * random.integers(20, 120, len(at)) * quarters).astype(np.int64) if own is None else own
        if own is not None:
            load = load + load // 50
        if meter.parent:
            sums[meter.parent] = sums.get(meter.parent, np.zeros(len(at), np.int64)) + load
        late = number % 60 == 5
        night = (at >= asked - 2 * DAY) & (at < asked - 2 * DAY + HELD_BACK)
        # The night that comes late was another one than a gap looks like: twice as much in its first half.
        figures = np.cumsum(np.where(night & (at < asked - 2 * DAY + HELD_BACK // 2), 2, 1) * load if late else load)
        kept = ~night if late else random.random(len(at)) > 0.0005
        yield meter.reads or "", _rows(meter.reads, at, figures, kept), _rows(meter.reads, at, figures, night & late)
        for point in meter.reactive:
            yield point, _rows(point, at, figures // 3, np.ones(len(at), bool)), []


def _rows(point: str | None, at: np.ndarray, figures: np.ndarray, chosen: np.ndarray) -> list[Reading]:
    rows = zip(at[chosen].tolist(), (figures[chosen] / 100).tolist(), strict=True)
    return [Reading(point or "", instant, value) for instant, value in rows]
