"""Readings in one SQLite file: one process writes, any number read at the same time (WAL)."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import numpy as np

from meterbook.domain.calendar import GRID
from meterbook.domain.instant import Instant
from meterbook.domain.reading import Outcome, Quality, Reading, Series
from meterbook.readings import schema
from meterbook.readings.fault import StoreError
from meterbook.readings.port import Conflict
from meterbook.readings.rollups import Rollups

_INSERT = "INSERT OR IGNORE INTO readings (point, at, value, quality) VALUES (?, ?, ?, ?)"
_OF_POINT = "point = (SELECT id FROM points WHERE name = ?)"
_ROLLED = f"""SELECT start, least, most, mean, last, count FROM rollups
              WHERE {_OF_POINT} AND start >= ? AND start < ? ORDER BY start"""  # noqa: S608
_ROLL = "INSERT OR REPLACE INTO rollups VALUES ((SELECT id FROM points WHERE name = ?), ?, ?, ?, ?, ?, ?)"

T = TypeVar("T")

_Row = tuple[int, Instant, float, int]


class SqliteStore:
    """A ReadingStore in the file `path`, which is created when it is not there.

    `patience` is how long, in seconds, it waits for another process that holds the file.
    Raises StoreError where the file cannot be used, naming it and what to do.
    """

    def __init__(self, path: Path | str, patience: float = 10.0) -> None:
        self._path = str(path)
        self._patience = patience
        self._ids: dict[str, int] = {}
        self._lock = Lock()
        self._idle: deque[sqlite3.Connection] = deque()
        with self._explained():
            self._writer = self._open()
            try:
                schema.ensure(self._writer, self._path, patience)
            except BaseException:
                self._writer.close()
                raise

    def append(self, readings: Sequence[Reading], now: Instant) -> list[Outcome]:
        """See ReadingStore; raises StoreError with nothing of the batch kept."""
        if not readings:
            return []
        with self._lock, self._transaction() as writer:
            known = self._ids
            rows = [
                (known.get(point) or self._id(point), at, value, int(quality)) for point, at, value, quality in readings
            ]
            writer.execute("SAVEPOINT fresh")
            if writer.executemany(_INSERT, rows).rowcount == len(rows):
                return [Outcome.ACCEPTED] * len(rows)
            writer.execute("ROLLBACK TO fresh")
            return [self._put(writer, row, now) for row in rows]

    def read(self, point: str, start: Instant, end: Instant) -> Series:
        """See ReadingStore."""
        sql = f"SELECT at, value, quality FROM readings WHERE {_OF_POINT} AND at >= ? AND at < ? ORDER BY at"  # noqa: S608
        return self._asked(Series.of, sql, point, start, end)

    def before(self, point: str, at: Instant) -> Reading | None:
        """See ReadingStore."""
        return self._one(point, "at < ? ORDER BY at DESC", at)

    def following(self, point: str, at: Instant) -> Reading | None:
        """See ReadingStore."""
        return self._one(point, "at >= ? ORDER BY at", at)

    def latest(self, points: Iterable[str] | None = None) -> dict[str, Reading]:
        """See ReadingStore."""
        # CROSS JOIN makes SQLite go from points to readings: the other way round it would walk through every reading.
        sql = """SELECT name, readings.at, value, quality
                 FROM (SELECT id, name, (SELECT max(at) FROM readings WHERE point = points.id) AS last FROM points) AS p
                 CROSS JOIN readings ON readings.point = p.id AND readings.at = last"""
        if points is None:
            rows = self._query(sql)
        else:
            rows = [row for point in set(points) for row in self._query(f"{sql} WHERE name = ?", point)]
        return {name: Reading(name, at, value, Quality(quality)) for name, at, value, quality in rows}

    def conflicts(self, point: str, start: Instant, end: Instant) -> list[Conflict]:
        """See ReadingStore."""
        sql = f"""SELECT at, value, quality, superseded FROM conflicts
                  WHERE {_OF_POINT} AND at >= ? AND at < ? ORDER BY at, id"""  # noqa: S608
        return [Conflict(point, *row) for row in self._query(sql, point, start, end)]

    def rolled(self, point: str, start: Instant, end: Instant) -> Rollups:
        """See ReadingStore."""
        return Rollups.rows(self._query(_ROLLED, point, start, end))

    def put_rolled(self, point: str, rollups: Rollups) -> None:
        """See copying.Target."""
        with self._lock, self._transaction() as writer:
            self._id(point)
            writer.executemany(_ROLL, [(point, *row) for row in rollups.listed()])

    def remove(self, point: str, series: Series) -> int:
        """Let these readings go, in one transaction; how many were there as given. Conflicts stay."""
        rows = zip(series.at.tolist(), series.value.tolist(), series.quality.tolist(), strict=True)
        with self._lock, self._transaction() as writer:
            sql = f"DELETE FROM readings WHERE {_OF_POINT} AND at = ? AND value = ? AND quality = ?"  # noqa: S608
            return writer.executemany(sql, [(point, *row) for row in rows]).rowcount

    def roll_up(self, point: str, start: Instant, end: Instant) -> int:
        """Let the readings in [start, end), whole quarters, go and keep what they were; how many went.

        One transaction. What comes late to a quarter that is rolled up already stays as it is, unless there is more of
        it than there was: then the quarter has come again, and takes the place of what was kept.
        """
        with self._lock, self._transaction() as writer:
            sql = f"SELECT at, value, quality FROM readings WHERE {_OF_POINT} AND at >= ? AND at < ? ORDER BY at"  # noqa: S608
            series = Series.of(writer.execute(sql, (point, start, end)).fetchall())
            kept = {row[0]: row[-1] for row in writer.execute(_ROLLED, (point, start, end))}
            rows = [row for row in Rollups.of(series).listed() if row[-1] >= kept.get(row[0], 0)]
            late = np.array(sorted(kept.keys() - {row[0] for row in rows}), np.int64)
            goes = series.at[~np.isin(series.at // GRID * GRID, late)].tolist()
            writer.executemany(_ROLL, [(point, *row) for row in rows])
            writer.executemany(f"DELETE FROM readings WHERE {_OF_POINT} AND at = ?", [(point, at) for at in goes])  # noqa: S608
            return len(goes)

    def points(self) -> list[str]:
        """See ReadingStore."""
        return [name for (name,) in self._query("SELECT name FROM points ORDER BY name")]

    def close(self) -> None:
        """See ReadingStore; call it when no other thread uses the store any more."""
        with self._lock:
            self._writer.close()
            while self._idle:
                self._idle.pop().close()

    def _one(self, point: str, condition: str, at: Instant) -> Reading | None:
        sql = f"SELECT at, value, quality FROM readings WHERE {_OF_POINT} AND {condition} LIMIT 1"  # noqa: S608
        for found, value, quality in self._query(sql, point, at):
            return Reading(point, found, value, Quality(quality))
        return None

    def _id(self, point: str) -> int:
        """The number of a point; kept for the next batch only once this one is committed."""
        known = self._ids.get(point)
        if known is None:
            self._writer.execute("INSERT OR IGNORE INTO points (name) VALUES (?)", (point,))
            (known,) = self._writer.execute("SELECT id FROM points WHERE name = ?", (point,)).fetchone()
            self._ids[point] = known
        return known

    @staticmethod
    def _put(writer: sqlite3.Connection, row: _Row, now: Instant) -> Outcome:
        """Store one reading where something of the batch is there already."""
        point, at, *wanted = row
        kept = writer.execute("SELECT value, quality FROM readings WHERE point = ? AND at = ?", (point, at)).fetchone()
        if kept is None:
            writer.execute("INSERT INTO readings (point, at, value, quality) VALUES (?, ?, ?, ?)", row)
            return Outcome.ACCEPTED
        if kept == tuple(wanted):
            return Outcome.REPEATED
        writer.execute(
            "INSERT INTO conflicts (point, at, value, quality, superseded) VALUES (?, ?, ?, ?, ?)",
            (point, at, *kept, now),
        )
        writer.execute("UPDATE readings SET value = ?, quality = ? WHERE point = ? AND at = ?", (*wanted, point, at))
        return Outcome.CONFLICT

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._explained():
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                self._ids.clear()
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    def _query(self, sql: str, *parameters: str | int) -> list[Any]:
        return self._asked(list, sql, *parameters)

    def _asked(self, into: Callable[[Iterable[Any]], T], sql: str, *parameters: str | int) -> T:
        """What `into` makes of the rows, one after the other: a year of readings need not stand in memory twice."""
        with self._explained():
            try:
                reader = self._idle.pop()
            except IndexError:
                reader = self._open()
            try:
                return into(reader.execute(sql, parameters))
            finally:
                self._idle.append(reader)

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=self._patience, isolation_level=None, check_same_thread=False, cached_statements=32
        )
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OverflowError, UnicodeError) as error:
            raise StoreError(f"{self._path}: {error}; {_next_step(error)}") from error


def _next_step(error: Exception) -> str:
    """What a person can do about an error of SQLite."""
    text = str(error)
    if "locked" in text:
        return "another process holds the file: end it, or wait until it is done"
    if "full" in text:
        return "make room on the disk; nothing acknowledged is lost"
    if "malformed" in text or "not a database" in text:
        return "the file is damaged or half-written: move it away and put the last backup in its place"
    if "unable to open" in text or "readonly" in text:
        return "check that the directory exists and belongs to the user Meterbook runs as"
    return "nothing of this batch was kept"
