"""The words of statements and scores as messages: the same on pages, in tables, in workbooks and on paper."""

from __future__ import annotations

from collections.abc import Mapping

from meterbook.domain.score import Reason
from meterbook.domain.statement import LineKind, StatementState
from meterbook.i18n import mark

KINDS: Mapping[LineKind, str] = {
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

BANDS: Mapping[str, str] = {
    "sharp": mark("Sharp"),
    "peak": mark("Peak"),
    "flat": mark("Flat"),
    "valley": mark("Valley"),
}

STATEMENT_STATES: Mapping[StatementState, str] = {
    "open": mark("open"),
    "provisional": mark("provisional"),
    "closed": mark("closed"),
}

REMARKS: Mapping[str, str] = {
    "demand": mark("The demand is not charged yet: no window was wholly measured."),
    "estimated_demand": mark("A higher demand was estimated and does not count."),
    "power_factor": mark("The power factor is not charged yet: reactive readings are missing."),
}

REASONS: Mapping[Reason, str] = {
    "no_quota": mark("no quota"),
    "quota_unknown": mark("use of the year not known"),
    "month_runs": mark("month not over"),
    "not_covered": mark("too few readings"),
    "not_measured": mark("too little was measured"),
    "nothing_used": mark("nothing used"),
    "no_incidents": mark("no incidents"),
    "not_built": mark("unknown rule"),
}
