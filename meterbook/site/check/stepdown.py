"""allocations.yaml, `step_down`: costs that are passed on once, and never come back."""

from __future__ import annotations

from datetime import datetime

from meterbook.domain.instant import Instant
from meterbook.domain.timeline import BEGINNING
from meterbook.site.check.graph import by_id
from meterbook.site.draft import Draft
from meterbook.site.models.allocations import Stage, StepDown
from meterbook.site.resolve.dates import since
from meterbook.site.resolve.stepdown import receivers


def check(draft: Draft) -> None:
    """Check the stages of allocations.yaml."""
    starts: dict[Instant, StepDown] = {}
    for version in draft.allocations.step_down:
        if not version.refused("from"):
            _from(draft, version, starts)
        _stages(draft, version)


def _from(draft: Draft, version: StepDown, starts: dict[Instant, StepDown]) -> None:
    start, where = since(version.from_, draft.zone), version.where("from")
    day = version.from_.date() if isinstance(version.from_, datetime) else version.from_
    if day is not None and since(day.replace(day=1), draft.zone) != start:
        expected = f"{day.replace(day=1)}, or the first day of the next month"
        draft.problems.append(where.problem("costs are passed on by months, and this is inside one", expected))
    first = starts.setdefault(start, version)
    if first is not version:
        since_when = "from the beginning" if start == BEGINNING else f"from {day}"
        found = f"stages hold {since_when} on line {first.where().line} too"
        draft.problems.append(where.problem(found, "one set of stages for each month"))


def _stages(draft: Draft, version: StepDown) -> None:
    stage_of: dict[str, int] = {}
    for number, stage in enumerate(version.stages, start=1):
        where = stage.where("departments")
        for id in stage.departments:
            draft.refer(where, "department", id)
            if id in stage_of:
                found = f"{id} is in stage {stage_of[id]} already"
                draft.problems.append(where.problem(found, "each department in one stage at most"))
            stage_of.setdefault(id, number)
        _among(draft, version, number, stage, stage_of)


def _among(draft: Draft, version: StepDown, number: int, stage: Stage, stage_of: dict[str, int]) -> None:
    where = stage.where("among" if stage.among else "departments")
    for id in stage.among:
        draft.refer(where, "department", id)
        if id in stage_of:
            which = "this stage" if id in stage.departments else f"stage {stage_of[id]}, which has passed its costs on"
            found = f"{id} is in {which}: costs would go round in a circle"
            draft.problems.append(where.problem(found, "departments of later stages or of none"))
    departments = by_id(draft.site.departments) if draft.site is not None else {}
    if not departments or (stage.by in ("shares", "weights") and not stage.among):
        return
    carrying = receivers(version.stages, number - 1, list(departments.values()))
    if not carrying:
        draft.problems.append(where.problem("nobody is left to pass costs on to", "a department in no stage so far"))
    for id in carrying if stage.by in ("headcount", "area_m2") else ():
        if id in departments and getattr(departments[id], stage.by) is None:
            found = f"{id} declares no {stage.by}, and stage {number} passes costs on to it by that"
            draft.problems.append(where.problem(found, f"departments that declare {stage.by}, or among without it"))
