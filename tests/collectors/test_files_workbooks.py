"""Workbooks that nobody should have made: each is one clear complaint, quickly and in little memory."""

from __future__ import annotations

import tracemalloc
import zipfile
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from peers.small import small_site, water

from collectors.files import NotReadable, rows
from collectors.files.parts import formats
from meterbook.domain.instant import parse
from meterbook.domain.reading import Reading, Refusal

NOW = parse("2026-11-01T00:00:00Z")
SITE = small_site([water("w1", "t")])
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
BOOK = f'<workbook xmlns:r="{R}"><sheets><sheet name="S" r:id="a"/></sheets></workbook>'
LINK = '<Relationships><Relationship Id="a" Target="worksheets/s.xml"/></Relationships>'
HEADING = (
    "<row><c t='inlineStr'><is><t>point</t></is></c><c t='inlineStr'><is><t>timestamp</t></is></c>"
    "<c t='inlineStr'><is><t>value</t></is></c></row>"
)
GOOD = (
    "<row><c t='str'><v>w1.volume</v></c><c t='str'><v>2026-10-01T00:00Z</v></c><c><v>0.10000000000000001</v></c></row>"
)


def sheet(*content: str) -> str:
    return f"<worksheet><sheetData>{''.join(content)}</sheetData></worksheet>"


@pytest.fixture
def book(tmp_path: Path) -> Callable[..., Path]:
    def write(content: str | bytes = sheet(HEADING, GOOD), **others: str) -> Path:
        path = tmp_path / "book.xlsx"
        parts = {"xl/workbook.xml": BOOK, "xl/_rels/workbook.xml.rels": LINK, "xl/worksheets/s.xml": content}
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in (parts | {f"xl/{name}.xml": text for name, text in others.items()}).items():
                archive.writestr(name, text)
        return path

    return write


def read(path: Path, **options: str) -> list[Reading | Refusal]:
    return list(rows(path, SITE, ZoneInfo("UTC"), None, NOW, **options))  # type: ignore[arg-type]


def test_the_least_workbook_is_read(book: Callable[..., Path]) -> None:
    assert read(book()) == [Reading("w1.volume", parse("2026-10-01T00:00Z"), 0.1)]


def test_shared_texts_without_their_phonetic_readings(book: Callable[..., Path]) -> None:
    shared = "<sst><si><t>point</t></si><si><r><t>time</t></r><r><t>stamp</t></r><rPh><t>x</t></rPh></si></sst>"
    heading = "<row r='3'><c t='s'><v>0</v></c><c t='s'><v>1</v></c><c r='C3' t='str'><v>value</v></c></row>"
    assert len(read(book(sheet(heading, GOOD), sharedStrings=shared))) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (sheet(HEADING, "<row r='1'/>"), "no sheet has such rows"),
        (sheet(HEADING, "<row r='9999999'/>"), "no sheet has such rows"),
        (sheet(HEADING, "<row r='-1'/>"), "no sheet has such rows"),
        (sheet(HEADING, "<row><c r='B2'><v>1</v></c><c r='A2'><v>1</v></c></row>"), "no sheet has one"),
        (sheet(HEADING, "<row><c r='ZZZ2'><v>1</v></c></row>"), "no sheet has one"),
        (sheet(HEADING, "<row><c r='nowhere'><v>1</v></c></row>"), "no sheet has one"),
        (sheet(HEADING, "<row><c t='s'><v>7</v></c></row>"), "damaged"),
        (sheet(HEADING, "<row><c t='s'><v>-x</v></c></row>"), "damaged"),
        (sheet(HEADING, "<row><c t='s'><v>-1</v></c></row>"), "damaged"),
        (sheet(HEADING, "<row><c><v>twelve</v></c></row>"), "damaged"),
        (sheet(HEADING, "<row><c><v>1_000</v></c></row>"), "damaged"),
        (sheet(HEADING, "<row><c><v>nan</v></c></row>"), "damaged"),
        (sheet(HEADING, f"<row><c t='str'><v>{'x' * 40_000}</v></c></row>"), "32767 characters"),
        (sheet(HEADING)[:-20], "damaged"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]>" + sheet(HEADING), "document type"),
        (f"<!--{'x' * 2_000_000}-->" + sheet(HEADING), "a tag or a comment is longer"),
        (f"<worksheet a='{'x' * 2_000_000}'/>", "a tag or a comment is longer"),
        ("<a>" * 1000 + "</a>" * 1000, "inside each other"),
        (b"\0\1\2", "damaged"),
        ("", "damaged"),
        (sheet(), "there is nothing in it"),
    ],
)
def test_what_no_spreadsheet_program_writes(book: Callable[..., Path], content: str | bytes, reason: str) -> None:
    with pytest.raises(NotReadable, match=reason):
        read(book(content, sharedStrings="<sst><si><t>point</t></si></sst>"))


def test_a_row_without_end_is_no_row(book: Callable[..., Path]) -> None:
    cell = f"<c t='str'><v>{'x' * 30_000}</v></c>"
    with pytest.raises(NotReadable, match="row 2 is longer than"):
        read(book(sheet(HEADING, f"<row>{cell * 40}</row>")))


@pytest.mark.parametrize("part", ["xl/worksheets/s.xml", "xl/sharedStrings.xml"])
def test_a_bomb_is_not_inflated(tmp_path: Path, part: str) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", BOOK)
        archive.writestr("xl/_rels/workbook.xml.rels", LINK)
        if part != "xl/worksheets/s.xml":
            archive.writestr("xl/worksheets/s.xml", sheet(HEADING))
        with archive.open(part, "w", force_zip64=True) as bomb:
            bomb.write(b"<sst><si><t>")
            for _ in range(1040 if "sheets" in part else 66):
                bomb.write(bytes(1 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(NotReadable, match=r"inflates to \d+ MiB"):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_a_bomb_that_lies_about_its_size_yields_no_more_than_it_said(book: Callable[..., Path]) -> None:
    path = book(sheet(HEADING, GOOD * 1000))
    content = path.read_bytes()
    declared = len(sheet(HEADING, GOOD * 1000)).to_bytes(4, "little")
    assert content.count(declared) == 2
    path.write_bytes(content.replace(declared, (500).to_bytes(4, "little")))
    with pytest.raises(NotReadable, match="damaged"):
        read(path)


def test_other_archives_are_no_workbooks(tmp_path: Path) -> None:
    path = tmp_path / "table.ods"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("content.xml", "<office/>")
    with pytest.raises(NotReadable, match=r"table\.ods: no \.xlsx workbook"):
        read(path)


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("General", "number"),
        ("0.00", "number"),
        ('#,##0.00 "days"', "number"),
        ("[Red]0.0", "number"),
        ("yyyy-mm-dd", "date"),
        ('yyyy"年"m"月"d"日"', "date"),
        ("[$-804]yyyy\\-mm\\-dd", "date"),
        ("yyyy-mm-dd hh:mm", "moment"),
        ("[h]:mm", "moment"),
        ("h:mm AM/PM", "moment"),
    ],
)
def test_formats(code: str, shown: str) -> None:
    escaped = code.replace('"', "&quot;")
    styles = f'<x><numFmts><numFmt numFmtId="200" formatCode="{escaped}"/></numFmts><cellStyleXfs><xf numFmtId="14"/>'
    styles += '</cellStyleXfs><cellXfs><xf numFmtId="200"/><xf numFmtId="22"/><xf/></cellXfs></x>'
    assert formats(BytesIO(styles.encode())) == [shown, "moment", "number"]


def _openpyxl_book() -> bytes:
    made, out = Workbook(), BytesIO()
    made.active.append(["point", "timestamp", "value"])
    for number in range(20):
        made.active.append(["w1.volume", f"2026-10-{number + 1:02}T00:00Z", number / 7])
    made.save(out)
    return out.getvalue()


SOUND = _openpyxl_book()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_workbook_is_a_complaint_and_never_a_crash(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(SOUND)
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(4, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.xlsx"
    path.write_bytes(content[: data.draw(st.integers(4, len(content)))])
    with suppress(NotReadable):
        read(path)


SHEET_PIECES = st.sampled_from(
    [
        "<row>",
        "</row>",
        "<row r='5'>",
        "<c>",
        "</c>",
        "<c t='s'>",
        "<c s='1' r='B3'>",
        "<v>",
        "</v>",
        "1e400",
        "-3",
        "nan",
        "<is><t>",
        "</t></is>",
        "<f>",
        "</f>",
        "w1.volume",
        "<rPh>",
        "</rPh>",
        "<mergeCells/>",
        "46000.5",
        "&amp;",
        HEADING,
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(SHEET_PIECES, max_size=30))
def test_a_strange_sheet_is_a_complaint_and_never_a_crash(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "strange.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", BOOK)
        archive.writestr("xl/_rels/workbook.xml.rels", LINK)
        archive.writestr("xl/worksheets/s.xml", sheet(HEADING, *pieces))
    with suppress(NotReadable):
        read(path)
