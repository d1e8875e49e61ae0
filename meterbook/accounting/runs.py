"""Runs of readings that are all judged alike, found at a stroke: a question may stay open for a year of minutes.

Binary arithmetic says here what is certain, seen from a safe distance to the exact limits; a run ends before the first
reading of which it is not, and that one is judged exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from meterbook.domain.instant import HOUR, Instant
from meterbook.domain.reading import Series

if TYPE_CHECKING:
    from meterbook.accounting.judgement import Limits

LOOKED_AT, AT_MOST = 64, 2**16
"""Readings that are looked at at once: at first, and once runs have shown to be long."""

PATIENCE = 16
"""Readings in a row that are judged alike, one after the other, before it is worth looking for a run of them."""

_SURE = 1e-9
_ROUNDED = 4e-15

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Runs:
    """The runs of a series under the limits of its register."""

    def __init__(self, series: Series, limits: Limits) -> None:
        self._at, self._value = series.at, series.value
        self._limits, self._digit = limits, float(limits.register.digit)
        self._rate = None if limits.max_rate is None else float(limits.max_rate)
        self._starts = np.array(limits.multiplier.starts, np.int64)
        self._multipliers = np.array([float(value) for value in limits.multiplier.values])
        self._block = LOOKED_AT

    def kept(self, index: int, stop: int, figure: float, since: Instant) -> Floats:
        """The figures that the readings from `index` on are held to show, as long as each is certainly kept.

        The last reading before was kept at `since` with `figure`: each rises plausibly above the highest figure since
        then, or wobbles below it.
        """
        some = self._some(index, stop)
        value = self._value[some]
        held = np.maximum.accumulate(np.concatenate(([figure], value)))
        before, held = held[:-1], held[1:]
        rise, slack = value - before, self._slack(before, value)
        elapsed = np.diff(self._at[some], prepend=since)
        certain = np.where(
            rise >= 0,
            self._plausible(rise + slack, elapsed, self._at[some]),
            slack - rise <= self._wobble * (1 - _SURE),
        )
        return held[: self._counted(certain)]

    def aside(self, index: int, stop: int, figure: float, since: Instant) -> int:
        """How many readings from `index` on are certainly below `figure`, at `since`, and neither wobble nor turn."""
        some = self._some(index, stop)
        value = self._value[some]
        slack = self._slack(np.float64(figure), value)
        below = figure - value - slack > self._wobble * (1 + _SURE)
        return self._counted(below & self._never_turned(figure, value, slack, self._at[some], since))

    def above(self, index: int, stop: int, figure: float, since: Instant) -> int:
        """How many readings from `index` on are certainly too far above `figure`, at `since`."""
        some = self._some(index, stop)
        rise = self._value[some] - figure - self._slack(np.float64(figure), self._value[some])
        return self._counted((rise > 0) & self._implausible(rise, self._at[some] - since, self._at[some]))

    def apart(self, index: int, stop: int, figure: float, since: Instant) -> int:
        """How many readings from `index` on are certainly too far from `figure`, at `since`, above or below."""
        some = self._some(index, stop)
        change = np.abs(self._value[some] - figure) - self._slack(np.float64(figure), self._value[some])
        return self._counted(self._implausible(change, self._at[some] - since, self._at[some]))

    @property
    def _wobble(self) -> float:
        return float(self._limits.wobbles)

    def _some(self, index: int, stop: int) -> slice:
        return slice(index, min(stop, index + self._block))

    def _counted(self, certain: Flags) -> int:
        """How many of them hold before the first that does not; long runs are looked at in longer parts."""
        doubtful = np.flatnonzero(~certain)
        count = int(doubtful[0]) if len(doubtful) else len(certain)
        self._block = LOOKED_AT if len(doubtful) else min(AT_MOST, 4 * self._block)
        return count

    def _slack(self, one: Floats | np.float64, other: Floats) -> Floats:
        """How far binary arithmetic may be off in a difference."""
        return np.asarray(_SURE * self._digit + _ROUNDED * np.maximum(np.abs(one), np.abs(other)))

    def _multiplier(self, at: NDArray[np.int64]) -> Floats:
        return self._multipliers[np.clip(np.searchsorted(self._starts, at, side="right") - 1, 0, None)]

    def _allowed(self, elapsed: NDArray[np.int64], multiplier: Floats) -> Floats:
        return 1.1 * (self._rate or 0.0) * elapsed / HOUR + 2 * self._digit * multiplier

    def _plausible(self, rise: Floats, elapsed: NDArray[np.int64], at: NDArray[np.int64]) -> Flags:
        """Which rises are certainly plausible."""
        if self._rate is None:
            return np.ones(len(rise), bool)
        multiplier = self._multiplier(at)
        return np.asarray(multiplier * rise <= self._allowed(elapsed, multiplier) * (1 - _SURE))

    def _implausible(self, rise: Floats, elapsed: NDArray[np.int64], at: NDArray[np.int64]) -> Flags:
        """Which rises are certainly not plausible."""
        if self._rate is None:
            return np.zeros(len(rise), bool)
        multiplier = self._multiplier(at)
        return np.asarray(multiplier * rise > self._allowed(elapsed, multiplier) * (1 + _SURE))

    def _never_turned(
        self, figure: float, value: Floats, slack: Floats, at: NDArray[np.int64], since: Instant
    ) -> Flags:
        """Which drops are certainly no rollover."""
        if self._limits.register.maximum is None:
            return np.ones(len(value), bool)
        span = float(self._limits.register.maximum + self._limits.register.digit)
        rise = span - (figure - value) - slack - _ROUNDED * span
        if self._rate is None:
            return np.asarray(rise >= span / 2)
        return self._implausible(rise, at - since, at)
