"""Computed intervals in one SQLite file beside the readings. Nothing in it is irreplaceable: delete it at any time."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import RLock

from meterbook.domain.instant import Instant
from meterbook.domain.kept import MonthKept, Standing
from meterbook.domain.timeline import BEGINNING
from meterbook.readings.fault import StoreError

VERSION = 2
NAME = "intervals.db"

_TABLES = f"""
    CREATE TABLE followed (only INTEGER PRIMARY KEY CHECK (only = 1), sequence INTEGER NOT NULL);
    CREATE TABLE registers (
        id TEXT PRIMARY KEY, point TEXT NOT NULL, basis TEXT NOT NULL,
        stale INTEGER, marks INTEGER NOT NULL DEFAULT 0, version INTEGER NOT NULL DEFAULT 1
    );
    CREATE INDEX registers_of_point ON registers (point);
    CREATE TABLE months (
        register TEXT NOT NULL, month TEXT NOT NULL, cuts TEXT NOT NULL, handholds BLOB NOT NULL, content BLOB NOT NULL,
        UNIQUE (register, month)
    );
    CREATE TABLE changes (month TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE born (name TEXT NOT NULL);
    CREATE TABLE results (name TEXT PRIMARY KEY, basis TEXT NOT NULL, content BLOB NOT NULL);
    PRAGMA user_version = {VERSION};
"""
_BORN = "INSERT INTO born VALUES (hex(randomblob(16)))"

_STALE = "UPDATE registers SET stale = min(coalesce(stale, ?1), ?1), marks = marks + 1"
_STANDING = """SELECT coalesce(basis, ''), stale, coalesce(marks, sequence, 0), coalesce(version, 0)
    FROM (SELECT ? AS asked) LEFT JOIN registers ON id = asked LEFT JOIN followed"""
_STANDINGS = """SELECT coalesce(basis, ''), stale, coalesce(marks, sequence, 0), coalesce(version, 0)
    FROM json_each(?) AS asked LEFT JOIN registers ON registers.id = asked.value LEFT JOIN followed
    ORDER BY asked.key"""
_MONTHS = """SELECT register, month, cuts, CASE WHEN month > ?3 THEN handholds ELSE x'' END,
        CASE WHEN month > ?3 THEN x'' ELSE content END
    FROM json_each(?1) CROSS JOIN months ON register = value AND month BETWEEN ?2 AND ?4 ORDER BY month"""
_CHANGED = "INSERT INTO changes VALUES (?, 1) ON CONFLICT (month) DO UPDATE SET count = count + 1"
_REGISTER = """INSERT INTO registers (id, point, basis, stale) VALUES (?, ?, ?, ?)
    ON CONFLICT (id)
    DO UPDATE SET point = excluded.point, basis = excluded.basis, stale = excluded.stale, version = version + 1"""
_MONTH = """INSERT INTO months (register, month, cuts, handholds, content) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (register, month)
    DO UPDATE SET cuts = excluded.cuts, handholds = excluded.handholds, content = excluded.content"""


class IntervalFile:
    """An IntervalStore in the file `path`, or in memory. A file of another version is emptied: it can be made again.

    `patience` is how long, in seconds, it waits for another process that writes. Raises StoreError where the file
    cannot be used.
    """

    def __init__(self, path: Path | str = ":memory:", patience: float = 10.0) -> None:
        self._path = str(path)
        self.turn: AbstractContextManager[object] = RLock()
        with self._explained():
            self._connection = sqlite3.connect(
                self._path, timeout=patience, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            with self._transaction() as connection:
                _prepare(connection)

    def followed(self) -> int | None:
        """See IntervalStore."""
        rows = self._rows("SELECT sequence FROM followed")
        return rows[0][0] if rows else None

    def note(self, sequence: int, start: Instant | None, late: Mapping[str, Instant]) -> None:
        """See IntervalStore."""
        with self._transaction() as connection:
            if start is not None:
                connection.execute(_STALE, (start,))
            connection.executemany(f"{_STALE} WHERE point = ?2", [(at, point) for point, at in late.items()])
            connection.execute("INSERT OR REPLACE INTO followed (only, sequence) VALUES (1, ?)", (sequence,))
            connection.execute(_CHANGED, ("",))

    def standing(self, register: str) -> Standing:
        """See IntervalStore."""
        rows = self._rows(_STANDING, register)
        return Standing(*rows[0])

    def months(self, register: str, first: str, last: str) -> list[MonthKept]:
        """See IntervalStore."""
        sql = """SELECT month, cuts, handholds, content FROM months
                 WHERE register = ? AND month BETWEEN ? AND ? ORDER BY month"""
        return [MonthKept(*row) for row in self._rows(sql, register, first, last)]

    def several(
        self, registers: Sequence[str], first: str, last: str, after: str
    ) -> list[tuple[Standing, list[MonthKept]]]:
        """See IntervalStore."""
        asked = json.dumps(registers)
        with self._transaction("DEFERRED") as connection:
            found: dict[str, list[MonthKept]] = {register: [] for register in registers}
            for register, *kept in connection.execute(_MONTHS, (asked, first, last, after)):
                found[register].append(MonthKept(*kept))
            standings = [Standing(*row) for row in connection.execute(_STANDINGS, (asked,))]
        return list(zip(standings, found.values(), strict=True))

    def outline(self, register: str) -> list[MonthKept]:
        """See IntervalStore."""
        sql = "SELECT month, cuts, handholds, x'' FROM months WHERE register = ? ORDER BY month"
        return [MonthKept(*row) for row in self._rows(sql, register)]

    def replace(
        self, register: str, point: str, seen: Standing, basis: str, first: str, months: Sequence[MonthKept]
    ) -> bool:
        """See IntervalStore."""
        with self._transaction() as connection:
            now = Standing(*connection.execute(_STANDING, (register,)).fetchone())
            if now.version != seen.version:
                return False
            stale = None if now.marks == seen.marks else now.stale if now.version else BEGINNING
            connection.execute(_REGISTER, (register, point, basis, stale))
            sql = "SELECT month, cuts, handholds, content FROM months WHERE register = ? AND month >= ?"
            held = {MonthKept(*kept) for kept in connection.execute(sql, (register, first))}
            wanted = {month.month for month in months}
            fresh = [month for month in months if month not in held]
            gone = {kept.month for kept in held} - wanted
            connection.executemany(
                "DELETE FROM months WHERE register = ? AND month = ?", [(register, month) for month in gone]
            )
            connection.executemany(_MONTH, [(register, *month) for month in fresh])
            known = {(kept.month, kept.cuts, kept.content) for kept in held}
            gone |= {one.month for one in fresh if (one.month, one.cuts, one.content) not in known}
            connection.executemany(_CHANGED, [(month,) for month in (*gone, "")])
            return True

    def changes(self, first: str, last: str) -> str:
        """See IntervalStore."""
        rows = self._rows("SELECT month, count FROM changes WHERE month BETWEEN ? AND ? ORDER BY month", first, last)
        return json.dumps([*self._rows("SELECT name FROM born"), *rows])

    def result(self, name: str, basis: str) -> bytes | None:
        """See IntervalStore."""
        rows = self._rows("SELECT content FROM results WHERE name = ? AND basis = ?", name, basis)
        return rows[0][0] if rows else None

    def keep_result(self, name: str, basis: str, content: bytes) -> None:
        """See IntervalStore."""
        with self._transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO results VALUES (?, ?, ?)", (name, basis, content))

    def close(self) -> None:
        """Let go of the file."""
        with self.turn:
            self._connection.close()

    def _rows(self, sql: str, *parameters: object) -> list[tuple]:  # type: ignore[type-arg]
        with self._explained(), self.turn:
            return self._connection.execute(sql, parameters).fetchall()

    @contextmanager
    def _transaction(self, kind: str = "IMMEDIATE") -> Iterator[sqlite3.Connection]:
        with self._explained(), self.turn:
            self._connection.execute(f"BEGIN {kind}")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            step = "it holds nothing but computed intervals and can be deleted while Meterbook does not run"
            raise StoreError(f"{self._path}: {error}; {step}") from error


def forget(directory: Path) -> None:
    """Remove the intervals of a data directory whose readings did not come through the arrival log."""
    for suffix in ("", "-wal", "-shm"):
        (directory / f"{NAME}{suffix}").unlink(missing_ok=True)


def _prepare(connection: sqlite3.Connection) -> None:
    """Make the tables where there are none of this version."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == VERSION:
        return
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (name,) in names:
        connection.execute(f'DROP TABLE "{name}"')
    for statement in (*_TABLES.split(";"), _BORN):
        connection.execute(statement)
