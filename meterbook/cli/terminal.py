"""What every command writes with."""

from __future__ import annotations

import sys

import orjson
from rich.console import Console
from rich.table import Table


def complain(sentence: str) -> None:
    """A sentence on stderr."""
    sys.stderr.write(f"{sentence}\n")


def write(text: str) -> None:
    """A text on stdout, as it is."""
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")


def as_json(answer: object) -> str:
    """An answer as indented JSON."""
    return orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode()


def write_json(answer: object) -> None:
    """An answer as indented JSON on stdout."""
    write(as_json(answer))


def write_table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    """A table on stdout; columns of figures (their names end in `>`) are set to the right."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column.rstrip(">"), justify="right" if column.endswith(">") else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 200).print(table)
