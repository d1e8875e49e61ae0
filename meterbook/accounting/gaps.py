"""Long silences: a gap's energy is exact as a total, and gets the shape of like days within each local day.

Midnights inside a gap of more than two hours are interpolated and rounded first. Between them each quarter hour gets
the day's energy in proportion to what the same quarters used on the last four days of the same class (workday or
rest day) on which the meter was measured throughout those hours; without such days, evenly.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import accumulate, pairwise
from operator import mul
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from meterbook.accounting.register import GAP, exact_figure, half_up, half_up_of
from meterbook.domain.calendar import GRID, Calendar
from meterbook.domain.instant import MINUTE, Instant

if TYPE_CHECKING:
    from meterbook.accounting.consumption import Segment


@dataclass(frozen=True, eq=False)
class Day:
    """A local day quarter by quarter: what the meter used in each, and whether it was measured for `sure`."""

    amount: NDArray[np.int64]
    sure: NDArray[np.bool_]

    @cached_property
    def surely(self) -> bool:
        """Whether any of its quarters was."""
        return bool(self.sure.any())


MeasuredDay = Callable[[date], Day | None]
"""What is known of a day before the one that is asked about; None before the meter's first reading."""

QUARTER = GRID // MINUTE

_ORDINARY = 96
"""Quarters of a day on which the clock shows each of them once, in order."""

LIKE_DAYS = 4
SEARCH_DAYS = 366


def reshape(
    part: Segment, cuts: NDArray[np.int64], digits: NDArray[np.int64], calendar: Calendar, measured: MeasuredDay
) -> Iterator[tuple[int, int]]:
    """Give the figures (`digits` at `cuts`, in place) inside long gaps the shape of like days, day after day.

    Yields, after each day, the range [low, high) of the cuts whose figures it may have changed, so that a later day
    finds those before it as they are.
    """
    at = part.accepted.at
    for index in np.flatnonzero(np.diff(at) > GAP).tolist():
        start, end = int(at[index]), int(at[index + 1])
        if end <= cuts[0] or start >= cuts[-1]:
            continue

        def figure(instant: Instant, left: int = index) -> Fraction:
            return exact_figure(part.accepted, part.register, instant, left, left + 1)

        for low, shaped in shape(cuts, start, end, figure, calendar, measured):
            digits[low : low + len(shaped)] = shaped
            yield low, low + len(shaped)


def shape(
    cuts: NDArray[np.int64],
    start: Instant,
    end: Instant,
    figure: Callable[[Instant], Fraction],
    calendar: Calendar,
    measured: MeasuredDay,
) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Whole figures at those of `cuts` that lie inside (start, end), where a register is unknown; day by day.

    `figure` says where a straight line between both ends runs: what it says at the midnights is rounded and holds.
    Yields the index of the first cut of each day with the figures there.
    """
    for begin, finish in pairwise(calendar.edges(start, end, "day")):
        first, last = (int(cut) for cut in np.searchsorted(cuts, (max(begin, start + 1), finish)))
        if first == last:
            continue
        low = figure(begin) if begin == start else Fraction(half_up(figure(begin)))
        high = figure(finish) if finish == end else Fraction(half_up(figure(finish)))
        yield first, _Shape(begin, finish, calendar, measured).figures(low, high, cuts[first:last].tolist())


class _Shape:
    """How a day's energy is distributed between two instants of it, in whole numbers of no particular unit."""

    def __init__(self, start: Instant, end: Instant, calendar: Calendar, measured: MeasuredDay) -> None:
        day = calendar.day_of(start)
        midnight, finish = calendar.day(day)
        cells = [low for low in range(midnight, finish, GRID) if low < end and low + GRID > start]
        clocks = quarter_clocks(day, calendar)
        sums = _like_day_sums(day, [clocks[(low - midnight) // GRID] for low in cells], calendar, measured)
        self._edges = [start, *cells[1:], end]
        lengths = [high - low for low, high in pairwise(self._edges)]
        rates = sums if sums and sum(map(mul, sums, lengths)) else [1] * len(cells)
        self._rates: list[int] = rates
        self._until: list[int] = [0, *accumulate(map(mul, rates, lengths))]

    def figures(self, low: Fraction, high: Fraction, cuts: Sequence[Instant]) -> NDArray[np.int64]:
        """The figures at `cuts` between `low` at the start and `high` at the end, rounded half up."""
        rise = high - low
        below = low.denominator * rise.denominator * self._until[-1]
        fixed, slope = low.numerator * rise.denominator * self._until[-1], rise.numerator * low.denominator
        return np.array([half_up_of(fixed + slope * self._part(cut), below) for cut in cuts], np.int64)

    def _part(self, at: Instant) -> int:
        """The energy between the start and `at`."""
        cell = bisect_right(self._edges, at) - 1
        return self._until[cell] + (self._rates[cell] * (at - self._edges[cell]) if cell < len(self._rates) else 0)


@lru_cache(4096)
def quarter_clocks(day: date, calendar: Calendar) -> list[int]:
    """What the local clock shows at the start of each quarter of a day, in quarters since 00:00."""
    return [
        minute // QUARTER + count
        for start, end, minute in calendar.stretches(day)
        for count in range(-((start - end) // GRID))
    ]


@lru_cache(4096)
def _is_workday(day: date, calendar: Calendar) -> bool:
    return calendar.is_workday(day)


@lru_cache(4096)
def _cells_by_clock(day: date, calendar: Calendar) -> dict[int, int]:
    """In which quarter of a day the clock shows what; the first where it shows the same twice."""
    found: dict[int, int] = {}
    for cell, clock in enumerate(quarter_clocks(day, calendar)):
        found.setdefault(clock, cell)
    return found


def _like_day_sums(day: date, clocks: Sequence[int], calendar: Calendar, measured: MeasuredDay) -> list[int] | None:
    """For each quarter by the clock its use added up over the like days; None where there is no like day.

    A day whose clock skipped one of the quarters is no like day; of one that it repeated the first is taken.
    """
    kind, found = _is_workday(day, calendar), 0
    wanted, sums = np.array(clocks), np.zeros(len(clocks), np.int64)
    for back in range(1, SEARCH_DAYS):
        other = day - timedelta(days=back)
        seen = measured(other)
        if seen is None or found == LIKE_DAYS:
            break
        if not seen.surely or _is_workday(other, calendar) is not kind:
            continue
        cells = wanted
        if len(seen.sure) != _ORDINARY:
            by_clock = _cells_by_clock(other, calendar)
            cells = np.array([by_clock[clock] for clock in clocks if clock in by_clock], np.int64)
        if len(cells) == len(clocks) and seen.sure[cells].all():
            sums += seen.amount[cells]
            found += 1
    return [int(total) for total in sums] if found else None
