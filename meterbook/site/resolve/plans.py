"""What a site plans: quotas, scores, maintenance."""

from __future__ import annotations

from decimal import Decimal

from meterbook.domain.plans import ExcessStep, MaintenancePlan, Quota, ScorePart, Scores
from meterbook.site.models.maintenance import MaintenanceFile
from meterbook.site.models.quotas import QuotasFile
from meterbook.site.models.scores import ScoresFile


def quotas(file: QuotasFile) -> tuple[Quota, ...]:
    """The quotas in the order of the file."""
    return tuple(
        Quota(
            department=one.department,
            utility=one.utility,
            year=one.year,
            amount=one.amount,
            per_head=one.per_head or Decimal(0),
            per_m2=one.per_m2 or Decimal(0),
            equipment=one.equipment or Decimal(0),
            excess=tuple(ExcessStep(step.above, step.multiplier) for step in one.excess),
            saving_reward=one.saving_reward,
            warn_at=tuple(one.warn_at),
            month_profile=tuple(one.month_profile),
            used_before=one.used_before,
        )
        for one in file.quotas
    )


def scores(file: ScoresFile) -> Scores | None:
    """What 100 points are made of, None where nothing is declared."""
    if file.scores is None:
        return None
    parts = (
        ScorePart(part.id, part.points, part.rule, part.full_at, part.none_at, part.hours, part.within)
        for part in file.scores.parts
    )
    return Scores(file.scores.pass_, tuple(parts))


def plans(file: MaintenanceFile) -> tuple[MaintenancePlan, ...]:
    """The maintenance plans in the order of the file."""
    return tuple(
        MaintenancePlan(one.id, one.team, one.task, one.every.model_dump(exclude_none=True), one.device, one.space)
        for one in file.plans
    )
