"""CSV files: lines of text become rows of cells."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import Literal

from collectors.files.table import NotReadable, Row

Encoding = Literal["utf-8", "gb18030"]

LONGEST_LINE = 1 << 20
"""Characters of a line; a file with longer ones is no table of readings."""

_CODECS: dict[Encoding, str] = {"utf-8": "utf-8-sig", "gb18030": "gb18030"}


class Delimited:
    """A CSV file, its cells between commas, semicolons or tabs: whichever its first line has most of."""

    def __init__(self, path: Path, encoding: Encoding) -> None:
        self._path = path
        self._codec = _CODECS[encoding]

    def rows(self, seen: Callable[[float], None]) -> Iterator[Row]:
        """The rows that are not empty, the heading first; `seen` is told the share of the file that was read.

        Bytes that are not in the encoding become lone surrogates. Raises NotReadable for a line without end.
        """
        size = max(1, self._path.stat().st_size)
        with self._path.open("rb") as raw, TextIOWrapper(raw, self._codec, "surrogateescape", newline="") as text:
            lines = _lines(text, lambda: seen(raw.tell() / size))
            first = next(lines, "").removeprefix("\ufeff")  # the codec of GB18030 leaves the byte order mark
            yield from rows(first, lines)


def rows(first: str, lines: Iterable[str]) -> Iterator[Row]:
    """The rows of a CSV text from its first line and the others, without those of empty cells."""
    delimiter = max(",;\t", key=first.count)
    # Strict, since otherwise the cell "12"34 is 1234.
    reader = csv.reader(_again(first, lines), delimiter=delimiter, strict=True)
    last = 0
    while True:
        try:
            for cells in reader:
                line = reader.line_num
                if line == last + 1:
                    if any(cell and not cell.isspace() for cell in cells):
                        yield Row(line, cells)
                else:
                    yield Row(last + 1, cells, _swallowed(last + 1, line))
                last = line
        except csv.Error as error:
            line = reader.line_num
            yield Row(last + 1, (), str(error) if line == last + 1 else _swallowed(last + 1, line))
            last = line
        else:
            return


def _swallowed(first: int, last: int) -> str:
    return f"a quotation mark swallows the lines {first} to {last}"


def _again(first: str, lines: Iterable[str]) -> Iterator[str]:
    yield first
    yield from lines


def _lines(text: TextIOWrapper, tell: Callable[[], None]) -> Iterator[str]:
    for number, line in enumerate(iter(partial(text.readline, LONGEST_LINE), ""), 1):
        if len(line) == LONGEST_LINE and not line.endswith("\n"):
            raise NotReadable(f"line {number} is longer than {LONGEST_LINE} characters; this is no table of readings")
        if number % 4096 == 0:
            tell()
        yield line
