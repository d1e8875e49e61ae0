"""Departments and what they used."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from api.ask import CursorAsked, CutAsked, LimitAsked, page
from api.port import Here
from api.routers import PREFIX
from api.schemas.common import Listing
from api.schemas.consumption import DepartmentConsumption, intervals
from api.schemas.statement import DepartmentOut
from api.scope import Need, Viewer, allow
from api.utilities import unit_of, utilities
from meterbook.domain.organisation import Department

router = APIRouter(prefix=f"{PREFIX}/departments", tags=["departments"])

Readers = Annotated[Viewer, Depends(allow(Need.DEPARTMENTS))]


@router.get("")
def departments(viewer: Readers, cursor: CursorAsked = None, limit: LimitAsked = 1000) -> Listing[DepartmentOut]:
    """All departments the caller may see, sorted by id."""
    shown, following = page(viewer.all_departments(), _id, cursor, limit)
    return Listing(items=[DepartmentOut.of(department) for department in shown], next=following)


@router.get("/{department}")
def department(department: str, viewer: Readers) -> DepartmentOut:
    """One department."""
    return DepartmentOut.of(viewer.department(department))


@router.get("/{department}/consumption")
def consumption(
    department: str,
    rooms: Here,
    viewer: Readers,
    cut: CutAsked,
    utility: Annotated[str | None, Query(description="only this one", examples=["water"])] = None,
) -> Listing[DepartmentConsumption]:
    """What a department used in [from, to), direct, shared and losses: one item per utility."""
    found = viewer.department(department)
    zone = rooms.site.calendar.zone
    return Listing(
        items=[
            DepartmentConsumption(
                department=found.id,
                utility=each,
                unit=unit_of(each),
                intervals=intervals(rooms.ledger.department_consumption(found.id, each, *cut), zone),
            )
            for each in utilities(rooms.site)
            if utility in (None, each)
        ]
    )


def _id(department: Department) -> str:
    return department.id
