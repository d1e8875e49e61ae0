"""The books' database: where it is, its transactions, how its tables come up to date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Lock

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, make_url
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
        with self.write() as connection:
            config = migration_config(connection)
            script = ScriptDirectory.from_config(config)
            here = MigrationContext.configure(connection).get_current_revision()
            if here not in {None, *(revision.revision for revision in script.walk_revisions())}:
                raise BooksError(f"{self._where}: written by a newer Meterbook (tables {here}); upgrade Meterbook")
            if here != script.get_current_head():
                command.upgrade(config, "head")

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


def migration_config(connection: Connection) -> Config:
    """Alembic's configuration for the migrations in this package, on an open connection."""
    config = Config()
    config.set_main_option("script_location", "meterbook.books:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


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
