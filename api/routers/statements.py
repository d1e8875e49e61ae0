"""Statements and the balance of a month."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.responses import PlainTextResponse

from api.ask import MonthAsked
from api.port import Here, Rooms
from api.routers import PREFIX
from api.schemas.common import Listing
from api.schemas.statement import BalanceOut, StatementOut
from api.scope import Need, Viewer, allow
from meterbook.domain.statement import Statement
from meterbook.reports.csv import statement as statement_csv

router = APIRouter(prefix=PREFIX, tags=["statements"])

Readers = Annotated[Viewer, Depends(allow(Need.STATEMENTS))]


@router.get("/statements/{month}")
def statements(month: MonthAsked, rooms: Here, viewer: Readers) -> Listing[StatementOut]:
    """The statements of a month, ordered by department, `unallocated` last."""
    found = viewer.statements(rooms.ledger.statements(month, rooms.clock()))
    return Listing(items=[StatementOut.of(each, rooms.site.calendar.zone) for each in found])


@router.get("/statements/{month}/{department}.csv", response_class=PlainTextResponse)
def statement_as_csv(month: MonthAsked, department: str, rooms: Here, viewer: Readers) -> Response:
    """A statement as CSV for spreadsheets, in the site's language."""
    found = _statement(rooms, viewer, month, department)
    return Response(
        statement_csv(found, rooms.site, rooms.site.language),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="statement-{month}-{department}.csv"'},
    )


@router.get("/statements/{month}/{department}")
def statement(month: MonthAsked, department: str, rooms: Here, viewer: Readers) -> StatementOut:
    """A department's statement; without lines where it used nothing."""
    return StatementOut.of(_statement(rooms, viewer, month, department), rooms.site.calendar.zone)


@router.get("/balance/{month}")
def balance(
    month: MonthAsked, rooms: Here, viewer: Annotated[Viewer, Depends(allow(Need.BALANCE))]
) -> Listing[BalanceOut]:
    """Where each utility's supply of a month went; a month that runs is counted until now."""
    found = rooms.ledger.balances(month, rooms.clock())
    return Listing(items=[BalanceOut.of(each, rooms.site.calendar.zone) for each in found])


def _statement(rooms: Rooms, viewer: Viewer, month: str, department: str) -> Statement:
    return rooms.ledger.statement(month, viewer.party(department), rooms.clock())
