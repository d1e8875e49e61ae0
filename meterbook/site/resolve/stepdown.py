"""The stages of a step-down."""

from __future__ import annotations

from collections.abc import Sequence

from meterbook.domain.stepdown import Stage, StepDown
from meterbook.site import models
from meterbook.site.draft import Draft
from meterbook.site.models.site import Department
from meterbook.site.resolve.dates import since


def step_down(draft: Draft) -> tuple[StepDown, ...]:
    """The dated versions in the order of the file."""
    departments = draft.site.departments if draft.site is not None else ()
    return tuple(
        StepDown(
            since(one.from_, draft.zone),
            tuple(_stage(stage, receivers(one.stages, place, departments)) for place, stage in enumerate(one.stages)),
        )
        for one in draft.allocations.step_down
    )


def _stage(stage: models.allocations.Stage, among: Sequence[str]) -> Stage:
    given = {department: number for department, number in stage.among.items() if number is not None}
    return Stage(tuple(stage.departments), stage.by, tuple(among), given, stage.name)


def receivers(
    stages: Sequence[models.allocations.Stage], place: int, departments: Sequence[Department]
) -> tuple[str, ...]:
    """Whom a stage passes its costs on to: those it names, else everybody in later stages or in none.

    A department above others that declares no heads or area has them below it, and is left out of a split by them.
    """
    stage = stages[place]
    if stage.among:
        return tuple(stage.among)
    gone = {department for one in stages[: place + 1] for department in one.departments}
    above = {one.parent for one in departments}
    return tuple(
        one.id
        for one in departments
        if one.id not in gone and (one.id not in above or getattr(one, stage.by) is not None)
    )
