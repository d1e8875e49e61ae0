"""The books' database: where it is, its transactions, how its tables come up to date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from importlib.resources import files
from threading import Lock

from sqlalchemy import URL, Connection, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError

from meterbook.books import postgresql, sqlite

_WRITES = "meterbook_writes"
_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
_EXPECTED = "expected sqlite:///PATH or postgresql://USER@HOST/DATABASE"


class BooksError(Exception):
    """The books cannot be used; the message names the database and the next step, never a password."""


class Books:
    """A database, SQLite or PostgreSQL, named by `url` (sqlite:////var/books.db, postgresql://meterbook@host/books).

    Repositories take the connection of one of its transactions; they need not know which of the two it is. Raises
    BooksError where the database cannot be used.
    """

    def __init__(self, url: str) -> None:
        address = _address(url)
        self._where = _shown(address)
        kind = sqlite if address.get_backend_name() == "sqlite" else postgresql
        self._next_step = kind.next_step
        try:
            self._engine = kind.open_engine(address, _WRITES)
        except ImportError as error:
            raise BooksError(f"{self._where}: needs a driver ({error}); pip install 'meterbook[postgres]'") from error
        # SQLite lets waiting writers sleep and guess; threads of one process rather stand in line.
        self._line: AbstractContextManager[object] = Lock() if kind is sqlite else nullcontext()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view; nothing is written."""
        with self._explained(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: on disk when the block ends, undone when it raises; nobody else writes meanwhile.

        Do not open one inside another.
        """
        with self._line, self._explained(), self._engine.connect() as connection:
            connection = connection.execution_options(**{_WRITES: True})
            with connection.begin():
                yield connection

    def migrate(self) -> None:
        """Bring the tables to this version of Meterbook; raises BooksError where they are newer than it."""
        with self.read() as connection:
            here = _version_of(connection)
        if here == newest_version():
            return
        from meterbook.books.migrating import Newer, upgrade  # Alembic is not for those whose tables are as they should

        try:
            with self.write() as connection:
                upgrade(connection)
        except Newer as newer:
            told = f"written by a newer Meterbook (tables {newer}); upgrade Meterbook"
            raise BooksError(f"{self._where}: {told}") from None

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            step = self._next_step(error)
            if step is None:
                raise
            raise BooksError(f"{self._where}: {' '.join(str(error.orig).split())}; {step}") from error


@cache
def newest_version() -> str:
    """The version of this Meterbook's tables: the number that the name of the last migration begins with."""
    names = (one.name for one in files("meterbook.books").joinpath("migrations", "versions").iterdir())
    return max(name.partition("_")[0] for name in names if name[0].isdigit())


def _version_of(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def _address(url: str) -> URL:
    """The parts of a URL, with the driver we use. What cannot be read is not repeated: it may hold a password."""
    try:
        address = make_url(url)
        address = address.set(drivername=_DRIVERS[address.get_backend_name()])
    except (ArgumentError, KeyError, ValueError):
        raise BooksError(f"the address of the books cannot be read; {_EXPECTED}") from None
    if address.get_backend_name() != "sqlite" and "@" in f"{address.host}{address.database}":
        raise BooksError("the address of the books has an @ too many; in a password write %40 for it")
    return address


def _shown(address: URL) -> str:
    bare = address.difference_update_query(["password", "sslpassword"]).set(drivername=address.get_backend_name())
    return bare.render_as_string(hide_password=True)
