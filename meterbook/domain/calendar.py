"""Local days, months and working days of a site. Days have 23 to 25 hours; nothing here adds 24 h to a midnight."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

import holidays

from meterbook.domain.instant import MINUTE, Instant, local_midnight, to_datetime

GRID: Instant = 15 * MINUTE
"""The base grid of intervals."""

Step = Literal["15m", "hour", "day", "month"]
STEPS: tuple[Step, ...] = ("15m", "hour", "day", "month")
DayKind = Literal["workday", "restday", "holiday"]
"""What people do on a day; a `holiday` is a rest day too."""

_MONTH = re.compile(r"^(\d{4})-(0[1-9]|1[0-2])$")


class NoMonth(ValueError):
    """The text names no month; one looks like 2026-10."""


def first_of_month(month: str) -> date:
    """The first day of a month written YYYY-MM, from 1990 to 2199; raises NoMonth for anything else."""
    found = _MONTH.match(month)
    if not found or not 1990 <= int(found[1]) <= 2199:
        raise NoMonth(f"{month!r} is no month; one looks like 2026-10")
    return date(int(found[1]), int(found[2]), 1)


def next_month(first: date) -> date:
    """The first day of the month after the one of `first`."""
    return date(first.year + first.month // 12, first.month % 12 + 1, 1)


@dataclass(frozen=True)
class Calendar:
    """The site's clock and its working days.

    `country` (ISO 3166, such as CN) gives public holidays and make-up working days; without it Monday to Friday work.
    What is `declared` of a day holds in any case.
    """

    zone: ZoneInfo
    country: str | None = None
    term_dates: tuple[tuple[date, date], ...] = field(default=())
    declared: tuple[tuple[date, DayKind], ...] = field(default=())

    def day_of(self, at: Instant) -> date:
        """The local day an instant falls on."""
        return to_datetime(at, self.zone).date()

    def month_of(self, at: Instant) -> str:
        """The local month an instant falls in, as YYYY-MM."""
        return f"{self.day_of(at):%Y-%m}"

    def midnight(self, day: date) -> Instant:
        """The instant at which a local day begins."""
        return local_midnight(day, self.zone)

    def day(self, day: date) -> tuple[Instant, Instant]:
        """[start, end) of a local day."""
        return self.midnight(day), self.midnight(day + timedelta(days=1))

    def month(self, month: str) -> tuple[Instant, Instant]:
        """[start, end) of a local month written YYYY-MM."""
        first = first_of_month(month)
        return self.midnight(first), self.midnight(next_month(first))

    def edges(self, start: Instant, end: Instant, step: Step) -> list[Instant]:
        """The edges of the local windows of `step` that tile [start, end), both included.

        The first and the last window are cut off where `start` or `end` lie inside one.
        """
        if end <= start:
            return [start]
        inner = [edge for edge in self._boundaries(start, end, step) if start < edge < end]
        return [start, *inner, end]

    def _boundaries(self, start: Instant, end: Instant, step: Step) -> list[Instant]:
        first, last = self.day_of(start), self.day_of(end)
        if step == "month":
            month, found = first.replace(day=1), []
            while month <= last:
                found.append(self.midnight(month))
                month = next_month(month)
            return found
        days = [first + timedelta(days=count) for count in range((last - first).days + 2)]
        midnights = [self.midnight(day) for day in days]
        if step == "day":
            return midnights
        length = GRID if step == "15m" else 60 * MINUTE
        # Hours and quarters are counted from each midnight: zones off by half an hour then need no rule of their own.
        return [edge for begin, finish in pairwise(midnights) for edge in range(begin, finish, length)]

    @cached_property
    def _declared(self) -> Mapping[date, DayKind]:
        return dict(self.declared)

    def is_workday(self, day: date) -> bool:
        """Whether people work on a day: weekends and public holidays rest, make-up days work (trap 47)."""
        if day in self._declared:
            return self._declared[day] == "workday"
        if self.country is None:
            return day.weekday() < 5
        return bool(_public(self.country, day.year).is_working_day(day))

    def kind(self, day: date) -> DayKind:
        """What kind of day it is."""
        if self.is_workday(day):
            return "workday"
        return "holiday" if self.is_holiday(day) else "restday"

    def is_holiday(self, day: date) -> bool:
        """Whether a day is a public holiday on which people rest; a weekend between two of them belongs to them."""
        if day in self._declared:
            return self._declared[day] == "holiday"
        if self.country is None or self.is_workday(day):
            return False
        return day in _public(self.country, day.year) or all(
            self._meets_holiday(day, timedelta(days=step)) for step in (-1, 1)
        )

    def _meets_holiday(self, day: date, step: timedelta) -> bool:
        """Whether rest days lead from a day to a public holiday."""
        day += step
        while self.country is not None and not self.is_workday(day):
            if day in _public(self.country, day.year):
                return True
            day += step
        return False

    def stretches(self, day: date) -> list[tuple[Instant, Instant, int]]:
        """A local day in stretches of one offset: start, end, and the minute the local clock shows at the start.

        One stretch on most days, two where the clocks change: then a wall-clock time comes twice or never.
        """
        start, end = self.day(day)
        edges = [start, end]
        if self._offset(start) != self._offset(end - 1):
            low, high = start, end - 1
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if self._offset(middle) == self._offset(start) else (low, middle)
            edges = [start, high, end]
        return [(low, high, self._minute(low)) for low, high in pairwise(edges)]

    def _offset(self, at: Instant) -> timedelta | None:
        return to_datetime(at, self.zone).utcoffset()

    def _minute(self, at: Instant) -> int:
        local = to_datetime(at, self.zone)
        return local.hour * 60 + local.minute

    def holidays_known(self, year: int) -> bool:
        """Whether a year's public holidays are known; China publishes its make-up days late in the year before."""
        if self.country != "CN":
            return True
        return any(day.year == year for day in getattr(_public(self.country, year), "weekend_workdays", ()))


@lru_cache(1024)
def _public(country: str, year: int) -> holidays.HolidayBase:
    """The public holidays of one year. It is never asked to add another: several threads may share it."""
    return holidays.country_holidays(country, years=year, expand=False)
