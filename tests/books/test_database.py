"""How the books are opened, migrated and shared, whichever database they are in."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import BigInteger, Boolean, Column, Connection, Double, Integer, func, insert, inspect, select, text
from sqlalchemy.exc import IntegrityError

from meterbook.books import arrivals, audit, migrations
from meterbook.books.database import Books, BooksError, newest_version
from meterbook.books.migrating import migration_config
from meterbook.books.tables import metadata


def tables(books: Books) -> set[str]:
    with books.read() as connection:
        return set(inspect(connection).get_table_names())


def revisions() -> list[str]:
    """From the newest to the first."""
    script = ScriptDirectory(migrations.__path__[0])
    return [revision.revision for revision in script.walk_revisions()]


def test_migrations_build_exactly_the_tables(books: Books) -> None:
    with books.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "target_metadata": metadata})
        assert compare_metadata(context, metadata) == []
        built = definitions(connection)
    with emptied(books) as connection:
        metadata.create_all(connection)
        assert built == definitions(connection)


@contextmanager
def emptied(books: Books) -> Iterator[Connection]:
    with books.write() as connection:
        command.downgrade(migration_config(connection), "base")
        yield connection


def definitions(connection: Connection) -> set[tuple[str, ...]]:
    """How everything was declared: constraints and defaults too, which Alembic's comparison overlooks."""
    if connection.dialect.name == "sqlite":
        rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql != '' AND type != 'trigger'"))
        found = {(name, line.strip(" \t,)")) for name, sql in rows for line in sql.splitlines()}
    else:
        found = {tuple(row) for row in connection.execute(text(DEFINITIONS))}
    return {row for row in found if not row[0].startswith(("alembic_", "sqlite_"))}


DEFINITIONS = """
SELECT table_name, column_name, data_type || coalesce(character_maximum_length::text, ''),
       is_nullable || coalesce(column_default, '')
  FROM information_schema.columns WHERE table_schema = 'public'
UNION SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), contype::text
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION SELECT tablename, indexname, indexdef, '' FROM pg_indexes WHERE schemaname = 'public'
"""


def fill(connection: Connection) -> None:
    """One row in every table."""
    for table in metadata.sorted_tables:
        connection.execute(insert(table).values({column.name: something(column) for column in table.columns}))


def something(column: Column[object]) -> object:
    if isinstance(column.type, (BigInteger, Integer)):
        return 1
    if isinstance(column.type, Boolean):
        return False
    return 0.5 if isinstance(column.type, Double) else "表"


def filled(connection: Connection) -> dict[str, int]:
    return {
        name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for name, table in metadata.tables.items()
    }


def test_migrations_go_back_step_by_step_and_forward_again(books: Books) -> None:
    with books.write() as connection:
        fill(connection)
    for revision in [*revisions()[1:], "base"]:
        with books.write() as connection:
            command.downgrade(migration_config(connection), revision)
    assert tables(books) == {"alembic_version"}
    for revision in reversed(revisions()):
        with books.write() as connection:
            command.upgrade(migration_config(connection), revision)
    assert tables(books) == {*metadata.tables, "alembic_version"}
    with books.write() as connection:
        assert set(filled(connection).values()) == {0}
        fill(connection)
    with pytest.raises(IntegrityError, match="audit is append-only"), books.write() as connection:
        connection.execute(text("DELETE FROM audit"))


def test_migrating_again_keeps_everything(books: Books) -> None:
    with books.write() as connection:
        fill(connection)
    books.migrate()
    with books.read() as connection:
        assert filled(connection) == dict.fromkeys(metadata.tables, 1)


def test_the_newest_version_is_that_of_the_last_migration() -> None:
    assert newest_version() == revisions()[0]


def test_a_migration_is_done_whole_or_not_at_all(url: str) -> None:
    books = Books(url)
    with books.write() as connection:
        connection.execute(text("CREATE TABLE tokens (id INTEGER)"))
    with pytest.raises(BooksError, match=r"tokens.*; .*give the books one of their own"):
        books.migrate()
    assert tables(books) == {"tokens"}
    books.close()


def test_newer_books_are_refused(books: Books) -> None:
    with books.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(BooksError, match=r"books.*: written by a newer Meterbook \(tables 9999\); upgrade"):
        books.migrate()


def test_two_starts_at_once_migrate_once(url: str) -> None:
    errors: list[BooksError] = []
    together = threading.Barrier(2)

    def start() -> None:
        books = Books(url)
        together.wait()
        try:
            books.migrate()
        except BooksError as error:
            errors.append(error)
        books.close()

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors


def test_a_transaction_is_undone_when_it_raises(books: Books) -> None:
    def break_off() -> None:
        with books.write() as connection:
            arrivals.add(connection, 1, 2, (), 3)
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        break_off()
    with books.read() as connection:
        assert arrivals.last(connection) == 0


def test_a_reader_sees_one_moment(books: Books) -> None:
    with books.read() as reading:
        assert arrivals.last(reading) == 0
        with books.write() as writing:
            arrivals.add(writing, 1, 2, (), 3)
        assert arrivals.last(reading) == 0
    with books.read() as reading:
        assert arrivals.last(reading) == 1


def test_any_text_is_kept(books: Books) -> None:
    with books.write() as connection:
        audit.add(connection, 1, "half \ud800 pair", "login", "NUL \0 in it", "表 🔌")
    with books.read() as connection:
        (entry,) = audit.entries(connection, 10)
    assert (entry.who, entry.subject, entry.detail) == ("half ? pair", "NUL � in it", "表 🔌")


@pytest.mark.parametrize("sql", ["UPDATE audit SET who = 'nobody'", "DELETE FROM audit"])
def test_the_audit_trail_cannot_be_changed(books: Books, sql: str) -> None:
    with books.write() as connection:
        audit.add(connection, 1, "wang", "login", "wang", None)
    with pytest.raises(IntegrityError, match="audit is append-only"), books.write() as connection:
        connection.execute(text(sql))
    with books.read() as connection:
        assert [entry.who for entry in audit.entries(connection, 10)] == ["wang"]


@pytest.mark.parametrize("url", ["nonsense", "mysql://host/books", "postgresql://u:geheim@host:port/books"])
def test_an_address_that_cannot_be_read_is_not_repeated(url: str) -> None:
    with pytest.raises(BooksError, match="expected sqlite:///PATH or postgresql://USER@HOST/DATABASE") as refused:
        Books(url)
    assert "geheim" not in str(refused.value)
    assert refused.value.__cause__ is None
