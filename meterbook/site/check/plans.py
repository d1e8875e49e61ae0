"""quotas, scores.yaml and maintenance.yaml."""

from __future__ import annotations

from meterbook.site.check.graph import once
from meterbook.site.check.meters import known_utility
from meterbook.site.draft import Draft
from meterbook.site.models.quotas import Quota
from meterbook.site.problem import nearest

SCORE_RULES = ("quota", "against_last_year", "after_hours_share", "incidents_answered")


def check(draft: Draft) -> None:
    """Check what a site plans."""
    _quotas(draft)
    _scores(draft)
    once(draft, draft.maintenance.plans)
    for plan in draft.maintenance.plans:
        draft.refer(plan.where("device"), "device", plan.device)
        draft.refer(plan.where("space"), "space", plan.space)
        draft.refer(plan.where("team"), "team", plan.team)


def _quotas(draft: Draft) -> None:
    seen: dict[tuple[str, str, int], Quota] = {}
    for quota in draft.quotas.quotas:
        draft.refer(quota.where("department"), "department", quota.department)
        known_utility(draft, quota, quota.utility)
        _declared(draft, quota)
        first = seen.setdefault((quota.department, quota.utility, quota.year), quota)
        if first is not quota:
            found = f"{quota.department} has a quota of {quota.utility} for {quota.year} on line {first.where().line}"
            draft.problems.append(quota.where().problem(found, "one quota for each department, utility and year"))


def _declared(draft: Draft, quota: Quota) -> None:
    """A quota by head or by area needs a department that declares them."""
    department = next(
        (one for one in (draft.site.departments if draft.site else ()) if one.id == quota.department), None
    )
    for key, field in (("per_head", "headcount"), ("per_m2", "area_m2")):
        if department is not None and getattr(quota, key) is not None and getattr(department, field) is None:
            found = f"{quota.department} declares no {field}"
            draft.problems.append(quota.where(key).problem(found, f"{field} of the department in site.yaml"))


def _scores(draft: Draft) -> None:
    parts = draft.scores.scores.parts if draft.scores.scores else []
    once(draft, parts)
    for part in parts:
        if part.rule not in SCORE_RULES:
            known = f"one of {', '.join(SCORE_RULES)}"
            where = part.where("rule")
            draft.problems.append(where.warning(f"{part.rule} is not built", known, nearest(part.rule, SCORE_RULES)))
