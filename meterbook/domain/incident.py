"""Incidents: one occurrence of a fault, with its life from raised to closed (ISA-18.2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from meterbook.domain.instant import Instant
from meterbook.domain.rule import Severity
from meterbook.domain.text import Text


class State(StrEnum):
    """Where an incident stands. `suppressed` and `shelved` are reached by later rooms (grouping, shelving)."""

    RAISED = "raised"
    ACKNOWLEDGED = "acknowledged"
    CLEARED = "cleared"
    SHELVED = "shelved"
    SUPPRESSED = "suppressed"
    CLOSED = "closed"


class Deed(StrEnum):
    """What happens to an incident: the first two by the engine, the others by people."""

    RAISE = "raise"
    CLEAR = "clear"
    ACK = "ack"
    COMMENT = "comment"
    RESOLVE = "resolve"


class NotPossible(ValueError):
    """The deed does not go with the state the incident is in."""


class Outdated(ValueError):
    """Somebody else changed the incident first; look again, then decide."""


@dataclass(frozen=True, slots=True)
class Event:
    """One deed: when it happened (`at`, event time), when it was written down, by whom, with what words."""

    deed: Deed
    at: Instant
    recorded: Instant
    by: str
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the rule saw: the value that raised it and the limit it stood against, in `unit`."""

    point: str | None
    value: float | None
    limit: float | None
    unit: str


@dataclass(frozen=True, slots=True)
class Incident:
    """One occurrence of a rule on a subject (a device, a meter or a point).

    `since` is when the condition began, `raised` when it had held long enough, both in event time. `late` means that
    it was found in old data, so that nobody was paged. `revision` counts its events.
    """

    id: int
    rule: str
    subject: str
    name: Text
    severity: Severity
    team: str
    state: State
    since: Instant
    raised: Instant
    cleared: Instant | None
    acknowledged_by: str | None
    space: str | None
    department: str | None
    device: str | None
    meter: str | None
    evidence: Evidence
    cause: Text | None
    action: Text | None
    late: bool
    revision: int

    @property
    def open(self) -> bool:
        """Whether anything is left to do."""
        return self.state is not State.CLOSED


_NEXT: dict[tuple[State, Deed], State] = {
    (State.RAISED, Deed.ACK): State.ACKNOWLEDGED,
    (State.RAISED, Deed.CLEAR): State.CLEARED,
    (State.ACKNOWLEDGED, Deed.CLEAR): State.CLOSED,
    (State.CLEARED, Deed.ACK): State.CLOSED,
    (State.CLEARED, Deed.RESOLVE): State.CLOSED,
}
"""What follows from what. While its condition holds nobody can close an incident: the fault would go on in silence."""

_STANDING = frozenset({State.RAISED, State.ACKNOWLEDGED})


def after(incident: Incident, event: Event, expected: int | None = None) -> Incident:
    """The incident after an event.

    Raises Outdated when `expected` is not its revision, NotPossible when the deed does not go with its state.
    """
    if expected is not None and expected != incident.revision:
        raise Outdated(f"incident {incident.id} is at revision {incident.revision}, not {expected}")
    if event.deed is Deed.COMMENT:
        return replace(incident, revision=incident.revision + 1)
    state = _NEXT.get((incident.state, event.deed))
    if state is None and event.deed is Deed.RESOLVE and incident.state in _STANDING:
        raise NotPossible(f"incident {incident.id} cannot be closed while its condition holds")
    if state is None:
        raise NotPossible(f"incident {incident.id} is {incident.state}: {event.deed} is not possible")
    return replace(
        incident,
        state=state,
        cleared=event.at if event.deed is Deed.CLEAR else incident.cleared,
        acknowledged_by=event.by if event.deed is Deed.ACK else incident.acknowledged_by,
        revision=incident.revision + 1,
    )
