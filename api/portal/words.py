"""The field's fixed words as messages, for pages to translate."""

from __future__ import annotations

from meterbook.accounting.manual import Odd
from meterbook.domain.incident import Deed, Incident, State
from meterbook.domain.rule import Severity
from meterbook.i18n import mark
from meterbook.i18n.statements import BANDS as BANDS
from meterbook.i18n.statements import KINDS as KINDS
from meterbook.i18n.statements import REMARKS as REMARKS
from meterbook.i18n.statements import STATEMENT_STATES as STATEMENT_STATES

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

MESSAGE_STATES: dict[str, str] = {"waiting": mark("waiting"), "sent": mark("sent"), "failed": mark("failed")}

SOURCE_STATES: dict[str, str] = {"starting": mark("starting"), "up": mark("up"), "down": mark("down")}

ROLES: dict[str, str] = {
    "admin": mark("Administrator"),
    "engineer": mark("Engineer"),
    "crew": mark("Maintenance crew"),
    "department": mark("Department"),
}

ODDITIES: dict[Odd, str] = {
    Odd.OUTSIDE: mark(
        "The register shows figures from %(lowest)s to %(highest)s. Any other is kept and never counts: "
        "perhaps a digit too many?"
    ),
    Odd.FINER: mark("The least digit of the register is %(digit)s, and this is finer: perhaps another meter?"),
    Odd.EXCHANGED: mark("An exchange is declared at this very minute: its first figure, %(figure)s, counts instead."),
    Odd.TAKEN: mark("There is a reading of this minute already: %(figure)s. It is kept, and yours counts instead."),
    Odd.WOBBLE: mark(
        "%(difference)s lower than the reading of %(moment)s (%(figure)s). "
        "So small a step back passes for a wobble: the higher figure goes on to count."
    ),
    Odd.ROLLOVER: mark(
        "%(difference)s lower than the reading of %(moment)s (%(figure)s). Perhaps the register has passed "
        "%(highest)s and begun again at zero: it counts as that if the next reading goes on from here."
    ),
    Odd.LOWER: mark(
        "%(difference)s lower than the reading of %(moment)s (%(figure)s): possibly an exchange, or a slip of the pen. "
        "It does not count until an exchange is declared."
    ),
    Odd.HIGHER: mark(
        "%(difference)s higher than the later reading of %(moment)s (%(figure)s): "
        "possibly a slip of the pen, or another day."
    ),
    Odd.FASTER: mark(
        "Between this and the reading of %(moment)s (%(figure)s) it would be %(rate)s; this meter takes %(max_rate)s "
        "at most. Perhaps a wrong digit, or another meter?"
    ),
}


def is_silence(incident: Incident) -> bool:
    """Whether it tells of a device that says nothing: it has no point, and a limit of time."""
    return incident.evidence.point is None and incident.evidence.unit == "s" and incident.evidence.limit is not None
