"""The books in one SQLite file: how it is opened, how a transaction begins, what its errors ask for."""

from __future__ import annotations

import sqlite3
import time

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

_BUSY_SECONDS = 10


def open_engine(url: URL, writes: str) -> Engine:
    """Real transactions, and commits that survive a power cut.

    A connection whose execution option `writes` is set holds the file for itself from the beginning of its transaction.
    """
    engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _open(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own idea of when a transaction begins is switched off; `_begin` says it instead.
        connection.isolation_level = None
        _use_wal(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes in connection.get_execution_options() else "BEGIN")

    return engine


def next_step(error: DBAPIError) -> str | None:
    """What to do about an error; None where it is a mistake of the caller, not of the database."""
    if isinstance(error, (IntegrityError, ProgrammingError)):
        return None
    text = str(error.orig)
    if "locked" in text:
        return "another process holds the file: end it, or wait until it is done"
    if "full" in text:
        return "make room on the disk"
    if "malformed" in text or "not a database" in text:
        return "the file is damaged: move it away and put the last backup in its place"
    if "unable to open" in text or "readonly" in text:
        return "check that the directory exists and belongs to the user Meterbook runs as"
    if "already exists" in text:
        return "the file holds something else: give the books one of their own"
    if "no such table" in text:
        return "the books were never opened for writing: start the service once"
    return "check that the file is there and can be read"


def _use_wal(connection: sqlite3.Connection) -> None:
    """Let others read while one writes. Two who ask for it at once block each other, and SQLite does not wait here."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
