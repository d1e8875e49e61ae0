"""A value that stands still for longer than it ever does: a sensor that hangs, a register that no longer counts.

Readings must keep coming: silence is no standstill, it has a rule of its own (trap 46). A gap begins it anew, and what
is raised stays raised until the value moves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from alerts.conditions.hold import GAP_PERIODS, GAP_UNKNOWN
from alerts.conditions.watch import PATIENCE, Memory, unseen
from alerts.decision import Signal, Verdict
from meterbook.domain.incident import Deed, Evidence
from meterbook.domain.instant import Instant
from meterbook.domain.quantity import UNITS
from meterbook.domain.reading import Series
from meterbook.domain.rule import Stuck
from meterbook.domain.site import Site


@dataclass(frozen=True, slots=True)
class _Stand:
    """The value that readings have kept to since `since`, up to the last one evaluated (`at`)."""

    at: Instant
    value: float
    since: Instant
    raised: bool = False


@dataclass(frozen=True, slots=True)
class StuckWatch:
    """One point that should move; `gap` is the longest known silence of it."""

    key: str
    condition: Stuck
    unit: str
    gap: Instant
    horizon: Instant
    ticks: bool = False

    @property
    def points(self) -> frozenset[str]:
        """Its one point."""
        return frozenset((self.key,))

    def step(self, memory: Memory, news: Mapping[str, Series], now: Instant) -> tuple[Memory, list[Signal]]:
        """Raise at the first reading at which the value has stood for `hold`, clear at the first that moved."""
        stand = _Stand(**memory) if memory else None
        series = unseen(news[self.key].counting(), stand.at if stand is not None else None)
        if not len(series):
            return memory, []
        signals: list[Signal] = []
        for at, value in zip(series.at.tolist(), series.value.tolist(), strict=True):
            stand, signal = self._next(stand, at, value)
            signals += [signal] if signal is not None else []
        return asdict(stand) if stand is not None else {}, signals

    def _next(self, stand: _Stand | None, at: Instant, value: float) -> tuple[_Stand, Signal | None]:
        if stand is None:
            return _Stand(at, value, at), None
        if abs(value - stand.value) > float(self.condition.within):
            moved = self._signal(Deed.CLEAR, at, stand.since, value) if stand.raised else None
            return _Stand(at, value, at), moved
        if stand.raised:
            return replace(stand, at=at), None
        stand = replace(stand, at=at, since=at if at - stand.at > self.gap else stand.since)
        if at - stand.since < self.condition.hold:
            return stand, None
        return replace(stand, raised=True), self._signal(Deed.RAISE, at, stand.since, stand.value)

    def _signal(self, deed: Verdict, at: Instant, since: Instant, value: float) -> Signal:
        return Signal(deed, self.key, at, since, Evidence(self.key, value, None, self.unit))


def watches(site: Site, condition: Stuck) -> list[StuckWatch]:
    """One watch per point, which is its key."""
    made = []
    for point in condition.points:
        device = site.points[point].device
        every = site.devices[device].every if device is not None else 0
        unit = UNITS[site.points[point].spec.quantity]
        horizon = PATIENCE + condition.hold + 2 * every
        made.append(StuckWatch(point, condition, unit, GAP_PERIODS * every or GAP_UNKNOWN, horizon))
    return made
