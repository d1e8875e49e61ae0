"""Which readings of a counter may go without changing what anybody used.

Figures stand on the readings next to the instants at which consumption is cut: of each stretch between two of these
the first and the last. What lies between them may go where all of the stretch was plainly accepted, as it was read, and
the step from its first to its last reading is plausible as well. Wherever a figure was rejected, set aside, held as a
wobble or rolled over, every reading stays: it is the evidence, and what the judgement of its neighbours stands on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import gcd

import numpy as np
from numpy.typing import NDArray

from meterbook.accounting.consumption import Segment, segments
from meterbook.accounting.judgement import FIRST_CONTRADICTED_BY, Limits, exact
from meterbook.domain.calendar import GRID
from meterbook.domain.correction import Correction
from meterbook.domain.instant import MINUTE, Instant
from meterbook.domain.meter import Meter
from meterbook.domain.reading import Quality, Series
from meterbook.domain.site import Site
from meterbook.domain.text import Text

Mask = NDArray[np.bool_]
Entries = Mapping[str, Sequence[Correction]]
"""The corrections in force, by meter."""

BEGINNING = FIRST_CONTRADICTED_BY + 1
"""Readings of each installation that are looked at together to find the first that counts; they stay."""


def spare(site: Site, point: str, series: Series, before: Instant, corrections: Entries | None = None) -> Mask:
    """Which readings of a counter, all of them given, may go; none of those at or after `before`.

    Every meter that reads the point, as its register or a reactive one, keeps its consumption in each interval with
    all its flags. A point that no meter reads is judged like a register without limits. Readings of a `delta` meter are
    consumption themselves, and those of a meter with `corrections` are what an undo comes back to: all of them stay.
    """
    may_go = series.at < before
    if not may_go.any():
        return may_go
    keys = _stretches(site, series.at)
    for meter, noted in _views(site, point):
        if meter.delta or (corrections or {}).get(meter.id):
            return np.zeros(len(series), bool)
        may_go = _spare_of(meter, series, _cut(keys, series.at, _changes(meter)), may_go, noted)
    return may_go


def _views(site: Site, point: str) -> list[tuple[Meter, bool]]:
    """The meters that read a point, and whether the figures of their exchanges are those of this register."""
    meters = [meter for meter in site.meters.values() if meter.physical]
    found = [(meter, True) for meter in meters if (meter.reads or meter.id) == point]
    found += [(replace(meter, reads=point, max_rate=None), False) for meter in meters if point in meter.reactive]
    return found or [(Meter(point, "", Text.same(point), reads=point), True)]


def _some(series: Series, kept: Mask) -> Series:
    return Series(series.at[kept], series.value[kept], series.quality[kept])


def _stretches(site: Site, at: NDArray[np.int64]) -> NDArray[np.int64]:
    """The stretch of each instant between two cuts that hold for every meter: the grid, dated rules, prices, heads.

    Demand windows and bands that begin off the grid make it finer.
    """
    grid, dated = GRID, [rule.start for rule in site.allocations] + [tariff.start for tariff in site.tariffs]
    for tariff in site.tariffs:
        minutes = [edge for row in tariff.schedule for hours in row.hours for edge in (hours.start, hours.end)]
        grid = gcd(grid, tariff.demand.window if tariff.demand else 0, *(minute * MINUTE for minute in minutes))
    for department in site.departments.values():
        for timeline in (department.headcount, department.area_m2):
            dated += timeline.starts if timeline else ()
    return _cut(at // grid, at, dated)


def _changes(meter: Meter) -> list[Instant]:
    return [*(installation.at for installation in meter.installations), *meter.multiplier.starts]


def _cut(keys: NDArray[np.int64], at: NDArray[np.int64], dated: Sequence[Instant]) -> NDArray[np.int64]:
    """Stretches, cut once more at each of the dated instants."""
    return np.asarray(keys + np.searchsorted(np.unique(np.array(dated, np.int64)), at, side="right"))


def _spare_of(meter: Meter, series: Series, keys: NDArray[np.int64], may_go: Mask, noted: bool) -> Mask:
    """Which of the readings that may go may do so for one meter."""
    nothing = np.zeros(len(series), bool)
    parts = segments(meter, series, noted)
    counting = np.flatnonzero(series.quality != Quality.BAD)
    first = np.flatnonzero(np.diff(keys[counting], prepend=keys[counting][:1] - 1))
    last = np.append(first[1:], len(counting))[: len(first)] - 1
    fine = np.logical_and.reduceat(_plain(parts, series)[counting], first) if len(first) else np.zeros(0, bool)
    for place in np.flatnonzero(fine & (last - first > 1)):
        fine[place] = _direct(meter, series, int(counting[first[place]]), int(counting[last[place]]))
    # Bad readings never count: they stay only beside what somebody may want to understand.
    doubtful = np.isin(keys, keys[counting][first[~fine]])
    ends = nothing.copy()
    ends[counting[first]] = ends[counting[last]] = True
    gone = may_go & ~doubtful & ~ends
    if gone.any() and not _same(parts, segments(meter, _some(series, ~gone), noted), series.at[gone]):
        return nothing
    return gone


def _plain(parts: Sequence[Segment], series: Series) -> Mask:
    """Which readings were accepted as they were read, without a turn of the register, after the first few."""
    plain = np.zeros(len(series), bool)
    for part in parts:
        accepted = part.accepted
        place = np.clip(np.searchsorted(series.at, accepted.at), 0, len(series) - 1)
        own = (series.at[place] == accepted.at) & (series.value[place] == accepted.value)
        own &= np.diff(accepted.turns, prepend=accepted.turns[:1]) == 0
        own[:BEGINNING] = False
        plain[place[own]] = True
    return plain


def _direct(meter: Meter, series: Series, first: int, last: int) -> bool:
    """Whether the step from one reading to another is plausible without those between them."""
    limits = Limits(meter.register, meter.multiplier, meter.max_rate, meter.signed)
    rise = exact(series.value[last]) - exact(series.value[first])
    return limits.plausible(abs(rise), int(series.at[first]), int(series.at[last]))


def _same(before: Sequence[Segment], after: Sequence[Segment], gone: NDArray[np.int64]) -> bool:
    """Whether the readings that are left are judged as they were."""
    for one, other in zip((part.accepted for part in before), (part.accepted for part in after), strict=True):
        left = ~np.isin(one.at, gone)
        columns = (
            (one.at[left], other.at),
            (one.value[left], other.value),
            (one.turns[left], other.turns),
            (one.estimated[left], other.estimated),
            (one.rejected, other.rejected),
        )
        if not all(np.array_equal(*pair) for pair in columns):
            return False
        if (one.open_since, one.open_until, one.question) != (other.open_since, other.open_until, other.question):
            return False
    return True
