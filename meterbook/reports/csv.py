"""Statements as CSV, one line of the statement a row, for ledgers and spreadsheets."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

from meterbook.domain.instant import iso
from meterbook.domain.site import Site
from meterbook.domain.statement import Statement
from meterbook.domain.text import Language, Text

_COLUMNS: tuple[tuple[str, Text], ...] = (
    ("cost_centre", Text("成本中心", "cost_centre")),
    ("department", Text("部门", "department")),
    ("month", Text("月份", "month")),
    ("utility", Text("能源", "utility")),
    ("kind", Text("类别", "kind")),
    ("meter", Text("表计", "meter")),
    ("tariff", Text("电价版本", "tariff")),
    ("band", Text("时段", "band")),
    ("from", Text("起", "from")),
    ("to", Text("止", "to")),
    ("quantity", Text("用量", "quantity")),
    ("unit", Text("单位", "unit")),
    ("share", Text("份额", "share")),
    ("charge", Text("金额", "charge")),
    ("currency", Text("币种", "currency")),
    ("measured", Text("实测", "measured")),
    ("estimated", Text("估算", "estimated")),
    ("missing", Text("缺失", "missing")),
    ("id", Text("编号", "id")),
)


def statement(document: Statement, site: Site, language: Language) -> str:
    """A statement as CSV with a heading row; figures are exact decimals, texts cannot become formulas (trap 42)."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(title.in_(language) for _, title in _COLUMNS)
    department = site.departments.get(document.department)
    zone = site.calendar.zone
    for line in document.lines:
        writer.writerow(
            [
                _harmless(department.cost_centre if department else None),
                _harmless(document.department),
                document.month,
                line.utility,
                line.kind,
                _harmless(line.meter),
                _harmless(line.tariff),
                _harmless(line.band),
                iso(line.start, zone),
                iso(line.end, zone),
                _plain(line.quantity),
                line.unit or "",
                _plain(line.share),
                _plain(line.charge),
                document.currency,
                _plain(line.quality.measured),
                _plain(line.quality.estimated),
                _plain(line.quality.missing),
                line.id,
            ]
        )
    return out.getvalue()


def _plain(value: Decimal | None) -> str:
    return "" if value is None else f"{value:f}"


def _harmless(text: str | None) -> str:
    """A text no spreadsheet takes for a formula."""
    return "" if text is None else f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
