"""The start page: the site at a glance, and its two parts that refresh themselves."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import RedirectResponse, Response

from api.portal.live import live
from api.portal.overview import parts, today
from api.portal.render import PageAsked
from api.scope import Need, Viewer, allow
from meterbook.books import quarantine

router = APIRouter(include_in_schema=False)

AtHome = Annotated[Viewer, Depends(allow(Need.HOME))]
AtIncidents = Annotated[Viewer, Depends(allow(Need.INCIDENTS))]
AtSupply = Annotated[Viewer, Depends(allow(Need.SUPPLY))]


@router.get("/")
def start(page: PageAsked, viewer: AtHome) -> Response:
    """The site; a department's people begin at their department, which is all they see."""
    if viewer.departments is not None:
        return RedirectResponse(f"/departments/{viewer.user.department}", HTTPStatus.SEE_OTHER)
    rooms, now = page.rooms, page.now
    month = rooms.site.calendar.month_of(now)
    balances = rooms.ledger.balances(month, now) if viewer.may(Need.BALANCE) else []
    with rooms.books.read() as connection:
        refused = quarantine.counts(connection)
    return page.show(
        "site.html",
        {
            "live": live(rooms, viewer, now),
            "days": today(rooms, now),
            "month": month,
            "balances": [(balance, parts(balance)) for balance in balances],
            "refused": refused,
        },
    )


@router.get("/live/now")
def now_tiles(page: PageAsked, viewer: AtSupply) -> Response:
    """The tiles of the moment."""
    return page.show("parts/now.html", {"live": live(page.rooms, viewer, page.now)})


@router.get("/live/incidents")
def open_incidents(page: PageAsked, viewer: AtIncidents) -> Response:
    """The list of open incidents."""
    return page.show("parts/open_incidents.html", {"live": live(page.rooms, viewer, page.now)})
