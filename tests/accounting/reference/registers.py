"""The accounts worked out a second time, interval by interval with fractions, straight from the rules of calculation.

Slow, plain, and of nobody's making: it shares no step with `meterbook.accounting`. It knows registers without gaps of
more than two hours, and windows inside the first day of a month. Numbers in brackets are rules of calculation.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import cache, cached_property
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from meterbook.domain.instant import MINUTE, Instant
from meterbook.domain.meter import Meter
from meterbook.domain.reading import Reading
from meterbook.domain.site import Site
from meterbook.domain.tariff import Tariff

NOBODY = "unallocated"
QUARTER = 15 * MINUTE
NEAR = 2 * MINUTE
FOREVER: Instant = 2**62

Amount = Fraction | None
"""What a meter used in an interval, None where it is missing."""


def half_up(value: Fraction) -> int:
    """To the nearest whole number, halves away from zero."""
    whole = (abs(value) + Fraction(1, 2)).__floor__()
    return whole if value >= 0 else -whole


def divided(total: int, weights: Mapping[str, Fraction]) -> dict[str, int]:
    """Largest remainder [18]: whole steps to all, the missing ones to the largest fractions, ties to the smaller id."""
    if total < 0:
        return {party: -part for party, part in divided(-total, weights).items()}
    whole = sum(weights.values(), Fraction())
    if whole <= 0:
        return {NOBODY: total}
    exact = {party: total * weight / whole for party, weight in weights.items()}
    parts = {party: part.__floor__() for party, part in exact.items()}
    for party in sorted(exact, key=lambda party: (parts[party] - exact[party], party))[: total - sum(parts.values())]:
        parts[party] += 1
    return parts


class Known(NamedTuple):
    """A stretch in which one mechanism counted: (instant, digits) that rise over zero without turning."""

    start: Instant
    end: Instant
    said: list[tuple[Instant, Fraction]]

    def figure(self, at: Instant) -> int | None:
        """The register in digits [2], for two minutes beyond its readings too [9]."""
        instants = [instant for instant, _ in self.said]
        if not instants or not instants[0] - NEAR <= at <= instants[-1] + NEAR:
            return None
        right = bisect_right(instants, at)
        if right in (0, len(instants)):
            return half_up(self.said[min(right, len(instants) - 1)][1])
        (low, before), (high, after) = self.said[right - 1 : right + 1]
        return half_up(before + (after - before) * Fraction(at - low, high - low))

    def measured(self, at: Instant, period: Instant) -> bool:
        """Whether a reading is at most two minutes away, or two bracket the instant within the device's period [9]."""
        instants = [instant for instant, _ in self.said]
        right = bisect_right(instants, at)
        beside = instants[max(right - 1, 0) : right + 1]
        bracketed = len(beside) == 2 and beside[0] <= at <= beside[1] and beside[1] - beside[0] <= period
        return bracketed or any(abs(instant - at) <= NEAR for instant in beside)


def mechanisms(meter: Meter, rows: Sequence[Reading], noted: bool) -> list[Known]:
    """A meter's readings by installation [1], in digits of its register, rollovers added on [6].

    The figures of an exchange are those of its first register: `noted` there, and nowhere else.
    """
    found, begin, opening = [], -FOREVER, None
    exchanges = [(one.at, one.old_final, one.new_initial) for one in meter.installations]
    for end, closing, initial in [*exchanges, (FOREVER, None, None)]:
        said = {row.at: Fraction(str(row.value)) for row in rows if begin <= row.at < end}
        said |= {begin: Fraction(opening)} if opening is not None and noted else {}
        said |= {end: Fraction(closing)} if closing is not None and noted else {}
        found.append(Known(begin, end, _unrolled(meter, sorted(said.items()))))
        begin, opening = end, initial
    return found


def _unrolled(meter: Meter, said: Sequence[tuple[Instant, Fraction]]) -> list[tuple[Instant, Fraction]]:
    digit, turns, before, found = Fraction(meter.register.digit), 0, Fraction(0), []
    for at, value in said:
        if value < before and not meter.signed:
            turns += 1
        before = value
        found.append((at, value / digit + turns * (meter.register.span or 0)))
    return found


@cache
def clock(zone: ZoneInfo, start: Instant, end: Instant) -> dict[int, list[Instant]]:
    """The instants at which the local clock shows each minute of the day: some come twice, some never."""
    found: dict[int, list[Instant]] = {}
    for at in range(start, end, MINUTE):
        local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)).astimezone(zone)
        found.setdefault(local.hour * 60 + local.minute, []).append(at)
    return found


class Window:
    """The first hours of a month, from `start` to `end`, cut where anything changes [2]."""

    def __init__(self, site: Site, rows: Sequence[Reading], start: Instant, end: Instant) -> None:
        self.site, self.start, self.end = site, start, end
        self.clock = clock(site.calendar.zone, start, end)
        self.said: dict[str, list[Reading]] = {}
        for row in sorted(rows, key=lambda row: row.at):
            self.said.setdefault(row.point, []).append(row)
        self._mechanisms: dict[str, list[Known]] = {}
        self._amounts: dict[str, list[Amount]] = {}

    @cached_property
    def edges(self) -> list[Instant]:
        """Quarter hours, every dated change, and the edges of the bands on the local clock."""
        dated = [one.start for one in (*self.site.allocations, *self.site.tariffs)]
        for one in self.site.departments.values():
            dated += [at for line in (one.headcount, one.area_m2) if line for at in line.starts]
        for tariff in self.site.tariffs:
            later = [one.start for one in self._banded(tariff.utility) if one.start > tariff.start]
            for low, _, _ in self.hours(tariff):
                dated += [at for at in self.clock.get(low, ()) if tariff.start <= at < min(later, default=FOREVER)]
        inside = {at for at in dated if self.start < at < self.end}
        return sorted({*range(self.start, self.end, QUARTER), *inside, self.end})

    def _banded(self, utility: str) -> list[Tariff]:
        return [one for one in self.site.tariffs if one.utility == utility and one.bands]

    def hours(self, tariff: Tariff) -> list[tuple[int, int, str]]:
        """The bands of the day, by minutes of the local clock; the first row that holds."""
        day = self.site.calendar.day_of(self.start)
        kinds = {None, "workday" if day.weekday() < 5 else "restday"}
        for row in tariff.schedule:
            in_time = (not row.months or day.month in row.months) and (
                not row.weekdays or day.weekday() in row.weekdays
            )
            if in_time and row.days in kinds:
                return [(one.start, one.end, one.band) for one in row.hours]
        return []

    @cached_property
    def minutes(self) -> dict[Instant, int]:
        """What the local clock shows at each minute."""
        return {at: minute for minute, instants in self.clock.items() for at in instants}

    def rate(self, utility: str, cell: int) -> tuple[str | None, str | None]:
        """The tariff version and the band of an interval."""
        at = self.edges[cell]
        held = max(
            (one for one in self.site.tariffs if one.utility == utility and one.start <= at),
            key=lambda one: one.start,
            default=None,
        )
        if held is None or not held.bands:
            return (None if held is None else held.id), None
        minute = self.minutes[at - at % MINUTE]
        return held.id, next(band for low, high, band in self.hours(held) if low <= minute < high)

    def amounts(self, meter: Meter, point: str | None = None) -> list[Amount]:
        """What a meter, or another register of it, used in each interval [2], [8]."""
        key = point or meter.id
        if key not in self._amounts:
            self._amounts[key] = (
                self._added(meter)
                if meter.factors
                else [self.between(meter, key, *cell) for cell in pairwise(self.edges)]
            )
        return self._amounts[key]

    def _added(self, meter: Meter) -> list[Amount]:
        operands = {one: self.amounts(self.site.meters[one]) for one in meter.factors}
        found: list[Amount] = []
        for cell in range(len(self.edges) - 1):
            known = [
                factor * amount for one, factor in meter.factors.items() if (amount := operands[one][cell]) is not None
            ]
            found.append(sum(known, Fraction()) if len(known) == len(operands) else None)
        return found

    def mechanism(self, meter: Meter, point: str, at: Instant) -> Known:
        """The one that counted from an instant on."""
        if point not in self._mechanisms:
            self._mechanisms[point] = mechanisms(meter, self.said.get(point, []), point == meter.id)
        return next(one for one in self._mechanisms[point] if one.start <= at < one.end)

    def between(self, meter: Meter, point: str, low: Instant, high: Instant) -> Amount:
        """What a register counted between two instants that no other cut lies between, but those of its own."""
        inner = [*meter.multiplier.starts, *(one.at for one in meter.installations)]
        cuts = sorted({low, high, *(at for at in inner if low < at < high)})
        found = Fraction()
        for begin, end in pairwise(cuts):
            known = self.mechanism(meter, point, begin)
            before, after = known.figure(begin), known.figure(end)
            if before is None or after is None:
                return None
            ratio = meter.multiplier.at(begin) or meter.multiplier.values[0]
            found += (after - before) * Fraction(meter.register.digit) * Fraction(ratio)
        return found

    def measured(self, meter: Meter, at: Instant) -> bool:
        """Whether a meter's register was read at an instant, before or after an exchange there."""
        beside = (self.mechanism(meter, meter.id, at), self.mechanism(meter, meter.id, at - 1))
        return any(one.measured(at, meter.period) for one in beside)
