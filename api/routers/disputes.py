"""Disputes: a line is contested by those who see it, and answered by those who answer for the accounts."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query

from api.ask import LimitAsked, month_named
from api.disputing import NothingMoved, OwnDispute, Wish, answer, contest, in_full
from api.port import Here
from api.problem import Problem, invalid
from api.routers import PREFIX
from api.schemas.common import Listing
from api.schemas.dispute import DisputeAnswerIn, DisputeIn, DisputeInFull, DisputeOut
from api.scope import Need, Viewer, allow
from meterbook.accounting.correctable import Refused
from meterbook.books import disputes as book
from meterbook.books.disputes import AnsweredAlready, OpenAlready

router = APIRouter(prefix=PREFIX, tags=["disputes"])

Contesters = Annotated[Viewer, Depends(allow(Need.DISPUTES))]
Answerers = Annotated[Viewer, Depends(allow(Need.DISPUTE_ANSWERS))]
LineNamed = Annotated[str, Path(max_length=300, examples=["2026-10:radiology:0f1e2d3c4b5a"])]
Name = Annotated[int, Path(ge=1, le=2**63 - 1, examples=[3])]
_WAITS: dict[int | str, dict[str, Any]] = {
    HTTPStatus.CONFLICT.value: {"description": "contested before, and that dispute waits for its answer"}
}
_CONFLICT: dict[int | str, dict[str, Any]] = {
    HTTPStatus.CONFLICT.value: {
        "description": "answered before, opened by the caller, or no adjustment has come of the contested figure"
    }
}


@router.post("/statement-lines/{line}/disputes", status_code=HTTPStatus.CREATED, responses=_WAITS)
def contest_line(line: LineNamed, rooms: Here, viewer: Contesters, why: DisputeIn) -> DisputeOut:
    """Contest a line, signed by the caller. The figures are kept as they stand; the line's id stays the same."""
    now = rooms.clock()
    statement, found = viewer.line(rooms.ledger, line, now)
    try:
        opened = contest(rooms.ledger, rooms.books, statement, found, viewer.user.name, why.comment, now)
    except OpenAlready as error:
        raise Problem(HTTPStatus.CONFLICT, str(error)) from error
    return DisputeOut.of(opened, rooms.site.calendar.zone)


@router.get("/disputes")
def disputes(
    rooms: Here,
    viewer: Contesters,
    state: Annotated[Literal["open", "answered"] | None, Query(description="only these")] = None,
    department: Annotated[str | None, Query(description="only this one's", examples=["radiology"])] = None,
    month: Annotated[str | None, Query(description="of lines of this month", examples=["2026-10"])] = None,
    line: Annotated[str | None, Query(description="of this line", max_length=300)] = None,
    cursor: Annotated[str | None, Query(description="`next` of the page before", examples=["41"])] = None,
    limit: LimitAsked = 100,
) -> Listing[DisputeOut]:
    """Disputes, newest first: a department's own and those of the departments below it."""
    if cursor is not None and not (cursor.isdecimal() and len(cursor) < 19):
        raise invalid("query.cursor", "expected `next` of the page before")
    with rooms.books.read() as connection:
        found = book.find(
            connection,
            departments=viewer.departments if department is None else {viewer.party(department)},
            month=None if month is None else month_named("query.month", month),
            line=line,
            answered=None if state is None else state == "answered",
            before=None if cursor is None else int(cursor),
            limit=limit + 1,
        )
    return Listing(
        items=[DisputeOut.of(one, rooms.site.calendar.zone) for one in found[:limit]],
        next=str(found[limit - 1].id) if len(found) > limit else None,
    )


@router.get("/disputes/{dispute}")
def dispute_in_full(dispute: Name, rooms: Here, viewer: Contesters) -> DisputeInFull:
    """One dispute, with the line as it stands today and the adjustments since."""
    found = viewer.dispute(rooms.books, dispute)
    return in_full(rooms.ledger, rooms.books, found, rooms.clock(), viewer.sees_meter)


@router.post("/disputes/{dispute}/answer", responses=_CONFLICT)
def answer_dispute(dispute: Name, rooms: Here, viewer: Answerers, given: DisputeAnswerIn) -> DisputeInFull:
    """Answer a dispute, signed by the caller: with an adjustment that has come of what is named, or a rejection."""
    found = viewer.dispute(rooms.books, dispute)
    wish = Wish(given.outcome, given.comment, tuple(given.corrections), given.change)
    try:
        answered = answer(rooms.ledger, rooms.books, found, wish, viewer.user.name, rooms.clock())
    except Refused as refused:
        raise invalid(f"body.{refused.field}", refused.reason) from refused
    except (AnsweredAlready, OwnDispute, NothingMoved) as error:
        raise Problem(HTTPStatus.CONFLICT, str(error)) from error
    return in_full(rooms.ledger, rooms.books, answered, rooms.clock(), viewer.sees_meter)
