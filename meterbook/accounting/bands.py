"""Time-of-use bands: which price holds when, on the local clock."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from meterbook.domain.calendar import Calendar
from meterbook.domain.instant import MINUTE, Instant
from meterbook.domain.tariff import ScheduleRow, Tariff

_KINDS: dict[str, Callable[[Calendar, date], bool]] = {
    "workday": Calendar.is_workday,
    "restday": lambda calendar, day: not calendar.is_workday(day),
    "holiday": Calendar.is_holiday,
}


@dataclass(frozen=True, slots=True)
class Period:
    """[start, end) in which one tariff version (None: no price) and one band of it (None: no bands) hold."""

    start: Instant
    end: Instant
    tariff: Tariff | None
    band: str | None


def periods(tariffs: Sequence[Tariff], start: Instant, end: Instant, calendar: Calendar) -> list[Period]:
    """[start, end) cut wherever the tariff version or its band changes; `tariffs` are those of one utility."""
    ordered = sorted(tariffs, key=lambda tariff: tariff.start)
    edges = [start, *(tariff.start for tariff in ordered if start < tariff.start < end), end]
    found: list[Period] = []
    for begin, finish in itertools.pairwise(edges):
        held = [tariff for tariff in ordered if tariff.start <= begin]
        found.extend(_banded(held[-1], begin, finish, calendar) if held else [Period(begin, finish, None, None)])
    return found


def _banded(tariff: Tariff, start: Instant, end: Instant, calendar: Calendar) -> Iterator[Period]:
    if not tariff.bands:
        yield Period(start, end, tariff, None)
        return
    day, last = calendar.day_of(start), calendar.day_of(end - 1)
    while day <= last:
        for low, high, band in _day(tariff, day, calendar):
            if low < end and high > start:
                yield Period(max(low, start), min(high, end), tariff, band)
        day += timedelta(days=1)


def _day(tariff: Tariff, day: date, calendar: Calendar) -> Iterator[tuple[Instant, Instant, str | None]]:
    """The bands of a local day by what its clock shows: an hour that comes twice has its band twice (trap 16)."""
    row = next((row for row in tariff.schedule if applies(row, tariff, day, calendar)), None)
    for start, end, minute in calendar.stretches(day):
        at = start
        for hours in row.hours if row is not None else ():
            low, high = (start + (edge - minute) * MINUTE for edge in (hours.start, hours.end))
            low, high = max(low, at), min(high, end)
            if high > low:
                if low > at:
                    yield at, low, None
                yield low, high, hours.band
                at = high
        if at < end:
            yield at, end, None


def applies(row: ScheduleRow, tariff: Tariff, day: date, calendar: Calendar) -> bool:
    """Whether a row of the schedule holds on a local day."""
    return (
        (not row.months or day.month in row.months)
        and (not row.weekdays or day.weekday() in row.weekdays)
        and (row.days is None or _KINDS[row.days](calendar, day))
        and (row.flag is None or day in tariff.day_flags.get(row.flag, frozenset()))
    )


def index_of(cells: Sequence[Period], edges: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each interval between `edges` the index of the period it lies in."""
    starts = np.array([period.start for period in cells], np.int64)
    return np.asarray(np.searchsorted(starts, edges[:-1], side="right") - 1)
