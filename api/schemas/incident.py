"""Incidents, their history and the messages sent about them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.schemas.common import Answer, Exact, Words
from meterbook.domain.incident import Deed, Event, Evidence, Incident, State
from meterbook.domain.instant import Instant, iso
from meterbook.domain.message import Message, MessageState
from meterbook.domain.rule import Severity


class EvidenceOut(Answer):
    """What the rule saw, and the limit it stood against."""

    point: str | None = Field(examples=["chiller-1.supply_temperature"])
    value: Exact | None = Field(examples=["12.6"])
    limit: Exact | None = Field(examples=["12"])
    unit: str = Field(examples=["degC"])

    @classmethod
    def of(cls, evidence: Evidence) -> EvidenceOut:
        """The evidence of an incident."""
        return cls(point=evidence.point, value=_exact(evidence.value), limit=_exact(evidence.limit), unit=evidence.unit)


class IncidentOut(Answer):
    """One occurrence of a fault. `revision` goes back with a deed so that nobody decides on an old picture."""

    id: int = Field(examples=[7])
    rule: str = Field(examples=["chiller-hot"])
    subject: str = Field(examples=["chiller-1.supply_temperature"])
    name: Words
    severity: Severity
    team: str = Field(examples=["electricians"])
    state: State
    since: str = Field(examples=["2026-11-23T15:30:00+08:00"])
    raised: str = Field(examples=["2026-11-23T15:40:00+08:00"])
    cleared: str | None
    acknowledged_by: str | None
    space: str | None = Field(examples=["plant"])
    department: str | None
    device: str | None = Field(examples=["chiller-1"])
    meter: str | None
    evidence: EvidenceOut
    cause: Words | None
    action: Words | None
    late: bool
    revision: int = Field(examples=[1])

    @classmethod
    def of(cls, incident: Incident, zone: ZoneInfo) -> IncidentOut:
        """An incident of the books."""
        return cls(
            id=incident.id,
            rule=incident.rule,
            subject=incident.subject,
            name=Words.of(incident.name),
            severity=incident.severity,
            team=incident.team,
            state=incident.state,
            since=iso(incident.since, zone),
            raised=iso(incident.raised, zone),
            cleared=_iso(incident.cleared, zone),
            acknowledged_by=incident.acknowledged_by,
            space=incident.space,
            department=incident.department,
            device=incident.device,
            meter=incident.meter,
            evidence=EvidenceOut.of(incident.evidence),
            cause=incident.cause and Words.of(incident.cause),
            action=incident.action and Words.of(incident.action),
            late=incident.late,
            revision=incident.revision,
        )


class EventOut(Answer):
    """One deed: when it happened, when it was written down, by whom, with what words."""

    deed: Deed
    at: str
    recorded: str
    by: str = Field(examples=["li"])
    note: str | None = Field(examples=["on my way"])

    @classmethod
    def of(cls, event: Event, zone: ZoneInfo) -> EventOut:
        """An event of the books."""
        return cls(
            deed=event.deed, at=iso(event.at, zone), recorded=iso(event.recorded, zone), by=event.by, note=event.note
        )


class MessageOut(Answer):
    """A message about the incident and what became of it."""

    channel: str = Field(examples=["log"])
    address: str
    language: str
    state: MessageState
    created: str
    tries: int
    reason: str | None

    @classmethod
    def of(cls, message: Message, zone: ZoneInfo) -> MessageOut:
        """A message of the outbox."""
        return cls(
            channel=message.channel,
            address=message.address,
            language=message.language,
            state=message.state,
            created=iso(message.created, zone),
            tries=message.tries,
            reason=message.reason,
        )


class IncidentFull(IncidentOut):
    """An incident with everything that happened to it, oldest first."""

    history: list[EventOut]
    messages: list[MessageOut]

    @classmethod
    def with_history(
        cls, incident: Incident, history: Sequence[Event], messages: Sequence[Message], zone: ZoneInfo
    ) -> IncidentFull:
        """An incident of the books with its events and messages."""
        return cls(
            **dict(IncidentOut.of(incident, zone)),
            history=[EventOut.of(event, zone) for event in history],
            messages=[MessageOut.of(message, zone) for message in messages],
        )


class DeedIn(BaseModel):
    """What somebody does to an incident; `revision` is the one they saw (left out: whatever it is)."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"revision": 1, "comment": "on my way"}]})

    revision: int | None = None
    comment: str | None = Field(default=None, max_length=2000)


class CommentIn(BaseModel):
    """Words about an incident, more than spaces."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"comment": "pump 2 is running dry"}]})

    revision: int | None = None
    comment: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


def _exact(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(repr(value))


def _iso(at: Instant | None, zone: ZoneInfo) -> str | None:
    return None if at is None else iso(at, zone)
