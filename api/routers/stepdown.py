"""Hospital cost accounting: a month's charges stepped down from department to department."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from api.ask import MonthAsked
from api.port import Here
from api.problem import Problem
from api.routers import PREFIX
from api.schemas.stepdown import SteppedDownOut
from api.scope import Need, Viewer, allow
from meterbook.accounting.stepdown import NoStages, Unpriced, stepped_down

router = APIRouter(prefix=PREFIX, tags=["statements"])

_ANSWERS: dict[int | str, dict[str, Any]] = {
    HTTPStatus.NOT_FOUND.value: {"description": "allocations.yaml declares no stages for the month"},
    HTTPStatus.CONFLICT.value: {"description": "a quantity of the month has no price"},
}


@router.get("/step-down/{month}", responses=_ANSWERS)
def step_down(
    month: MonthAsked,
    rooms: Here,
    _viewer: Annotated[Viewer, Depends(allow(Need.BALANCE))],
    current: Annotated[bool, Query(description="a closed month as it would be today")] = False,
) -> SteppedDownOut:
    """What departments were charged, passed on in the stages of allocations.yaml, with every transfer."""
    try:
        return SteppedDownOut.of(stepped_down(rooms.ledger, month, rooms.clock(), current=current))
    except NoStages as error:
        raise Problem(HTTPStatus.NOT_FOUND, f"allocations.yaml declares no `step_down` stages for {month}") from error
    except Unpriced as error:
        whom = ", ".join(error.departments)
        detail = f"a quantity of {whom} has no price in {month}, so nobody knows what there is to pass on"
        raise Problem(HTTPStatus.CONFLICT, f"{detail}; add it to tariffs.yaml") from error
