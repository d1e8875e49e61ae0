"""Copies of SQLite files while others write to them, checked before they count."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from meterbook.readings.fault import StoreError

PAGES = 2_000
"""Pages copied between two words about the progress."""


def backup(source: Path, target: Path, tell: Callable[[int, int], None] = lambda _done, _all: None) -> None:
    """Copy a SQLite file as it is at this moment; `tell` is given the pages done and all of them.

    Processes may go on writing. The copy is checked and on disk when it takes its name; `target` must not exist yet.
    Raises StoreError with nothing left behind.
    """
    if not source.is_file():
        raise StoreError(f"{source} is not there; is it the right data directory?")
    if target.exists():
        raise StoreError(f"{target} exists already; choose another place, nothing is overwritten")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".partial")
    try:
        _copy(source, partial, tell)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.rename(target)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"{source} cannot be copied to {target}: {error}; see to the disk and try again") from error
    finally:
        partial.unlink(missing_ok=True)


def _copy(source: Path, partial: Path, tell: Callable[[int, int], None]) -> None:
    with closing(sqlite3.connect(source, timeout=10, isolation_level=None)) as old:
        # A transaction holds the moment: without one, each commit of another process would begin the copy anew.
        old.execute("BEGIN")
        old.execute("SELECT count(*) FROM sqlite_master").fetchone()
        with closing(sqlite3.connect(partial, isolation_level=None)) as new:
            old.backup(new, pages=PAGES, progress=lambda _status, left, pages: tell(pages - left, pages), sleep=0)
            new.execute("PRAGMA journal_mode = DELETE")
            (verdict,) = new.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise StoreError(f"{source} is damaged ({verdict}); the copy was not kept, use an earlier one")
