"""Quotas: how departments stand, and the top-ups and transfers that one person asks for and another approves."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query

from api.ask import LimitAsked, month_named
from api.granting import OwnRequest, approve, ask
from api.port import Here
from api.problem import Problem, invalid, not_here
from api.routers import PREFIX
from api.schemas.common import Listing
from api.schemas.quota import QuotaEntryIn, QuotaEntryOut, QuotaOut
from api.scope import Need, Viewer, allow
from meterbook.accounting.correctable import Refused
from meterbook.books import quotas as book
from meterbook.books.quotas import ApprovedAlready

router = APIRouter(prefix=PREFIX, tags=["quotas"])

Readers = Annotated[Viewer, Depends(allow(Need.DEPARTMENTS))]
Granters = Annotated[Viewer, Depends(allow(Need.QUOTA_ENTRIES))]
_CONFLICT: dict[int | str, dict[str, Any]] = {
    HTTPStatus.CONFLICT.value: {"description": "approved before, or asked for by the caller"}
}


@router.get("/departments/{department}/quota")
def quota(
    department: str,
    rooms: Here,
    viewer: Readers,
    month: Annotated[str | None, Query(description="at its end; default: the month that runs")] = None,
    current: Annotated[bool, Query(description="a closed month as it would be today")] = False,
) -> Listing[QuotaOut]:
    """How a department stands against each of its quotas of the year, ordered as in quotas.yaml.

    Of a closed month: as it stood when it was closed.
    """
    found, now, calendar = viewer.department(department), rooms.clock(), rooms.site.calendar
    asked = calendar.month_of(now) if month is None else month_named("query.month", month)
    standings = rooms.ledger.quotas(asked, now, current=current)
    return Listing(items=[QuotaOut.of(one, calendar.zone) for one in standings if one.department == found.id])


@router.get("/quota-entries")
def entries(
    rooms: Here,
    viewer: Granters,
    department: Annotated[str | None, Query(description="given to or by this one", examples=["radiology"])] = None,
    cursor: Annotated[str | None, Query(description="`next` of the page before", examples=["41"])] = None,
    limit: LimitAsked = 100,
) -> Listing[QuotaEntryOut]:
    """Top-ups and transfers, newest first, those that wait for approval too."""
    if cursor is not None and not (cursor.isdecimal() and len(cursor) < 19):
        raise invalid("query.cursor", "expected `next` of the page before")
    with rooms.books.read() as connection:
        found = book.find(
            connection,
            department=None if department is None else viewer.department(department).id,
            before=None if cursor is None else int(cursor),
            limit=limit + 1,
        )
    return Listing(
        items=[QuotaEntryOut.of(entry, rooms.site.calendar.zone) for entry in found[:limit]],
        next=str(found[limit - 1].id) if len(found) > limit else None,
    )


@router.post("/quota-entries", status_code=HTTPStatus.CREATED)
def enter(rooms: Here, viewer: Granters, entry: QuotaEntryIn) -> QuotaEntryOut:
    """Ask for a top-up, or with `source` for a transfer. It counts once another person approves it."""
    try:
        added = ask(
            rooms.site,
            rooms.books,
            **entry.model_dump(exclude={"reason"}),
            who=viewer.user.name,
            reason=entry.reason,
            now=rooms.clock(),
        )
    except Refused as refused:
        raise invalid(f"body.{refused.field}", refused.reason) from refused
    return QuotaEntryOut.of(added, rooms.site.calendar.zone)


@router.post("/quota-entries/{entry}/approve", responses=_CONFLICT)
def approved(
    entry: Annotated[int, Path(ge=1, le=2**63 - 1, examples=[4])], rooms: Here, viewer: Granters
) -> QuotaEntryOut:
    """Let an entry count; the caller must be another person than the one who asked for it."""
    try:
        found = approve(rooms.site, rooms.books, entry, viewer.user.name, rooms.clock())
    except KeyError:
        raise not_here("quota entry", str(entry)) from None
    except (OwnRequest, ApprovedAlready) as error:
        raise Problem(HTTPStatus.CONFLICT, str(error)) from error
    except Refused as refused:
        raise Problem(HTTPStatus.CONFLICT, refused.reason) from refused
    return QuotaEntryOut.of(found, rooms.site.calendar.zone)
