"""PDFs, read back by a library that is not ours: Chinese and figures as text, and the font inside."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pypdf import PdfReader
from reports.ledgers import (
    MONTH,
    NOW,
    RADIOLOGY,
    START,
    charge,
    issue,
    line,
    month,
    site,
    standing,
    statement,
)
from structlog.testing import capture_logs

from meterbook.domain.closing import Signature
from meterbook.domain.instant import DAY
from meterbook.domain.organisation import Department
from meterbook.domain.text import Text
from meterbook.reports import pdf
from meterbook.reports.font import Face
from meterbook.reports.issue import Issue
from meterbook.reports.paper import Paper, wrapped


def read(content: bytes) -> PdfReader:
    return PdfReader(io.BytesIO(content))


def texts(content: bytes) -> list[str]:
    """The words of each page, in the order in which they were written."""
    return [" ".join(page.extract_text().split()) for page in read(content).pages]


@pytest.fixture(scope="module")
def chinese(face: Face) -> bytes:
    """The month in Chinese."""
    return pdf.statements(issue(*month(), language="zh"), face)


@pytest.fixture(scope="module")
def paper(face: Face) -> Iterator[Paper]:
    """Something to write on."""
    found = Paper(face, "", "", "zh", START)
    yield found
    found.content()


def test_a_summary_and_a_page_for_each_department_in_chinese(chinese: bytes) -> None:
    pages = texts(chinese)
    assert len(pages) == 4
    summary, radiology, wards, unallocated = pages
    for word in (
        "示范医院",
        "2026年10月",
        "能源费用汇总表",
        "成本中心",
        "放射科",
        "住院部",
        "未分摊",
        "第 1 页，共 4 页",
    ):
        assert word in summary
    assert f"{charge(month()):,}" in summary
    for word in (
        "放射科",
        "成本中心 4103",
        "直接 · 高峰",
        "E-B1-CT",
        "10,412.37 kWh",
        "11,935.70",
        "附加费 · 污水处理费",
    ):
        assert word in radiology
    assert "数据截至 2026年11月3日 09:00，结账前可能变动。" in radiology
    assert "电: 需量电费尚未计入" in radiology
    assert "2026年10月1日 – 2026年10月15日" in radiology, "a line of a part of the month says which"
    assert "2026年10月16日 – 2026年10月31日" in radiology
    assert "0123456789abcdef" * 4 in radiology
    assert "住院部" in wards
    assert "-30.00" in wards
    assert "未分摊" in unallocated


def test_in_english(face: Face) -> None:
    summary, radiology, *_ = texts(pdf.statements(issue(*month(), language="en"), face))
    assert all(word in summary for word in ("Demo Hospital", "October 2026", "Summary of utility statements"))
    for word in ("Cost centre 4103", "Radiology", "Direct · Peak", "Power factor", "-250.87", "Page 2 of 4"):
        assert word in radiology
    assert not re.search("[一-鿿]", summary + radiology), "nothing is left in Chinese"


def test_what_is_to_be_paid_and_how_sure_it_is(face: Face) -> None:
    (page,) = texts(pdf.statements(issue(month()[0], complete=False), face))
    one = month()[0]
    assert (
        f"Total CNY Quota lines CNY Payable CNY Measured Estimated Missing {one.total:,} 120.00 {one.payable:,}" in page
    )
    assert "90% 9.6% 0.4%" in page
    assert "Quotas of the year" in page
    assert "Electricity 2026 312,000 kWh 260,000 kWh 281,004 kWh 30,996 kWh" in page


def test_what_is_not_known_is_a_dash(face: Face) -> None:
    one = statement("radiology", line(None), quota=(standing("radiology", None),))
    (page,) = texts(pdf.statements(issue(one, complete=False), face))
    assert page.count("—") == 7, "line, utility, two sums, total, used and left; nothing was zero"
    assert "0.00 —" in page


def test_the_font_is_embedded_as_a_subset(chinese: bytes, face: Face) -> None:
    fonts = {}
    for page in read(chinese).pages:
        for font in page["/Resources"]["/Font"].values():  # type: ignore[index]
            (descendant,) = font["/DescendantFonts"]
            fonts[font["/BaseFont"]] = descendant.get_object()["/FontDescriptor"]
    ((name, descriptor),) = fonts.items()
    assert re.match(r"/[A-Z]{6}\+", name)
    embedded = descriptor.get("/FontFile2") or descriptor.get("/FontFile3")
    assert 0 < len(embedded.get_data()) < face.file.stat().st_size / 20


def test_the_same_statements_make_the_same_bytes(chinese: bytes, face: Face) -> None:
    assert pdf.statements(issue(*month(), language="zh"), face) == chinese
    assert pdf.statements(issue(*month(), language="zh", now=NOW + DAY), face) != chinese
    facts = read(chinese).metadata
    assert facts is not None
    assert (facts.title, facts.author) == ("示范医院 · 能源费用结算单 2026年10月", "示范医院")
    assert facts.creation_date == datetime(2026, 11, 3, 1, tzinfo=UTC)


def test_a_closed_month_says_who_closed_it_and_stays_the_same(face: Face) -> None:
    signature = Signature(MONTH, "wang", NOW, "version", "the pit was flooded")
    closed = [statement("radiology", line("1.00"), state="closed")]
    made = [
        pdf.statements(
            Issue.of(site(), MONTH, closed, "zh", now, complete=True, signature=signature),
            face,
        )
        for now in (NOW, NOW + 400 * DAY)
    ]
    assert made[0] == made[1]
    page = texts(made[0])[1]
    assert "由 wang 于 2026年11月3日 09:00 结账。" in page
    assert "flooded" not in page, "why it was forced is not for departments"


def test_long_statements_go_on_under_the_same_headings(face: Face) -> None:
    lines = [line(f"{number}.00", meter=f"E-{number:03}", band=None) for number in range(1, 121)]
    pages = texts(pdf.statements(issue(statement("radiology", *lines), complete=False), face))
    assert len(pages) > 2
    assert all("Item Meter Quantity Share Charge CNY" in page for page in pages)
    assert all(f"Page {number} of {len(pages)}" in page for number, page in enumerate(pages, 1))
    found = [int(number) for page in pages for number in re.findall(r"E-(\d{3})", page)]
    assert found == list(range(1, 121))
    assert "E-120" in pages[-1], "the total does not stand alone on a page"
    assert "Total 7,260.00" in pages[-1]


def test_departments_can_be_found_in_the_table_of_contents(chinese: bytes) -> None:
    found = read(chinese).outline
    assert [entry["/Title"] for entry in found] == ["汇总", "放射科", "住院部", "未分摊"]  # type: ignore[call-overload, index]


def test_a_letter_without_a_shape_is_told(face: Face) -> None:
    rare = Department("radiology", Text.same("科\U0001f9ff室"))
    made = issue(statement("radiology", line("1.00")), of=site(rare))
    with capture_logs() as logs:
        assert pdf.statements(made, face).startswith(b"%PDF")
    assert [(entry["event"], entry["letters"]) for entry in logs] == [("letters without a shape", "\U0001f9ff")]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("Radiology", ["Radiology"]),
        ("Quota excess over the quota", ["Quota excess", "over the quota"]),
        ("E-METER-WITH-A-LONG-NAME", ["E-METER-WITH-", "A-LONG-NAME"]),
        ("放射科与附属实验室合并之后的科室", ["放射科与附属实验", "室合并之后的科室"]),
    ],
)
def test_texts_are_broken_where_they_may_be(paper: Paper, text: str, lines: list[str]) -> None:
    width = max(paper.width_of(one) for one in lines)
    assert wrapped(paper, text, width) == lines
    assert wrapped(paper, text, 1_000) == [text]


def test_every_letter_is_kept_however_narrow_a_column_is(paper: Paper) -> None:
    text = "超定额加价 · from 20% over the quota — 放射科-E-B1"
    for width in range(3, 60):
        found = wrapped(paper, text, width)
        assert "".join(found).replace(" ", "") == text.replace(" ", "")
        assert all(paper.width_of(one) <= width for one in found)


def test_a_month_without_statements_is_a_summary_of_nothing(face: Face) -> None:
    (page,) = texts(pdf.statements(issue(), face))
    assert "Summary of utility statements" in page
    assert Decimal(0) == charge(())


def test_departments_below_are_named_where_there_are_some(face: Face) -> None:
    above = statement(RADIOLOGY.id, line("1.00"), subtree_total=Decimal("9.50"))
    (page,) = texts(pdf.statements(issue(above, complete=False), face))
    assert "With those below 9.50" in page
