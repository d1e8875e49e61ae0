"""Workbooks, read back by a library that is not ours: figures are figures, dates dates, and texts only texts."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import datetime
from decimal import Decimal

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import Cell
from openpyxl.utils.escape import unescape
from openpyxl.worksheet.worksheet import Worksheet
from reports.ledgers import MONTH, NOW, RADIOLOGY, charge, issue, line, month, site, statement

from meterbook.domain.closing import Signature
from meterbook.domain.instant import DAY, parse
from meterbook.domain.organisation import Department
from meterbook.domain.score import PartScore, Score, Standing
from meterbook.domain.text import Text
from meterbook.reports import csv, scores, xlsx
from meterbook.reports.book import sheet_name
from meterbook.reports.issue import Issue
from meterbook.reports.scores import Published


def read(content: bytes) -> Workbook:
    return load_workbook(io.BytesIO(content))


def table(sheet: Worksheet) -> tuple[list[str], list[dict[str, Cell]]]:
    """The headings, which stand in the last frozen row, and the rows below them."""
    top = int(re.sub(r"\D", "", str(sheet.freeze_panes))) - 1
    headings = [str(cell.value or "") for cell in sheet[top]]
    return headings, [dict(zip(headings, row, strict=True)) for row in sheet.iter_rows(min_row=top + 1)]


def exact(cell: Cell) -> Decimal:
    assert cell.data_type == "n", f"{cell.coordinate} is no number"
    return Decimal(str(cell.value))


def test_figures_are_numbers_with_formats_and_the_same_as_on_the_statement() -> None:
    book = read(xlsx.statements(issue(*month())))
    assert book.sheetnames == ["Summary", "Radiology", "Wards", "Unallocated"]
    _, rows = table(book["Radiology"])
    for own, row in zip(month()[0].lines, rows, strict=False):
        assert exact(row["Charge CNY"]) == own.charge
        assert row["Charge CNY"].number_format == "#,##0.00"
        if own.quantity is None:
            assert row["Quantity"].value is None
        else:
            places = -int(own.quantity.as_tuple().exponent)
            assert exact(row["Quantity"]) == own.quantity
            assert row["Quantity"].number_format == "#,##0." + "0" * places
        assert exact(row["Measured"]) == own.quality.measured
        assert row["Measured"].number_format == "0.00%"
        assert row["Line"].value == own.id


def test_instants_are_dates_in_the_sites_time() -> None:
    _, rows = table(read(xlsx.statements(issue(*month())))["Radiology"])
    halves = [row for row in rows if row["Utility"].value == "Water" and row["Kind"].value == "Direct"]
    assert [(row["From"].value, row["To"].value) for row in halves] == [
        (datetime.fromisoformat("2026-10-01"), datetime.fromisoformat("2026-10-16")),
        (datetime.fromisoformat("2026-10-16"), datetime.fromisoformat("2026-11-01")),
    ]
    assert {row["From"].number_format for row in halves} == {"yyyy-mm-dd hh:mm"}
    assert all(row["From"].is_date for row in halves)


def test_lines_totals_summary_and_ledger_add_up_to_the_same() -> None:
    whole = month()
    made = issue(*whole)
    book = read(xlsx.statements(made))
    summed = Decimal(0)
    for one in whole:
        _, rows = table(book[made.name(one.department)])
        charged, below = rows[: len(one.lines)], rows[len(one.lines)]
        internal = {"Quota excess", "Saving reward"}
        own = sum(exact(row["Charge CNY"]) for row in charged if row["Kind"].value not in internal)
        assert below["Utility"].value == "Total"
        assert exact(below["Charge CNY"]) == own == one.total
        summed += own
    _, rows = table(book["Summary"])
    *departments, total = rows[: len(whole) + 1]
    assert total["Cost centre"].value == "Total"
    for heading in ("Total CNY", "Quota lines CNY", "Payable CNY"):
        assert sum(exact(row[heading]) for row in departments) == exact(total[heading])
    by_utility = exact(total["Electricity CNY"]) + exact(total["Water CNY"])
    posted = [row.split(",")[2] for row in csv.ledger(made, {}).splitlines()[1:]]
    ledger = sum(Decimal(amount) for amount in posted)
    assert exact(total["Total CNY"]) == by_utility == summed == ledger == charge(whole)


def test_the_summary_names_departments_and_what_they_used() -> None:
    headings, rows = table(read(xlsx.statements(issue(*month())))["Summary"])
    assert headings[3:7] == ["Electricity kWh", "Electricity CNY", "Water m³", "Water CNY"]
    first = rows[0]
    assert [first[name].value for name in ("Cost centre", "Department", "Id")] == ["4103", "Radiology", "radiology"]
    assert exact(first["Water m³"]) == Decimal("30.072"), "a surcharge's quantity is not used twice"
    assert rows[1]["Water CNY"].value is None
    assert rows[2]["Department"].value == "Unallocated"


@pytest.mark.parametrize("lead", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_texts_that_look_like_formulas_stay_texts(lead: str) -> None:
    live = f"{lead}HYPERLINK(1)"
    department = Department("wards", Text.same(live), cost_centre=live)
    one = statement("wards", line("1.00", meter=live, tariff=live, band=live))
    content = xlsx.statements(issue(one, of=site(department)))
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        sheets = [parts.read(name).decode() for name in parts.namelist() if name.startswith("xl/worksheets/sheet")]
    assert len(sheets) == 2
    assert not any("<f>" in sheet or "<f " in sheet or "<hyperlink" in sheet for sheet in sheets)
    book = read(content)
    _, rows = table(book.worksheets[1])
    _, summary = table(book.worksheets[0])
    cells = [rows[0][name] for name in ("Component", "Meter", "Price version")]
    cells += [summary[0][name] for name in ("Cost centre", "Department")]
    for cell in cells:
        assert (unescape(str(cell.value)), cell.data_type) == (live, "s")
        assert cell.quotePrefix, "it stays a text when somebody edits the cell"


def test_addresses_and_digits_stay_texts() -> None:
    department = Department("wards", Text.same("https://example.org"), cost_centre="0042")
    content = xlsx.statements(issue(statement("wards", line("1.00")), of=site(department)))
    _, (row, *_) = table(read(content)["Summary"])
    assert [(row[name].value, row[name].data_type) for name in ("Cost centre", "Department")] == [
        ("0042", "s"),
        ("https://example.org", "s"),
    ]
    assert row["Department"].hyperlink is None


def test_what_has_no_price_is_a_dash_and_never_zero() -> None:
    book = read(xlsx.statements(issue(statement("wards", line(None), line("2.00", "loss")))))
    _, (first, second, total, *_) = table(book["Wards"])
    assert [row["Charge CNY"].value for row in (first, second, total)] == ["—", 2, "—"]
    _, (wards, whole) = table(book["Summary"])
    assert [row["Total CNY"].value for row in (wards, whole)] == ["—", "—"]


def test_a_figure_that_a_spreadsheet_would_round_is_a_text() -> None:
    one = statement("wards", line("1.00", quantity=Decimal("1234567890123.456")), line("12345678901234567.89"))
    _, (first, second, *_) = table(read(xlsx.statements(issue(one)))["Wards"])
    assert (first["Quantity"].value, first["Quantity"].data_type) == ("1234567890123.456", "s")
    assert (second["Charge CNY"].value, second["Charge CNY"].data_type) == ("12345678901234567.89", "s")


def test_headings_stay_in_sight_and_columns_fit() -> None:
    book = read(xlsx.statements(issue(*month(), language="zh")))
    assert [sheet.freeze_panes for sheet in book.worksheets] == ["C4", "B4", "B4", "B4"]
    assert [sheet.print_title_rows for sheet in book.worksheets] == ["$3:$3"] * 4
    widths = {letter: side.width for letter, side in book["放射科"].column_dimensions.items()}
    assert widths["O"] > len(month()[0].lines[0].id)
    assert all(8 <= width <= 46 for width in widths.values())


def test_it_speaks_chinese() -> None:
    book = read(xlsx.statements(issue(*month(), language="zh")))
    assert book.sheetnames == ["汇总", "放射科", "住院部", "未分摊"]
    sheet = book["放射科"]
    assert sheet["A1"].value == "放射科 · 2026年10月 · 成本中心 4103"
    assert sheet["A2"].value == "数据截至 2026年11月3日 09:00，结账前可能变动。"
    headings, rows = table(sheet)
    assert headings[:8] == ["能源", "类别", "分项", "表计", "用量", "单位", "份额", "金额 CNY"]
    told = [(row["类别"].value, row["分项"].value) for row in rows[:6]]
    assert told[:3] == [("直接", "高峰"), ("功率因数调整", None), ("超定额加价", "超定额 20% 以上")]
    assert told[5] == ("附加费", "污水处理费")
    assert "需量电费尚未计入" in str([cell.value for cell in sheet["A"]])


def test_a_single_statement_needs_no_summary() -> None:
    assert read(xlsx.statements(issue(month()[0], complete=False))).sheetnames == ["Radiology"]
    assert read(xlsx.statements(issue())).sheetnames == ["Summary"]


def test_the_same_statements_make_the_same_bytes() -> None:
    first, later = xlsx.statements(issue(*month())), xlsx.statements(issue(*month(), now=NOW + DAY))
    assert xlsx.statements(issue(*month())) == first != later
    assert read(first).properties.created == datetime.fromisoformat("2026-11-03T01:00:00")
    signature = Signature(MONTH, "wang", NOW, "version")
    closed = [
        Issue.of(site(), MONTH, month(), "zh", now, complete=True, signature=signature)
        for now in (NOW, NOW + 400 * DAY)
    ]
    assert xlsx.statements(closed[0]) == xlsx.statements(closed[1])


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["放射科", "放射科", "放射科"], ["放射科", "放射科 (2)", "放射科 (3)"]),
        (["ICU", "icu"], ["ICU", "icu (2)"]),
        (["a/b:c*d?[e]\\f"], ["a b c d  e  f"]),
        (["'quoted'"], ["quoted"]),
        (["History"], ["History -"]),
        (["", "/"], ["-", "- (2)"]),
        (["科" * 40, "科" * 40], ["科" * 31, "科" * 27 + " (2)"]),
        (["🏥" * 20], ["🏥" * 15]),
        (["\tTab\nand\rline"], ["Tab and line"]),
    ],
)
def test_sheets_have_names_that_spreadsheets_take(names: list[str], expected: list[str]) -> None:
    taken: set[str] = set()
    found = []
    for name in names:
        found.append(sheet_name(name, taken))
        taken.add(found[-1].casefold())
    assert found == expected
    departments = [Department(f"d{number}", Text.same(name)) for number, name in enumerate(names)]
    lines = [statement(one.id, line("1.00")) for one in departments]
    made = read(xlsx.statements(issue(*lines, of=site(*departments))))
    assert made.sheetnames == ["Summary", *expected]


PARTS = (
    PartScore("quota", "quota", Decimal(40), Decimal("20.0"), Decimal("1.0500"), None),
    PartScore("trend", "trend", Decimal(60), None, None, "not_covered"),
)


def test_scores_of_a_month_say_what_parts_gave_and_why_not() -> None:
    found = [Score("radiology", MONTH, Decimal("50.0"), False, PARTS), Score("wards", MONTH, None, None, PARTS[1:] * 2)]
    sheet = read(scores.month(Published(site(), MONTH, "zh", NOW), found)).active
    assert sheet is not None
    assert sheet.title == MONTH
    headings, (first, second) = table(sheet)
    assert headings == [
        "成本中心",
        "部门",
        "编码",
        "得分",
        "",
        "quota / 40",
        "quota: 实际比值",
        "trend / 60",
        "trend: 实际比值",
    ]
    assert [cell.value for cell in first.values()] == [
        "4103",
        "放射科",
        "radiology",
        50,
        "不及格",
        20,
        1.05,
        "读数不足",
        None,
    ]
    assert (first["得分"].number_format, first["quota: 实际比值"].number_format) == ("#,##0.0", "0.00%")
    assert second["得分"].value == "—"


def test_scores_of_a_quarter_are_a_league_table_and_its_months() -> None:
    months = [
        Score("radiology", month, points, None, PARTS)
        for month, points in (("2026-07", Decimal(70)), ("2026-08", None))
    ]
    found = [
        Standing("radiology", Decimal("70.0"), True, 1, tuple(months)),
        Standing("wards", None, None, None, (months[1],)),
    ]
    published = Published(site(), "2026-Q3", "en", parse("2026-10-01T00:00:00Z"))
    book = read(scores.quarter(published, found))
    assert book.sheetnames == ["2026-Q3", "2026-07", "2026-08"]
    headings, (first, second) = table(book["2026-Q3"])
    assert headings == ["Rank", "Cost centre", "Department", "Id", "Points", "", "2026-07", "2026-08"]
    assert [cell.value for cell in first.values()] == [1, "4103", "Radiology", "radiology", 70, None, 70, "—"]
    assert [cell.value for cell in second.values()] == [None, "4200", "Wards", "wards", "—", None, "—", "—"]
    assert scores.quarter(published, found) == scores.quarter(published, found)


def test_a_department_without_a_cost_centre_says_nothing_of_one() -> None:
    made = issue(statement("x", line("1.00")), of=site(Department("x", RADIOLOGY.name)))
    assert read(xlsx.statements(made))["Radiology"]["A1"].value == "Radiology · October 2026"
