"""From readings to intervals: what a meter used between given instants.

Every figure is a difference of register figures in whole digits times the multiplier, so that hours, days and months
add up to the register difference exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from meterbook.accounting import gaps
from meterbook.accounting.judgement import Accepted, Limits, exact, judge
from meterbook.accounting.register import Figures, figures, half_up
from meterbook.domain.calendar import GRID, Calendar
from meterbook.domain.instant import Instant
from meterbook.domain.interval import Intervals
from meterbook.domain.meter import Meter, Register
from meterbook.domain.reading import Quality, Series
from meterbook.domain.timeline import BEGINNING

END: Instant = 2**62
FINER = 6
"""Digits by which a formula is calculated finer than its operands, where its factors are no decimals."""


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """One physical meter's time in service, [start, end), and the readings of it that count."""

    start: Instant
    end: Instant
    register: Register
    accepted: Accepted


def segments(meter: Meter, series: Series, noted: bool = True) -> list[Segment]:
    """The readings of a meter by installation, each judged on its own.

    The final and initial figures of an exchange count as readings at its instant; a reading at that very instant
    gives way to them. Where they are not `noted` (a second register of the same meter) the time between the last
    reading before an exchange and the first after it is unknown. The readings of a `delta` meter are added up to a
    register first.
    """
    if meter.delta:
        series = _added_up(series.counting(), meter.register.digit)
    starts = [BEGINNING, *(installation.at for installation in meter.installations), END]
    registers = [meter.register, *(installation.register for installation in meter.installations)]
    found = []
    for index, (start, end) in enumerate(pairwise(starts)):
        rows = series.between(start + 1 if index and noted else start, end)
        if index and noted:
            rows = _joined(_declared(start, meter.installations[index - 1].new_initial), rows)
        if index < len(meter.installations) and noted:
            rows = _joined(rows, _declared(end, meter.installations[index].old_final))
        limits = Limits(registers[index], meter.multiplier, meter.max_rate, meter.signed)
        accepted = judge(rows, limits, noted and index > 0, noted and index < len(meter.installations))
        found.append(Segment(start, end, registers[index], accepted))
    return found


def _added_up(series: Series, digit: Decimal) -> Series:
    """Amounts since the reading before as a register that stands at 0 at the first: what that one tells lies before."""
    digits = np.array([half_up(Fraction(exact(value)) / Fraction(digit)) for value in series.value.tolist()], np.int64)
    register = np.concatenate((np.zeros(min(1, len(digits)), np.int64), np.cumsum(digits[1:])))
    return Series(series.at, np.array([float(int(total) * digit) for total in register]), series.quality)


def _declared(at: Instant, figure: Decimal) -> Series:
    return Series.of([(at, float(figure), Quality.GOOD)])


def _joined(first: Series, second: Series) -> Series:
    return Series(
        np.concatenate((first.at, second.at)),
        np.concatenate((first.value, second.value)),
        np.concatenate((first.quality, second.quality)),
    )


def quantum(meter: Meter) -> Decimal:
    """The finest step of a meter's consumption: its least digit times the finest decimal of its multipliers."""
    registers = [meter.register, *(installation.register for installation in meter.installations)]
    places = max((_places(multiplier) for multiplier in meter.multiplier.values), default=0)
    return min(register.digit for register in registers).scaleb(-places)


def _places(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -int(exponent))


def intervals(
    meter: Meter, parts: Sequence[Segment], edges: Sequence[Instant], calendar: Calendar, spread: bool = True
) -> Intervals:
    """Consumption of a physical meter between `edges`, from its segments.

    `spread` gives gaps of more than two hours the shape of like days; without it they are left straight (what the
    like days themselves are computed with).
    """
    step = quantum(meter)
    cuts = _cuts(meter, edges)
    amount = np.zeros(len(cuts) - 1, np.int64)
    missing, measured = np.ones(len(cuts) - 1, bool), np.zeros(len(cuts), bool)
    like_days = _like_days(meter, parts, calendar)
    for part in parts:
        low, high = np.searchsorted(cuts, (part.start, part.end), side="left")
        within = cuts[low : high + 1]
        if len(within) < 2:
            continue
        seen = figures(part.accepted, part.register, within, meter.period)
        if spread:
            seen = gaps.spread(part, within, seen, calendar, like_days)
        cells = slice(int(low), int(low) + len(within) - 1)
        missing[cells] = ~(seen.known[:-1] & seen.known[1:])
        amount[cells] = _amounts(meter, part.register, within, seen, step)
        measured[int(low) : int(low) + len(within)] |= seen.measured
    return _joined_cells(cuts, np.asarray(edges, np.int64), amount, measured, missing, step)


def _cuts(meter: Meter, edges: Sequence[Instant]) -> NDArray[np.int64]:
    first, last = edges[0], edges[-1]
    inner = [installation.at for installation in meter.installations if first < installation.at < last]
    inner += meter.multiplier.changes(first, last)
    return np.unique(np.array([*edges, *inner], np.int64))


def _amounts(
    meter: Meter, register: Register, cuts: NDArray[np.int64], seen: Figures, step: Decimal
) -> NDArray[np.int64]:
    steps = np.array([int(multiplier * register.digit / step) for multiplier in meter.multiplier.values], np.int64)
    holding = np.clip(np.searchsorted(meter.multiplier.starts, cuts[:-1], side="right") - 1, 0, None)
    return np.asarray(np.diff(seen.digits) * steps[holding])


def _like_days(meter: Meter, parts: Sequence[Segment], calendar: Calendar) -> gaps.MeasuredDay:
    """The meter's days as they were measured; all of them are computed at once when the first is asked for."""

    @cache
    def days() -> dict[date, gaps.Day]:
        read = [part.accepted.at for part in parts if len(part.accepted.at)]
        first, last = (calendar.day_of(int(at)) for at in (min(at[0] for at in read), max(at[-1] for at in read)))
        dates = [first + timedelta(days=count) for count in range((last - first).days + 1)]
        starts = [calendar.midnight(day) for day in [*dates, last + timedelta(days=1)]]
        edges = [edge for start, end in pairwise(starts) for edge in range(start, end, GRID)]
        found = intervals(meter, parts, [*edges, starts[-1]], calendar, spread=False)
        sure = ~found.missing & (found.estimated == 0)
        bounds = np.searchsorted(found.edges, starts)
        return {
            day: gaps.Day(found.amount[low:high], sure[low:high])
            for day, low, high in zip(dates, bounds[:-1], bounds[1:], strict=True)
        }

    return lambda day: days().get(day)


def _joined_cells(
    cuts: NDArray[np.int64],
    edges: NDArray[np.int64],
    amount: NDArray[np.int64],
    measured: NDArray[np.bool_],
    missing: NDArray[np.bool_],
    step: Decimal,
) -> Intervals:
    """The cells between `cuts` joined to the intervals between `edges`.

    One missing cell makes its interval missing; otherwise it is measured when the register was read at both its ends,
    whatever happened in between (an exchange, another ratio).
    """
    first = np.searchsorted(cuts, edges)
    lost = np.logical_or.reduceat(missing, first[:-1])
    estimated = ~lost & ~(measured[first[:-1]] & measured[first[1:]])
    total = np.where(lost, 0, np.add.reduceat(amount, first[:-1]))
    return Intervals(edges, total, estimated.astype(np.float64), np.asarray(lost), step)


def combined(factors: Mapping[str, Fraction], operands: Mapping[str, Intervals]) -> Intervals:
    """A formula meter: the weighted sum of its operands, interval by interval, on their common edges.

    A missing operand makes the interval missing; otherwise it is estimated in proportion to the absolute energy of
    its operands. The result is exact where the factors are decimals; one like 1/3 is rounded half up, six digits
    below the operands' finest step.
    """
    first = next(iter(operands.values()))
    step = _formula_step([factors[meter] * Fraction(operand.quantum) for meter, operand in operands.items()])
    weights = {
        meter: factors[meter] * Fraction(operand.quantum) / Fraction(step) for meter, operand in operands.items()
    }
    missing = np.logical_or.reduce([operand.missing for operand in operands.values()])
    amount = np.zeros(len(first), np.int64)
    if all(weight.denominator == 1 for weight in weights.values()):
        for meter, operand in operands.items():
            amount += operand.amount * weights[meter].numerator
    else:
        exactly = zip(*(_weighted(operand.amount, weights[meter]) for meter, operand in operands.items()), strict=True)
        amount = np.array([half_up(sum(cells, Fraction())) for cells in exactly], np.int64)
    energy = {meter: np.abs(operand.amount * float(weights[meter])) for meter, operand in operands.items()}
    total = np.add.reduce(list(energy.values()))
    unsure = np.add.reduce([energy[meter] * operand.estimated for meter, operand in operands.items()])
    idle = np.maximum.reduce([operand.estimated for operand in operands.values()])
    estimated = np.where(total > 0, unsure / np.where(total > 0, total, 1.0), idle)
    amount[missing] = 0
    return Intervals(first.edges, amount, np.where(missing, 0.0, estimated), missing, step)


def _formula_step(values: Sequence[Fraction]) -> Decimal:
    """The coarsest power of ten of which all values are multiples; where there is none, six digits below the finest."""
    whole = [value for value in values if value]
    for places in range(-3, 19):
        step = Decimal(1).scaleb(-places)
        if all((value / Fraction(step)).denominator == 1 for value in whole):
            return min(step, Decimal(1))
    finest = min(abs(value) for value in whole)
    return Decimal(1).scaleb(-FINER - len(str(int(1 / finest))))


def _weighted(amounts: NDArray[np.int64], weight: Fraction) -> Iterator[Fraction]:
    cells: Iterable[int] = amounts.tolist()
    return (weight * cell for cell in cells)
