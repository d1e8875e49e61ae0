"""A closed month as it was charged, beside what it comes to today."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from api.ask import MonthAsked
from api.port import Here
from api.problem import Problem
from api.routers import PREFIX
from api.schemas.comparison import ComparisonOut
from api.scope import Need, Viewer, allow
from meterbook.accounting.comparison import comparison

router = APIRouter(prefix=PREFIX, tags=["statements"])

_NOT_CLOSED: dict[int | str, dict[str, Any]] = {HTTPStatus.NOT_FOUND.value: {"description": "the month is not closed"}}


@router.get("/comparison/{month}", responses=_NOT_CLOSED)
def compared(month: MonthAsked, rooms: Here, viewer: Annotated[Viewer, Depends(allow(Need.CLOSING))]) -> ComparisonOut:
    """What each department's components of a closed month come to today, before anything is booked."""
    if rooms.ledger.signature(month) is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"{month} is not closed; nothing was charged that could differ")
    return ComparisonOut.of(comparison(rooms.ledger, month))
