"""Reading registers by hand (抄表): the round of hand-read meters, and the form of one meter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Query
from fastapi.responses import RedirectResponse, Response

from api.auth import check_csrf
from api.hand_reading import (
    Unclear,
    Written,
    as_read,
    confirmed,
    keep,
    register_meter,
    understood,
)
from api.portal.figures import digits, question, shown
from api.portal.render import Page, PageAsked
from api.problem import Said
from api.scope import Need, Viewer, allow
from api.utilities import unit_of
from meterbook.accounting.manual import Figure, last, oddities, register_at
from meterbook.domain.instant import MINUTE, Instant, iso, to_datetime
from meterbook.domain.meter import Meter
from meterbook.domain.reading import FUTURE_TOLERANCE, IntakeFull, NotKept, clock_fault
from meterbook.i18n import mark

router = APIRouter(include_in_schema=False)

Readers = Annotated[Viewer, Depends(allow(Need.HAND_READING))]
Outcome = Literal["new", "repeated", "replaced"]

_NOT_KEPT = Said(mark("The disk did not take the reading, so it is not stored. Send it again in a moment."))
OUTCOMES: dict[Outcome, str] = {
    "new": mark("Stored: %(figure)s, %(moment)s."),
    "repeated": mark("Stored before, and nothing has changed: %(figure)s, %(moment)s."),
    "replaced": mark("Stored: %(figure)s, %(moment)s. It counts in place of another figure, which is kept too."),
}


@dataclass(frozen=True, slots=True)
class Round:
    """A hand-read meter on the round, with the last figure that counts."""

    meter: Meter
    last: Figure | None
    figure: str


@router.get("/hand-readings")
def hand_readings(page: PageAsked, viewer: Readers) -> Response:
    """All meters read by hand, by place, with the last figure of each."""
    rounds = []
    for found in sorted(viewer.all_meters(), key=lambda each: (page.place(each.space), each.id)):
        if found.manual:
            meter, series = as_read(page.rooms, found)
            figure = last(meter, series, page.now)
            rounds.append(Round(meter, figure, shown(page, meter, figure)))
    return page.show("hand_readings.html", {"rounds": rounds})


@router.get("/meters/{meter}/reading")
def hand_reading(
    meter: str,
    page: PageAsked,
    viewer: Readers,
    stored: Annotated[int | None, Query(ge=0, le=2**62)] = None,
    outcome: Annotated[Outcome, Query()] = "new",
) -> Response:
    """The form of one meter; after an entry, what became of it."""
    found = register_meter(viewer, meter)
    told = stored is not None and clock_fault(stored, page.now) is None
    facts = {"said": _stored(page, found, stored or 0, outcome)} if told else {}
    return _show(page, found, Written(at=_wall_clock(page, page.now)), facts)


@router.post("/meters/{meter}/reading")
def enter(
    meter: str,
    page: PageAsked,
    viewer: Readers,
    figure: Annotated[str, Form(max_length=100)] = "",
    at: Annotated[str, Form(max_length=100)] = "",
    choice: Annotated[str, Form(max_length=100)] = "",
    note: Annotated[str, Form(max_length=2000)] = "",
    seen: Annotated[str, Form(max_length=200)] = "",
    csrf: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Store a figure; one that cannot be understood, or is odd and not confirmed yet, comes back with the reason."""
    check_csrf(viewer.caller, csrf)
    found, written = register_meter(viewer, meter), Written(figure, at, choice, note)
    try:
        entry = understood(written, page.rooms.site.calendar.zone, page.now)
    except Unclear as unclear:
        return _show(page, found, written, {"unclear": unclear}, HTTPStatus.UNPROCESSABLE_ENTITY)
    taken, series = as_read(page.rooms, found)
    odd = oddities(taken, series, entry)
    if not confirmed(seen, entry, odd):
        return _show(page, found, written, {"question": question(page, taken, entry, odd)}, HTTPStatus.CONFLICT)
    try:
        receipt = keep(page.rooms, viewer, found, entry, odd, note)
    except (IntakeFull, NotKept):
        return _show(page, found, written, {"refusal": _NOT_KEPT}, HTTPStatus.SERVICE_UNAVAILABLE)
    outcome = "repeated" if receipt.repeated else "replaced" if receipt.conflicts else "new"
    return RedirectResponse(f"/meters/{found.id}/reading?stored={entry.at}&outcome={outcome}", HTTPStatus.SEE_OTHER)


def _show(
    page: Page, found: Meter, written: Written, facts: Mapping[str, object], status: HTTPStatus = HTTPStatus.OK
) -> Response:
    zone = page.rooms.site.calendar.zone
    meter, series = as_read(page.rooms, found)
    known = last(meter, series, page.now + FUTURE_TOLERANCE)
    shared: dict[str, object] = {
        "meter": meter,
        "unit": unit_of(meter.utility),
        "digits": digits(register_at(meter, page.now)),
        "multiplier": meter.multiplier.at(page.now),
        "last": known,
        "last_figure": shown(page, meter, known),
        "written": written,
        "instant": lambda at: iso(at, zone),
        "offset": lambda at: f"UTC{iso(at, zone)[-6:]}",
        "said": None,
        "unclear": None,
        "question": None,
        "refusal": None,
    }
    return page.show("hand_reading.html", shared | dict(facts), status)


def _wall_clock(page: Page, at: Instant) -> str:
    """An instant as a field for local date and time holds it."""
    return f"{to_datetime(at - at % MINUTE, page.rooms.site.calendar.zone):%Y-%m-%dT%H:%M}"


def _stored(page: Page, meter: Meter, at: Instant, outcome: Outcome) -> Said:
    """What became of an entry. A store behind a spool may not show the figure yet."""
    series = page.rooms.store.read(meter.reads or meter.id, at, at + 1)
    value = Figure(Decimal(repr(float(series.value[0]))), at) if len(series) else None
    return Said(OUTCOMES[outcome], {"figure": shown(page, meter, value), "moment": page.formats.moment(at)})
