"""Water that flows at night when it used not to.

Each night's mean flow comes from the register at both edges of the window, interpolated between the readings that
bracket them. It stands against a floor learned from the meter's own nights: hospitals use water at night, so the
floor is never assumed to be zero, and until it is learned nothing is raised. A night that is not wholly known (a gap
at an edge, a drop of the counter, an exchange) neither raises nor clears nor interrupts. Estimated readings do not
count. Readings that arrive out of order, behind one that was evaluated already, are not evaluated.

Abnormal nights are set aside and do not enter the floor, so that a leak does not become the floor by lasting. Only
after RELEARN of them without a normal one does the new level count as the floor: by then a leak is known to
everybody, and what remains is a lasting change of use, such as term after a long vacation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from alerts.conditions.watch import Memory, unseen
from alerts.decision import Signal, Verdict
from meterbook.domain.incident import Deed, Evidence
from meterbook.domain.instant import HOUR, Instant, from_datetime, to_datetime
from meterbook.domain.meter import Meter
from meterbook.domain.reading import Quality, Series
from meterbook.domain.rule import NightFlow
from meterbook.domain.site import Site

LEARN = 7
"""Known nights before there is a floor: one of each weekday."""

REMEMBER = 28
"""Nights the floor is made of: four of each weekday."""

FLOOR = 20.0
"""The percentile of them that is the floor: a few nights of low use do not pull it down."""

RATIO = 1.3
"""How far use may stand above the floor: nights differ by less in places that work round the clock."""

ALLOWANCE = 0.05
"""m3/h above that, the flow of a small tap: a ratio alone would raise on any use over a floor near zero."""

PULSES = 2
"""Steps of the register that a window may gain or lose at its edges (trap 15); they count where they exceed the
ALLOWANCE."""

RELEARN = 56
"""Abnormal nights in a row after which they are the floor."""

BRACKET: Instant = HOUR
"""The readings on both sides of an edge lie at most this far apart, so that one is within half an hour of it."""

WOBBLE_DIGITS = 10
"""A step back of so many least digits is no drop of the counter."""

HORIZON: Instant = 36 * HOUR
"""A night is news until the afternoon of the day after."""

UNIT = "m3/h"


@dataclass(frozen=True, slots=True)
class _Nights:
    """What is remembered after the last reading evaluated (`at`, `figure`).

    `open` is the register at the start of the window under way, None where unknown, `whole` that it did not drop
    since; `normal` and `aside` are flows of normal nights and of the abnormal ones after them, `run` and `since` the
    number and the beginning of the latter.
    """

    at: Instant | None = None
    figure: float = 0.0
    open: float | None = None
    whole: bool = False
    normal: list[float] = field(default_factory=list)
    aside: list[float] = field(default_factory=list)
    run: int = 0
    since: Instant | None = None
    raised: bool = False


@lru_cache(maxsize=4096)
def _night(day: date, window: tuple[int, int], zone: ZoneInfo) -> tuple[Instant, Instant]:
    """[start, end) of the window that begins on a local day, by the local clock: 1 to 3 hours on days that change."""
    start, end = window
    return _wall(day, start, zone), _wall(day + timedelta(days=end <= start), end, zone)


def _wall(day: date, minutes: int, zone: ZoneInfo) -> Instant:
    days, minute = divmod(minutes, 24 * 60)
    return from_datetime(datetime.combine(day + timedelta(days=days), time(minute // 60, minute % 60), tzinfo=zone))


@dataclass(frozen=True, slots=True)
class NightWatch:
    """The nights of one meter, key is its id; `window` in minutes of the local day of `zone`."""

    key: str
    point: str
    meter: Meter
    window: tuple[int, int]
    nights: int
    zone: ZoneInfo
    horizon: Instant = HORIZON
    ticks: bool = False

    @property
    def points(self) -> frozenset[str]:
        """The counter its meter reads."""
        return frozenset((self.point,))

    def step(self, memory: Memory, news: Mapping[str, Series], now: Instant) -> tuple[Memory, list[Signal]]:
        """Judge every night that ends among the new readings; raise and clear at the end of its window."""
        nights = _Nights(**memory)
        fresh = unseen(_good(news[self.point]), nights.at)
        if not len(fresh):
            return memory, []
        series = fresh if nights.at is None else _led_by(nights.at, nights.figure, fresh)
        signals = []
        for start, end in self._windows(series, nights.at):
            nights = self._begun(nights, series, start, end)
            if end > int(series.at[-1]):
                break
            flow = self._flow(nights, series, start, end)
            nights = replace(nights, open=None, whole=False)
            if flow is not None:
                nights, signal = self._judged(nights, flow, start, end)
                signals += [signal] if signal else []
        return asdict(replace(nights, at=int(series.at[-1]), figure=float(series.value[-1]))), signals

    def _windows(self, series: Series, seen: Instant | None) -> Iterator[tuple[Instant, Instant]]:
        """The windows that begin before the last reading and were not judged before."""
        first, last = (to_datetime(int(at), self.zone).date() for at in (series.at[0], series.at[-1]))
        for count in range(-1, (last - first).days + 1):
            start, end = _night(first + timedelta(days=count), self.window, self.zone)
            if start < end and start <= int(series.at[-1]) and (seen is None or end > seen):
                yield start, end

    def _begun(self, nights: _Nights, series: Series, start: Instant, end: Instant) -> _Nights:
        """With the start edge, where it lies among these readings, and without the drops up to the end edge."""
        if start >= int(series.at[0]):
            nights = replace(nights, open=_figure(series, start), whole=True)
        low = max(0, int(np.searchsorted(series.at, start, side="right")) - 1)
        high = int(np.searchsorted(series.at, end)) + 1
        wobble = WOBBLE_DIGITS * float(self.meter.register.digit)
        dropped = bool((np.diff(series.value[low:high]) < -wobble).any())
        return replace(nights, whole=nights.whole and not dropped)

    def _flow(self, nights: _Nights, series: Series, start: Instant, end: Instant) -> float | None:
        """The night's mean flow in m3/h of primary water, None where it is not known."""
        final = _figure(series, end)
        if nights.open is None or final is None or not nights.whole or self._exchanged(start, end):
            return None
        multiplier = self.meter.multiplier.at(start)
        if multiplier is None or multiplier != self.meter.multiplier.at(end):
            return None
        return max(0.0, round((final - nights.open) * float(multiplier) * HOUR / (end - start), 9))

    def _exchanged(self, start: Instant, end: Instant) -> bool:
        return any(start - BRACKET < entry.at < end + BRACKET for entry in self.meter.installations)

    def _judged(self, nights: _Nights, flow: float, start: Instant, end: Instant) -> tuple[_Nights, Signal | None]:
        limit = self._limit(nights.normal, start, end)
        if limit is None or flow <= limit:
            signal = self._signal(Deed.CLEAR, nights.since, flow, limit, end) if nights.raised else None
            normal = [*nights.normal, flow][-REMEMBER:]
            return replace(nights, normal=normal, aside=[], run=0, since=None, raised=False), signal
        since = start if nights.since is None else nights.since
        nights = replace(nights, aside=[*nights.aside, flow][-REMEMBER:], run=nights.run + 1, since=since)
        if nights.run >= RELEARN:
            nights = replace(nights, normal=nights.aside)
        if nights.raised or nights.run < self.nights:
            return nights, None
        return replace(nights, raised=True), self._signal(Deed.RAISE, since, flow, limit, end)

    def _limit(self, normal: list[float], start: Instant, end: Instant) -> float | None:
        """The flow above which a night is abnormal, None until the floor is learned."""
        if len(normal) < LEARN:
            return None
        step = self.meter.register.digit if self.meter.pulse is None else self.meter.pulse
        pulses = PULSES * float(step * (self.meter.multiplier.at(start) or 1)) * HOUR / (end - start)
        return RATIO * float(np.percentile(normal, FLOOR)) + max(ALLOWANCE, pulses)

    def _signal(self, deed: Verdict, since: Instant | None, flow: float, limit: float | None, end: Instant) -> Signal:
        seen = Evidence(self.point, round(flow, 6), None if limit is None else round(limit, 6), UNIT)
        return Signal(deed, self.key, end, end if since is None else since, seen)


def _good(series: Series) -> Series:
    keep = series.quality == Quality.GOOD
    return series if bool(keep.all()) else Series(series.at[keep], series.value[keep], series.quality[keep])


def _led_by(at: Instant, figure: float, series: Series) -> Series:
    """The series with the last reading of the one before at its head."""
    return Series(
        np.concatenate((np.array([at], np.int64), series.at)),
        np.concatenate((np.array([figure]), series.value)),
        np.concatenate((np.zeros(1, np.uint8), series.quality)),
    )


def _figure(series: Series, edge: Instant) -> float | None:
    """The register at an edge, None where the readings around it lie too far apart."""
    after = int(np.searchsorted(series.at, edge))
    if after < len(series) and int(series.at[after]) == edge:
        return float(series.value[after])
    if after == 0 or after == len(series) or int(series.at[after] - series.at[after - 1]) > BRACKET:
        return None
    before = after - 1
    share = (edge - int(series.at[before])) / int(series.at[after] - series.at[before])
    return float(series.value[before] + share * (series.value[after] - series.value[before]))


def watches(site: Site, condition: NightFlow) -> list[NightWatch]:
    """One watch per meter whose register a device reads out as a counter; others have no nights to know."""
    made = []
    for name in condition.meters:
        meter = site.meters[name]
        point = site.points.get(meter.reads) if meter.reads is not None else None
        if point is None or point.device is None or point.spec.kind != "counter" or point.spec.quantity != "volume":
            continue
        made.append(NightWatch(name, point.id, meter, condition.window, condition.nights, site.calendar.zone))
    return made
