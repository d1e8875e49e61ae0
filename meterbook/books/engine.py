"""What the alert engine remembers, and how far it has followed the arrival log."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, insert, select, update

from meterbook.books.tables import engine

_ROW = 1


def load(connection: Connection) -> tuple[dict[str, Any], int]:
    """The engine's state and the last arrival in it; an empty state and 0 at the very beginning."""
    row = connection.execute(select(engine).where(engine.c.id == _ROW)).one_or_none()
    return ({}, 0) if row is None else (json.loads(row.state), row.sequence)


def save(connection: Connection, state: dict[str, Any], sequence: int) -> None:
    """Keep the state that stands after arrival `sequence`."""
    row = {"state": json.dumps(state), "sequence": sequence}
    if not connection.execute(update(engine).where(engine.c.id == _ROW).values(row)).rowcount:
        connection.execute(insert(engine).values(row | {"id": _ROW}))
