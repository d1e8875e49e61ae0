"""Incidents and their events. What an event makes of an incident is decided in `meterbook.domain.incident`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, insert, select, update

from meterbook.books.tables import incident_events, incidents
from meterbook.domain.incident import Deed, Event, Evidence, Incident, Outdated, State, after
from meterbook.domain.rule import Severity
from meterbook.domain.text import Text

STANDING = (State.RAISED, State.ACKNOWLEDGED, State.SHELVED, State.SUPPRESSED)
"""The states in which the condition of an incident holds."""

_PLAIN: tuple[str, ...] = (
    "rule",
    "subject",
    "severity",
    "team",
    "state",
    "since",
    "raised",
    "cleared",
    "acknowledged_by",
    "space",
)
_PLAIN += ("department", "device", "meter", "late", "revision")


def add(connection: Connection, incident: Incident, event: Event) -> Incident:
    """Keep a new incident (its id is 0) with the event that raised it; returns it with its id."""
    key = connection.execute(insert(incidents).values(_row(incident)).returning(incidents.c.id)).scalar_one()
    kept = replace(incident, id=key)
    _note(connection, kept.id, event)
    return kept


def get(connection: Connection, id: int) -> Incident | None:
    """The incident, None when there is none of that id."""
    row = connection.execute(select(incidents).where(incidents.c.id == id)).one_or_none()
    return None if row is None else _incident(row)


def standing(connection: Connection) -> list[Incident]:
    """The incidents whose condition holds, oldest first."""
    query = select(incidents).where(incidents.c.state.in_(STANDING)).order_by(incidents.c.id)
    return [_incident(row) for row in connection.execute(query)]


def find(
    connection: Connection,
    *,
    states: Collection[State] | None = None,
    departments: Collection[str] | None = None,
    team: str | None = None,
    before: int | None = None,
    limit: int,
) -> list[Incident]:
    """Newest incidents first, at most `limit`, with ids below `before`; None does not narrow, an empty set does."""
    query = select(incidents).order_by(incidents.c.id.desc()).limit(limit)
    if states is not None:
        query = query.where(incidents.c.state.in_(states))
    if departments is not None:
        query = query.where(incidents.c.department.in_(departments))
    if team is not None:
        query = query.where(incidents.c.team == team)
    if before is not None:
        query = query.where(incidents.c.id < before)
    return [_incident(row) for row in connection.execute(query)]


def record(connection: Connection, id: int, event: Event, expected: int | None) -> Incident:
    """Write an event down and return the incident after it.

    Raises KeyError for an unknown id, Outdated when `expected` is not its revision (any more), NotPossible when the
    deed does not go with its state.
    """
    found = get(connection, id)
    if found is None:
        raise KeyError(id)
    changed = after(found, event, expected)
    # Where the database lets two read the same revision, the condition lets one of them write.
    mine = (incidents.c.id == id) & (incidents.c.revision == found.revision)
    if not connection.execute(update(incidents).where(mine).values(_row(changed))).rowcount:
        raise Outdated(f"incident {id} is no longer at revision {found.revision}")
    _note(connection, id, event)
    return changed


def history(connection: Connection, id: int) -> list[Event]:
    """The events of an incident, oldest first."""
    query = select(incident_events).where(incident_events.c.incident == id).order_by(incident_events.c.id)
    return [Event(Deed(row.deed), row.at, row.recorded, row.by, row.note) for row in connection.execute(query)]


def _note(connection: Connection, id: int, event: Event) -> None:
    row = {"incident": id, "deed": event.deed, "at": event.at, "recorded": event.recorded}
    connection.execute(insert(incident_events).values(row | {"by": event.by, "note": event.note}))


def _row(incident: Incident) -> dict[str, object]:
    seen, row = incident.evidence, {name: getattr(incident, name) for name in _PLAIN}
    for name in ("name", "cause", "action"):
        text: Text | None = getattr(incident, name)
        row |= {f"{name}_zh": text and text.zh, f"{name}_en": text and text.en}
    row |= {"evidence_point": seen.point, "evidence_value": seen.value}
    return row | {"evidence_limit": seen.limit, "evidence_unit": seen.unit}


def _incident(row: Any) -> Incident:
    return Incident(
        id=row.id,
        **{name: getattr(row, name) for name in _PLAIN}
        | {"severity": Severity(row.severity), "state": State(row.state)},
        name=Text(row.name_zh, row.name_en),
        evidence=Evidence(row.evidence_point, row.evidence_value, row.evidence_limit, row.evidence_unit),
        cause=_text(row.cause_zh, row.cause_en),
        action=_text(row.action_zh, row.action_en),
    )


def _text(zh: str | None, en: str | None) -> Text | None:
    return None if zh is None or en is None else Text(zh, en)
