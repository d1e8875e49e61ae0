"""Intervals: consumption over [start, end) with the share of it that was measured, estimated or missing."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

from meterbook.domain.instant import Instant


class Reason(IntFlag):
    """Why an interval is what it is, where that is not simply two readings at its ends.

    INTERPOLATED, GAP, REJECTED and ESTIMATED say why an end was not measured: the register was interpolated between
    readings, or spread over a silence of more than two hours; the reading there does not count, or was itself an
    estimate. ROLLOVER, WOBBLE and EXCHANGE happened inside and leave it measured. SILENT and QUESTION say why it is
    missing: no reading yet (or no longer), or readings set aside until somebody says what they mean. CORRECTED: a
    person declared what was used.
    """

    INTERPOLATED = 1
    GAP = 2
    REJECTED = 4
    ESTIMATED = 8
    ROLLOVER = 16
    WOBBLE = 32
    EXCHANGE = 64
    SILENT = 128
    QUESTION = 256
    CORRECTED = 512


def words(reasons: int) -> list[str]:
    """Reasons as programs read them, such as `gap` and `rollover`."""
    return [str(reason.name).lower() for reason in Reason(int(reasons))]


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """Consecutive intervals of one meter, in columns.

    `edges` (int64 us, length n + 1) cut the time; `amount` (int64, length n) counts whole `quantum`s of the canonical
    unit and is 0 where nothing is known; `estimated` (float64, length n) is the share of an interval that was
    estimated; `missing` (bool, length n) marks intervals of which nothing is known; what is neither is measured.
    `reasons` (uint16, length n) are sums of Reason.
    """

    edges: NDArray[np.int64]
    amount: NDArray[np.int64]
    estimated: NDArray[np.float64]
    missing: NDArray[np.bool_]
    reasons: NDArray[np.uint16]
    quantum: Decimal

    def __len__(self) -> int:
        return len(self.amount)

    @classmethod
    def unknown(cls, edges: Sequence[Instant] | NDArray[np.int64], quantum: Decimal) -> Intervals:
        """Intervals of which nothing is known."""
        cuts = np.asarray(edges, np.int64)
        count = max(0, len(cuts) - 1)
        reasons = np.full(count, Reason.SILENT, np.uint16)
        return cls(cuts, np.zeros(count, np.int64), np.zeros(count), np.ones(count, bool), reasons, quantum)

    def between(self, start: Instant, end: Instant) -> Intervals:
        """The intervals that lie in [start, end); both must be edges."""
        low, high = np.searchsorted(self.edges, (start, end))
        cells = slice(int(low), int(high))
        return Intervals(
            self.edges[low : high + 1],
            self.amount[cells],
            self.estimated[cells],
            self.missing[cells],
            self.reasons[cells],
            self.quantum,
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
            int(np.bitwise_or.reduce(self.reasons)) if len(self) else 0,
        )

    def windows(self, edges: Sequence[Instant]) -> list[Consumption]:
        """The same consumption in coarser windows; each of `edges` must be an edge of these intervals."""
        return [self.between(start, end).total() for start, end in itertools.pairwise(edges)]


@dataclass(frozen=True, slots=True, eq=False)
class BaseIntervals:
    """Consecutive intervals of a physical meter between the cuts of its base grid, in columns.

    The base grid is the local quarter hours and every instant between them at which something changes. `edges`,
    `amount`, `missing` and `quantum` are as in Intervals. `measured` (bool) and `ends` (uint16, sums of Reason), both
    of length n + 1, say of each edge whether the register was measured there, and why not; `inside` (uint16, length
    n) what happened in between.
    """

    edges: NDArray[np.int64]
    amount: NDArray[np.int64]
    missing: NDArray[np.bool_]
    measured: NDArray[np.bool_]
    ends: NDArray[np.uint16]
    inside: NDArray[np.uint16]
    quantum: Decimal

    def __len__(self) -> int:
        return len(self.amount)

    @classmethod
    def unknown(cls, edges: NDArray[np.int64], quantum: Decimal) -> BaseIntervals:
        """Intervals of which nothing is known."""
        count = len(edges) - 1
        return cls(
            edges,
            np.zeros(count, np.int64),
            np.ones(count, bool),
            np.zeros(count + 1, bool),
            np.zeros(count + 1, np.uint16),
            np.full(count, Reason.SILENT, np.uint16),
            quantum,
        )

    def between(self, start: Instant, end: Instant) -> BaseIntervals:
        """The intervals that lie in [start, end); both must be edges."""
        low, high = (int(cut) for cut in np.searchsorted(self.edges, (start, end)))
        return BaseIntervals(
            self.edges[low : high + 1],
            self.amount[low:high],
            self.missing[low:high],
            self.measured[low : high + 1],
            self.ends[low : high + 1],
            self.inside[low:high],
            self.quantum,
        )

    def then(self, later: BaseIntervals) -> BaseIntervals:
        """These and those that follow: they begin where these end. Both may know something of that edge."""
        measured = self.measured[-1] | later.measured[:1]
        ends = np.where(measured, 0, self.ends[-1] | later.ends[:1]).astype(np.uint16)
        return BaseIntervals(
            np.concatenate((self.edges[:-1], later.edges)),
            np.concatenate((self.amount, later.amount)),
            np.concatenate((self.missing, later.missing)),
            np.concatenate((self.measured[:-1], measured, later.measured[1:])),
            np.concatenate((self.ends[:-1], ends, later.ends[1:])),
            np.concatenate((self.inside, later.inside)),
            self.quantum,
        )

    def joined(self, edges: NDArray[np.int64]) -> Intervals:
        """The same consumption between coarser `edges`, each of which must be an edge here.

        One missing interval makes the coarser one missing; otherwise that is measured when the register was read at
        both its ends, whatever happened in between (an exchange, another ratio), and nobody declared a part of it.
        """
        if not np.array_equal(edges, self.edges):
            return self._coarser(edges).joined(edges)
        missing, inside, measured, ends = self.missing, self.inside, self.measured, self.ends
        unsure = ~(measured[:-1] & measured[1:]) | ((inside & np.uint16(Reason.CORRECTED)) > 0)
        return Intervals(
            edges,
            np.where(missing, 0, self.amount),
            (~missing & unsure).astype(np.float64),
            missing,
            (inside | np.where(missing, 0, ends[:-1] | ends[1:])).astype(np.uint16),
            self.quantum,
        )

    def _coarser(self, edges: NDArray[np.int64]) -> BaseIntervals:
        at = np.searchsorted(self.edges, edges)
        first = at[:-1]
        return BaseIntervals(
            edges,
            np.add.reduceat(self.amount, first),
            np.logical_or.reduceat(self.missing, first),
            self.measured[at],
            self.ends[at],
            np.bitwise_or.reduceat(self.inside, first),
            self.quantum,
        )


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
    """Consumption over [start, end) in the canonical unit; `value` is None when nothing of it is known.

    `reasons` is a sum of Reason.
    """

    start: Instant
    end: Instant
    value: Decimal | None
    shares: Shares
    reasons: int = 0
