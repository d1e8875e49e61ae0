"""A value above or below a limit for a time.

Readings that arrive out of order, behind one that was evaluated already, are not evaluated. Bad readings are as good as
none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from alerts.conditions.hold import BETWEEN, CLEAR, EXCESS, GAP_PERIODS, GAP_UNKNOWN, Hold, Standing, follow
from alerts.conditions.watch import PATIENCE, Memory, unseen
from alerts.decision import Signal
from meterbook.domain.incident import Evidence
from meterbook.domain.instant import Instant
from meterbook.domain.quantity import UNITS
from meterbook.domain.reading import Series
from meterbook.domain.rule import Limit
from meterbook.domain.site import Site
from meterbook.domain.timeline import Timeline


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
        standing = Standing(**memory)
        series = self._primary(unseen(news[self.point].counting(), standing.at))
        if not len(series):
            return memory, []
        rule = Hold(self.condition.hold, self.condition.keep_firing, self.gap)
        standing, turns = follow(standing, series.at, self._sides(series.value), rule)
        signals = []
        for turn in turns:
            value = float(series.value[turn.place])
            seen = Evidence(self.point, value, self._limit(value), self.unit)
            signals.append(Signal(turn.deed, self.key, int(series.at[turn.place]), turn.since, seen))
        return asdict(standing), signals

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

    def _limit(self, value: float) -> float | None:
        """The limit a value stands against: the nearer one where there are two."""
        limits = [float(limit) for limit in (self.condition.above, self.condition.below) if limit is not None]
        return min(limits, key=lambda limit: abs(value - limit), default=None)


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
