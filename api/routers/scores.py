"""Scores of departments."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from api.ask import MonthAsked
from api.judging import judge_of
from api.port import Here
from api.problem import Problem
from api.routers import PREFIX
from api.schemas.score import ScoreOut
from api.scope import Need, Viewer, allow

router = APIRouter(prefix=PREFIX, tags=["scores"])

Readers = Annotated[Viewer, Depends(allow(Need.DEPARTMENTS))]
_NONE: dict[int | str, dict[str, Any]] = {
    HTTPStatus.NOT_FOUND.value: {"description": "no such department here, or no scores.yaml"}
}


@router.get("/departments/{department}/score/{month}", responses=_NONE)
def score(department: str, month: MonthAsked, rooms: Here, viewer: Readers) -> ScoreOut:
    """A department's month out of 100 points; a month that runs as it is so far."""
    found = viewer.department(department)
    judge = judge_of(rooms.ledger, rooms.books)
    if judge is None:
        raise Problem(HTTPStatus.NOT_FOUND, "this site has no scores.yaml that says what 100 points are made of")
    (own,) = judge.month(month, rooms.clock(), [found.id])
    return ScoreOut.of(own)
