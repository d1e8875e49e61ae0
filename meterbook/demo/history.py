"""The past of the simulated hospital as files to import: what its devices would have sent, had anybody listened.

Sparse where it is old (the 15-minute grid, the points that accounts and rules stand on), dense where it is fresh.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np

from meterbook.demo.hospital import Hospital
from meterbook.demo.noise import Instants, Values
from meterbook.domain.calendar import GRID, Calendar
from meterbook.domain.device import Device
from meterbook.domain.instant import DAY, HOUR, Instant, iso
from meterbook.domain.rule import Limit
from meterbook.domain.site import Site

DENSE: Instant = DAY
"""So far back the main points come in their device's period."""
COMPLETE: Instant = 2 * HOUR
"""So far back every point does."""
PART_ROWS = 10_000

_SHOWN = {"active_power_total", "volume_flow", "supply_temperature"}
_MORNING_ROUND = 8 * HOUR
_DECIMALS = 3


@dataclass(frozen=True, slots=True)
class Past:
    """What is missing: everything in [start, now] that is later than `known`, the last instant of each point."""

    start: Instant
    now: Instant
    known: Mapping[str, Instant]

    def missing(self, point: str, at: Instants) -> Instants:
        """The instants of `at` that a point still lacks."""
        return at[(at >= self.start) & (at <= self.now) & (at > self.known.get(point, self.start - 1))]


@dataclass(frozen=True, slots=True)
class Part:
    """One file, and how many rows it holds."""

    path: Path
    rows: int


def window_start(now: Instant, days: int, calendar: Calendar) -> Instant:
    """The local midnight `days` days before today's."""
    return calendar.midnight(calendar.day_of(now) - timedelta(days=days))


def main_points(site: Site) -> frozenset[str]:
    """The points that meters, limits and pages need over the whole time."""
    found = {meter.reads for meter in site.meters.values() if meter.reads is not None}
    found.update(point for meter in site.meters.values() for point in meter.reactive)
    for rule in site.rules.values():
        if isinstance(rule.condition, Limit):
            found.update(point for point, _ in rule.condition.points)
    found.update(point.id for point in site.points.values() if point.spec.name in _SHOWN)
    return frozenset(found)


def write(directory: Path, site: Site, hospital: Hospital, past: Past) -> list[Part]:
    """Files of long CSV, rows in order of time, the hand-read meters first; none when nothing is missing."""
    parts = []
    by_hand = list(_hand_read(site, hospital, past))
    if by_hand:
        parts.append(_file(directory / "by-hand.csv", "meter", by_hand))
    rows = _in_order(list(_series(site, hospital, past)))
    for number, begin in enumerate(range(0, len(rows), PART_ROWS), start=1):
        parts.append(_file(directory / f"history-{number:03}.csv", "point", rows[begin : begin + PART_ROWS]))
    return parts


Row = tuple[str, str, float]
_Points = tuple[str, Instants, Values]


def _file(path: Path, first_column: str, rows: Sequence[Row]) -> Part:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow((first_column, "timestamp", "value"))
        writer.writerows(rows)
    return Part(path, len(rows))


def _in_order(series: list[_Points]) -> list[Row]:
    if not series:
        return []
    at = np.concatenate([at for _, at, _ in series])
    value = np.concatenate([value for _, _, value in series])
    owner = np.repeat(np.arange(len(series)), [len(at) for _, at, _ in series])
    order = np.argsort(at, kind="stable")
    stamps: dict[Instant, str] = {instant: iso(instant) for instant in np.unique(at).tolist()}
    columns = zip(owner[order].tolist(), at[order].tolist(), value[order].tolist(), strict=True)
    return [(series[index][0], stamps[instant], number) for index, instant, number in columns]


def _series(site: Site, hospital: Hospital, past: Past) -> Iterator[_Points]:
    main = main_points(site)
    for device in site.devices.values():
        for spec in device.specs.values():
            point = f"{device.id}.{spec.name}"
            at = past.missing(point, _spoken(device, hospital, past, main=point in main))
            value = hospital.state(device, spec, at)
            yield point, at, value if spec.kind == "counter" else np.round(value, _DECIMALS)


def _spoken(device: Device, hospital: Hospital, past: Past, *, main: bool) -> Instants:
    """When a device spoke: on the grid long ago, then in its own rhythm up to now or until it fell silent."""
    last = hospital.last_word(device.id, past.now)
    dense_from = max(past.now - (DENSE if main else COMPLETE), past.start)
    at = np.arange(last, dense_from, -device.every, dtype=np.int64)[::-1]
    if main:
        first = -(-past.start // GRID) * GRID
        at = np.concatenate((np.arange(first, dense_from + 1, GRID, dtype=np.int64), at))
    return at[~hospital.silences(device.id, at)]


def _hand_read(site: Site, hospital: Hospital, past: Past) -> Iterator[Row]:
    rounds = np.array(sorted(set(_rounds(past, site.calendar))), np.int64)
    for meter in site.meters.values():
        if meter.manual:
            at = past.missing(meter.id, rounds)
            for instant, figure in zip(at.tolist(), hospital.dial(meter, at).tolist(), strict=True):
                yield meter.id, iso(instant, site.calendar.zone), figure


def _rounds(past: Past, calendar: Calendar) -> Iterator[Instant]:
    """When somebody walks to the hand-read meters: at the start, on the first of each month, and this morning."""
    yield past.start
    yield from calendar.edges(past.start, past.now, "month")[1:-1]
    today = calendar.day_of(past.now)
    mornings = [calendar.midnight(today - timedelta(days=back)) + _MORNING_ROUND for back in (0, 1)]
    yield next(morning for morning in mornings if morning <= past.now)
