"""Books move from a file to a server and back, and go on as if nothing had happened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from peers.postgres import Postgres
from sqlalchemy import select

from meterbook.books import access, arrivals, audit, corrections, engine, quarantine
from meterbook.books.database import Books, BooksError
from meterbook.books.moving import PAGE, copy
from meterbook.books.tables import metadata
from meterbook.domain.correction import Exclusion
from meterbook.domain.reading import Refusal


@pytest.fixture(params=["to a server", "back to a file"])
def move(request: pytest.FixtureRequest, tmp_path: Path, postgres: Postgres) -> Iterator[tuple[Books, Books]]:
    """(From, to); nothing in either yet."""
    with ExitStack() as stack:
        server = stack.enter_context(closing(Books(stack.enter_context(postgres.database()))))
        file = stack.enter_context(closing(Books(f"sqlite:///{tmp_path}/books.db")))
        yield (file, server) if request.param == "to a server" else (server, file)


def rows(books: Books) -> dict[str, list[object]]:
    with books.read() as connection:
        return {
            name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for name, table in metadata.tables.items()
        }


def test_everything_is_there_and_goes_on(move: tuple[Books, Books]) -> None:
    source, target = move
    source.migrate()
    with source.write() as connection:
        for number in range(PAGE + 5):
            arrivals.add(connection, number, None, (), 1)
        arrivals.forget(connection, 7)
        wang = access.add_user(connection, "王", "crew", None, "hash", 1)
        access.add_token(connection, wang.id, "digest", "grafana", None, 1)
        audit.add(connection, 1, "王", "login", "王", None)
        engine.save(connection, {"limit": {"value": 0.1}}, PAGE + 5)
        quarantine.add(connection, [Refusal("broker", "topic", "no number", "…", 1)])
        kept = corrections.add(connection, "表", Exclusion(0, 1), "王", "…", 1)
        corrections.undo(connection, kept.id, "李", "…", 2)
    copied = copy(source, target)
    assert copied["arrivals"] == PAGE - 2
    assert copied["incidents"] == 0
    assert rows(target) == rows(source)
    with target.write() as connection:
        assert arrivals.add(connection, 1, 1, (), 1) == PAGE + 6
        assert access.add_user(connection, "li", "crew", None, "hash", 1).id == wang.id + 1
        assert corrections.add(connection, "表", Exclusion(0, 1), "王", "…", 1).id == kept.id + 1


def test_nothing_is_not_copied(move: tuple[Books, Books]) -> None:
    with pytest.raises(BooksError, match="no books to copy"):
        copy(*move)


def test_nothing_is_mixed(move: tuple[Books, Books]) -> None:
    source, target = move
    source.migrate()
    target.migrate()
    with target.write() as connection:
        audit.add(connection, 1, "wang", "login", "wang", None)
    before = rows(target)
    with pytest.raises(BooksError, match="rows in audit already; copy into books that are empty"):
        copy(source, target)
    assert rows(target) == before
