"""Arguments and options that many commands share, and how they are read."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from meterbook.cli.usage import Wrong
from meterbook.domain import text as texts
from meterbook.domain.calendar import Calendar, NoMonth, first_of_month
from meterbook.domain.instant import Instant, NaiveInstant, from_datetime, moment, parse
from meterbook.domain.site import Site
from meterbook.i18n import Translator, mark, translator

FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2199, 12, 31)
"""What anybody asks about lies between them."""


class Format(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


class TextFormat(StrEnum):
    """How a report is written."""

    TEXT = "text"
    JSON = "json"


class Spoken(StrEnum):
    """The language an answer is written in."""

    ZH = "zh"
    EN = "en"


class TableFormat(StrEnum):
    """How a list is written."""

    TABLE = "table"
    JSON = "json"


class By(StrEnum):
    """Windows of consumption."""

    QUARTER = "15m"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


SiteDirectory = Annotated[
    Path, typer.Argument(metavar="SITE", help="the site directory", exists=True, file_okay=False, show_default=False)
]
Data = Annotated[
    Path | None, typer.Option("--data", help="where readings and books are kept; default: var/ in the site directory")
]
Language = Annotated[Spoken | None, typer.Option(help="zh or en; default: the language of the site")]
Now = Annotated[
    str | None, typer.Option("--now", metavar="INSTANT", help="take this for the present; default: the machine's clock")
]


def data_directory(site: Path, data: Path | None) -> Path:
    """Where a site keeps its readings and books."""
    return data if data is not None else site / "var"


def spoken(asked: Spoken | None, site: Site | None) -> texts.Language:
    """The language of `--language`, else of the site; English where there is neither."""
    known = site.language if site is not None else "en"
    return asked.value if asked is not None else known


def translated(asked: Spoken | None, site: Site | None) -> Translator:
    """The words of that language."""
    return translator(spoken(asked, site))


def present(text: str | None) -> Instant | None:
    """The instant of `--now`; wrong usage where it is none."""
    if text is None:
        return None
    try:
        return parse(text)
    except NaiveInstant:
        raise Wrong(mark("--now %(text)s has no offset from UTC; write 2026-11-02T08:00:00+08:00"), text=text) from None
    except ValueError:
        raise Wrong(mark("--now %(text)s is no instant; write 2026-11-02T08:00:00+08:00"), text=text) from None


def boundary(text: str, option: str, calendar: Calendar) -> Instant:
    """The instant of `--from` or `--to`: a local day, or an instant with or without offset (then local)."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        pass
    else:
        if not FIRST_DAY <= day <= LAST_DAY:
            raise _beyond(option, text)
        return calendar.midnight(day)
    try:
        found = moment(text)
    except ValueError:
        sentence = mark("%(option)s %(text)s is no day or instant; write 2026-10-01")
        raise Wrong(sentence, option=option, text=repr(text)) from None
    if not FIRST_DAY <= found.date() <= LAST_DAY:
        raise _beyond(option, text)
    zone: ZoneInfo = calendar.zone
    return from_datetime(found if found.tzinfo else found.replace(tzinfo=zone))


def _beyond(option: str, text: str) -> Wrong:
    sentence = mark("%(option)s %(text)s: expected a day between %(first)s and %(last)s")
    return Wrong(sentence, option=option, text=text, first=FIRST_DAY, last=LAST_DAY)


def month_of(text: str) -> str:
    """A month as YYYY-MM; wrong usage where it is none."""
    try:
        first_of_month(text)
    except NoMonth:
        raise Wrong(mark("%(text)s is no month; one looks like 2026-10"), text=text) from None
    return text


def known(id_: str, among: Collection[str], what: str, site: Site) -> str:
    """An id that exists; wrong usage names the nearest ones."""
    if id_ in among:
        return id_
    near = get_close_matches(id_, among, 3, 0.5)
    sentence = mark("%(id)s is no department of %(site)s; did you mean one of these: %(others)s?")
    if what == "meter":
        sentence = mark("%(id)s is no meter of %(site)s; did you mean one of these: %(others)s?")
    raise Wrong(sentence, id=id_, site=site.id, others=", ".join(near or sorted(among)[:12]))


def signed(text: str, option: str, longest: int = 2000) -> str:
    """A name or a reason, without spaces around it; wrong usage where it is empty or too long."""
    words = text.strip()
    if not 0 < len(words) <= longest:
        raise Wrong(mark("%(option)s: expected some words, %(most)s letters at most"), option=option, most=longest)
    return words
