"""A value above or below a limit for a time.

Durations count event time between readings. A time without readings proves nothing: a gap starts a pending hold and
a pending clearance anew, and what is raised stays raised (trap 46). Readings that arrive out of order, behind one
that was evaluated already, are not evaluated. Bad readings are as good as none.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from alerts.conditions.watch import PATIENCE, Memory, unseen
from alerts.decision import Signal
from meterbook.domain.incident import Deed, Evidence
from meterbook.domain.instant import MINUTE, Instant
from meterbook.domain.quantity import UNITS
from meterbook.domain.reading import Series
from meterbook.domain.rule import Limit
from meterbook.domain.site import Site
from meterbook.domain.timeline import Timeline

GAP_PERIODS = 3
GAP_UNKNOWN: Instant = 5 * MINUTE
"""Longer than so many periods of the device (or this, where its period is unknown) between readings is a gap."""

EXCESS, BETWEEN, CLEAR = 1, 0, -1
"""Where a value stands: beyond the limit, between limit and clear threshold, at or beyond the clear threshold."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """Where the watch stands after the last reading it evaluated (`at`).

    `since` is the start of the excess, `raised` the instant of raising, `clear` the start of the time without excess
    that may end it.
    """

    at: Instant | None = None
    since: Instant | None = None
    raised: Instant | None = None
    clear: Instant | None = None


@dataclass(frozen=True, slots=True)
class LimitWatch:
    """A limit on one point; `multiplier` makes its values primary ones, `gap` is the longest known silence."""

    key: str
    point: str
    condition: Limit
    multiplier: Timeline[Decimal] | None
    unit: str
    gap: Instant
    horizon: Instant
    ticks: bool = False

    @property
    def points(self) -> frozenset[str]:
        """Its one point."""
        return frozenset((self.point,))

    def step(self, memory: Memory, news: Mapping[str, Series], now: Instant) -> tuple[Memory, list[Signal]]:
        """Raise at the first reading at which the excess has lasted `hold`, clear likewise after `keep_firing`."""
        standing = _Standing(**memory)
        series = self._primary(unseen(news[self.point].counting(), standing.at))
        if not len(series):
            return memory, []
        signals = []
        for run, side, after_gap in self._runs(series, standing.at):
            if after_gap:
                standing = replace(standing, since=standing.since if standing.raised is not None else None, clear=None)
            if standing.raised is None:
                standing, signal = self._pending(standing, run, side)
            else:
                standing, signal = self._firing(standing, run, side)
            if signal is not None:
                signals.append(signal)
        return asdict(replace(standing, at=int(series.at[-1]))), signals

    def _primary(self, series: Series) -> Series:
        """Values times the multiplier of their instant; rounded, since the noise of doubles is no excess."""
        if self.multiplier is None or not len(series):
            return series
        index = np.searchsorted(np.array(self.multiplier.starts, np.int64), series.at, side="right") - 1
        known = index >= 0
        factor = np.array([float(value) for value in self.multiplier.values])[index[known]]
        return Series(series.at[known], np.round(series.value[known] * factor, 9), series.quality[known])

    def _sides(self, value: NDArray[np.float64]) -> NDArray[np.int8]:
        """EXCESS, BETWEEN or CLEAR for each value; without clear thresholds the limits serve as such."""
        excess, clear = np.zeros(len(value), bool), np.ones(len(value), bool)
        if self.condition.above is not None:
            excess |= value > float(self.condition.above)
            clear &= value <= float(_or(self.condition.clear_below, self.condition.above))
        if self.condition.below is not None:
            excess |= value < float(self.condition.below)
            clear &= value >= float(_or(self.condition.clear_above, self.condition.below))
        return np.where(excess, EXCESS, np.where(clear, CLEAR, BETWEEN)).astype(np.int8)

    def _runs(self, series: Series, seen: Instant | None) -> Iterator[tuple[Series, int, bool]]:
        """Stretches of readings on one side without a gap: the stretch, its side, whether a gap lies before it."""
        side = self._sides(series.value)
        gaps = np.diff(series.at, prepend=series.at[0] if seen is None else seen) > self.gap
        starts = np.flatnonzero(gaps | (np.diff(side, prepend=side[0]) != 0))
        bounds = [0, *(int(start) for start in starts if start), len(series)]
        for start, end in itertools.pairwise(bounds):
            run = Series(series.at[start:end], series.value[start:end], series.quality[start:end])
            yield run, int(side[start]), bool(gaps[start])

    def _pending(self, standing: _Standing, run: Series, side: int) -> tuple[_Standing, Signal | None]:
        if side != EXCESS:
            return replace(standing, since=None), None
        since = int(run.at[0]) if standing.since is None else standing.since
        held = int(np.searchsorted(run.at, since + self.condition.hold))
        if held == len(run):
            return replace(standing, since=since), None
        at, value = int(run.at[held]), float(run.value[held])
        signal = Signal(Deed.RAISE, self.key, at, since, self._evidence(value, self._limit(value)))
        return replace(standing, since=since, raised=at), signal

    def _firing(self, standing: _Standing, run: Series, side: int) -> tuple[_Standing, Signal | None]:
        if side == EXCESS or (side == BETWEEN and standing.clear is None):
            return replace(standing, clear=None), None
        clear = int(run.at[0]) if standing.clear is None else standing.clear
        kept = int(np.searchsorted(run.at, clear + self.condition.keep_firing))
        if kept == len(run):
            return replace(standing, clear=clear), None
        at, value = int(run.at[kept]), float(run.value[kept])
        since = at if standing.since is None else standing.since
        signal = Signal(Deed.CLEAR, self.key, at, since, self._evidence(value, self._limit(value)))
        return replace(standing, since=None, raised=None, clear=None), signal

    def _limit(self, value: float) -> float | None:
        """The limit a value stands against: the nearer one where there are two."""
        limits = [float(limit) for limit in (self.condition.above, self.condition.below) if limit is not None]
        return min(limits, key=lambda limit: abs(value - limit), default=None)

    def _evidence(self, value: float, limit: float | None) -> Evidence:
        return Evidence(self.point, value, limit, self.unit)


def _or(threshold: Decimal | None, limit: Decimal) -> Decimal:
    return limit if threshold is None else threshold


def watches(site: Site, condition: Limit) -> list[LimitWatch]:
    """One watch per point. Its key is the meter where the rule names one, unless the meter has several points."""
    shared = Counter(meter for _, meter in condition.points)
    made = []
    for point, meter in condition.points:
        device = site.points[point].device
        every = site.devices[device].every if device is not None else 0
        made.append(
            LimitWatch(
                key=meter if meter is not None and shared[meter] == 1 else point,
                point=point,
                condition=condition,
                multiplier=site.meters[meter].multiplier if meter is not None else None,
                unit=UNITS[site.points[point].spec.quantity],
                gap=GAP_PERIODS * every or GAP_UNKNOWN,
                horizon=PATIENCE + condition.hold + 2 * every,
            )
        )
    return made
