"""A fault that a device tells itself: its state has one of some values, or one of some bits is set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from alerts.conditions.hold import CLEAR, EXCESS, GAP_PERIODS, GAP_UNKNOWN, Hold, Standing, follow
from alerts.conditions.watch import PATIENCE, Memory, unseen
from alerts.decision import Signal
from meterbook.domain.incident import Evidence
from meterbook.domain.instant import Instant
from meterbook.domain.quantity import UNITS
from meterbook.domain.reading import Series
from meterbook.domain.rule import FaultState
from meterbook.domain.site import Site

WHOLE = 2.0**53
"""From here on a double no longer tells every whole number from its neighbour: its bits mean nothing."""


@dataclass(frozen=True, slots=True)
class StateWatch:
    """The state of one point; `gap` is the longest known silence. A state that is no whole number is no fault."""

    key: str
    condition: FaultState
    unit: str
    gap: Instant
    horizon: Instant
    ticks: bool = False

    @property
    def points(self) -> frozenset[str]:
        """Its one point."""
        return frozenset((self.key,))

    def step(self, memory: Memory, news: Mapping[str, Series], now: Instant) -> tuple[Memory, list[Signal]]:
        """Raise at the first reading at which the fault has lasted `hold`, clear likewise after `keep_firing`."""
        standing = Standing(**memory)
        series = unseen(news[self.key].counting(), standing.at)
        if not len(series):
            return memory, []
        side = np.array([EXCESS if self._is_fault(value) else CLEAR for value in series.value.tolist()], np.int8)
        rule = Hold(self.condition.hold, self.condition.keep_firing, self.gap)
        standing, turns = follow(standing, series.at, side, rule)
        signals = []
        for turn in turns:
            seen = Evidence(self.key, float(series.value[turn.place]), None, self.unit)
            signals.append(Signal(turn.deed, self.key, int(series.at[turn.place]), turn.since, seen))
        return asdict(standing), signals

    def _is_fault(self, value: float) -> bool:
        if not value.is_integer() or not abs(value) < WHOLE:
            return False
        return int(value) in self.condition.values or bool(int(value) & self.condition.bits)


def watches(site: Site, condition: FaultState) -> list[StateWatch]:
    """One watch per point, which is its key."""
    made = []
    for point in condition.points:
        device = site.points[point].device
        every = site.devices[device].every if device is not None else 0
        unit = UNITS[site.points[point].spec.quantity]
        horizon = PATIENCE + condition.hold + 2 * every
        made.append(StateWatch(point, condition, unit, GAP_PERIODS * every or GAP_UNKNOWN, horizon))
    return made
