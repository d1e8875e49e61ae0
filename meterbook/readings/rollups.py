"""What readings were quarter by quarter: kept when the readings themselves go, and worked out of them before. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from meterbook.domain.calendar import GRID
from meterbook.domain.instant import Instant
from meterbook.domain.reading import Series

Row = tuple[Instant, float, float, float, float, int]
FIELDS = ("least", "most", "mean", "last", "count")
"""What stands in a row behind its start."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The readings of a point in [start, end) that count, in its canonical unit; `mean` is of readings, not of time."""

    start: Instant
    end: Instant
    least: float
    most: float
    mean: float
    last: float
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class Rollups:
    """The quarters of an hour of one point that have readings, in order of time.

    `start` (int64, us) and `count` (int64, readings that count); the others are values in the canonical unit (float64).
    """

    start: NDArray[np.int64]
    least: NDArray[np.float64]
    most: NDArray[np.float64]
    mean: NDArray[np.float64]
    last: NDArray[np.float64]
    count: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start)

    @classmethod
    def empty(cls) -> Rollups:
        """No readings at all."""
        return cls.rows([])

    @classmethod
    def rows(cls, rows: Sequence[Row]) -> Rollups:
        """From rows in the order of the columns."""
        start, least, most, mean, last, count = zip(*rows, strict=True) if rows else [()] * 6
        values = [np.array(column, np.float64) for column in (least, most, mean, last)]
        return cls(np.array(start, np.int64), values[0], values[1], values[2], values[3], np.array(count, np.int64))

    @classmethod
    def of(cls, series: Series) -> Rollups:
        """The readings that count, quarter by quarter."""
        series = series.counting()
        if not len(series):
            return cls.empty()
        quarter = series.at // GRID * GRID
        first = np.flatnonzero(np.diff(quarter, prepend=quarter[0] - 1))
        count = np.diff(np.append(first, len(series)))
        least, most = (reduce.reduceat(series.value, first) for reduce in (np.minimum, np.maximum))
        with np.errstate(over="ignore"):
            mean = np.add.reduceat(series.value, first) / count
        return cls(quarter[first], least, most, np.clip(mean, least, most), series.value[first + count - 1], count)

    def listed(self) -> list[Row]:
        """As rows in the order of the columns."""
        columns = (self.start, self.least, self.most, self.mean, self.last, self.count)
        return list(zip(*(column.tolist() for column in columns), strict=True))

    def between(self, start: Instant, end: Instant) -> Rollups:
        """The quarters that begin in [start, end)."""
        low, high = np.searchsorted(self.start, (start, end))
        return Rollups.rows(self.listed()[low:high])

    def replaced(self, other: Rollups) -> Rollups:
        """Both; of a quarter that is in both the other one."""
        return Rollups.rows(sorted({row[0]: row for row in (*self.listed(), *other.listed())}.values()))

    def joined(self, other: Rollups) -> Rollups:
        """Both; of a quarter that is in both the one with more readings, so that what came twice counts once."""
        found: dict[Instant, Row] = {}
        for row in sorted([*self.listed(), *other.listed()], key=lambda row: (row[0], row[-1])):
            found[row[0]] = row
        return Rollups.rows(list(found.values()))

    def windows(self, edges: Sequence[Instant]) -> list[Summary]:
        """One summary for each window between `edges` that has readings; a quarter belongs where it begins."""
        bounds = np.searchsorted(self.start, np.asarray(edges, np.int64)).tolist()
        bounds[0] = 0  # the first quarter may begin before the first edge
        cells = zip(pairwise(bounds), pairwise(edges), strict=True)
        return [self._summary(*cell, *window) for cell, window in cells if cell[1] > cell[0]]

    def _summary(self, low: int, high: int, start: Instant, end: Instant) -> Summary:
        count = self.count[low:high]
        with np.errstate(over="ignore"):
            mean = float((self.mean[low:high] * count).sum() / count.sum())
        least, most = float(self.least[low:high].min()), float(self.most[low:high].max())
        return Summary(
            start, end, least, most, min(max(mean, least), most), float(self.last[high - 1]), int(count.sum())
        )


class Rolled(Protocol):
    """What summaries need of a reading store."""

    def read(self, point: str, start: Instant, end: Instant) -> Series:
        """The readings there are."""

    def rolled(self, point: str, start: Instant, end: Instant) -> Rollups:
        """What is left of those that went."""


def rollups(store: Rolled, point: str, start: Instant, end: Instant) -> Rollups:
    """A point quarter by quarter in [start, end), whether its readings are still there or have been rolled up.

    Quarters that `start` or `end` cut are worked out of the readings in them; rolled up, one counts if it begins there.
    """
    return Rollups.of(store.read(point, start, end)).joined(store.rolled(point, start, end))
