"""Days and instants of the files as instants of the site's zone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from meterbook.domain.instant import Instant, from_datetime, local_midnight
from meterbook.domain.timeline import BEGINNING, Timeline
from meterbook.site.models.values import DatedNumber


def since(start: date | datetime | None, zone: ZoneInfo) -> Instant:
    """The instant of a `from`: local midnight of a day, the beginning of time where it is left out."""
    if start is None:
        return BEGINNING
    return from_datetime(start) if isinstance(start, datetime) else local_midnight(start, zone)


def entries(dated: Sequence[DatedNumber], zone: ZoneInfo) -> list[tuple[Instant, Decimal]]:
    """Dated values with the instants from which they hold."""
    return [(since(entry.from_, zone), entry.value) for entry in dated]


def timeline(dated: Sequence[DatedNumber] | None, zone: ZoneInfo) -> Timeline[Decimal] | None:
    """Dated values as a timeline, None where nothing is declared; raises ValueError where two hold from one instant."""
    return Timeline.of(entries(dated, zone)) if dated else None
