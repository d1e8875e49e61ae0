"""CSV: statements with one line a row, and the amounts that a ledger posts. Figures are exact decimals."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from meterbook.domain.instant import iso
from meterbook.domain.statement import Line, Statement
from meterbook.domain.text import Text
from meterbook.i18n.statements import KINDS
from meterbook.reports.inert import quoted
from meterbook.reports.issue import Issue
from meterbook.reports.posting import Posting, account, postings

_COLUMNS: tuple[Text, ...] = (
    Text("成本中心", "cost_centre"),
    Text("部门", "department"),
    Text("月份", "month"),
    Text("能源", "utility"),
    Text("类别", "kind"),
    Text("表计", "meter"),
    Text("电价版本", "tariff"),
    Text("时段", "band"),
    Text("起", "from"),
    Text("止", "to"),
    Text("用量", "quantity"),
    Text("单位", "unit"),
    Text("份额", "share"),
    Text("金额", "charge"),
    Text("币种", "currency"),
    Text("实测", "measured"),
    Text("估算", "estimated"),
    Text("缺失", "missing"),
    Text("编号", "id"),
    Text("科目", "account"),
)
_POSTED: tuple[Text, ...] = (
    Text("成本中心", "cost_centre"),
    Text("科目", "account"),
    Text("金额", "amount"),
    Text("币种", "currency"),
    Text("月份", "month"),
    Text("部门", "department"),
    Text("能源", "utility"),
    Text("类别", "kind"),
    Text("摘要", "text"),
)


def statements(issue: Issue, accounts: Mapping[str, str]) -> str:
    """Statements, a row for each line, under a heading."""
    rows = (_line(issue, statement, line, accounts) for statement in issue.statements for line in statement.lines)
    return _table(issue, _COLUMNS, rows)


def ledger(issue: Issue, accounts: Mapping[str, str]) -> str:
    """What a ledger posts, a row for each department, utility and kind, under a heading; see postings."""
    found = postings(issue.statements, complete=issue.complete)
    return _table(issue, _POSTED, (_posting(issue, posting, accounts) for posting in found))


def _table(issue: Issue, columns: Sequence[Text], rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(issue.say(title) for title in columns)
    writer.writerows(rows)
    return out.getvalue()


def _line(issue: Issue, statement: Statement, line: Line, accounts: Mapping[str, str]) -> list[str]:
    zone = issue.site.calendar.zone
    return [
        quoted(issue.cost_centre(statement.department)),
        quoted(statement.department),
        statement.month,
        line.utility,
        line.kind,
        quoted(line.meter),
        quoted(line.tariff),
        quoted(line.band),
        iso(line.start, zone),
        iso(line.end, zone),
        _plain(line.quantity),
        line.unit or "",
        _plain(line.share),
        _plain(line.charge),
        statement.currency,
        _plain(line.quality.measured),
        _plain(line.quality.estimated),
        _plain(line.quality.missing),
        line.id,
        quoted(account(accounts, line.utility, line.kind)),
    ]


def _posting(issue: Issue, posting: Posting, accounts: Mapping[str, str]) -> list[str]:
    whom = issue.say(issue.site.name) if posting.department is None else issue.name(posting.department)
    kind = issue.words.gettext(KINDS[posting.kind])
    return [
        quoted(issue.cost_centre(posting.department)),
        quoted(account(accounts, posting.utility, posting.kind)),
        _plain(posting.amount),
        issue.site.currency,
        issue.month,
        quoted(posting.department),
        posting.utility,
        posting.kind,
        quoted(f"{whom} {issue.month} {issue.utility(posting.utility)} {kind}"),
    ]


def _plain(value: Decimal | None) -> str:
    return "" if value is None else f"{value:f}"
