"""Run by Alembic: migrations on the connection, and in the transaction, that Books opened."""

from __future__ import annotations

from alembic import context

from meterbook.books.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
context.run_migrations()
