"""Stores and books in real files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from meterbook.books.database import Books
from meterbook.readings.sqlite import SqliteStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "readings.db", patience=0.05)
    yield opened
    opened.close()


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    opened = Books(f"sqlite:///{tmp_path}/books.db")
    opened.migrate()
    yield opened
    opened.close()
