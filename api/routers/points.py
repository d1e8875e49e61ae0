"""Points and their readings."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from api.ask import CursorAsked, LimitAsked, Span, SpanAsked, StepAsked, instant, page, window
from api.port import Here
from api.routers import PREFIX
from api.schemas.common import Listing
from api.schemas.readings import PointOut, ReadingOut, SummaryOut
from api.scope import Need, Viewer, allow
from meterbook.domain.device import Point
from meterbook.domain.instant import iso
from meterbook.domain.quantity import UNITS

router = APIRouter(prefix=f"{PREFIX}/points", tags=["readings"])

Readers = Annotated[Viewer, Depends(allow(Need.READINGS))]


@router.get("")
def points(rooms: Here, viewer: Readers, cursor: CursorAsked = None, limit: LimitAsked = 1000) -> Listing[PointOut]:
    """All points the caller may see, sorted by id, with the latest reading of each."""
    shown, following = page(viewer.all_points(), _id, cursor, limit)
    latest = viewer.latest(rooms.store, shown)
    zone = rooms.site.calendar.zone
    return Listing(
        items=[PointOut.of(point, latest.get(point.id), UNITS[point.spec.quantity], zone) for point in shown],
        next=following,
    )


@router.get("/{point}/readings")
def readings(
    point: str,
    rooms: Here,
    viewer: Readers,
    span: SpanAsked,
    step: StepAsked = None,
    cursor: CursorAsked = None,
    limit: LimitAsked = 1000,
) -> Listing[ReadingOut] | Listing[SummaryOut]:
    """The readings of a point with from <= at < to, oldest first, in its canonical unit; `cursor` is an instant.

    With `step` a summary of each local window that has readings. It is answered as well where retention let the
    readings themselves go.
    """
    found = viewer.point(point)
    zone = rooms.site.calendar.zone
    start = span.start if cursor is None else max(span.start, instant("query.cursor", cursor))
    if step is not None:
        edges = rooms.site.calendar.edges(start, span.end, window(Span(start, span.end), step))
        summaries = viewer.rollups(rooms.store, found, start, span.end).windows(edges)
        return Listing(
            items=[SummaryOut.of(one, zone) for one in summaries[:limit]],
            next=iso(summaries[limit].start, zone) if len(summaries) > limit else None,
        )
    series = viewer.readings(rooms.store, found, start, span.end)
    rows = zip(series.at[:limit].tolist(), series.value[:limit].tolist(), series.quality[:limit].tolist(), strict=True)
    return Listing(
        items=[ReadingOut.of(at, value, quality, zone) for at, value, quality in rows],
        next=iso(int(series.at[limit]), zone) if len(series) > limit else None,
    )


def _id(point: Point) -> str:
    return point.id
