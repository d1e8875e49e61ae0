"""Pages of a PDF: a head, tables that go on over pages, and an embedded font."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, cast

from fpdf import FPDF
from fpdf.enums import TextMode
from fpdf.fonts import TTFFont

from meterbook.domain.instant import Instant, to_datetime
from meterbook.domain.text import Language
from meterbook.i18n import translator
from meterbook.reports.font import Face
from meterbook.telemetry import log

_log = log("reports")
# What they have to say of a font's tables helps nobody; letters it lacks are told by Paper.content.
for _name in ("fontTools", "fpdf"):
    logging.getLogger(_name).setLevel(logging.ERROR)

INK, MUTED, RULE, WASH = (28, 36, 44), (96, 106, 116), (190, 198, 204), (238, 243, 245)
SMALL, TEXT, LARGE, TITLE = 6.8, 8.2, 11.0, 16.0
"""Sizes of letters, in points."""

_FONT, _PAGES = "text", "{pages}"
_MARGIN, _FOOT, _PAD, _EM = 15.0, 16.0, 1.2, 0.3528
_LEADING = 1.35


class Column(NamedTuple):
    """A column of a table; `width` is its part of the page beside the others'. `right` sets figures to the right."""

    title: str
    width: float
    right: bool = False


class Text(NamedTuple):
    """What stands in a cell, and a smaller note under it."""

    text: str
    note: str = ""


class Paper(FPDF):
    """A document with an embedded subset of a font. The same calls and the same `at` make the same bytes."""

    def __init__(self, face: Face, title: str, author: str, language: Language, at: Instant) -> None:
        super().__init__(orientation="portrait", unit="mm", format="A4")
        self._foot, self._words = "", translator(language)
        self._letters: dict[str, float] = {}
        self.set_margins(_MARGIN, _MARGIN, _MARGIN)
        self.set_auto_page_break(False)
        self.alias_nb_pages(_PAGES)
        self.c_margin = 0.0
        self.set_title(title)
        self.set_author(author)
        self.set_creator("Meterbook")
        self.set_lang("zh-CN" if language == "zh" else "en")
        self.set_creation_date(to_datetime(at).replace(microsecond=0))
        self.add_font(_FONT, fname=str(face.file), collection_font_number=face.number)
        self.set_font(_FONT, size=TEXT)

    def content(self) -> bytes:
        """The file. Letters that the font has no shape for are empty boxes, and the log says which."""
        made = bytes(self.output())
        font = cast(TTFFont, self.fonts[_FONT])
        font.ttfont.close()
        if font.missing_glyphs:
            letters = "".join(map(chr, sorted(font.missing_glyphs)))
            _log.warning("letters without a shape", font=str(font.ttffile), letters=letters)
        return made

    def begin(self, foot: str, mark: str, *, landscape: bool = False) -> None:
        """A new page, with `foot` at its foot and those after it, and `mark` in the table of contents."""
        self.add_page(orientation="landscape" if landscape else "portrait")
        self._foot = foot  # only now: the page before was still to get its own
        self.start_section(mark)

    def footer(self) -> None:
        """What stands at the foot of a page; called by the library."""
        self.set_y(-_FOOT + 4)
        self.ink(MUTED, SMALL)
        numbered = self._words.gettext("Page %(page)s of %(pages)s") % {"page": self.page_no(), "pages": _PAGES}
        self.cell(self.epw * 0.25, 4, numbered)
        self.cell(self.epw * 0.75, 4, fitted(self, self._foot, self.epw * 0.75), align="R")

    def ink(self, colour: tuple[int, int, int], size: float) -> None:
        """The colour and size of what is written next."""
        self.set_text_color(*colour)
        self.set_font(_FONT, size=size)

    @contextmanager
    def heavy(self) -> Iterator[None]:
        """Letters with a thin outline: most Chinese fonts come in one weight."""
        with self.local_context(text_mode=TextMode.FILL_STROKE, line_width=0.06, draw_color=self.text_color):
            yield

    def line_at(self, text: str, size: float, colour: tuple[int, int, int] = INK, *, heavy: bool = False) -> None:
        """A text over the width of the page, on as many lines as it needs."""
        self.ink(colour, size)
        for line in wrapped(self, text, self.epw):
            self.put(self.l_margin, self.get_y(), self.epw, line, "L", heavy=heavy)
            self.set_y(self.get_y() + size * _EM * _LEADING)

    def note(self, text: str, size: float, colour: tuple[int, int, int]) -> None:
        """A text over the width of the page, on the next one where it does not fit any more."""
        self.ink(colour, size)
        if self.room < size * _EM * _LEADING * len(wrapped(self, text, self.epw)):
            self.add_page(same=True)
        self.line_at(text, size, colour)

    def gap(self, millimetres: float) -> None:
        """Some room."""
        self.set_y(self.get_y() + millimetres)

    def opposite(self, text: str, size: float, colour: tuple[int, int, int] = INK) -> None:
        """A text at the right edge of the line that comes next."""
        self.ink(colour, size)
        self.put(self.l_margin, self.get_y(), self.epw, text, "R", heavy=False)

    def width_of(self, text: str) -> float:
        """The width of a text in millimetres in the size that is set."""
        size, known = self.font_size_pt, self._letters
        for letter in text:
            if letter not in known:
                known[letter] = self.get_string_width(letter) / size
        return size * sum(known[letter] for letter in text)

    def put(self, x: float, y: float, width: float, text: str, align: str, *, heavy: bool) -> None:
        """One line of text in the letters that are set, from (x, y) over `width` millimetres, set to L or R."""
        self.set_xy(x, y)
        height = self.font_size_pt * _EM * _LEADING
        if heavy:
            with self.heavy():
                self.cell(width, height, text, align=align)
        else:
            self.cell(width, height, text, align=align)
        self.set_xy(self.l_margin, y)

    @property
    def room(self) -> float:
        """Millimetres left above the foot."""
        return float(self.h - _FOOT - self.get_y())


class Table:
    """A table over a part of the page's width; its headings come again on every page it goes on over."""

    def __init__(self, paper: Paper, columns: Sequence[Column], part: float = 1.0) -> None:
        self._paper, self._columns, self._width = paper, columns, paper.epw * part
        whole = sum(column.width for column in columns)
        self._widths = [self._width * column.width / whole for column in columns]
        self._heading()

    def _heading(self) -> None:
        titles = [Text(column.title) for column in self._columns]
        self._draw(titles, MUTED, SMALL, heavy=False, wash=True)

    def row(self, cells: Sequence[Text], *, heavy: bool = False, wash: bool = False, with_next: float = 0.0) -> None:
        """One more row, which stays on a page with so many millimetres after it."""
        self._paper.ink(INK, TEXT)
        height = self._height(self._lines(cells), TEXT)
        if self._paper.room < height + with_next:
            self._paper.add_page(same=True)
            self._heading()
        self._draw(cells, INK, TEXT, heavy=heavy, wash=wash)

    def _lines(self, cells: Sequence[Text]) -> list[tuple[list[str], list[str]]]:
        """The lines of each cell, in letters of the size that is set, and of its note."""
        paper, found = self._paper, []
        size = paper.font_size_pt
        for cell, width in zip(cells, self._widths, strict=True):
            text = wrapped(paper, cell.text, width - 2 * _PAD)
            paper.set_font_size(SMALL)
            found.append((text, wrapped(paper, cell.note, width - 2 * _PAD) if cell.note else []))
            paper.set_font_size(size)
        return found

    def _height(self, lines: Sequence[tuple[list[str], list[str]]], size: float) -> float:
        tallest = max(len(text) * size + len(note) * SMALL for text, note in lines)
        return tallest * _EM * _LEADING + 2 * _PAD

    def _draw(
        self, cells: Sequence[Text], colour: tuple[int, int, int], size: float, *, heavy: bool, wash: bool
    ) -> None:
        paper = self._paper
        paper.ink(colour, size)
        lines = self._lines(cells)
        x, y, height = paper.l_margin, paper.get_y(), self._height(lines, size)
        if wash:
            paper.set_fill_color(*WASH)
            paper.rect(x, y, self._width, height, style="F")
        for column, width, (text, note) in zip(self._columns, self._widths, lines, strict=True):
            self._cell(column, (x + _PAD, y + _PAD, width - 2 * _PAD), text, note, (colour, size), heavy=heavy)
            x += width
        paper.set_draw_color(*RULE)
        paper.set_line_width(0.1)
        paper.line(paper.l_margin, y + height, paper.l_margin + self._width, y + height)
        paper.set_y(y + height)

    def _cell(
        self,
        column: Column,
        place: tuple[float, float, float],
        text: Sequence[str],
        note: Sequence[str],
        style: tuple[tuple[int, int, int], float],
        *,
        heavy: bool,
    ) -> None:
        paper, (x, y, width), align = self._paper, place, "R" if column.right else "L"
        for lines, (colour, size), weight in ((text, style, heavy), (note, (MUTED, SMALL), False)):
            if lines:
                paper.ink(colour, size)
            for line in lines:
                paper.put(x, y, width, line, align, heavy=weight)
                y += size * _EM * _LEADING


def wrapped(paper: Paper, text: str, width: float) -> list[str]:
    """A text in lines no wider than `width` in the font that is set.

    Latin words are broken after spaces and hyphens where there are some, Chinese between any two letters.
    """
    if paper.width_of(text) <= width:
        return [text]
    lines, line = [], ""
    for letter in text:
        if line and paper.width_of(line + letter) > width:
            cut = 1 + max(line.rfind(" "), line.rfind("-")) if letter.isascii() and letter != " " else 0
            lines.append((line[:cut] if cut else line).rstrip())
            line = line[cut:] if cut else ""
        line += letter if line or letter != " " else ""
    return [*lines, line]


def fitted(paper: Paper, text: str, width: float) -> str:
    """A text cut to `width`."""
    while text and paper.width_of(text) > width:
        text = f"{text[:-2]}…"
    return text
