"""Readings in InfluxDB: what a line cannot say (repeated, superseded) is found out by looking before writing.

InfluxDB overwrites without a word, so each landing first reads what is stored at the instants it brings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

from meterbook.domain.instant import MINUTE, Instant
from meterbook.domain.reading import Outcome, Quality, Reading, Refusal, Series
from meterbook.readings.fault import Rejected, StoreError
from meterbook.readings.influx import Row, Server
from meterbook.readings.line_protocol import (
    CONFLICTS,
    EARLIEST,
    LATEST,
    READINGS,
    ROLLUPS,
    conflict_line,
    conflict_time,
    literal,
    name_of,
    reading_line,
    rollup_line,
    series,
)
from meterbook.readings.port import Batch, Conflict, Landing
from meterbook.readings.rollups import FIELDS, Rollups
from meterbook.readings.rollups import Row as Quarter

TOGETHER: Instant = MINUTE
"""Instants of a landing that lie closer than this are looked up together."""

SOURCE = "store"
"""The source that quarantine names for what the server refused."""

_Key = tuple[str, int]
_tags = lru_cache(100_000)(series)


class InfluxStore:
    """A RemoteStore on a server. Raises Away while that does not answer as it should, naming the setting to mend."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def append(self, readings: Sequence[Reading], now: Instant) -> list[Outcome]:
        """See ReadingStore; raises Rejected where the server refuses a reading that InfluxDB could hold."""
        for reading in readings:
            reading_line("", reading)
        landing = self.land([Batch(readings, now)])
        if landing.refused:
            raise Rejected(f"{landing.refused[0].subject}: {landing.refused[0].reason}")
        return list(landing.outcomes)

    def land(self, batches: Sequence[Batch]) -> Landing:
        """See RemoteStore."""
        arrived = _Arrived(batches)
        kept = self._stored(arrived.readings) if arrived.readings else {}
        arrived.compare(kept)
        if arrived.conflicts:
            self._leave_out_known(arrived.conflicts)
        # First what would be lost, then what replaces it: a crash between the two repeats the same conflict lines.
        conflicts, replacing = list(arrived.conflicts.values()), list(arrived.sent.values())
        for place, reason in self.server.write([*conflicts, *(line for _, line in replacing)]).items():
            if place < len(conflicts):
                arrived.refuse(None, conflicts[place], reason)
            else:
                arrived.refuse(*replacing[place - len(conflicts)], reason)
        return arrived.landing()

    def life(self) -> str | None:
        """See RemoteStore."""
        return self.server.life()

    def land_absent(self, readings: Sequence[Reading], now: Instant) -> tuple[Landing, list[_Key]]:
        """See RemoteStore."""
        held = self.stored(readings)
        last = {reading[:2]: reading for reading in readings}
        absent = [reading for key, reading in last.items() if key not in held]
        others = [reading[:2] for reading in readings if held.get(reading[:2], reading) != reading]
        return self.land([Batch(absent, now)]) if absent else Landing([], []), others

    def stored(self, readings: Sequence[Reading]) -> dict[_Key, Reading]:
        """See RemoteStore."""
        return self._stored(readings) if readings else {}

    def read(self, point: str, start: Instant, end: Instant) -> Series:
        """See ReadingStore."""
        rows = list(self._rows(f"point = {literal(point)} AND {_between(start, end)} ORDER BY time"))
        at = np.fromiter((row.columns["time"] // 1_000 for row in rows), np.int64, len(rows))
        value = np.fromiter((row.columns["value"] for row in rows), np.float64, len(rows))
        quality = np.fromiter((row.columns["quality"] for row in rows), np.uint8, len(rows))
        return Series(at, value, quality)

    def before(self, point: str, at: Instant) -> Reading | None:
        """See ReadingStore."""
        return self._one(point, f"{_between(EARLIEST, at)} ORDER BY time DESC")

    def following(self, point: str, at: Instant) -> Reading | None:
        """See ReadingStore."""
        return self._one(point, f"{_between(at, LATEST + 1)} ORDER BY time")

    def latest(self, points: Iterable[str] | None = None) -> dict[str, Reading]:
        """See ReadingStore."""
        if points is not None:
            found = (self.before(point, LATEST + 1) for point in sorted(set(points)))
            return {reading.point: reading for reading in found if reading is not None}
        newest = f'SELECT last("value") AS "value", "quality" FROM "{READINGS}" GROUP BY "point"'  # noqa: S608
        return {(reading := _reading(row)).point: reading for row in self.server.rows(newest)}

    def conflicts(self, point: str, start: Instant, end: Instant) -> list[Conflict]:
        """See ReadingStore."""
        where = f'point = {literal(point)} AND "at" >= {max(start, EARLIEST)} AND "at" < {min(end, LATEST + 1)}'
        columns = '"value", "quality", "at", "superseded"'
        rows = self.server.rows(f'SELECT {columns} FROM "{CONFLICTS}" WHERE {where} ORDER BY time')  # noqa: S608
        found = [
            Conflict(point, cell["at"], float(cell["value"]), int(cell["quality"]), cell["superseded"])
            for cell in (row.columns for row in rows)
        ]
        return sorted(found, key=lambda conflict: conflict.at)

    def rolled(self, point: str, start: Instant, end: Instant) -> Rollups:
        """See ReadingStore; of readings that were gone when they were copied here, since it forgets nothing itself."""
        columns = ", ".join(f'"{name}"' for name in FIELDS)
        where = f"point = {literal(point)} AND {_between(start, end)}"
        found = self.server.rows(f'SELECT {columns} FROM "{ROLLUPS}" WHERE {where} ORDER BY time')  # noqa: S608
        rows = (row.columns for row in found)
        return Rollups.rows([_rolled(cell) for cell in rows])

    def put_rolled(self, point: str, rollups: Rollups) -> None:
        """See copying.Target; raises Rejected where the server refuses one."""
        refused = self.server.write([rollup_line(_tags(point), row) for row in rollups.listed()])
        for reason in refused.values():
            raise Rejected(f"{point}: {reason}")

    def points(self) -> list[str]:
        """See ReadingStore."""
        rolled = self.server.rows(f'SELECT last("count") AS "count" FROM "{ROLLUPS}" GROUP BY "point"')  # noqa: S608
        return sorted({*self.latest(), *(name_of(row.tags["point"]) for row in rolled)})

    def close(self) -> None:
        """See ReadingStore."""
        self.server.close()

    def _rows(self, where: str) -> Iterator[Row]:
        return self.server.rows(f'SELECT "value", "quality" FROM "{READINGS}" WHERE {where}')  # noqa: S608

    def _one(self, point: str, where: str) -> Reading | None:
        for row in list(self._rows(f"point = {literal(point)} AND {where} LIMIT 1")):
            return _reading(row, point)
        return None

    def _leave_out_known(self, conflicts: dict[_Key, str]) -> None:
        """Leave out conflicts that an earlier attempt at the same landing has written: it knew what it superseded."""
        times = [time for _, time in conflicts]
        between = f"time >= {min(times)} AND time <= {max(times)}"
        query = f'SELECT "value" FROM "{CONFLICTS}" WHERE {between} GROUP BY "point"'  # noqa: S608
        for row in self.server.rows(query):
            conflicts.pop((name_of(row.tags["point"]), row.columns["time"]), None)

    def _stored(self, readings: Sequence[Reading]) -> dict[_Key, Reading]:
        """What is stored already at the points and instants of these readings."""
        wanted = {reading[:2] for reading in readings}
        found: dict[_Key, Reading] = {}
        for where in _ranges(readings):
            query = f'SELECT "value", "quality" FROM "{READINGS}" WHERE {where} GROUP BY "point"'  # noqa: S608
            for row in self.server.rows(query):
                reading = _reading(row)
                if reading[:2] in wanted:
                    found[reading[:2]] = reading
        return found


class _Arrived:
    """Readings on their way in, what each will be, and the lines that must be written for it."""

    def __init__(self, batches: Sequence[Batch]) -> None:
        self.readings: list[Reading] = []
        self.sent: dict[_Key, tuple[int, str]] = {}
        self.conflicts: dict[tuple[str, int], str] = {}
        self._places: list[tuple[Instant, int, str]] = []
        self._outcomes: list[Outcome] = []
        self._lost: set[int] = set()
        self._refused: list[Refusal] = []
        self._now = batches[-1].now
        for batch in batches:
            for place, reading in enumerate(batch.readings):
                try:
                    line = reading_line(_tags(reading.point), reading)
                except StoreError as error:
                    self._refused.append(Refusal(SOURCE, reading.point, str(error), repr(reading), batch.now))
                else:
                    self.readings.append(reading)
                    self._places.append((batch.now, place, line))

    def compare(self, kept: dict[_Key, Reading]) -> None:
        """Find the outcome of each reading, given what is stored; only the last of several for an instant is sent."""
        for index, (reading, (now, place, line)) in enumerate(zip(self.readings, self._places, strict=True)):
            key = reading[:2]
            former = kept.get(key)
            if former == reading:
                self._outcomes.append(Outcome.REPEATED)
                continue
            self._outcomes.append(Outcome.ACCEPTED if former is None else Outcome.CONFLICT)
            if former is not None:
                line_of_conflict = conflict_line(_tags(reading.point), former, now, place)
                self.conflicts[reading.point, conflict_time(now, place)] = line_of_conflict
            kept[key] = reading
            self.sent[key] = (index, line)

    def refuse(self, index: int | None, line: str, reason: str) -> None:
        """Note a line that the server refused; `index` is its reading, None for that of a superseded value."""
        subject = "superseded value" if index is None else self.readings[index].point
        self._refused.append(Refusal(SOURCE, subject, reason, line, self._now))
        if index is not None:
            self._lost.add(index)

    def landing(self) -> Landing:
        """What became of them."""
        taken = [index for index in range(len(self.readings)) if index not in self._lost]
        readings = [self.readings[index] for index in taken]
        return Landing(readings, [self._outcomes[index] for index in taken], self._refused)


def _ranges(readings: Sequence[Reading]) -> list[str]:
    """Conditions that together cover every point and instant: by time where they lie close, else point by point."""
    instants = sorted({reading.at for reading in readings})
    gaps = [(at, after) for at, after in pairwise(instants) if after - at > TOGETHER]
    starts, ends = [instants[0], *(after for _, after in gaps)], [*(at for at, _ in gaps), instants[-1]]
    of_point: dict[str, tuple[Instant, Instant]] = {}
    for point, at, *_ in readings:
        first, last = of_point.get(point, (at, at))
        of_point[point] = (min(first, at), max(last, at))
    if len(of_point) <= len(starts):
        return [f"point = {literal(point)} AND {_between(a, b + 1)}" for point, (a, b) in of_point.items()]
    return [_between(start, end + 1) for start, end in zip(starts, ends, strict=True)]


def _between(start: Instant, end: Instant) -> str:
    low, high = max(start, EARLIEST) * 1_000, min(end, LATEST + 1) * 1_000
    return f"time >= {low} AND time < {min(high, 2**63 - 1)}"


def _rolled(cell: Mapping[str, Any]) -> Quarter:
    least, most, mean, last, count = (float(cell[name]) for name in FIELDS)
    return cell["time"] // 1_000, least, most, mean, last, round(count)


def _reading(row: Row, point: str | None = None) -> Reading:
    cell = row.columns
    name = name_of(row.tags["point"]) if point is None else point
    return Reading(name, cell["time"] // 1_000, float(cell["value"]), Quality(int(cell["quality"])))
