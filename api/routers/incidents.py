"""Incidents and what people do about them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query

from api.ask import LimitAsked
from api.deeds import record
from api.port import Here, Rooms
from api.problem import invalid
from api.routers import PREFIX
from api.schemas.common import Listing
from api.schemas.incident import CommentIn, DeedIn, IncidentFull, IncidentOut
from api.scope import Need, Viewer, allow
from meterbook.books import incidents as book
from meterbook.books import outbox
from meterbook.domain.incident import Deed, State

router = APIRouter(prefix=f"{PREFIX}/incidents", tags=["incidents"])

Readers = Annotated[Viewer, Depends(allow(Need.INCIDENTS))]
Doers = Annotated[Viewer, Depends(allow(Need.INCIDENT_DEEDS))]
Name = Annotated[int, Path(ge=1, le=2**63 - 1, examples=[7])]
_CONFLICT: dict[int | str, dict[str, Any]] = {
    HTTPStatus.CONFLICT.value: {"description": "somebody was faster, or the state does not allow it"}
}


@router.get("")
def incidents(
    rooms: Here,
    viewer: Readers,
    state: Annotated[list[State] | None, Query(description="any of these; repeat for several")] = None,
    department: Annotated[str | None, Query(examples=["radiology"])] = None,
    team: Annotated[str | None, Query(examples=["electricians"])] = None,
    cursor: Annotated[str | None, Query(description="`next` of the page before", examples=["41"])] = None,
    limit: LimitAsked = 100,
) -> Listing[IncidentOut]:
    """Incidents, newest first."""
    if cursor is not None and not (cursor.isdecimal() and len(cursor) < 19):
        raise invalid("query.cursor", "expected `next` of the page before")
    departments = viewer.departments if department is None else {viewer.department(department).id}
    with rooms.books.read() as connection:
        found = book.find(
            connection,
            states=state,
            departments=departments,
            team=team,
            before=None if cursor is None else int(cursor),
            limit=limit + 1,
        )
    shown = found[:limit]
    return Listing(
        items=[IncidentOut.of(incident, rooms.site.calendar.zone) for incident in shown],
        next=str(shown[-1].id) if len(found) > limit else None,
    )


@router.get("/{incident}")
def incident(incident: Name, rooms: Here, viewer: Readers) -> IncidentFull:
    """One incident with its history and the messages sent about it."""
    return _full(rooms, viewer, incident)


@router.post("/{incident}/ack", responses=_CONFLICT)
def acknowledge(incident: Name, rooms: Here, viewer: Doers, deed: DeedIn) -> IncidentFull:
    """Take an incident on: it is known and somebody looks after it."""
    record(rooms, viewer, incident, Deed.ACK, deed.comment, deed.revision)
    return _full(rooms, viewer, incident)


@router.post("/{incident}/comment", responses=_CONFLICT)
def comment(incident: Name, rooms: Here, viewer: Doers, deed: CommentIn) -> IncidentFull:
    """Add words to the history."""
    record(rooms, viewer, incident, Deed.COMMENT, deed.comment, deed.revision)
    return _full(rooms, viewer, incident)


@router.post("/{incident}/resolve", responses=_CONFLICT)
def resolve(incident: Name, rooms: Here, viewer: Doers, deed: DeedIn) -> IncidentFull:
    """Close an incident: its cause is mended."""
    record(rooms, viewer, incident, Deed.RESOLVE, deed.comment, deed.revision)
    return _full(rooms, viewer, incident)


def _full(rooms: Rooms, viewer: Viewer, name: int) -> IncidentFull:
    with rooms.books.read() as connection:
        found = viewer.incident(book.get(connection, name), name)
        history, messages = book.history(connection, name), outbox.of_incident(connection, name)
    return IncidentFull.with_history(found, history, messages, rooms.site.calendar.zone)
