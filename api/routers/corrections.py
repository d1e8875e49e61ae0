"""Corrections: what people know better than the readings. Readings themselves stay as they came."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path, Query, Response

from api.ask import LimitAsked, instant
from api.correcting import enter, exchange, meter_named, take_back
from api.port import Here, Rooms
from api.problem import Problem, invalid, not_here
from api.routers import PREFIX
from api.schemas.common import Listing
from api.schemas.correction import CorrectionIn, CorrectionOut, EstimateIn, ExclusionIn, UndoIn, shown
from api.scope import Need, Viewer, allow
from meterbook.accounting.correctable import Refused
from meterbook.books import corrections as book
from meterbook.books.corrections import UndoneAlready
from meterbook.domain.correction import Correction, Estimate, Exclusion, What
from meterbook.domain.meter import Meter

router = APIRouter(prefix=f"{PREFIX}/corrections", tags=["corrections"])

Technicians = Annotated[Viewer, Depends(allow(Need.CORRECTIONS))]
_REPEATED: dict[int | str, dict[str, Any]] = {
    HTTPStatus.OK.value: {"description": "in force already, entered before; nothing was added"}
}
_CONFLICT: dict[int | str, dict[str, Any]] = {HTTPStatus.CONFLICT.value: {"description": "undone before"}}


@router.get("")
def corrections(
    rooms: Here,
    viewer: Technicians,
    meter: Annotated[str | None, Query(description="only those of this meter", examples=["E-B1-CT"])] = None,
    cursor: Annotated[str | None, Query(description="`next` of the page before", examples=["41"])] = None,
    limit: LimitAsked = 100,
) -> Listing[CorrectionOut]:
    """Corrections, newest first, those that were undone too."""
    if cursor is not None and not (cursor.isdecimal() and len(cursor) < 19):
        raise invalid("query.cursor", "expected `next` of the page before")
    with rooms.books.read() as connection:
        found = book.find(
            connection,
            meter=None if meter is None else viewer.meter(meter).id,
            before=None if cursor is None else int(cursor),
            limit=limit + 1,
        )
    zone = rooms.site.calendar.zone
    return Listing(
        items=[shown(entry, zone) for entry in found[:limit]],
        next=str(found[limit - 1].id) if len(found) > limit else None,
    )


@router.post("", status_code=HTTPStatus.CREATED, responses=_REPEATED)
def correct(
    rooms: Here, viewer: Technicians, entry: Annotated[CorrectionIn, Body()], response: Response
) -> CorrectionOut:
    """Enter a correction, signed by the caller: exclude readings, estimate a range, declare an exchange.

    Sending the same again while it is in force adds nothing and answers 200.
    """
    try:
        added, new = _enter(rooms, viewer, entry)
    except Refused as refused:
        raise invalid(f"body.{refused.field}", refused.reason) from refused
    if not new:
        response.status_code = HTTPStatus.OK
    return shown(added, rooms.site.calendar.zone)


@router.post("/{correction}/undo", responses=_CONFLICT)
def undo(
    correction: Annotated[int, Path(ge=1, le=2**63 - 1, examples=[4])], rooms: Here, viewer: Technicians, why: UndoIn
) -> CorrectionOut:
    """Take a correction back; the entry stays, with who undid it and why."""
    try:
        undone = take_back(rooms.books, correction, viewer.user.name, why.reason, rooms.clock())
    except KeyError:
        raise not_here("correction", str(correction)) from None
    except UndoneAlready as error:
        raise Problem(HTTPStatus.CONFLICT, str(error)) from error
    return shown(undone, rooms.site.calendar.zone)


def _enter(rooms: Rooms, viewer: Viewer, entry: CorrectionIn) -> tuple[Correction, bool]:
    meter = meter_named(rooms.site, entry.meter)
    what = _what(rooms, meter, entry)
    return enter(rooms.site, rooms.store, rooms.books, meter, what, viewer.user.name, entry.reason, rooms.clock())


def _what(rooms: Rooms, meter: Meter, entry: CorrectionIn) -> What:
    if isinstance(entry, ExclusionIn):
        return Exclusion(instant("body.from", entry.from_), instant("body.to", entry.to))
    if isinstance(entry, EstimateIn):
        return Estimate(instant("body.from", entry.from_), instant("body.to", entry.to), entry.quantity)
    return exchange(
        rooms.books,
        meter,
        instant("body.at", entry.at),
        entry.old_final,
        entry.new_initial,
        entry.multiplier,
        entry.register_max,
    )
