"""Long silences: a gap's energy is exact as a total, and gets the shape of like days within each local day.

Midnights inside a gap of more than two hours are interpolated and rounded first. Between them each quarter hour gets
the day's energy in proportion to what the same quarters used on the last four days of the same class (workday or
rest day) on which the meter was measured throughout those hours; without such days, evenly.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from itertools import accumulate, pairwise
from operator import mul
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from meterbook.accounting.register import GAP, Figures, exact_figure, half_up
from meterbook.domain.calendar import GRID, Calendar
from meterbook.domain.instant import MINUTE, Instant

if TYPE_CHECKING:
    from meterbook.accounting.consumption import Segment


@dataclass(frozen=True, slots=True, eq=False)
class Day:
    """A local day quarter by quarter: what the meter used in each, and whether it was measured for `sure`."""

    amount: NDArray[np.int64]
    sure: NDArray[np.bool_]


MeasuredDay = Callable[[date], Day | None]
"""A day of a meter, without any gap spreading; None before its first reading."""

QUARTER = GRID // MINUTE

LIKE_DAYS = 4
SEARCH_DAYS = 366


def spread(part: Segment, cuts: NDArray[np.int64], seen: Figures, calendar: Calendar, measured: MeasuredDay) -> Figures:
    """The same figures with those inside long gaps reshaped; all of them are estimated already."""
    at = part.accepted.at
    long = np.flatnonzero(np.diff(at) > GAP)
    if len(long) == 0:
        return seen
    digits = seen.digits.copy()
    for index in long.tolist():
        start, end = int(at[index]), int(at[index + 1])
        if end <= cuts[0] or start >= cuts[-1]:
            continue
        for piece_start, piece_end in _days(start, end, calendar):
            inside = np.flatnonzero((cuts > piece_start) & (cuts < piece_end))
            if len(inside) == 0:
                continue
            low, high = (_edge(part, edge, index) for edge in (piece_start, piece_end))
            shape = _Shape(piece_start, piece_end, calendar, measured)
            for cell in inside.tolist():
                digits[cell] = half_up(low + (high - low) * shape.share_until(int(cuts[cell])))
            # Midnights that are cuts themselves are already interpolated and rounded.
    return Figures(digits, seen.known, seen.measured)


def _days(start: Instant, end: Instant, calendar: Calendar) -> list[tuple[Instant, Instant]]:
    """The gap cut at local midnights."""
    edges = calendar.edges(start, end, "day")
    return list(pairwise(edges))


def _edge(part: Segment, at: Instant, index: int) -> Fraction:
    """The register in digits at an end of a gap's day: as read at the gap's ends, rounded at midnights."""
    figure = exact_figure(part.accepted, part.register, at, index, index + 1)
    return (
        figure if at in (int(part.accepted.at[index]), int(part.accepted.at[index + 1])) else Fraction(half_up(figure))
    )


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
        self._rates = rates
        self._until = [0, *accumulate(map(mul, rates, lengths))]

    def share_until(self, at: Instant) -> Fraction:
        """The part of the energy between the start and `at`."""
        cell = bisect_right(self._edges, at) - 1
        if cell >= len(self._rates):
            return Fraction(1)
        return Fraction(self._until[cell] + self._rates[cell] * (at - self._edges[cell]), self._until[-1])


def quarter_clocks(day: date, calendar: Calendar) -> list[int]:
    """What the local clock shows at the start of each quarter of a day, in quarters since 00:00."""
    return [
        minute // QUARTER + count
        for start, end, minute in calendar.stretches(day)
        for count in range(-((start - end) // GRID))
    ]


def _like_day_sums(day: date, clocks: Sequence[int], calendar: Calendar, measured: MeasuredDay) -> list[int] | None:
    """For each quarter by the clock its use added up over the like days; None where there is no like day.

    A day whose clock skipped one of the quarters is no like day; of one that it repeated the first is taken.
    """
    kind, found = calendar.is_workday(day), 0
    sums = np.zeros(len(clocks), np.int64)
    for back in range(1, SEARCH_DAYS):
        other = day - timedelta(days=back)
        seen = measured(other)
        if seen is None:
            break
        if calendar.is_workday(other) is not kind:
            continue
        first: dict[int, int] = {}
        for cell, clock in enumerate(quarter_clocks(other, calendar)):
            first.setdefault(clock, cell)
        cells = [first[clock] for clock in clocks if clock in first]
        if len(cells) == len(clocks) and seen.sure[cells].all():
            sums += seen.amount[cells]
            found += 1
        if found == LIKE_DAYS:
            break
    return [int(total) for total in sums] if found else None
