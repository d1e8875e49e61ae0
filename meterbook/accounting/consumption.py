"""From readings to intervals: what a meter used between given instants.

Every figure is a difference of register figures in whole digits times the multiplier, so that hours, days and months
add up to the register difference exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from meterbook.accounting import gaps
from meterbook.accounting.judgement import LARGEST_DIGITS, Accepted, Limits, exact, judge
from meterbook.accounting.register import figures, half_up
from meterbook.domain.calendar import GRID, Calendar
from meterbook.domain.correction import Estimate
from meterbook.domain.instant import Instant
from meterbook.domain.interval import BaseIntervals, Intervals, Reason
from meterbook.domain.meter import Installation, Meter, Register
from meterbook.domain.reading import Quality, Series
from meterbook.domain.timeline import BEGINNING

END: Instant = 2**62
FINER = 6
"""Digits by which a formula is calculated finer than its operands, where its factors are no decimals."""


_CORRECTED = np.uint16(Reason.CORRECTED)


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """One physical meter's time in service, [start, end), and the readings of it that count."""

    start: Instant
    end: Instant
    register: Register
    accepted: Accepted


def segments(meter: Meter, series: Series, noted: bool = True, resumed: Instant | None = None) -> list[Segment]:
    """The readings of a meter by installation, each judged on its own.

    The final and initial figures of an exchange count as readings at its instant; a reading at that very instant
    gives way to them. Where they are not `noted` (a second register of the same meter) the time between the last
    reading before an exchange and the first after it is unknown. The readings of a `delta` meter are added up to a
    register first; an exchange changes nothing of what they say.

    `resumed` is the reading of a Handhold, with which the series begins: then only the last segment is judged.
    """
    registers = [meter.register, *(installation.register for installation in meter.installations)]
    starts = [BEGINNING, *(installation.at for installation in meter.installations), END]
    if meter.delta:
        series = _added_up(series.counting(), meter.register.digit)
        registers, starts = [Register(meter.register.digit * (LARGEST_DIGITS - 1))], [BEGINNING, END]
    found = []
    for index, (start, end) in enumerate(pairwise(starts)):
        if resumed is not None and end != END:
            continue
        opens = index > 0 and noted and (resumed is None or resumed == start)
        rows = series.between(start + 1 if opens else start, end)
        if opens:
            rows = _joined(_declared(start, meter.installations[index - 1].new_initial), rows)
        closes = end != END and noted
        if closes:
            rows = _joined(rows, _declared(end, meter.installations[index].old_final))
        limits = Limits(registers[index], meter.multiplier, meter.max_rate, meter.signed, meter.delta)
        accepted = judge(rows, limits, opens or resumed is not None, closes)
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


@dataclass(frozen=True, slots=True)
class Handhold:
    """Where a computation of a meter can be taken up again, for the local midnight `at`.

    `reading` is the last settled reading up to `at`, `proven` the first one from there on. News later than `proven`
    change nothing up to `at`, and everything from `at` on follows from the readings from `reading` on.
    """

    at: Instant
    reading: Instant
    proven: Instant

    @staticmethod
    def packed(holds: Sequence[Handhold]) -> bytes:
        """Handholds as bytes."""
        return np.array([(hold.at, hold.reading, hold.proven) for hold in holds], np.int64).tobytes()

    @staticmethod
    def unpacked(content: bytes) -> list[Handhold]:
        """What `packed` made bytes."""
        return [Handhold(*row) for row in np.frombuffer(content, np.int64).reshape(-1, 3).tolist()]


def base_intervals(
    meter: Meter,
    parts: Sequence[Segment],
    edges: NDArray[np.int64],
    calendar: Calendar,
    before: gaps.MeasuredDay,
    declared: Sequence[Estimate] = (),
) -> BaseIntervals:
    """Consumption of a physical meter from its segments, between `edges`, of which every local quarter hour is one.

    The first edge is a local midnight; `before` knows the days before it. `declared` are estimates that people gave,
    each between two of the edges or outside them.
    """
    work = _Work(meter, edges, calendar, before)
    for estimate in declared:
        work.reserve(estimate)
    for part in parts:
        work.add(part)
    for estimate in declared:
        work.declare(estimate)
    return work.result()


class _Work:
    """The columns of BaseIntervals while they are filled, segment after segment in order of time."""

    def __init__(self, meter: Meter, edges: NDArray[np.int64], calendar: Calendar, before: gaps.MeasuredDay) -> None:
        self.meter, self.edges, self.calendar, self.before = meter, edges, calendar, before
        self.days: dict[date, gaps.Day | None] = {}
        self.step = quantum(meter)
        self.done = BaseIntervals.unknown(edges, self.step)
        self.holding = np.clip(np.searchsorted(meter.multiplier.starts, edges[:-1], side="right") - 1, 0, None)

    def add(self, part: Segment) -> None:
        """Fill the intervals of a segment."""
        low, high = (int(cut) for cut in np.searchsorted(self.edges, (part.start, part.end)))
        within = self.edges[low : high + 1]
        if len(within) < 2:
            return
        done, cells, cuts = self.done, slice(low, low + len(within) - 1), slice(low, low + len(within))
        seen = figures(part.accepted, part.register, within, self.meter.period)
        steps = self._steps(part.register)[cells]
        done.missing[cells] = ~(seen.known[:-1] & seen.known[1:])
        done.amount[cells] = np.diff(seen.digits) * steps
        done.measured[cuts] |= seen.measured
        done.ends[cuts] |= seen.why
        done.inside[cells] &= _CORRECTED
        done.inside[cells] |= _events(part, within, self.meter.installations)
        done.inside[cells] |= np.where(done.missing[cells], _why_missing(part, within), 0).astype(np.uint16)
        for first, last in gaps.reshape(part, within, seen.digits, self.calendar, self.day):
            touched = slice(max(first - 1, 0), last)
            changed = np.diff(seen.digits[touched.start : last + 1]) * steps[touched]
            done.amount[low + touched.start : low + touched.start + len(changed)] = changed

    def _steps(self, register: Register) -> NDArray[np.int64]:
        """The quanta that one digit of a register is worth, interval by interval."""
        worth = [int(multiplier * register.digit / self.step) for multiplier in self.meter.multiplier.values]
        return np.array(worth, np.int64)[self.holding]

    def day(self, day: date) -> gaps.Day | None:
        """A day before the one that is being computed: nothing changes it any more."""
        if day not in self.days:
            start, end = self.calendar.day(day)
            self.days[day] = self.before(day) if start < self.edges[0] else quarters(self.done, start, end)
        return self.days[day]

    def reserve(self, estimate: Estimate) -> None:
        """Mark what a person declared, so that no like day is made of it."""
        self.done.inside[self._cells(estimate)] |= _CORRECTED

    def declare(self, estimate: Estimate) -> None:
        """Put a declared quantity in place of what the readings say."""
        cells = self._cells(estimate)
        if cells.start == cells.stop:
            return
        total = half_up(Fraction(estimate.quantity) / Fraction(self.step))
        cuts = self.edges[cells.start : cells.stop + 1]
        start, end = int(cuts[0]), int(cuts[-1])

        def figure(instant: Instant) -> Fraction:
            return Fraction(total * (instant - start), end - start)

        days = [shaped for _, shaped in gaps.shape(cuts, start, end, figure, self.calendar, self.day)]
        done = self.done
        done.amount[cells] = np.diff(np.concatenate(([0], *days, [total])))
        done.missing[cells] = False
        done.inside[cells] = _CORRECTED

    def _cells(self, estimate: Estimate) -> slice:
        low, high = (int(cut) for cut in np.searchsorted(self.edges, (estimate.start, estimate.end)))
        return slice(min(low, len(self.done)), min(high, len(self.done)))

    def result(self) -> BaseIntervals:
        """What was computed."""
        self.done.ends[self.done.measured] = 0
        self.done.amount[self.done.missing] = 0
        return self.done


def _events(part: Segment, cuts: NDArray[np.int64], installations: Sequence[Installation]) -> NDArray[np.uint16]:
    """What happened inside each interval of a segment that its amount does not show."""
    accepted = part.accepted
    found = np.zeros(len(cuts) - 1, np.uint16)
    turned = accepted.at[1:][np.diff(accepted.turns) > 0]
    exchanged = np.array([one.at for one in installations], np.int64)
    for instants, reason in (
        (turned, Reason.ROLLOVER),
        (accepted.at[accepted.held], Reason.WOBBLE),
        (accepted.rejected, Reason.REJECTED),
        (exchanged, Reason.EXCHANGE),
    ):
        cells = np.searchsorted(cuts, instants, side="left") - 1
        found[cells[(cells >= 0) & (cells < len(found))]] |= np.uint16(reason)
    return found


def _why_missing(part: Segment, cuts: NDArray[np.int64]) -> NDArray[np.uint16]:
    """Why an interval of a segment would be missing."""
    since, until = part.accepted.open_since, part.accepted.open_until
    if since is None or until is None:
        return np.full(len(cuts) - 1, Reason.SILENT, np.uint16)
    asked = (cuts[1:] > since) & (cuts[:-1] < until)
    return np.where(asked, Reason.QUESTION, Reason.SILENT).astype(np.uint16)


def quarters(done: BaseIntervals, start: Instant, end: Instant) -> gaps.Day:
    """The local day [start, end) of a meter, quarter by quarter; both must be edges."""
    part = done.between(start, end).joined(np.arange(start, end + 1, GRID, dtype=np.int64))
    return gaps.Day(part.amount, ~part.missing & (part.estimated == 0))


def handholds(parts: Sequence[Segment], midnights: Sequence[Instant]) -> list[Handhold]:
    """Where, of local midnights, the computation of a meter can be taken up again; nowhere but in its last segment.

    What an exchange declares at the end of an earlier one can throw out readings before it.
    """
    accepted = parts[-1].accepted
    settled = accepted.at[accepted.settled]
    after = np.searchsorted(settled, midnights, side="left").tolist()
    upto = np.searchsorted(settled, midnights, side="right").tolist()
    return [
        Handhold(midnight, int(settled[reading - 1]), int(settled[proven]))
        for midnight, reading, proven in zip(midnights, upto, after, strict=True)
        if reading > 0 and proven < len(settled)
    ]


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
    reasons = np.bitwise_or.reduce([operand.reasons for operand in operands.values()])
    energy = {meter: np.abs(operand.amount * float(weights[meter])) for meter, operand in operands.items()}
    total = np.add.reduce(list(energy.values()))
    unsure = np.add.reduce([energy[meter] * operand.estimated for meter, operand in operands.items()])
    idle = np.maximum.reduce([operand.estimated for operand in operands.values()])
    estimated = np.where(total > 0, unsure / np.where(total > 0, total, 1.0), idle)
    amount[missing] = 0
    return Intervals(first.edges, amount, np.where(missing, 0.0, estimated), missing, reasons, step)


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
