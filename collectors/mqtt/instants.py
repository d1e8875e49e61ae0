"""The instants that payloads name: seconds, milliseconds, ISO 8601. Pure."""

from __future__ import annotations

import re
from datetime import date
from zoneinfo import ZoneInfo

from collectors.excerpt import excerpt
from meterbook.domain.instant import Instant, from_datetime, moment

_EPOCH = re.compile(r"[0-9]{9,14}(?:\.[0-9]{1,9})?").fullmatch
_MILLISECONDS_FROM = 100_000_000_000  # as seconds: the year 5138; as milliseconds: 1973
_MILLISECONDS_TO = 100_000_000_000_000


class NoInstant(ValueError):
    """A value that names no instant."""


def instant(value: object, zone: ZoneInfo | None = None, near: Instant = 0) -> Instant:
    """The instant a JSON value names; raises NoInstant with the reason.

    Text is ISO 8601 with a time of day; without an offset it is read in `zone`, and refused where there is none. Of
    the two instants a repeated hour of the clocks' change may mean, the one `near` the arrival is taken. A number below
    1e11 counts seconds since 1970, one below 1e14 milliseconds.
    """
    if type(value) is str:
        if not _EPOCH(value):
            return _iso(value, zone, near)
        value = float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NoInstant(f"{excerpt(str(value))!r} is no instant")
    if not 0 <= value < _MILLISECONDS_TO:
        raise NoInstant(f"{value} is neither seconds nor milliseconds since 1970")
    return round(value * (1_000_000 if value < _MILLISECONDS_FROM else 1_000))


def _iso(text: str, zone: ZoneInfo | None, near: Instant) -> Instant:
    if _is_day(text):
        raise NoInstant(f"{excerpt(text)!r} is a day without its time")
    try:
        found = moment(text)
        if found.tzinfo is not None:
            return from_datetime(found)
        if zone is not None:
            twice = [from_datetime(found.replace(tzinfo=zone, fold=fold)) for fold in (0, 1)]
            return min(twice, key=lambda at: abs(at - near))
    except (ValueError, OverflowError) as error:
        raise NoInstant(f"{excerpt(text)!r} is no ISO 8601 instant") from error
    raise NoInstant(f"the instant {excerpt(text)!r} has no offset from UTC, and the device no zone")


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
