"""Statements and the balance of a month."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path, Query

from api.ask import MonthAsked
from api.closing import NotClosable, close
from api.explaining import explained
from api.port import Here, Rooms
from api.problem import Fault, Problem
from api.routers import PREFIX
from api.schemas.common import Listing
from api.schemas.explanation import ExplanationOut
from api.schemas.statement import BalanceOut, ClosingIn, ClosingOut, StatementOut
from api.scope import Need, Viewer, allow
from meterbook.accounting.closing import sentence
from meterbook.books.closings import ClosedAlready
from meterbook.domain.statement import Statement
from meterbook.i18n import English

router = APIRouter(prefix=PREFIX, tags=["statements"])

Readers = Annotated[Viewer, Depends(allow(Need.STATEMENTS))]
Current = Annotated[bool, Query(description="a closed month as it would be today")]
_CONFLICT: dict[int | str, dict[str, Any]] = {
    HTTPStatus.CONFLICT.value: {"description": "not closable, with every reason in `errors`; or closed before"}
}


@router.get("/statements/{month}")
def statements(month: MonthAsked, rooms: Here, viewer: Readers, current: Current = False) -> Listing[StatementOut]:
    """The statements of a month, ordered by id, `unallocated` among them; of a closed month as they were closed."""
    found = viewer.statements(rooms.ledger.statements(month, rooms.clock(), current=current))
    return Listing(items=[StatementOut.of(each, rooms.site.calendar.zone) for each in found])


@router.post("/statements/{month}/close", status_code=HTTPStatus.CREATED, responses=_CONFLICT)
def close_month(
    month: MonthAsked,
    rooms: Here,
    viewer: Annotated[Viewer, Depends(allow(Need.CLOSING))],
    wish: Annotated[ClosingIn | None, Body()] = None,
) -> ClosingOut:
    """Close a month, signed by the caller: its statements stay as they are, later news are adjustments."""
    force = wish.force if wish is not None else None
    try:
        signature = close(rooms.ledger, rooms.books, month, viewer.user.name, force, rooms.clock())
    except ClosedAlready as error:
        raise Problem(HTTPStatus.CONFLICT, str(error)) from error
    except NotClosable as error:
        faults = [
            Fault(where=f"{block.kind}.{block.subject}", reason=sentence(block, English())) for block in error.blocks
        ]
        raise Problem(HTTPStatus.CONFLICT, str(error), errors=faults) from error
    return ClosingOut.of(signature, rooms.site.calendar.zone)


@router.get("/statements/{month}/{department}")
def statement(
    month: MonthAsked, department: str, rooms: Here, viewer: Readers, current: Current = False
) -> StatementOut:
    """A department's statement; without lines where it used nothing."""
    return StatementOut.of(_statement(rooms, viewer, month, department, current), rooms.site.calendar.zone)


@router.get("/statement-lines/{line}/explain")
def explain_line(
    line: Annotated[str, Path(max_length=300, examples=["2026-10:radiology:0f1e2d3c4b5a"])],
    rooms: Here,
    viewer: Readers,
) -> ExplanationOut:
    """Why a line is what it is: its rule, price, share and meters, down to their raw readings."""
    return explained(rooms, viewer, *viewer.line(rooms.ledger, line, rooms.clock()))


@router.get("/balance/{month}")
def balance(
    month: MonthAsked,
    rooms: Here,
    viewer: Annotated[Viewer, Depends(allow(Need.BALANCE))],
    current: Current = False,
) -> Listing[BalanceOut]:
    """Where each utility's supply of a month went; a month that runs is counted until now."""
    found = rooms.ledger.balances(month, rooms.clock(), current=current)
    return Listing(items=[BalanceOut.of(each, rooms.site.calendar.zone) for each in found])


def _statement(rooms: Rooms, viewer: Viewer, month: str, department: str, current: bool = False) -> Statement:
    return rooms.ledger.statement(month, viewer.party(department), rooms.clock(), current=current)
