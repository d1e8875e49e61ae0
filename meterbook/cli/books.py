"""`books`: what to do with the books as a whole."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from meterbook.books.database import Books
from meterbook.books.moving import copy
from meterbook.cli.terminal import write_table
from meterbook.settings import secret

Address = Annotated[
    str, typer.Argument(help="sqlite:///PATH, postgresql://USER@HOST/DATABASE, or env:NAME or file:PATH of one")
]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="Incidents, statements, users: everything that lasts beside readings.")
    group.callback()(lambda: None)  # one command of a group, not the group itself
    group.command("copy")(copy_)
    app.add_typer(group, name="books")


def copy_(source: Address, target: Address) -> None:
    """Copy books into empty ones, from a file to a server or back. Stop the service first."""
    with closing(Books(_address(source))) as old, closing(Books(_address(target))) as new:
        copied = copy(old, new)
    write_table("", ["table", "rows>"], [[table, str(rows)] for table, rows in copied.items()])


def _address(place: str) -> str:
    return secret(place) if place.startswith(("env:", "file:")) else place
