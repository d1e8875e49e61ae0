"""The month a page shows, and the months beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from babel.dates import format_skeleton
from fastapi import Query

from api.ask import month_named
from api.portal.render import Page
from meterbook.domain.calendar import GRID, first_of_month, next_month
from meterbook.domain.instant import Instant, parse, to_datetime

MonthChosen = Annotated[str | None, Query(max_length=7)]


@dataclass(frozen=True, slots=True)
class Months:
    """The month shown and its neighbours; `following` is None where it would lie in the future.

    `end` is no later than the last full quarter of an hour.
    """

    shown: str
    before: str
    following: str | None
    start: Instant
    end: Instant


def months_of(page: Page, asked: str | None) -> Months:
    """The month asked for, else the one that runs; raises Problem 422 for what is no month."""
    calendar = page.rooms.site.calendar
    current = calendar.month_of(page.now)
    shown = current if asked is None else month_named("query.month", asked)
    first = first_of_month(shown)
    following = f"{next_month(first):%Y-%m}"
    start, end = calendar.month(shown)
    until = max(start, min(end, page.now - page.now % GRID))
    return Months(
        shown, f"{first - timedelta(days=1):%Y-%m}", following if following <= current else None, start, until
    )


def days_of(page: Page) -> Callable[[str], str]:
    """Writes the local day of an instant, such as `Mon, 2 Nov`."""
    zone, locale = page.rooms.site.calendar.zone, page.formats.locale
    return lambda at: str(format_skeleton("MMMEd", to_datetime(parse(at), zone), locale=locale))
