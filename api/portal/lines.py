"""A line of a statement: why it is what it is, and what people say about it."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path
from fastapi.responses import RedirectResponse, Response

from api.auth import check_csrf
from api.disputing import contest
from api.explaining import explained
from api.portal.months import days_of
from api.portal.render import Page, PageAsked
from api.portal.statements import extras
from api.problem import Said
from api.scope import Need, Viewer, allow
from api.utilities import unit_of
from meterbook.books.disputes import OpenAlready
from meterbook.domain.instant import parse
from meterbook.i18n import mark

router = APIRouter(include_in_schema=False)

Readers = Annotated[Viewer, Depends(allow(Need.STATEMENTS))]
Contesters = Annotated[Viewer, Depends(allow(Need.DISPUTES))]
LineNamed = Annotated[str, Path(max_length=300)]

_NO_COMMENT = Said(mark("Write down first what is wrong with the line."))
_OPEN_ALREADY = Said(mark("The line is contested already, and waits for its answer."))


@router.get("/statement-lines/{line}")
def line_page(line: LineNamed, page: PageAsked, viewer: Readers) -> Response:
    """One line: rule, price, registers and readings, days, disputes."""
    return _show(page, viewer, line, {})


@router.post("/statement-lines/{line}")
def contest_line(
    line: LineNamed,
    page: PageAsked,
    viewer: Contesters,
    comment: Annotated[str, Form(max_length=2000)] = "",
    csrf: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Contest a line; without a word of why, or where somebody was faster, the page says so."""
    check_csrf(viewer.caller, csrf)
    found, ledger = viewer.line(page.rooms.ledger, line, page.now), page.rooms.ledger
    if not comment.strip():
        return _show(page, viewer, line, {"refusal": _NO_COMMENT}, HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        opened = contest(ledger, page.rooms.books, *found, viewer.user.name, comment.strip(), page.now)
    except OpenAlready:
        return _show(page, viewer, line, {"refusal": _OPEN_ALREADY, "written": comment}, HTTPStatus.CONFLICT)
    return RedirectResponse(f"/disputes/{opened.id}", HTTPStatus.SEE_OTHER)


def _show(
    page: Page, viewer: Viewer, name: str, facts: Mapping[str, object], status: HTTPStatus = HTTPStatus.OK
) -> Response:
    statement, line = viewer.line(page.rooms.ledger, name, page.now)
    told = explained(page.rooms, viewer, statement, line)
    shared: dict[str, object] = {
        "told": told,
        "line": line,
        "party": statement.department,
        "department": page.rooms.site.departments.get(statement.department),
        "lines": {other.id: other for other in statement.lines},
        "source": page.rooms.site.calendar.month_of(line.start),
        "most": max((abs(day.value) for day in told.days if day.value is not None), default=None),
        "contested": any(one.answer is None for one in told.disputes),
        "extras": extras(page.rooms.site),
        "unit": unit_of(line.utility),
        "day": days_of(page),
        "at": parse,
        "refusal": None,
        "written": "",
    }
    return page.show("line.html", shared | dict(facts), status)
