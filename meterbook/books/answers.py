"""When the incidents of departments were first answered by a person."""

from __future__ import annotations

from sqlalchemy import Connection, and_, func, select

from meterbook.books.tables import incident_events as events
from meterbook.books.tables import incidents
from meterbook.domain.incident import Deed
from meterbook.domain.instant import Instant
from meterbook.domain.score import Answer


def answers(connection: Connection, start: Instant, end: Instant) -> list[Answer]:
    """The incidents of departments raised in [start, end), without those found late in old data: they paged nobody."""
    answering = and_(events.c.incident == incidents.c.id, events.c.deed.in_((Deed.ACK, Deed.RESOLVE)))
    query = (
        select(incidents.c.department, incidents.c.raised, func.min(events.c.at))
        .outerjoin(events, answering)
        .where(incidents.c.department.is_not(None), incidents.c.raised >= start, incidents.c.raised < end)
        .where(incidents.c.late.is_(False))
        .group_by(incidents.c.id, incidents.c.department, incidents.c.raised)
        .order_by(incidents.c.id)
    )
    return [Answer(*row) for row in connection.execute(query)]
