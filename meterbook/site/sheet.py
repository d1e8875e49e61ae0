"""CSV lists: a sheet of the same columns as the YAML list's keys, because people keep them in spreadsheets."""

from __future__ import annotations

import csv
import io

from meterbook.site.problem import Problem
from meterbook.site.tree import Rows, Section, Unreadable, Where, read, scalar


def rows(text: str, file: str, key: str) -> tuple[Rows, list[Problem]]:
    """The rows of a sheet as entries of the list `key`, and what could not be read.

    The first row names the keys, between commas, semicolons or tabs: whichever it has most of. An empty cell leaves
    its key out; a cell that begins with [ or { is YAML.
    """
    found = Rows(Where(file, 1, (key,)))
    problems: list[Problem] = []
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        problems.extend(_wrong_header(header, found.where))
        line = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                found.append(_entry(header, cells, Where(file, line, (key, len(found))), problems))
                found.lines.append(line)
            line = reader.line_num + 1
    except csv.Error as error:
        problems.append(Where(file, reader.line_num, (key,)).problem(f"no CSV: {error}", "CSV in UTF-8"))
    return found, problems


def _wrong_header(header: list[str], where: Where) -> list[Problem]:
    if not any(header):
        return [where.problem("the first row names no columns", "a row of column names")]
    twice = sorted({name for name in header if name and header.count(name) > 1})
    return [where.problem(f"the column {name} is there twice", "each column once") for name in twice]


def _entry(header: list[str], cells: list[str], where: Where, problems: list[Problem]) -> Section:
    entry = Section(where)
    for column, cell in enumerate(cells):
        if not (text := cell.strip()):
            continue
        if column >= len(header) or not header[column]:
            problems.append(
                where.problem(f"column {column + 1} has no name", f"{len(header)} columns as in the first row")
            )
            continue
        name = header[column]
        entry.lines[name] = where.line or 1
        try:
            entry[name] = read(text, entry.at(name), problems) if text[0] in "[{" else scalar(text)
        except Unreadable as error:
            problems.append(entry.at(name).problem(error.problem.message, error.problem.expected))
    return entry
