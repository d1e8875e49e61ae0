"""The migrations of the books' tables, by Alembic: its one door."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


class Newer(Exception):
    """The tables are of a version that this Meterbook does not know."""


def upgrade(connection: Connection) -> None:
    """Bring the tables to this version of Meterbook, in the connection's transaction; raises Newer."""
    config = migration_config(connection)
    script = ScriptDirectory.from_config(config)
    here = MigrationContext.configure(connection).get_current_revision()
    if here not in {None, *(revision.revision for revision in script.walk_revisions())}:
        raise Newer(here)
    if here != script.get_current_head():
        command.upgrade(config, "head")


def migration_config(connection: Connection) -> Config:
    """Alembic's configuration for the migrations in this package, on an open connection."""
    config = Config()
    config.set_main_option("script_location", "meterbook.books:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
