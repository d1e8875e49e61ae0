"""Instants: whole microseconds since 1970-01-01T00:00Z, as `int`.

One representation everywhere (readings, intervals, incidents) keeps comparisons cheap and exact; people see
them only through `iso` and the page templates, in the site's zone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

Instant = int
Clock = Callable[[], Instant]
"""Says what time it is; only the composition root (`meterbook.wiring`) asks the machine."""

SECOND: Instant = 1_000_000
MINUTE: Instant = 60 * SECOND
HOUR: Instant = 60 * MINUTE
DAY: Instant = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


class NaiveInstant(ValueError):
    """A date and time without an offset: nobody can say which instant is meant."""


def from_datetime(moment: datetime) -> Instant:
    """The instant of an aware datetime; raises NaiveInstant for one without an offset."""
    if moment.tzinfo is None:
        raise NaiveInstant(f"{moment.isoformat()} has no offset from UTC")
    return (moment - _EPOCH) // _TICK


def to_datetime(at: Instant, zone: ZoneInfo | None = None) -> datetime:
    """The aware datetime of an instant, in `zone` (UTC without one)."""
    moment = _EPOCH + timedelta(microseconds=at)
    return moment if zone is None else moment.astimezone(zone)


def parse(text: str, zone: ZoneInfo | None = None) -> Instant:
    """An ISO 8601 date and time; without an offset it is read in `zone`, and refused when there is none.

    Raises ValueError for text that is no date and time, NaiveInstant where the offset is missing.
    """
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        if zone is None:
            raise NaiveInstant(f"{text} has no offset from UTC")
        moment = moment.replace(tzinfo=zone)
    return from_datetime(moment)


def iso(at: Instant, zone: ZoneInfo | None = None) -> str:
    """ISO 8601 with offset, in `zone` (UTC without one)."""
    return to_datetime(at, zone).isoformat()


def local_midnight(day: date, zone: ZoneInfo) -> Instant:
    """The instant at which a local day begins (the first of the two where midnight is repeated)."""
    return from_datetime(datetime.combine(day, time(), tzinfo=zone))
