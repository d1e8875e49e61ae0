"""The fixed words of the accounts as messages, for pages to translate."""

from __future__ import annotations

from collections.abc import Mapping

from meterbook.domain.allocation import SplitBy
from meterbook.domain.closing import BlockKind
from meterbook.domain.dispute import Outcome
from meterbook.i18n import mark
from meterbook.i18n.statements import REASONS as REASONS

OUTCOMES: Mapping[Outcome, str] = {"adjustment": mark("adjusted"), "rejection": mark("rejected")}

COMPONENTS: Mapping[str, str] = {
    "energy": mark("Energy"),
    "demand": mark("Demand"),
    "power_factor": mark("Power factor"),
    "quota_excess": mark("Quota excess"),
    "quota_reward": mark("Saving reward"),
}
"""Components of a price that are neither bands nor extra charges with a name."""

SPLITS: Mapping[SplitBy, str] = {
    "shares": mark("by fixed shares"),
    "area_m2": mark("by area"),
    "headcount": mark("by heads"),
    "consumption": mark("by consumption"),
}

READ: Mapping[str, str] = {"good": mark("good"), "estimated": mark("estimated"), "bad": mark("bad")}
"""The quality of a reading."""

INTERVALS: Mapping[str, str] = {
    "interpolated": mark("interpolated between readings"),
    "gap": mark("spread over a gap"),
    "rejected": mark("a reading does not count"),
    "estimated": mark("a reading was an estimate"),
    "rollover": mark("the register began again at zero"),
    "wobble": mark("a small step back"),
    "exchange": mark("the meter was exchanged"),
    "silent": mark("no readings"),
    "question": mark("readings wait for an explanation"),
    "corrected": mark("a person declared what was used"),
}
"""Why an interval is what it is; see domain.interval.Reason."""

CORRECTIONS: Mapping[str, str] = {
    "exclude": mark("readings excluded"),
    "estimate": mark("use estimated"),
    "exchange": mark("exchange declared"),
}

BLOCKS: Mapping[BlockKind, str] = {
    "running": mark("The month runs"),
    "coverage": mark("Too little is known"),
    "question": mark("Open questions"),
    "price": mark("No price"),
    "opening": mark("Use before the readings"),
    "reactive": mark("Reactive energy is missing"),
    "imbalance": mark("Parents and children differ"),
}

RULES: Mapping[str, str] = {
    "quota": mark("Use within the quota"),
    "against_last_year": mark("Use against last year"),
    "after_hours_share": mark("Use after hours"),
    "incidents_answered": mark("Incidents answered in time"),
}
"""The rules of scores; see accounting.score."""
