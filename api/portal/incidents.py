"""Incidents: the list, one of them with its curve and history, and what people do about it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Query
from fastapi.responses import RedirectResponse, Response

from api.auth import check_csrf
from api.deeds import record
from api.portal.live import OPEN, by_urgency
from api.portal.render import Page, PageAsked, api
from api.problem import Problem, Said
from api.scope import Need, Viewer, allow
from api.utilities import unit_of
from meterbook.books import incidents, outbox
from meterbook.domain.incident import Deed, Incident, State
from meterbook.domain.instant import DAY, HOUR, Instant, iso
from meterbook.domain.rule import Limit
from meterbook.i18n import mark

router = APIRouter(include_in_schema=False)

Readers = Annotated[Viewer, Depends(allow(Need.INCIDENTS))]
Doers = Annotated[Viewer, Depends(allow(Need.INCIDENT_DEEDS))]
Name = Annotated[int, Path(ge=1, le=2**63 - 1)]

PAGE = 50
WEEK = 7 * DAY
_BUTTONS = {"ack": Deed.ACK, "comment": Deed.COMMENT, "resolve": Deed.RESOLVE}
_NO_COMMENT = Said(mark("Write a comment first."))


@dataclass(frozen=True, slots=True)
class Curve:
    """What the rule saw, round its time: `factor` turns readings into the primary values the limit is in."""

    kind: str
    source: str
    label: str
    limit: float | None
    factor: Decimal
    unit: str


@router.get("/incidents")
def incident_list(
    page: PageAsked,
    viewer: Readers,
    show: Annotated[str, Query(pattern="^(open|all)$")] = "open",
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
) -> Response:
    """Open incidents by urgency, or all of them by age."""
    with page.rooms.books.read() as connection:
        found = incidents.find(
            connection,
            states=OPEN if show == "open" else None,
            departments=viewer.departments,
            team=None,
            before=before,
            limit=PAGE + 1,
        )
    shown = found[:PAGE]
    following = shown[-1].id if len(found) > PAGE else None
    return page.show(
        "incidents.html",
        {"incidents": by_urgency(shown) if show == "open" else shown, "show": show, "following": following},
    )


@router.get("/incidents/{incident}")
def incident_page(incident: Name, page: PageAsked, viewer: Readers) -> Response:
    """One incident: what to know, what to do, what was done."""
    return _show(page, viewer, incident, None, HTTPStatus.OK)


@router.post("/incidents/{incident}")
def act(
    incident: Name,
    page: PageAsked,
    viewer: Doers,
    deed: Annotated[str, Form(pattern="^(ack|comment|resolve)$")],
    revision: Annotated[int, Form(ge=0)],
    comment: Annotated[str, Form(max_length=2000)] = "",
    csrf: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Acknowledge, comment or resolve; where that is not possible (any more), the page as it is now says why."""
    check_csrf(viewer.caller, csrf)
    done = _BUTTONS[deed]
    if done is Deed.COMMENT and not comment.strip():
        return _show(page, viewer, incident, _NO_COMMENT, HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        record(page.rooms, viewer, incident, done, comment, None if done is Deed.COMMENT else revision)
    except Problem as problem:
        if problem.status is not HTTPStatus.CONFLICT:
            raise
        return _show(page, viewer, incident, problem.said, problem.status)
    return RedirectResponse(f"/incidents/{incident}", HTTPStatus.SEE_OTHER)


def _show(page: Page, viewer: Viewer, name: int, refusal: Said | None, status: HTTPStatus) -> Response:
    with page.rooms.books.read() as connection:
        found = viewer.incident(incidents.get(connection, name), name)
        history, messages = incidents.history(connection, name), outbox.of_incident(connection, name)
    return page.show(
        "incident.html",
        {
            "incident": found,
            "history": history,
            "messages": messages,
            "curve": _curve(page, viewer, found),
            "since": iso(found.since, page.rooms.site.calendar.zone),
            "raised": iso(found.raised, page.rooms.site.calendar.zone),
            "refusal": refusal,
            "can_ack": found.state in (State.RAISED, State.CLEARED),
            "can_resolve": found.state is State.CLEARED,
        },
        status,
    )


def _curve(page: Page, viewer: Viewer, found: Incident) -> Curve | None:
    """What the rule saw where the viewer may see it: the readings of a gauge, or what went through a meter."""
    seen = found.evidence
    point = page.rooms.site.points.get(seen.point or "")
    if point is not None and point.spec.kind != "counter" and viewer.sees_point(point.id):
        query = _time(page, found, HOUR) | {"limit": "10000"}
        factor = _factor(page, found, point.id)
        return Curve("line", api(f"/points/{point.id}/readings", **query), point.id, seen.limit, factor, seen.unit)
    meter = page.rooms.site.meters.get(found.meter or "")
    if meter is None or not viewer.sees_meter(meter.id):
        return None
    # A limit per hour can be drawn across bars of an hour, and a register's limit of anything else cannot.
    unit = unit_of(meter.utility)
    hourly = seen.unit == f"{unit}/h"
    query = _time(page, found, DAY if hourly else HOUR) | {"by": "hour" if hourly else "15m"}
    source = api(f"/meters/{meter.id}/consumption", **query)
    return Curve("bars", source, page.say(meter.name), seen.limit if hourly else None, Decimal(1), unit)


def _time(page: Page, found: Incident, before: Instant) -> dict[str, str]:
    """From some time before the incident to some time after it, a week of it at most."""
    zone = page.rooms.site.calendar.zone
    end = min(page.now, found.cleared or page.now, found.since + WEEK) + HOUR // 4
    return {"from": iso(found.since - before, zone), "to": iso(max(end, found.since + HOUR // 4), zone)}


def _factor(page: Page, found: Incident, point: str) -> Decimal:
    rule = page.rooms.site.rules.get(found.rule)
    watched = dict(rule.condition.points) if rule is not None and isinstance(rule.condition, Limit) else {}
    meter = page.rooms.site.meters.get(watched.get(point) or "")
    at: Instant = found.raised
    return (meter.multiplier.at(at) if meter is not None else None) or Decimal(1)
