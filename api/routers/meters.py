"""Meters and what went through them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from api.ask import CursorAsked, CutAsked, LimitAsked, page
from api.port import Here
from api.routers import PREFIX
from api.schemas.common import Listing
from api.schemas.consumption import MeterConsumption, MeterOut, intervals
from api.scope import Need, Viewer, allow
from api.utilities import unit_of
from meterbook.domain.meter import Meter

router = APIRouter(prefix=f"{PREFIX}/meters", tags=["meters"])

Readers = Annotated[Viewer, Depends(allow(Need.METERS))]


@router.get("")
def meters(viewer: Readers, cursor: CursorAsked = None, limit: LimitAsked = 1000) -> Listing[MeterOut]:
    """All meters the caller may see, sorted by id."""
    shown, following = page(viewer.all_meters(), _id, cursor, limit)
    return Listing(items=[MeterOut.of(meter, unit_of(meter.utility)) for meter in shown], next=following)


@router.get("/{meter}")
def meter(meter: str, viewer: Readers) -> MeterOut:
    """One meter."""
    found = viewer.meter(meter)
    return MeterOut.of(found, unit_of(found.utility))


@router.get("/{meter}/consumption")
def consumption(meter: str, rooms: Here, viewer: Readers, cut: CutAsked) -> MeterConsumption:
    """Consumption of a meter in [from, to), cut at local hours, days or months."""
    found = viewer.meter(meter)
    parts = viewer.consumption(rooms.ledger, found, *cut)
    return MeterConsumption(
        meter=found.id,
        utility=found.utility,
        unit=unit_of(found.utility),
        intervals=intervals(parts, rooms.site.calendar.zone),
    )


def _id(meter: Meter) -> str:
    return meter.id
