"""What requests ask for: spans of time, months, pages of a list."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Annotated, NamedTuple, TypeVar

from fastapi import Depends, Path, Query

from api.problem import Said, invalid
from meterbook.domain.calendar import GRID, Step, first_of_month
from meterbook.domain.instant import DAY, HOUR, Instant, NaiveInstant, parse
from meterbook.i18n import mark

MAX_PAGE = 10_000
MAX_INTERVALS = 40_000
"""Intervals in one answer: a year of quarters of an hour and some more."""

_YEARS = range(1990, 2200)
"""What may be asked for; calendars get strange beyond."""
_EARLIEST, _LATEST = parse(f"{_YEARS[0]}-01-01T00:00Z"), parse(f"{_YEARS.stop}-01-01T00:00Z")

_LENGTHS: dict[Step, Instant] = {"15m": GRID, "hour": HOUR, "day": DAY, "month": 28 * DAY}
T = TypeVar("T")

_LOST_PLUS = re.compile(r" (?=\d\d:?\d\d$)")
_EXAMPLE = "2026-10-01T00:00:00+08:00"


class Span(NamedTuple):
    """[start, end)."""

    start: Instant
    end: Instant


def instant(where: str, text: str) -> Instant:
    """An instant with its offset; raises Problem 422.

    A `+` that a client forgot to encode arrives as a space and is read as `+`.
    """
    try:
        found = parse(_LOST_PLUS.sub("+", text.strip()))
    except NaiveInstant:
        raise invalid(where, f"{text!r} has no offset from UTC; expected an instant such as {_EXAMPLE}") from None
    except (ValueError, OverflowError):
        raise invalid(where, f"{text!r} is no instant; expected one such as {_EXAMPLE}") from None
    if not _EARLIEST <= found < _LATEST:
        raise invalid(where, f"{text!r} is outside the years {_YEARS[0]} to {_YEARS[-1]}")
    return found


def _span(
    from_: Annotated[str, Query(alias="from", description="start, inclusive, with offset", examples=[_EXAMPLE])],
    to: Annotated[str, Query(description="end, exclusive, with offset", examples=["2026-11-01T00:00:00+08:00"])],
) -> Span:
    found = Span(instant("query.from", from_), instant("query.to", to))
    if found.end <= found.start:
        raise invalid("query.to", "expected an instant after `from`")
    return found


SpanAsked = Annotated[Span, Depends(_span)]


class Cut(NamedTuple):
    """[start, end) and the local windows it is cut into."""

    start: Instant
    end: Instant
    step: Step


def window(span: Span, step: Step, where: str = "query.step") -> Step:
    """The step, where it does not cut the span into too many windows; raises Problem 422."""
    if (span.end - span.start) // _LENGTHS[step] > MAX_INTERVALS:
        raise invalid(where, f"more than {MAX_INTERVALS} intervals; ask for coarser ones or a shorter time")
    return step


def _cut(
    span: SpanAsked, by: Annotated[Step, Query(description="local quarters, hours, days or months")] = "hour"
) -> Cut:
    return Cut(span.start, span.end, window(span, by, "query.by"))


StepAsked = Annotated[Step | None, Query(description="local quarters, hours, days or months to sum up")]
CutAsked = Annotated[Cut, Depends(_cut)]


def month_named(where: str, text: str) -> str:
    """A month written YYYY-MM; raises Problem 422."""
    said = Said(mark("There is no month %(month)s; months are written like 2026-10."), {"month": text})
    try:
        first = first_of_month(text)
    except ValueError as error:
        raise invalid(where, str(error), said) from None
    if first.year not in _YEARS:
        raise invalid(where, f"{text!r} is outside the years {_YEARS[0]} to {_YEARS[-1]}", said)
    return text


def _month(month: Annotated[str, Path(description="local month", examples=["2026-10"])]) -> str:
    return month_named("path.month", month)


MonthAsked = Annotated[str, Depends(_month)]

CursorAsked = Annotated[str | None, Query(description="`next` of the page before", max_length=200)]
LimitAsked = Annotated[int, Query(ge=1, le=MAX_PAGE, description="most items on a page")]


def page(found: Sequence[T], key: Callable[[T], str], cursor: str | None, limit: int) -> tuple[Sequence[T], str | None]:
    """At most `limit` items whose key follows `cursor`, and the cursor of the next page; `found` is sorted by key."""
    rest = [item for item in found if cursor is None or key(item) > cursor]
    shown = rest[:limit]
    return shown, key(shown[-1]) if len(rest) > limit else None
