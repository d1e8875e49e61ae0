"""Statements as a workbook: a summary, and a sheet for each department."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from meterbook.domain.instant import Instant, to_datetime
from meterbook.domain.statement import Line, Statement
from meterbook.i18n.formats import unit_sign
from meterbook.reports.book import MOMENT, Book, Cell, Look, Sheet, exact, money, share
from meterbook.reports.issue import Issue, Use, added, of_quotas, of_utility, shown, used


def statements(issue: Issue) -> bytes:
    """A workbook of statements; a single one needs no summary."""
    book = Book(issue.title, issue.say(issue.site.name), issue.at)
    if issue.complete or len(issue.statements) != 1:
        _summary(book, issue)
    for statement in issue.ordered:
        _department(book, issue, statement)
    return book.content()


def _summary(book: Book, issue: Issue) -> None:
    """A row for each department; the last adds them up."""
    _ = issue.words.gettext
    headings = [_("Cost centre"), _("Department"), _("Id")]
    for utility in issue.utilities:
        headings += issue.use_headings(utility)
    headings += [issue.priced(name) for name in (_("Total"), _("Quota lines"), _("Payable"))]
    sheet = book.sheet(_("Summary"), [*headings, *_quality_headings(issue)], [issue.title, issue.standing], frozen=2)
    for each in issue.ordered:
        cells = [Cell(issue.cost_centre(each.department)), Cell(issue.name(each.department)), Cell(each.department)]
        for utility in issue.utilities:
            cells += _use(of_utility(each, utility))
        cells += [money(shown(sum_)) for sum_ in (each.total, of_quotas(each), each.payable)]
        sheet.row([*cells, *_quality(each)])
    sheet.total(_sums(issue))
    sheet.finish()


def _sums(issue: Issue) -> list[Cell]:
    cells = [Cell(issue.words.gettext("Total")), Cell(None), Cell(None)]
    for utility in issue.utilities:
        cells += _use(used(line for each in issue.statements for line in each.lines if line.utility == utility))
    for sums in (
        [each.total for each in issue.statements],
        [of_quotas(each) for each in issue.statements],
        [each.payable for each in issue.statements],
    ):
        cells.append(money(shown(added(sums))))
    return [*cells, Cell(None), Cell(None), Cell(None)]


def _use(use: Use | None) -> list[Cell]:
    return [Cell(None), Cell(None)] if use is None else [exact(shown(use.quantity)), money(shown(use.charge))]


def _department(book: Book, issue: Issue, statement: Statement) -> None:
    """A sheet with every line of a statement."""
    _ = issue.words.gettext
    name = issue.name(statement.department)
    centre = issue.cost_centre(statement.department)
    title = [name, issue.formats.month(statement.month)]
    if centre:
        title.append(_("Cost centre %(number)s") % {"number": centre})
    headings = [
        _("Utility"), _("Kind"), _("Component"), _("Meter"), _("Quantity"), _("Unit"), _("Share"),
        issue.priced(_("Charge")), _("From"), _("To"), _("Price version"), *_quality_headings(issue), _("Line"),
    ]  # fmt: skip
    sheet = book.sheet(name, headings, [" · ".join(title), issue.standing], frozen=1)
    for line in statement.lines:
        sheet.row(_line(issue, line))
    _totals(sheet, issue, statement)
    sheet.finish()


def _line(issue: Issue, line: Line) -> list[Cell]:
    return [
        Cell(issue.utility(line.utility)),
        Cell(issue.kind(line)),
        Cell(issue.component(line)),
        Cell(line.meter),
        exact(line.quantity),
        Cell(unit_sign(line.unit) if line.unit else None),
        share(line.share),
        money(shown(line.charge)),
        Cell(_local(issue, line.start), Look(MOMENT)),
        Cell(_local(issue, line.end), Look(MOMENT)),
        Cell(line.tariff),
        *(share(part) for part in (line.quality.measured, line.quality.estimated, line.quality.missing)),
        Cell(line.id),
    ]


def _totals(sheet: Sheet, issue: Issue, statement: Statement) -> None:
    _ = issue.words.gettext

    def row(label: str, value: Decimal | None, quality: Iterable[Cell] = ()) -> list[Cell]:
        return [Cell(label), *[Cell(None)] * 6, money(shown(value)), *[Cell(None)] * 3, *quality]

    sheet.total(row(_("Total"), statement.total, _quality(statement)))
    if statement.payable != statement.total:
        sheet.row(row(_("With quota lines"), statement.payable))
    if statement.subtree_total != statement.total:
        sheet.row(row(_("With those below"), statement.subtree_total))
    for remark in issue.remarks(statement):
        sheet.note(remark)
    sheet.note(f"SHA-256 {statement.hash}")


def _quality_headings(issue: Issue) -> list[str]:
    _ = issue.words.gettext
    return [_("Measured"), _("Estimated"), _("Missing")]


def _quality(statement: Statement) -> list[Cell]:
    quality = statement.quality
    return [share(quality.measured), share(quality.estimated), share(quality.missing)]


def _local(issue: Issue, at: Instant) -> datetime:
    """The site's local time, which is all that a cell can hold."""
    return to_datetime(at, issue.site.calendar.zone).replace(tzinfo=None)
