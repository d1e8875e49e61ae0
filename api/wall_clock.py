"""Local times as people write them, and the instants that they can be."""

from __future__ import annotations

from datetime import UTC
from typing import NamedTuple
from zoneinfo import ZoneInfo

from meterbook.domain.instant import Instant, from_datetime, moment


class LocalTime(NamedTuple):
    """A time on the wall: its one instant, or two where the clocks change and nobody but the writer knows which.

    `skipped` says that the clocks never show it; its instants are then those by the clock before and after the change.
    """

    instants: tuple[Instant, ...]
    skipped: bool


def local_time(text: str, zone: ZoneInfo) -> LocalTime:
    """A local time such as 2026-10-01T08:00, without an offset; raises ValueError for anything else."""
    found = moment(text.strip())
    if found.tzinfo is not None:
        raise ValueError(f"{text!r} is no local date and time")
    first, second = found.replace(tzinfo=zone), found.replace(tzinfo=zone, fold=1)
    if first.utcoffset() == second.utcoffset():
        return LocalTime((from_datetime(first),), skipped=False)
    back = first.astimezone(UTC).astimezone(zone).replace(tzinfo=None)
    return LocalTime(tuple(sorted((from_datetime(first), from_datetime(second)))), skipped=back != found)
