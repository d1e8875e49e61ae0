"""Readings from one store into another, with what superseded what and what is left of those that retention took.

It ends with the proof that both stores are the same.

Copying again goes on where an earlier attempt ended: what is there already is recognised.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from meterbook.domain.instant import DAY, Instant
from meterbook.domain.reading import Quality, Reading, Series
from meterbook.readings.port import Conflict, ReadingStore
from meterbook.readings.rollups import Rollups

WINDOW: Instant = 31 * DAY
"""Time of a point that is held in memory at once."""

TOGETHER = 5_000
"""Readings of one append."""

_BEGINNING, _END = -(2**62), 2**62


class Target(ReadingStore, Protocol):
    """A store that can take over what another has kept."""

    def put_rolled(self, point: str, rollups: Rollups) -> None:
        """Have these quarters on disk, instead of what is kept of the same ones, as what is left of readings."""


class Content(NamedTuple):
    """What a store holds of a point: how many readings and superseded values, a digest of all, and rolled up quarters.

    The digest is of these, too.
    """

    readings: int
    conflicts: int
    digest: str
    quarters: int = 0


@dataclass(frozen=True, slots=True)
class Copied:
    """One point after copying: what both stores hold of it up to the latest reading there was at the beginning."""

    point: str
    source: Content
    target: Content

    @property
    def same(self) -> bool:
        """Whether nothing is missing, added or changed."""
        return self.source == self.target


def copy(source: ReadingStore, target: Target, now: Instant) -> Iterator[Copied]:
    """Copy point after point, each checked when it is there. `now` counts as the arrival of what superseded nothing."""
    latest = source.latest()
    for point in source.points():
        end = latest[point].at + 1 if point in latest else _BEGINNING
        conflicts = source.conflicts(point, _BEGINNING, end)
        _copy_readings(source, target, point, end, conflicts, now)
        _copy_conflicts(source, target, point, end, conflicts)
        target.put_rolled(point, source.rolled(point, _BEGINNING, _END))
        yield Copied(point, content(source, point, end), content(target, point, end))


def content(store: ReadingStore, point: str, end: Instant) -> Content:
    """What a store holds of a point before `end`."""
    digest, count = hashlib.blake2b(digest_size=16), 0
    for series in _windows(store, point, end):
        count += len(series)
        for column in (series.at.astype("<i8"), series.value.astype("<f8") + 0.0, series.quality.astype("u1")):
            digest.update(column.tobytes())  # + 0.0: minus zero is the same value
    conflicts = store.conflicts(point, _BEGINNING, end)
    digest.update(repr([(one.at, one.value + 0.0, int(one.quality), one.superseded) for one in conflicts]).encode())
    quarters = store.rolled(point, _BEGINNING, _END)
    if len(quarters):
        digest.update(repr([(row[0], *(cell + 0.0 for cell in row[1:])) for row in quarters.listed()]).encode())
    return Content(count, len(conflicts), digest.hexdigest(), len(quarters))


def _windows(store: ReadingStore, point: str, end: Instant) -> Iterator[Series]:
    """The readings of a point before `end`, a stretch at a time; the digest needs equal stretches in every store."""
    first = store.following(point, _BEGINNING)
    while first is not None and first.at < end:
        stop = min((first.at // WINDOW + 1) * WINDOW, end)
        yield store.read(point, first.at, stop)
        first = store.following(point, stop)


def _copy_readings(
    source: ReadingStore, target: ReadingStore, point: str, end: Instant, conflicts: list[Conflict], now: Instant
) -> None:
    """Copy what is not there, and of superseded readings the value they had first."""
    first = {one.at: Reading(point, one.at, one.value, Quality(one.quality)) for one in reversed(conflicts)}
    for series in _windows(source, point, end):
        there = target.read(point, int(series.at[0]), int(series.at[-1]) + 1)
        missing = series if not len(there) else _changed(series, there, first)
        rows = zip(missing.at.tolist(), missing.value.tolist(), missing.quality.tolist(), strict=True)
        readings = [first.get(at) or Reading(point, at, value, Quality(quality)) for at, value, quality in rows]
        for start in range(0, len(readings), TOGETHER):
            target.append(readings[start : start + TOGETHER], now)


def _changed(series: Series, there: Series, superseded: dict[Instant, Reading]) -> Series:
    """The readings of a series that are not there, or otherwise though they never were."""
    place = np.minimum(np.searchsorted(there.at, series.at), len(there) - 1)
    known = there.at[place] == series.at
    same = known & (there.value[place] == series.value) & (there.quality[place] == series.quality)
    left = ~(same | (known & np.isin(series.at, list(superseded))))
    return Series(series.at[left], series.value[left], series.quality[left])


def _copy_conflicts(
    source: ReadingStore, target: ReadingStore, point: str, end: Instant, conflicts: list[Conflict]
) -> None:
    """Let each value be superseded again, in the order and at the instants it was; what is done already is left out."""
    if not conflicts:
        return
    later: dict[Instant, list[Reading]] = defaultdict(list)
    for former, after in zip(conflicts, [*conflicts[1:], None], strict=True):
        if after is not None and after.at == former.at:
            by = Reading(point, after.at, after.value, Quality(after.quality))
        else:
            (by,) = _exactly(source, point, former.at)
        later[former.superseded].append(by)
    wanted, known = _by_time(conflicts), _by_time(target.conflicts(point, _BEGINNING, end))
    for superseded in sorted(later):
        if known.get(superseded) != wanted[superseded]:
            # All of an instant together: a store may tell conflicts of one call from each other by their place in it.
            target.append(later[superseded], superseded)


def _exactly(store: ReadingStore, point: str, at: Instant) -> list[Reading]:
    series = store.read(point, at, at + 1)
    return [
        Reading(point, at, float(value), Quality(int(quality)))
        for value, quality in zip(series.value, series.quality, strict=True)
    ]


def _by_time(conflicts: list[Conflict]) -> dict[Instant, list[Conflict]]:
    found: dict[Instant, list[Conflict]] = defaultdict(list)
    for conflict in conflicts:
        found[conflict.superseded].append(conflict)
    return found
