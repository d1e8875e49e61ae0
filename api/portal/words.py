"""The field's fixed words as messages, for pages to translate."""

from __future__ import annotations

from meterbook.domain.incident import Deed, Incident, State
from meterbook.domain.rule import Severity
from meterbook.i18n import mark

STATES: dict[State, str] = {
    State.RAISED: mark("raised"),
    State.ACKNOWLEDGED: mark("acknowledged"),
    State.CLEARED: mark("cleared"),
    State.SHELVED: mark("shelved"),
    State.SUPPRESSED: mark("suppressed"),
    State.CLOSED: mark("closed"),
}

SEVERITIES: dict[Severity, str] = {
    Severity.LOW: mark("low"),
    Severity.MEDIUM: mark("medium"),
    Severity.HIGH: mark("high"),
    Severity.URGENT: mark("urgent"),
}

DEEDS: dict[Deed, str] = {
    Deed.RAISE: mark("raised the alarm"),
    Deed.CLEAR: mark("back to normal"),
    Deed.ACK: mark("acknowledged"),
    Deed.COMMENT: mark("commented"),
    Deed.RESOLVE: mark("resolved"),
}

KINDS: dict[str, str] = {
    "direct": mark("Direct"),
    "shared": mark("Shared"),
    "loss": mark("Losses"),
    "fixed": mark("Fixed charge"),
    "demand": mark("Demand"),
    "power_factor": mark("Power factor"),
    "surcharge": mark("Surcharge"),
    "quota_excess": mark("Quota excess"),
    "quota_reward": mark("Saving reward"),
    "adjustment": mark("Adjustment"),
}

BANDS: dict[str, str] = {
    "sharp": mark("Sharp"),
    "peak": mark("Peak"),
    "flat": mark("Flat"),
    "valley": mark("Valley"),
}

STATEMENT_STATES: dict[str, str] = {
    "open": mark("open"),
    "provisional": mark("provisional"),
    "closed": mark("closed"),
}

MESSAGE_STATES: dict[str, str] = {"waiting": mark("waiting"), "sent": mark("sent"), "failed": mark("failed")}

SOURCE_STATES: dict[str, str] = {"starting": mark("starting"), "up": mark("up"), "down": mark("down")}

ROLES: dict[str, str] = {
    "admin": mark("Administrator"),
    "engineer": mark("Engineer"),
    "crew": mark("Maintenance crew"),
    "department": mark("Department"),
}

REMARKS: dict[str, str] = {
    "demand": mark("The demand is not charged yet: no window was wholly measured."),
    "estimated_demand": mark("A higher demand was estimated and does not count."),
    "power_factor": mark("The power factor is not charged yet: reactive readings are missing."),
}


def is_silence(incident: Incident) -> bool:
    """Whether it tells of a device that says nothing: it has no point, and a limit of time."""
    return incident.evidence.point is None and incident.evidence.unit == "s" and incident.evidence.limit is not None
