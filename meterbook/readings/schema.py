"""The tables of the SQLite reading store, and the check that a file is one of ours."""

from __future__ import annotations

import sqlite3
import time

from meterbook.readings.fault import StoreError

APPLICATION = 0x4D424B52  # "MBKR"
VERSION = 2

_SIGNED = f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION};"
_ROLLUPS = """
    CREATE TABLE rollups (
        point INTEGER NOT NULL, start INTEGER NOT NULL, least REAL NOT NULL, most REAL NOT NULL, mean REAL NOT NULL,
        last REAL NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (point, start)
    ) WITHOUT ROWID;
"""
_TABLES = """
    CREATE TABLE points (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE readings (
        point INTEGER NOT NULL, at INTEGER NOT NULL, value REAL NOT NULL, quality INTEGER NOT NULL,
        PRIMARY KEY (point, at)
    ) WITHOUT ROWID;
    CREATE TABLE conflicts (
        id INTEGER PRIMARY KEY, point INTEGER NOT NULL, at INTEGER NOT NULL,
        value REAL NOT NULL, quality INTEGER NOT NULL, superseded INTEGER NOT NULL
    );
    CREATE INDEX conflicts_of_point ON conflicts (point, at);
"""
_STEPS = {0: _TABLES + _ROLLUPS + _SIGNED, 1: _ROLLUPS + _SIGNED}
"""What brings a file of each version to the present one."""


def ensure(connection: sqlite3.Connection, path: str, patience: float) -> None:
    """Make the tables that an empty or older file lacks, waiting up to `patience` seconds for others who do the same.

    Raises StoreError for a file of another kind or of a newer Meterbook.
    """
    connection.execute("BEGIN")
    found = _state(connection, path)
    connection.execute("COMMIT")
    if found == VERSION:
        return
    _use_wal(connection, patience)
    connection.execute("BEGIN IMMEDIATE")
    # Another process may have made them while this one waited for its turn.
    for statement in _STEPS.get(_state(connection, path), "").split(";"):
        connection.execute(statement)
    connection.execute("COMMIT")


def _use_wal(connection: sqlite3.Connection, patience: float) -> None:
    """Let others read while one writes. Two who ask for it at once block each other, and SQLite does not wait here."""
    deadline = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _state(connection: sqlite3.Connection, path: str) -> int:
    """The version of the tables, 0 for an empty file."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION and (application or version or tables):
        raise StoreError(f"{path} is a database of something else; give another --data directory or move the file away")
    if version > VERSION:
        raise StoreError(f"{path} was written by a newer Meterbook (tables {version}, known {VERSION}); upgrade")
    return int(version)
