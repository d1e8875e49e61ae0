"""Intervals: consumption over [start, end) with the share of it that was measured, estimated or missing."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from meterbook.domain.instant import Instant


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """Consecutive intervals of one meter, in columns.

    `edges` (int64 us, length n + 1) cut the time; `amount` (int64, length n) counts whole `quantum`s of the canonical
    unit and is 0 where nothing is known; `estimated` (float64, length n) is the share of an interval that was
    estimated; `missing` (bool, length n) marks intervals of which nothing is known. What is neither is measured.
    """

    edges: NDArray[np.int64]
    amount: NDArray[np.int64]
    estimated: NDArray[np.float64]
    missing: NDArray[np.bool_]
    quantum: Decimal

    def __len__(self) -> int:
        return len(self.amount)

    @classmethod
    def unknown(cls, edges: Sequence[Instant] | NDArray[np.int64], quantum: Decimal) -> Intervals:
        """Intervals of which nothing is known."""
        cuts = np.asarray(edges, np.int64)
        count = max(0, len(cuts) - 1)
        return cls(cuts, np.zeros(count, np.int64), np.zeros(count), np.ones(count, bool), quantum)

    def between(self, start: Instant, end: Instant) -> Intervals:
        """The intervals that lie in [start, end); both must be edges."""
        low, high = np.searchsorted(self.edges, (start, end))
        cells = slice(int(low), int(high))
        return Intervals(
            self.edges[low : high + 1], self.amount[cells], self.estimated[cells], self.missing[cells], self.quantum
        )

    def total(self) -> Consumption:
        """All of them as one."""
        length = np.diff(self.edges).astype(np.float64)
        span = float(length.sum())
        missing = float(length[self.missing].sum())
        estimated = float((length * self.estimated)[~self.missing].sum())
        known = not bool(self.missing.all())
        return Consumption(
            int(self.edges[0]),
            int(self.edges[-1]),
            self.quantum * int(self.amount.sum()) if known else None,
            Shares.of_time(estimated / span, missing / span) if span else Shares.nothing(),
        )

    def windows(self, edges: Sequence[Instant]) -> list[Consumption]:
        """The same consumption in coarser windows; each of `edges` must be an edge of these intervals."""
        return [self.between(start, end).total() for start, end in itertools.pairwise(edges)]


_STEP = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Shares:
    """How much of a time (or quantity) was measured, estimated or missing; they add up to 1."""

    measured: Decimal
    estimated: Decimal
    missing: Decimal

    @classmethod
    def of_time(cls, estimated: float, missing: float) -> Shares:
        """Shares to 0.0001; a share that is not nothing is never shown as nothing."""
        shown = [_visible(estimated), _visible(missing)]
        return cls(max(Decimal(0), 1 - shown[0] - shown[1]), shown[0], shown[1])

    @classmethod
    def nothing(cls) -> Shares:
        """Nothing known."""
        return cls(Decimal(0), Decimal(0), Decimal(1))

    @classmethod
    def all_measured(cls) -> Shares:
        """Everything measured."""
        return cls(Decimal(1), Decimal(0), Decimal(0))


def _visible(share: float) -> Decimal:
    if share <= 0:
        return Decimal(0)
    if share >= 1:
        return Decimal(1)
    return min(1 - _STEP, max(_STEP, Decimal(repr(float(share))).quantize(_STEP)))


@dataclass(frozen=True, slots=True)
class Consumption:
    """Consumption over [start, end) in the canonical unit; `value` is None when nothing of it is known."""

    start: Instant
    end: Instant
    value: Decimal | None
    shares: Shares
