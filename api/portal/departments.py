"""Departments: what each used and owes so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from api.portal.live import OPEN, by_urgency
from api.portal.months import MonthChosen, Months, months_of
from api.portal.render import Page, PageAsked, api
from api.portal.statements import contested, extras
from api.scope import Need, Viewer, allow
from api.utilities import unit_of, utilities
from meterbook.books import incidents
from meterbook.domain.calendar import GRID
from meterbook.domain.instant import iso
from meterbook.domain.organisation import Department, path
from meterbook.domain.statement import Statement

router = APIRouter(include_in_schema=False)

Readers = Annotated[Viewer, Depends(allow(Need.STATEMENTS))]

MAX_INCIDENTS = 20


@dataclass(frozen=True, slots=True)
class Use:
    """A utility in a month: the total of the statement's lines, and where charts find its days or hours."""

    utility: str
    unit: str
    quantity: Decimal | None
    charge: Decimal | None
    chart: str


@router.get("/departments")
def departments(page: PageAsked, viewer: Readers, month: MonthChosen = None) -> Response:
    """All departments with their month."""
    months = months_of(page, month)
    statements = {each.department: each for each in page.rooms.ledger.statements(months.shown, page.now)}
    parents = page.rooms.site.department_parents
    rows = sorted(viewer.all_departments(), key=lambda each: path(each.id, parents))
    return page.show(
        "departments.html",
        {
            "months": months,
            "signature": page.rooms.ledger.signature(months.shown),
            "rows": [
                (each, len(path(each.id, parents)) - 1, statements.get(each.id), _rolled(page, statements, each.id))
                for each in rows
            ],
            "unallocated": statements.get("unallocated") if viewer.departments is None else None,
        },
    )


@router.get("/departments/{department}")
def department(
    department: str,
    page: PageAsked,
    viewer: Readers,
    month: MonthChosen = None,
    by: Annotated[str, Query(pattern="^(hour|day)$")] = "day",
) -> Response:
    """One department's month."""
    found = viewer.department(department)
    months = months_of(page, month)
    below = [
        page.rooms.site.departments[each] for each in sorted(page.rooms.site.departments_below(found.id) - {found.id})
    ]
    statements = {each.department: each for each in page.rooms.ledger.statements(months.shown, page.now)}
    with page.rooms.books.read() as connection:
        faults = incidents.find(
            connection, states=OPEN, departments={found.id}, team=None, before=None, limit=MAX_INCIDENTS
        )
    return page.show(
        "department.html",
        {
            "department": found,
            "alone": False,
            "party": found.id,
            "above": [page.rooms.site.departments[each] for each in _above(page, viewer, found)],
            "below": [(each, statements.get(each.id)) for each in below],
            "months": months,
            "by": by,
            "statement": statements.get(found.id),
            "signature": page.rooms.ledger.signature(months.shown),
            "rolled": _rolled(page, statements, found.id),
            "extras": extras(page.rooms.site),
            "contested": contested(page, found.id, months.shown),
            "uses": _uses(page, found, statements.get(found.id), months, by),
            "incidents": by_urgency(faults),
        },
    )


def _rolled(page: Page, statements: Mapping[str, Statement], department: str) -> Decimal | None:
    """What a department and those below it pay together; None where nothing is priced."""
    family = page.rooms.site.departments_below(department)
    paid = [
        statement.payable
        for party, statement in statements.items()
        if party in family and statement.payable is not None
    ]
    return sum(paid, Decimal(0)) if paid else None


def _above(page: Page, viewer: Viewer, found: Department) -> Sequence[str]:
    walked = path(found.id, page.rooms.site.department_parents)[:-1]
    return [each for each in walked if viewer.sees_department(each)]


def _uses(page: Page, found: Department, statement: Statement | None, months: Months, by: str) -> list[Use]:
    uses = []
    for utility in utilities(page.rooms.site):
        lines = [line for line in (statement.lines if statement else ()) if line.utility == utility]
        measured = [
            line.quantity for line in lines if line.kind in ("direct", "shared", "loss") and line.quantity is not None
        ]
        charges = [line.charge for line in lines if line.charge is not None]
        query = {"from": iso(months.start, page.rooms.site.calendar.zone), "by": by, "utility": utility}
        query["to"] = iso(max(months.end, months.start + GRID), page.rooms.site.calendar.zone)
        uses.append(
            Use(
                utility,
                unit_of(utility),
                sum(measured, Decimal(0)) if measured else None,
                sum(charges, Decimal(0)) if charges else None,
                api(f"/departments/{found.id}/consumption", **query),
            )
        )
    return uses
