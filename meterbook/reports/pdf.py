"""Statements as a PDF: a page or more for each department, after a summary of the site."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import groupby

from meterbook.domain.instant import Instant
from meterbook.domain.interval import Shares
from meterbook.domain.quota import QuotaStanding
from meterbook.domain.statement import Line, Statement
from meterbook.i18n.formats import UNKNOWN, unit_sign
from meterbook.i18n.statements import KINDS
from meterbook.reports.font import Face
from meterbook.reports.issue import Issue, Use, added, of_quotas, of_utility, used
from meterbook.reports.paper import INK, LARGE, MUTED, SMALL, TEXT, TITLE, Column, Paper, Table, Text

_GAP = 3.5
_TOGETHER = 12.0
"""Millimetres that must follow a line which heads others."""
_NOTHING = Text("")


def statements(issue: Issue, face: Face) -> bytes:
    """A PDF of statements; a single one needs no summary."""
    paper = Paper(face, issue.title, issue.say(issue.site.name), issue.language, issue.at)
    if issue.complete or len(issue.statements) != 1:
        _summary(paper, issue)
    for statement in issue.ordered:
        _department(paper, issue, statement)
    return paper.content()


def _head(paper: Paper, issue: Issue, title: str, mark: str, *, landscape: bool = False) -> None:
    site, month = issue.say(issue.site.name), issue.formats.month(issue.month)
    paper.begin(f"{site} · {month} · {mark}", mark, landscape=landscape)
    paper.opposite(month, LARGE, MUTED)
    paper.line_at(site, LARGE, MUTED)
    paper.gap(1)
    paper.line_at(title, TITLE, INK, heavy=True)


def _summary(paper: Paper, issue: Issue) -> None:
    """A row for each department; the last adds them up."""
    _ = issue.words.gettext
    _head(paper, issue, _("Summary of utility statements"), _("Summary"), landscape=True)
    paper.line_at(issue.standing, TEXT, MUTED)
    paper.gap(_GAP)
    table = Table(paper, _summary_columns(issue))
    for each in issue.ordered:
        uses = (of_utility(each, utility) for utility in issue.utilities)
        table.row(
            [
                Text(issue.cost_centre(each.department) or ""),
                Text(issue.name(each.department)),
                *(cell for use in uses for cell in _use(issue, use)),
                *(_money(issue, sum_) for sum_ in (each.total, of_quotas(each), each.payable)),
                *_quality(issue, each.quality),
            ]
        )
    lines = [line for each in issue.statements for line in each.lines]
    _add_up(table, issue, lines)
    _by_kind(paper, issue, lines)


def _summary_columns(issue: Issue) -> list[Column]:
    _ = issue.words.gettext
    columns = [Column(_("Cost centre"), 15), Column(_("Department"), 38)]
    for utility in issue.utilities:
        columns += [Column(heading, 25, True) for heading in issue.use_headings(utility)]
    sums = (_("Total"), _("Quota lines"), _("Payable"))
    columns += [Column(issue.priced(name), 25, True) for name in sums]
    return [*columns, *_quality_columns(issue)]


def _add_up(table: Table, issue: Issue, lines: Sequence[Line]) -> None:
    uses = (used(line for line in lines if line.utility == utility) for utility in issue.utilities)
    totals = added(each.total for each in issue.statements)
    quotas = added(of_quotas(each) for each in issue.statements)
    payable = added(each.payable for each in issue.statements)
    table.row(
        [
            _NOTHING,
            Text(issue.words.gettext("Total")),
            *(cell for use in uses for cell in _use(issue, use)),
            *(_money(issue, sum_) for sum_ in (totals, quotas, payable)),
            *[_NOTHING] * 3,
        ],
        heavy=True,
        wash=True,
    )


def _by_kind(paper: Paper, issue: Issue, lines: Sequence[Line]) -> None:
    """What the charges are made of."""
    _ = issue.words.gettext
    kinds: dict[tuple[str, str], list[Line]] = {}
    for line in sorted(lines, key=lambda line: (line.utility, [*KINDS].index(line.kind))):
        kinds.setdefault((issue.utility(line.utility), issue.kind(line)), []).append(line)
    _section(paper, _("By utility and kind"))
    columns = [
        Column(_("Utility"), 25),
        Column(_("Kind"), 40),
        Column(issue.priced(_("Charge")), 35, True),
    ]
    table = Table(paper, columns, 0.45)
    for (utility, kind), own in kinds.items():
        table.row([Text(utility), Text(kind), _money(issue, added(line.charge for line in own))])


def _section(paper: Paper, title: str) -> None:
    """A heading inside a page, or on the next one where only little would follow it."""
    paper.gap(2 * _GAP)
    if paper.room < 3 * _TOGETHER:
        paper.add_page(same=True)
    paper.line_at(title, LARGE, INK, heavy=True)
    paper.gap(1)


def _department(paper: Paper, issue: Issue, statement: Statement) -> None:
    """A statement: what it comes to, every line of it, and how the department stands against its quotas."""
    _ = issue.words.gettext
    name = issue.name(statement.department)
    _head(paper, issue, _("Utility statement"), name)
    paper.gap(1)
    centre = issue.cost_centre(statement.department)
    if centre:
        paper.opposite(_("Cost centre %(number)s") % {"number": centre}, LARGE)
    paper.line_at(name, LARGE, INK, heavy=True)
    paper.line_at(issue.standing, TEXT, MUTED)
    paper.gap(_GAP)
    _in_short(paper, issue, statement)
    paper.gap(_GAP)
    _lines(paper, issue, statement)
    if statement.quota:
        _quotas(paper, issue, statement.quota)
    paper.gap(_GAP)
    for remark in issue.remarks(statement):
        paper.note(remark, TEXT, INK)
    paper.note(f"SHA-256 {statement.hash}", SMALL, MUTED)


def _in_short(paper: Paper, issue: Issue, statement: Statement) -> None:
    _ = issue.words.gettext
    sums = (_("Total"), _("Quota lines"), _("Payable"))
    columns = [Column(issue.priced(name), 30, True) for name in sums]
    table = Table(paper, [*columns, *_quality_columns(issue, 20)])
    paid = (_money(issue, sum_) for sum_ in (statement.total, of_quotas(statement), statement.payable))
    table.row([*paid, *_quality(issue, statement.quality)], heavy=True)


def _lines(paper: Paper, issue: Issue, statement: Statement) -> None:
    _ = issue.words.gettext
    columns = [
        Column(_("Item"), 46),
        Column(_("Meter"), 34),
        Column(_("Quantity"), 28, True),
        Column(_("Share"), 15, True),
        Column(issue.priced(_("Charge")), 26, True),
    ]
    table = Table(paper, [*columns, *_quality_columns(issue)])
    span, last = _span(statement), statement.lines[-1:]
    for utility, own in groupby(statement.lines, lambda line: line.utility):
        quantity, charge = _use(issue, of_utility(statement, utility))
        head = [Text(issue.use_headings(utility)[0]), _NOTHING, quantity, _NOTHING, charge]
        table.row([*head, *[_NOTHING] * 3], heavy=True, wash=True, with_next=_TOGETHER)
        for line in own:
            table.row(_line(issue, line, span), with_next=_TOGETHER if (line,) == last else 0)
    _ends(table, issue, statement)


def _ends(table: Table, issue: Issue, statement: Statement) -> None:
    _ = issue.words.gettext
    below = statement.subtree_total
    for label, value, shown in (
        (_("Total"), statement.total, True),
        (_("With quota lines"), statement.payable, statement.payable != statement.total),
        (_("With those below"), below, below != statement.total),
    ):
        if shown:
            cells = [Text(label), *[_NOTHING] * 3, _money(issue, value), *[_NOTHING] * 3]
            table.row(cells, heavy=label == _("Total"))


def _span(statement: Statement) -> tuple[Instant, Instant] | None:
    """The time that most lines are about, which they need not say."""
    spans = [(line.start, line.end) for line in statement.lines if line.kind != "adjustment"]
    return max(spans, key=lambda span: (span[1] - span[0], spans.count(span)), default=None)


def _line(issue: Issue, line: Line, span: tuple[Instant, Instant] | None) -> list[Text]:
    component, formats = issue.component(line), issue.formats
    item = f"{issue.kind(line)} · {component}" if component else issue.kind(line)
    during = "" if (line.start, line.end) == span else formats.days(line.start, line.end)
    unit = f" {unit_sign(line.unit)}" if line.unit else ""
    return [
        Text(item, during),
        Text(line.meter or ""),
        _NOTHING if line.quantity is None else Text(f"{formats.exact(line.quantity)}{unit}"),
        _NOTHING if line.share is None else Text(formats.percent(line.share)),
        _money(issue, line.charge),
        *_quality(issue, line.quality),
    ]


def _quotas(paper: Paper, issue: Issue, standings: Sequence[QuotaStanding]) -> None:
    _, formats = issue.words.gettext, issue.formats
    _section(paper, _("Quotas of the year"))
    figures = (_("Granted"), _("Planned so far"), _("Used so far"), _("Left"))
    columns = [Column(_("Utility"), 20), Column(_("Year"), 14), *(Column(title, 30, True) for title in figures)]
    table = Table(paper, [*columns, Column(_("Used up on"), 24, True)])
    for each in standings:
        amounts = (each.amount, each.planned, each.used, each.left)
        until = "" if each.runs_out is None else each.runs_out.isoformat()
        unit = unit_sign(each.unit)
        table.row(
            [
                Text(issue.utility(each.utility)),
                Text(str(each.year)),
                *(Text(UNKNOWN if one is None else f"{formats.number(one)} {unit}") for one in amounts),
                Text(until),
            ]
        )


def _use(issue: Issue, use: Use | None) -> Iterator[Text]:
    """What was used and what it costs."""
    if use is None:
        yield from (_NOTHING, _NOTHING)
    else:
        yield from (Text(issue.formats.exact(use.quantity)), _money(issue, use.charge))


def _money(issue: Issue, sum_: Decimal | None) -> Text:
    return Text(issue.formats.number(sum_, 2))


def _quality_columns(issue: Issue, width: float = 14.5) -> list[Column]:
    _ = issue.words.gettext
    return [Column(title, width, True) for title in (_("Measured"), _("Estimated"), _("Missing"))]


def _quality(issue: Issue, shares: Shares) -> list[Text]:
    return [Text(issue.formats.percent(part)) for part in (shares.measured, shares.estimated, shares.missing)]
