"""Time stamps of files: whose order of day and month is declared or proven, and whose zone is declared. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from collectors.excerpt import excerpt
from collectors.files.cells import Unclear
from meterbook.domain.instant import Instant, from_datetime, moment

Dates = Literal["ymd", "dmy", "mdy"]

REMEMBERED = 50_000
"""Stamps of a file that are read once: most files repeat the same instants for every point."""

_EXAMPLE = " such as 2026-03-04 08:00"
_CONCEIVABLE = ("ymd", "ydm", "dmy", "mdy")
_DATE = re.compile(r"([0-9]{1,4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,4})(?:[T ]+(\S.*))?").fullmatch
_NAMED = re.compile(r"([0-9]{4})年([0-9]{1,2})月([0-9]{1,2})日\s*(\S.*)?").fullmatch
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").match
_TIME = re.compile(r"([0-9]{1,2})(:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)\s*(Z|[+-][0-9]{2}:?[0-9]{2})?").fullmatch
_WEEK_OR_DAY_OF_YEAR = re.compile(r"[0-9]{4}(?:-?W[0-9]{2}|-[0-9]{3}(?![0-9]))").match
_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)?").fullmatch


def instants(
    zone: ZoneInfo | None, dates: Dates | None, stamps: Callable[[], Iterable[str]]
) -> Callable[[str], Instant]:
    """How the time stamps of a file are read; the answer raises Unclear.

    Stamps carry an offset or are local times of `zone`; a local time that the clocks skip or repeat is unclear, since
    nobody can say which instant it is. Dates that are neither ISO nor 2026年3月4日 have the order `dates`, or the one
    that all `stamps` of the file prove together; they are gone through once, when the first such date is met.
    """

    @lru_cache(maxsize=1)
    def order() -> Dates | Unclear:
        try:
            return dates or proven(stamps())
        except Unclear as unclear:
            return unclear

    @lru_cache(maxsize=REMEMBERED)
    def instant(text: str) -> Instant:
        try:
            found = moment(text)
        except ValueError:
            found = _loose(text, order)
        if found.tzinfo is not None:
            return from_datetime(found)
        if zone is None:
            raise Unclear(f"{text} has no offset from UTC; give the zone of the file with --zone")
        return _local(found, zone)

    return instant


def proven(stamps: Iterable[str]) -> Dates:
    """The only order of year, month and day under which every date among the stamps exists.

    A date that exists under no order proves nothing. Raises Unclear where more than one order remains, or none.
    """
    possible = set(_CONCEIVABLE)
    witness = ""
    for text in stamps:
        found = _DATE(text.strip())
        if found is None or _ISO_DATE(found[0]):
            continue
        orders = _orders(found[1], found[2], found[3])
        if orders and not orders >= possible:
            possible &= orders
            if not possible:
                raise Unclear(
                    f"the dates {witness} and {excerpt(found[0])} of the file have different orders; "
                    "say which one holds with --dates ymd, dmy or mdy"
                )
            witness = excerpt(found[0])
    (*others, last) = sorted(possible)
    if others or last not in ("ymd", "dmy", "mdy"):
        raise Unclear("no date of the file proves the order of day and month; say it with --dates ymd, dmy or mdy")
    return last  # type: ignore[return-value]  # one of the three


@lru_cache(maxsize=REMEMBERED)
def _orders(*parts: str) -> frozenset[str]:
    """The orders under which a date exists."""
    return frozenset(order for order in _CONCEIVABLE if _exists(dict(zip(order, parts, strict=True))))


def _exists(parts: dict[str, str]) -> bool:
    if len(parts["y"]) != 4:
        return False
    with suppress(ValueError):
        date(int(parts["y"]), int(parts["m"]), int(parts["d"]))
        return True
    return False


def _loose(text: str, order: Callable[[], Dates | Unclear]) -> datetime:
    """A date and time that is not in ISO form; raises Unclear."""
    if not text:
        raise Unclear("no time stamp")
    named, found = _NAMED(text), _DATE(text)
    numbers = named or found
    if numbers is None:
        raise Unclear(f"{excerpt(text)!r} is no date and time{_hint(text)}")
    declared = "ymd" if named or _ISO_DATE(text) else order()
    if isinstance(declared, Unclear):
        raise Unclear(f"{excerpt(text)!r} is no ISO date, and {declared}")
    clock = _TIME(numbers[4] or "")
    if numbers[4] is None:
        raise Unclear(f"{excerpt(text)!r} has no time of day")
    if clock:
        parts = dict(zip(declared, numbers.groups(), strict=False))
        iso = f"{parts['y']}-{parts['m']:0>2}-{parts['d']:0>2}T{clock[1]:0>2}{clock[2]}{clock[3] or ''}"
        with suppress(ValueError):
            return moment(iso)
    raise Unclear(f"{excerpt(text)!r} is no date and time{_EXAMPLE}")


def _hint(text: str) -> str:
    if _WEEK_OR_DAY_OF_YEAR(text):
        return "; weeks and days of the year are not read, write a date such as 2026-03-04 08:00"
    return "; give the cells of a workbook a format with date and time" if _NUMBER(text) else _EXAMPLE


def _local(naive: datetime, zone: ZoneInfo) -> Instant:
    first, second = naive.replace(tzinfo=zone), naive.replace(tzinfo=zone, fold=1)
    if first.utcoffset() != second.utcoffset():
        back = first.astimezone(UTC).astimezone(zone).replace(tzinfo=None)
        what = "comes twice" if back == naive else "never comes"
        raise Unclear(f"{naive.isoformat(' ')} {what} in {zone.key}, when the clocks change; write the offset")
    return from_datetime(first)
