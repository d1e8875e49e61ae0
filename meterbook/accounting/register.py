"""What a register showed at any instant, in whole least digits."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from meterbook.accounting.judgement import Accepted, exact
from meterbook.domain.instant import HOUR, MINUTE, Instant
from meterbook.domain.interval import Reason
from meterbook.domain.meter import Register

NEAR: Instant = 2 * MINUTE
"""A reading at most this far from an instant says what the register showed then."""

GAP: Instant = 2 * HOUR
"""Longer silences are not interpolated straight through but spread like days."""

_TIE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """Register figures at given instants, in columns of equal length.

    `digits` (int64) have rollovers added on; `known` tells whether there is a figure at all, `measured` whether it
    stands on a reading rather than on interpolation alone; `why` (uint16, sums of Reason) tells why one that is known
    is not measured, and is 0 for all others.
    """

    digits: NDArray[np.int64]
    known: NDArray[np.bool_]
    measured: NDArray[np.bool_]
    why: NDArray[np.uint16]


def figures(accepted: Accepted, register: Register, cuts: NDArray[np.int64], period: Instant) -> Figures:
    """The register at `cuts`, interpolated linearly between accepted readings and rounded half up to its least digit.

    `period` is how often the device is read: accepted readings no further apart than that bracket an instant well
    enough to call it measured. Beyond the first and last reading nothing is known, but for two minutes.
    """
    count = len(accepted.at)
    if count == 0:
        nothing = np.zeros(len(cuts), bool)
        return Figures(np.zeros(len(cuts), np.int64), nothing, nothing, np.zeros(len(cuts), np.uint16))
    left = np.clip(np.searchsorted(accepted.at, cuts, side="right") - 1, 0, count - 1)
    right = np.clip(np.searchsorted(accepted.at, cuts, side="left"), 0, count - 1)
    digits = _interpolated(accepted, register, cuts, left, right)
    before, after = cuts - accepted.at[left], accepted.at[right] - cuts
    # Outside the readings both neighbours are the first or the last one, so one of the two distances is negative.
    nearest = np.minimum(np.abs(before), np.abs(after))
    inside = (before >= 0) & (after >= 0)
    known = inside | ((nearest <= NEAR) & ((before < 0) | (accepted.open_since is None)))
    bracketed = inside & (accepted.at[right] - accepted.at[left] <= period)
    sure = np.where(np.abs(before) <= np.abs(after), ~accepted.estimated[left], ~accepted.estimated[right])
    near = (nearest <= NEAR) | bracketed
    rejected = _rejected_nearer(accepted, cuts, nearest)
    measured = known & near & sure & ~rejected
    in_gap = inside & (accepted.at[right] - accepted.at[left] > GAP)
    why = np.select(
        [measured | ~known, rejected, near & ~sure, in_gap],
        [0, Reason.REJECTED, Reason.ESTIMATED, Reason.GAP],
        Reason.INTERPOLATED,
    )
    return Figures(digits, known, measured, why.astype(np.uint16))


def _interpolated(
    accepted: Accepted,
    register: Register,
    cuts: NDArray[np.int64],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
) -> NDArray[np.int64]:
    unit, span = float(register.digit), register.span or 0
    figure = accepted.value / unit + accepted.turns * float(span)
    width = np.maximum(accepted.at[right] - accepted.at[left], 1)
    part = np.clip((cuts - accepted.at[left]) / width, 0.0, 1.0)
    at = figure[left] + (figure[right] - figure[left]) * part
    digits: NDArray[np.int64] = np.floor(at + 0.5).astype(np.int64)
    # Where binary arithmetic cannot tell on which side of a half the figure lies, decide with exact fractions.
    doubtful = np.abs(at - np.floor(at) - 0.5) < np.maximum(_TIE, np.abs(at) * 1e-14)
    for index in np.flatnonzero(doubtful):
        digits[index] = half_up(exact_figure(accepted, register, int(cuts[index]), int(left[index]), int(right[index])))
    return digits


def exact_figure(accepted: Accepted, register: Register, cut: Instant, left: int, right: int) -> Fraction:
    """The register at `cut` in digits, not rounded, between the accepted readings `left` and `right`."""
    low, high = (
        Fraction(exact(accepted.value[index])) / Fraction(register.digit)
        + int(accepted.turns[index]) * (register.span or 0)
        for index in (left, right)
    )
    start, end = int(accepted.at[left]), int(accepted.at[right])
    if end == start:
        return low
    part = min(max(Fraction(cut - start, end - start), Fraction(0)), Fraction(1))
    return low + (high - low) * part


def half_up(value: Fraction) -> int:
    """To the nearest whole number, halves away from zero."""
    return half_up_of(value.numerator, value.denominator)


def half_up_of(above: int, below: int) -> int:
    """The ratio of two whole numbers, `below` positive, to the nearest whole number, halves away from zero."""
    whole = (2 * abs(above) + below) // (2 * below)
    return whole if above >= 0 else -whole


def _rejected_nearer(accepted: Accepted, cuts: NDArray[np.int64], nearest: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether a rejected reading was nearer to an instant than any accepted one."""
    rejected = accepted.rejected
    if len(rejected) == 0:
        return np.zeros(len(cuts), bool)
    left = np.clip(np.searchsorted(rejected, cuts, side="right") - 1, 0, len(rejected) - 1)
    right = np.clip(np.searchsorted(rejected, cuts, side="left"), 0, len(rejected) - 1)
    distance = np.minimum(np.abs(cuts - rejected[left]), np.abs(rejected[right] - cuts))
    return np.asarray((distance < nearest) & (distance <= NEAR))
