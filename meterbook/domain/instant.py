"""Instants: whole microseconds since 1970-01-01T00:00Z, as `int`.

One representation everywhere (readings, intervals, incidents) keeps comparisons cheap and exact; people see
them only through `iso` and the page templates, in the site's zone.
"""

from __future__ import annotations

import re
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
_ISO = re.compile(
    r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8})[Tt ](?P<hour>[0-9]{2})"
    r"(?P<rest>:?[0-9]{2}(?::?[0-9]{2}(?:[.,][0-9]+)?)?)(?: ?(?:[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?))?"
).fullmatch


class NaiveInstant(ValueError):
    """A date and time without an offset: nobody can say which instant is meant."""


def from_datetime(aware: datetime) -> Instant:
    """The instant of an aware datetime; raises NaiveInstant for one without an offset."""
    if aware.tzinfo is None:
        raise NaiveInstant(f"{aware.isoformat()} has no offset from UTC")
    return (aware - _EPOCH) // _TICK


def to_datetime(at: Instant, zone: ZoneInfo | None = None) -> datetime:
    """The aware datetime of an instant, in `zone` (UTC without one)."""
    moment = _EPOCH + timedelta(microseconds=at)
    return moment if zone is None else moment.astimezone(zone)


def moment(text: str) -> datetime:
    """An ISO 8601 calendar date and time of day, aware where the text has an offset; ValueError for anything else.

    24:00 is the end of its day. `datetime.fromisoformat` alone takes any sign between date and time, and so reads the
    offset of 2026-03-04+08:00 as a time of day; and it takes a week, 2026-W10, for its Monday.
    """
    if text[7:8] == "-" and text[10:11] == "T" and text[13:14] == ":" and text[11:13] != "24":
        return datetime.fromisoformat(text)  # the form that nearly all have, in a fifth of the time
    found = _ISO(text)
    if found is None:
        raise ValueError(f"{text!r} is no date and time in ISO form")
    if found["hour"] != "24" or found["rest"].strip(":.,0"):
        return datetime.fromisoformat(text.upper())
    begin, end = found.span("hour")
    try:
        return datetime.fromisoformat(f"{text[:begin]}00{text[end:].upper()}") + timedelta(days=1)
    except OverflowError as error:
        raise ValueError(f"{text!r} lies behind the last year") from error


def parse(text: str, zone: ZoneInfo | None = None) -> Instant:
    """An ISO 8601 date and time; without an offset it is read in `zone`, and refused when there is none.

    Raises ValueError for text that is no date and time, NaiveInstant where the offset is missing.
    """
    found = moment(text.strip())
    if found.tzinfo is None:
        if zone is None:
            raise NaiveInstant(f"{text} has no offset from UTC")
        found = found.replace(tzinfo=zone)
    return from_datetime(found)


def iso(at: Instant, zone: ZoneInfo | None = None) -> str:
    """ISO 8601 with offset, in `zone` (UTC without one)."""
    return to_datetime(at, zone).isoformat()


def local_midnight(day: date, zone: ZoneInfo) -> Instant:
    """The instant at which a local day begins (the first of the two where midnight is repeated)."""
    return from_datetime(datetime.combine(day, time(), tzinfo=zone))
