"""The arrival log: what each stored batch brought. Alerts and consumption follow it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select

from meterbook.books.tables import arrivals
from meterbook.domain.instant import Instant


class LatePoint(NamedTuple):
    """A point with readings that came late (not after its latest one, or long after their instant), and where they lie.

    `start` and `end` are the first and the last instant of these.
    """

    point: str
    start: Instant
    end: Instant


class Arrival(NamedTuple):
    """One batch: first and last instant (both inclusive) of its readings that were not late, and the late points.

    `start` and `end` are None when all of it was late.
    """

    sequence: int
    start: Instant | None
    end: Instant | None
    late: tuple[LatePoint, ...]
    recorded: Instant


def add(
    connection: Connection, start: Instant | None, end: Instant | None, late: Sequence[LatePoint], recorded: Instant
) -> int:
    """Log a batch; returns its sequence."""
    row = {"start": start, "end": end, "late": json.dumps(late), "recorded": recorded}
    sequence: int = connection.execute(insert(arrivals).values(row).returning(arrivals.c.sequence)).scalar_one()
    return sequence


def since(connection: Connection, sequence: int, limit: int) -> list[Arrival]:
    """The batches after `sequence`, oldest first, at most `limit`."""
    query = select(arrivals).where(arrivals.c.sequence > sequence).order_by(arrivals.c.sequence).limit(limit)
    return [
        Arrival(
            row.sequence, row.start, row.end, tuple(LatePoint(*late) for late in json.loads(row.late)), row.recorded
        )
        for row in connection.execute(query)
    ]


def last(connection: Connection) -> int:
    """The sequence of the newest batch, 0 before the first."""
    return connection.execute(select(func.max(arrivals.c.sequence))).scalar() or 0


def first(connection: Connection) -> int | None:
    """The sequence of the oldest batch that is still in the log, None where there is none."""
    found: int | None = connection.execute(select(func.min(arrivals.c.sequence))).scalar()
    return found


def forget(connection: Connection, through: int) -> None:
    """Drop the batches up to and including `through`; the log would grow for ever."""
    connection.execute(delete(arrivals).where(arrivals.c.sequence <= through))
