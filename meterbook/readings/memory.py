"""The reading store in memory: the port's fake, and the quickest way to run an engine over a few readings."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from threading import Lock

from meterbook.domain.instant import Instant
from meterbook.domain.reading import Outcome, Quality, Reading, Series
from meterbook.readings.fault import StoreError
from meterbook.readings.port import Batch, Conflict, Landing
from meterbook.readings.rollups import Rollups


@dataclass(slots=True)
class _Point:
    """Readings of one point: instants in order, and what was read at each."""

    instants: list[Instant] = field(default_factory=list)
    readings: dict[Instant, Reading] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)
    rolled: Rollups = field(default_factory=Rollups.empty)

    def put(self, reading: Reading, now: Instant) -> Outcome:
        kept = self.readings.get(reading.at)
        if kept == reading:
            return Outcome.REPEATED
        self.readings[reading.at] = reading
        if kept is None:
            insort(self.instants, reading.at)
            return Outcome.ACCEPTED
        self.conflicts.append(Conflict(kept.point, kept.at, kept.value, kept.quality, now))
        return Outcome.CONFLICT


class MemoryStore:
    """A ReadingStore that forgets everything when it goes."""

    def __init__(self) -> None:
        self._points: dict[str, _Point] = {}
        self._lock = Lock()

    def append(self, readings: Sequence[Reading], now: Instant) -> list[Outcome]:
        """See ReadingStore; raises StoreError for a value that is not a number."""
        for reading in readings:
            if math.isnan(reading.value):
                raise StoreError(f"memory store: {reading.point} has a value that is not a number; refuse it before")
        with self._lock:
            return [self._points.setdefault(reading.point, _Point()).put(reading, now) for reading in readings]

    def land(self, batches: Sequence[Batch]) -> Landing:
        """See RemoteStore."""
        outcomes = [outcome for batch in batches for outcome in self.append(batch.readings, batch.now)]
        return Landing([reading for batch in batches for reading in batch.readings], outcomes)

    def life(self) -> str | None:
        """See RemoteStore; it has but one."""
        return "memory"

    def land_absent(self, readings: Sequence[Reading], now: Instant) -> tuple[Landing, list[tuple[str, Instant]]]:
        """See RemoteStore."""
        last = {reading[:2]: reading for reading in readings}
        held = self.stored(readings)
        absent = [reading for key, reading in last.items() if key not in held]
        others = [reading[:2] for reading in readings if held.get(reading[:2], reading) != reading]
        return self.land([Batch(absent, now)]), others

    def stored(self, readings: Sequence[Reading]) -> dict[tuple[str, Instant], Reading]:
        """See RemoteStore."""
        with self._lock:
            held = {
                reading[:2]: self._points[reading.point].readings.get(reading.at)
                for reading in readings
                if reading.point in self._points
            }
        return {key: reading for key, reading in held.items() if reading is not None}

    def read(self, point: str, start: Instant, end: Instant) -> Series:
        """See ReadingStore."""
        with self._lock:
            kept = self._points.get(point, _Point())
            span = kept.instants[bisect_left(kept.instants, start) : bisect_left(kept.instants, end)]
            return Series.of([(at, kept.readings[at].value, kept.readings[at].quality) for at in span])

    def before(self, point: str, at: Instant) -> Reading | None:
        """See ReadingStore."""
        with self._lock:
            kept = self._points.get(point, _Point())
            index = bisect_left(kept.instants, at)
            return _whole(kept.readings[kept.instants[index - 1]]) if index else None

    def following(self, point: str, at: Instant) -> Reading | None:
        """See ReadingStore."""
        with self._lock:
            kept = self._points.get(point, _Point())
            index = bisect_left(kept.instants, at)
            return _whole(kept.readings[kept.instants[index]]) if index < len(kept.instants) else None

    def latest(self, points: Iterable[str] | None = None) -> dict[str, Reading]:
        """See ReadingStore."""
        with self._lock:
            asked = self._points if points is None else [point for point in points if point in self._points]
            names = [name for name in asked if self._points[name].instants]
            return {name: _whole(self._points[name].readings[self._points[name].instants[-1]]) for name in names}

    def conflicts(self, point: str, start: Instant, end: Instant) -> list[Conflict]:
        """See ReadingStore."""
        with self._lock:
            found = [conflict for conflict in self._points.get(point, _Point()).conflicts if start <= conflict.at < end]
            return sorted(found, key=lambda conflict: conflict.at)

    def rolled(self, point: str, start: Instant, end: Instant) -> Rollups:
        """See ReadingStore."""
        with self._lock:
            return self._points.get(point, _Point()).rolled.between(start, end)

    def put_rolled(self, point: str, rollups: Rollups) -> None:
        """See copying.Target."""
        with self._lock:
            kept = self._points.setdefault(point, _Point())
            kept.rolled = kept.rolled.replaced(rollups)

    def points(self) -> list[str]:
        """See ReadingStore."""
        with self._lock:
            return sorted(self._points)

    def close(self) -> None:
        """See ReadingStore."""


def _whole(reading: Reading) -> Reading:
    return reading._replace(quality=Quality(reading.quality))
