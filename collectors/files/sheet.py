"""The cells of one sheet, as the texts that a CSV file of it would have. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import IO, NamedTuple

from collectors.files.parts import Shown, elements
from collectors.files.table import NotReadable, Row

COLUMNS, ROWS = 16_384, 1_048_576
"""As many as a sheet can have, according to the format."""

ROW_TEXT = 1 << 20
"""Characters of a row; one with more is no row of readings."""

_REFERENCE = re.compile(r"([A-Z]{1,3})[0-9]{1,7}").fullmatch
_LINE = re.compile(r"[0-9]{1,7}").fullmatch
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?").fullmatch
_LAST_DAY = 2_958_466  # 10000-01-01
_DAY_0 = datetime(1899, 12, 30)  # noqa: DTZ001 a workbook knows no zones
_DAY_0_OF_1904 = datetime(1904, 1, 1)  # noqa: DTZ001


class Key(NamedTuple):
    """What cells cannot be read without: shared texts, formats, the count of days, the sign before decimals."""

    shared: Sequence[str]
    formats: Sequence[Shown]
    from_1904: bool
    sign: str


@dataclass(slots=True)
class _Cell:
    """What was seen of a cell so far."""

    column: int
    type: str
    style: int
    value: str | None = None
    formula: str | None = None
    inline: list[str] = field(default_factory=list)

    def add(self, name: str, text: str) -> None:
        if name == "v":
            self.value = text
        elif name == "f":
            self.formula = text
        elif name == "t":
            self.inline.append(text)


def rows(stream: IO[bytes], key: Key, seen: Callable[[int], None]) -> Iterator[Row]:
    """The rows that are not empty, without the empty cells at their ends; `seen` is told how many bytes were read.

    A formula stands as its stored result, or as =FORMULA where there is none. Dates are in ISO form, without a time of
    day where the format has none; 0.45 in a format of percent is 45%. Raises NotReadable for rows and cells that no
    sheet can have.
    """
    line, length = 0, 0
    cells: list[str] = []
    cell: _Cell | None = None
    for name, attributes, text in elements(stream, seen):
        if text is None:
            if name == "row":
                line, length, cells = _line(attributes, line), 0, []
            elif name == "c":
                cell = _begun(attributes, len(cells))
        elif name == "c" and cell is not None:
            length += _put(cells, cell, _shown(cell, key))
            if length > ROW_TEXT:
                raise NotReadable(f"row {line} is longer than {ROW_TEXT} characters; this is no table of readings")
            cell = None
        elif cell is not None:
            cell.add(name, text)
        elif name == "row" and any(cells):
            yield Row(line, cells)


def _line(attributes: dict[str, str], last: int) -> int:
    text = attributes.get("r", str(last + 1))
    line = int(text) if _LINE(text) else 0
    if not last < line <= ROWS:
        raise NotReadable(f"row {text!r} follows row {last}; no sheet has such rows")
    return line


def _begun(attributes: dict[str, str], next_column: int) -> _Cell:
    column = next_column
    if "r" in attributes:
        found = _REFERENCE(attributes["r"])
        column = -1
        for letter in found[1] if found else "":
            column = 26 * (column + 1) + ord(letter) - ord("A")
    if not next_column <= column < COLUMNS:
        raise NotReadable(f"cell {attributes.get('r', '')[:20]!r} stands where no sheet has one")
    return _Cell(column, attributes.get("t", "n"), int(attributes.get("s", "0")))


def _put(cells: list[str], cell: _Cell, text: str) -> int:
    """Put a cell in its place, after the empty ones before it; the characters it adds."""
    if text:
        cells.extend([""] * (cell.column - len(cells)))
        cells.append(text)
    return len(text)


def _shown(cell: _Cell, key: Key) -> str:
    """The text of a cell."""
    if cell.type == "inlineStr":
        return "".join(cell.inline)
    value = cell.value
    if not value and cell.type != "str":
        return "" if cell.formula is None else f"={cell.formula}"
    if value is None:
        return ""
    if cell.type == "s":
        return key.shared[_index(value)]
    if cell.type == "b":
        return "TRUE" if value == "1" else "FALSE"
    if cell.type != "n":
        return value
    shown = key.formats[cell.style] if 0 <= cell.style < len(key.formats) else "number"
    if not _NUMBER(value):  # Python would take 1_000 and nan
        raise ValueError(f"number {value!r}")
    if shown == "percent":
        return f"{_numeral(str(Decimal(value) * 100), key.sign)}%"
    return _numeral(value, key.sign) if shown == "number" else _moment(value, shown, key)


def _index(value: str) -> int:
    if not value.strip().isdecimal():
        raise ValueError(f"shared text {value!r}")
    return int(value)


def _numeral(value: str, sign: str) -> str:
    """The shortest decimal of the double in a cell: 0.10000000000000001 is how a workbook writes 0.1."""
    if value.isdecimal():
        return value
    return format(Decimal(repr(float(value))), "f").removesuffix(".0").replace(".", sign)


def _moment(value: str, shown: Shown, key: Key) -> str:
    """The local date and time behind a count of days, to the millisecond; finer is only noise of the double."""
    days = float(value)
    if not 0 <= days < _LAST_DAY:
        return value
    begin = _DAY_0_OF_1904 if key.from_1904 else _DAY_0
    try:
        moment = begin + timedelta(milliseconds=round(days * 86_400_000))
    except OverflowError:
        return value
    if shown == "date" and days.is_integer():
        return moment.date().isoformat()
    return moment.isoformat(" ")
