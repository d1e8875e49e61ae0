"""The books of one database, copied into another: from a file to a server, or back."""

from __future__ import annotations

from sqlalchemy import Connection, Table, func, insert, inspect, select, text

from meterbook.books.database import Books, BooksError
from meterbook.books.tables import metadata

PAGE = 1_000
"""Rows that are held at a time."""


def copy(source: Books, target: Books) -> dict[str, int]:
    """Copy every row into books that are empty, in one transaction; returns how many by table.

    Both are brought to this version first. Raises BooksError where there is nothing to copy, or where the target holds
    anything: nothing is mixed.
    """
    with source.read() as old:
        if not inspect(old).has_table(metadata.sorted_tables[0].name):
            raise BooksError("there are no books to copy at the first address; check it")
    source.migrate()
    target.migrate()
    with source.read() as old, target.write() as new:
        held = [name for name, table in metadata.tables.items() if _count(new, table)]
        if held:
            raise BooksError(f"there are rows in {', '.join(sorted(held))} already; copy into books that are empty")
        return {table.name: _copy(table, old, new) for table in metadata.sorted_tables}


def _count(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _copy(table: Table, old: Connection, new: Connection) -> int:
    with old.execute(select(table), execution_options={"yield_per": PAGE}) as rows:
        for page in rows.mappings().partitions():
            new.execute(insert(table), [dict(row) for row in page])
    if new.dialect.name == "postgresql" and table.autoincrement_column is not None:
        _number_on(table.name, table.autoincrement_column.name, new)
    return _count(new, table)


def _number_on(table: str, column: str, connection: Connection) -> None:
    """Let a table go on behind the numbers that were copied; SQLite sees to it by itself."""
    last = f'(SELECT max("{column}") FROM "{table}")'  # noqa: S608 names of our own tables
    connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), {last}) WHERE {last} > 0"))
