"""Workbooks: cells that are what they look like. Numbers are numbers, instants are dates, texts are only texts."""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import xlsxwriter

from meterbook.domain.instant import Instant, to_datetime
from meterbook.reports.inert import looks_live

Value = str | Decimal | datetime | None
MONEY = "#,##0.00"
SHARE = "0.00%"
MOMENT = "yyyy-mm-dd hh:mm"
WIDEST = 44
"""Letters; what is longer is cut on screen where its neighbour is not empty."""

_A4, _LONGEST_NAME, _MOST_DIGITS = 9, 31, 15
_FORBIDDEN = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_RESERVED = frozenset({"history"})


class Look(NamedTuple):
    """How a cell is shown: its number format, and what it is for."""

    number: str = "General"
    bold: bool = False
    heading: bool = False
    muted: bool = False
    sum: bool = False
    indent: bool = False
    right: bool = False


class Cell(NamedTuple):
    """A value and its look."""

    value: Value
    look: Look = Look()


def exact(value: Decimal | str | None, *, decimals: int | None = None) -> Cell:
    """A figure with the decimals it has, or with so many."""
    if not isinstance(value, Decimal):
        return Cell(value)
    places = max(0, -int(value.as_tuple().exponent)) if decimals is None else decimals
    return Cell(value, Look("#,##0" + ("." + "0" * places if places else "")))


def money(value: Decimal | str | None) -> Cell:
    """A sum of money."""
    return Cell(value, Look(MONEY))


def share(value: Decimal | None) -> Cell:
    """A share of one, as per cent."""
    return Cell(value, Look(SHARE))


class Book:
    """A workbook in memory. The same cells and the same `at` make the same bytes."""

    def __init__(self, title: str, author: str, at: Instant) -> None:
        self._out = io.BytesIO()
        self._book = xlsxwriter.Workbook(self._out, {"in_memory": True})
        created = to_datetime(at).replace(tzinfo=None, microsecond=0)
        self._book.set_properties({"title": title, "author": author, "created": created})
        self._names: set[str] = set()
        self._formats: dict[tuple[Look, bool], Any] = {}

    def sheet(self, name: str, headings: Sequence[str], above: Sequence[str] = (), frozen: int = 0) -> Sheet:
        """A sheet with lines of text `above` a row of headings.

        The headings stay in sight with the first `frozen` columns. The name is made valid and unique.
        """
        valid = sheet_name(name, self._names)
        self._names.add(valid.casefold())
        return Sheet(self, self._book.add_worksheet(valid), headings, above, frozen)

    def format(self, look: Look, *, inert: bool) -> Any:
        """The library's format for a look; `inert` texts stay texts when somebody edits the cell."""
        if (look, inert) not in self._formats:
            self._formats[look, inert] = self._book.add_format(_properties(look) | {"quote_prefix": inert})
        return self._formats[look, inert]

    def content(self) -> bytes:
        """The file; nothing can be added any more."""
        self._book.close()
        return self._out.getvalue()


class Sheet:
    """One sheet, filled row by row."""

    def __init__(self, book: Book, sheet: Any, headings: Sequence[str], above: Sequence[str], frozen: int) -> None:
        self._book, self._sheet = book, sheet
        self._row = 0
        self._headings = [Cell(heading) for heading in headings]
        self._widths = [_width(heading) for heading in self._headings]
        self._figures: set[int] = set()
        for line, text in enumerate(above):
            self._put(0, Cell(text, Look(bold=line == 0, muted=line > 0)))
            self._row += 1
        self._first = self._row
        self._row += 1
        sheet.freeze_panes(self._row, frozen)
        sheet.repeat_rows(self._first)
        sheet.set_landscape()
        sheet.set_paper(_A4)
        sheet.fit_to_pages(1, 0)

    def row(self, cells: Iterable[Cell]) -> None:
        """One more row."""
        for column, cell in enumerate(cells):
            self._put(column, _indented(column, cell))
            if isinstance(cell.value, Decimal | datetime):
                self._figures.add(column)
            self._widths[column] = max(self._widths[column], _width(cell))
        self._row += 1

    def total(self, cells: Iterable[Cell]) -> None:
        """One more row, set off as a sum."""
        self.row(Cell(cell.value, cell.look._replace(sum=True, bold=True)) for cell in cells)

    def note(self, text: str) -> None:
        """A line of text under the table, with a row of space before the first."""
        self._row += 1
        self._put(0, Cell(text, Look(muted=True)))

    def finish(self) -> None:
        """Write the headings over their columns, which become as wide as what stands in them."""
        self._row = self._first
        for column, (heading, width) in enumerate(zip(self._headings, self._widths, strict=True)):
            look = Look(heading=True, right=column in self._figures)
            self._put(column, _indented(column, Cell(heading.value, look)))
            self._sheet.set_column(column, column, min(WIDEST, max(8, width + 2)))

    def _put(self, column: int, cell: Cell) -> None:
        value, look = cell
        if isinstance(value, Decimal) and len(value.as_tuple().digits) > _MOST_DIGITS:
            value = f"{value:f}"  # a spreadsheet would round it
        if value is None or value == "":
            self._sheet.write_blank(self._row, column, None, self._book.format(look, inert=False))
        elif isinstance(value, Decimal):
            self._sheet.write_number(self._row, column, value, self._book.format(look, inert=False))
        elif isinstance(value, datetime):
            self._sheet.write_datetime(self._row, column, value, self._book.format(look, inert=False))
        else:
            self._sheet.write_string(self._row, column, value, self._book.format(look, inert=looks_live(value)))


def sheet_name(wanted: str, taken: set[str]) -> str:
    """A name that spreadsheets take, as near to the wanted one as can be; `taken` are casefolded."""
    plain = _FORBIDDEN.sub(" ", wanted).strip().strip("'").strip() or "-"
    if plain.casefold() in _RESERVED:
        plain += " -"
    number, name = 1, _cut(plain, "")
    while name.casefold() in taken:
        number += 1
        name = _cut(plain, f" ({number})")
    return name


def _cut(name: str, end: str) -> str:
    """A name with an end, as long as a sheet's may be; letters beyond the first 65,536 of Unicode count twice."""
    while len((name + end).encode("utf-16-le")) > 2 * _LONGEST_NAME:
        name = name[:-1]
    return name.rstrip("' ") + end


def _properties(look: Look) -> dict[str, object]:
    found: dict[str, object] = {"num_format": look.number, "valign": "top"}
    if look.bold or look.heading:
        found["bold"] = True
    if look.heading:
        found |= {"bg_color": "#E6EEF0", "bottom": 1, "text_wrap": True, "valign": "vcenter"}
    if look.muted:
        found["font_color"] = "#5B6670"
    if look.sum:
        found["top"] = 1
    if look.indent:
        found |= {"align": "left", "indent": 1}
    if look.right:
        found["align"] = "right"
    return found


def _indented(column: int, cell: Cell) -> Cell:
    """A text keeps away from the figures before it."""
    if column and isinstance(cell.value, str) and not cell.look.right:
        return Cell(cell.value, cell.look._replace(indent=True))
    return cell


def _width(cell: Cell) -> int:
    """How many letters wide a cell is; those of Chinese are two."""
    value = cell.value
    if value is None:
        return 0
    if isinstance(value, datetime):
        return len(MOMENT) - 1
    if isinstance(value, Decimal):
        return len(f"{value:,.2%}" if cell.look.number == SHARE else f"{value:,f}")
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in value)
