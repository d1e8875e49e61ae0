"""Books in a real file and on a real server: every test that takes `books` or `url` runs on both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from peers.postgres import MISSING, Postgres

from meterbook.books.database import Books


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    if MISSING:
        pytest.skip(MISSING)
    with Postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where new books may be."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/books.db"
    else:
        server: Postgres = request.getfixturevalue("postgres")
        with server.database() as fresh:
            yield fresh


@pytest.fixture
def books(url: str) -> Iterator[Books]:
    opened = Books(url)
    opened.migrate()
    yield opened
    opened.close()
