"""Scores as a workbook: the parts of a month's 100 points, and the league table of a quarter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from meterbook.domain.instant import Instant
from meterbook.domain.score import PartScore, Score, Standing
from meterbook.domain.site import Site
from meterbook.domain.text import Language
from meterbook.i18n import Translator, translator
from meterbook.i18n.formats import Formats
from meterbook.i18n.statements import REASONS
from meterbook.reports.book import Book, Cell, exact, share
from meterbook.reports.issue import shown


@dataclass(frozen=True, slots=True)
class Published:
    """Scores of `time`, a month or a quarter, as they were at the instant `at`, in one language."""

    site: Site
    time: str
    language: Language
    at: Instant

    @property
    def words(self) -> Translator:
        """The words of its language."""
        return translator(self.language)

    @property
    def formats(self) -> Formats:
        """How figures and instants are written in its language."""
        return Formats(self.language, self.site.calendar.zone, self.site.currency)

    def book(self) -> Book:
        """An empty workbook of that name."""
        return Book(self.title(self.time), self.site.name.in_(self.language), self.at)

    def title(self, time: str) -> str:
        """What stands above a table."""
        named = self.words.gettext("Scores")
        return f"{self.site.name.in_(self.language)} · {named} {time}"

    @property
    def above(self) -> str:
        """Since when it is told."""
        return self.words.gettext("As it was on %(moment)s.") % {"moment": self.formats.moment(self.at)}


def month(published: Published, found: Sequence[Score]) -> bytes:
    """A workbook of a month: a row for each department, with the points of each part and what they stand on."""
    book = published.book()
    _month(book, published, published.time, found)
    return book.content()


def quarter(published: Published, found: Sequence[Standing]) -> bytes:
    """A workbook of a quarter: the league table, and a sheet for each of its months that has scores."""
    _, book = published.words.gettext, published.book()
    months = sorted({score.month for each in found for score in each.months})
    headings = [_("Rank"), _("Cost centre"), _("Department"), _("Id"), _("Points"), "", *months]
    sheet = book.sheet(published.time, headings, [published.title(published.time), published.above], frozen=3)
    for each in found:
        points = {score.month: score.points for score in each.months}
        sheet.row(
            [
                Cell(None if each.rank is None else Decimal(each.rank)),
                *_whom(published, each.department),
                *_verdict(published, each),
                *(_points(points.get(one)) for one in months),
            ]
        )
    sheet.finish()
    for one in months:
        own = [score for each in found for score in each.months if score.month == one]
        _month(book, published, one, sorted(own, key=lambda score: score.department))
    return book.content()


def _month(book: Book, published: Published, time: str, found: Sequence[Score]) -> None:
    _ = published.words.gettext
    measured = _("measured by")
    headings = [_("Cost centre"), _("Department"), _("Id"), _("Points"), ""]
    for part in published.site.scores.parts if published.site.scores else ():
        headings += [f"{part.id} / {part.points:f}", f"{part.id}: {measured}"]
    sheet = book.sheet(time, headings, [published.title(time), published.above], frozen=2)
    for each in found:
        parts = [cell for part in each.parts for cell in _part(published, part)]
        sheet.row([*_whom(published, each.department), *_verdict(published, each), *parts])
    sheet.finish()


def _whom(published: Published, department: str) -> list[Cell]:
    found = published.site.departments[department]
    return [Cell(found.cost_centre), Cell(found.name.in_(published.language)), Cell(department)]


def _verdict(published: Published, found: Score | Standing) -> list[Cell]:
    """The points, and whether they are below the site's limit."""
    below = published.words.gettext("below the limit") if found.passed is False else None
    return [_points(found.points), Cell(below)]


def _part(published: Published, part: PartScore) -> list[Cell]:
    """What a part gave, or why it says nothing; and the ratio it was judged by."""
    if part.reason is not None:
        return [Cell(published.words.gettext(REASONS[part.reason])), Cell(None)]
    return [_points(part.got), share(part.measured)]


def _points(points: Decimal | None) -> Cell:
    return exact(shown(points), decimals=1)
