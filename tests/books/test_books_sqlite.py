"""What only books in a file can meet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from meterbook.books.database import Books, BooksError

PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}


@contextmanager
def opened(path: Path) -> Iterator[Books]:
    books = Books(f"sqlite:///{path}")
    yield books
    books.close()


def test_commits_are_synced_and_references_checked(tmp_path: Path) -> None:
    with opened(tmp_path / "books.db") as books, books.read() as connection:
        pragmas = {name: connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in PRAGMAS}
    assert pragmas == PRAGMAS


def test_a_damaged_file_is_named_with_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "books.db").write_bytes(b"no database at all" * 100)
    with (
        opened(tmp_path / "books.db") as books,
        pytest.raises(BooksError, match=r"books\.db: file is not a database; .*backup"),
    ):
        books.migrate()


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with (
        opened(tmp_path / "nowhere/books.db") as books,
        pytest.raises(BooksError, match=r"nowhere/books\.db: unable to open.*check that the directory exists"),
    ):
        books.migrate()
