"""A meter: what went through it, and the register behind that."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from api.hand_reading import readable
from api.portal.render import PageAsked, api
from api.scope import Need, Viewer, allow
from api.utilities import unit_of
from meterbook.domain.calendar import GRID
from meterbook.domain.instant import DAY, iso

router = APIRouter(include_in_schema=False)

YEAR = 366 * DAY
View = Literal["day", "week", "month"]
_VIEWS: dict[View, tuple[int, str]] = {"day": (1, "15m"), "week": (7, "hour"), "month": (31, "day")}


@dataclass(frozen=True, slots=True)
class Charts:
    """Where the charts of a meter find their figures; `register` is empty for a formula."""

    consumption: str
    register: str


@router.get("/meters")
def meters(page: PageAsked, viewer: Annotated[Viewer, Depends(allow(Need.METERS))]) -> Response:
    """All meters, as a tree."""
    return page.show("meters.html", {"meters": viewer.all_meters(), "unit_of": unit_of})


@router.get("/meters/{meter}")
def meter(
    meter: str,
    page: PageAsked,
    viewer: Annotated[Viewer, Depends(allow(Need.METERS))],
    view: Annotated[View, Query()] = "day",
) -> Response:
    """One meter: consumption with its quality, the register of the last day, and what is declared."""
    found = viewer.meter(meter)
    days, step = _VIEWS[view]
    end = page.now - page.now % GRID
    parts = viewer.consumption(page.rooms.ledger, found, end - days * DAY, end, "month")
    known = [part.value for part in parts if part.value is not None]
    zone = page.rooms.site.calendar.zone
    span = {"from": iso(end - days * DAY, zone), "to": iso(end, zone)}
    lately = {"from": iso(page.now - (YEAR if found.manual else DAY), zone), "to": iso(page.now, zone)}
    return page.show(
        "meter.html",
        {
            "meter": found,
            "unit": unit_of(found.utility),
            "view": view,
            "used": sum(known, Decimal(0)) if known else None,
            "multiplier": found.multiplier.at(page.now),
            "can_read": viewer.may(Need.HAND_READING) and readable(found),
            "children": [child for child in page.rooms.site.children(found.id) if viewer.sees_meter(child.id)],
            "parent": found.parent if found.parent and viewer.sees_meter(found.parent) else None,
            "charts_of": Charts(
                api(f"/meters/{found.id}/consumption", **span, by=step),
                api(f"/points/{found.reads or found.id}/readings", **lately, limit="10000") if found.physical else "",
            ),
        },
    )
