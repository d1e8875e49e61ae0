"""The commands. Own: arguments, exit codes, what a terminal shows. Do not own: anything they show.

Exit codes: 0 fine, 1 the answer is no (check failed, rows refused), 2 wrong usage.
"""

from __future__ import annotations

import sys

import typer

from meterbook import telemetry
from meterbook.books.database import BooksError
from meterbook.cli import (
    accounts,
    books,
    close,
    correct,
    devices,
    dispute,
    doctor,
    explain,
    importing,
    quota,
    score,
    service,
    site,
    statement,
    stores,
    users,
)
from meterbook.cli.terminal import complain
from meterbook.cli.usage import Commands
from meterbook.readings.fault import StoreError
from meterbook.settings import SecretMissing
from meterbook.site.problem import as_line
from meterbook.wiring.opening import DirectoryUnusable, PortTaken, SiteBroken
from meterbook.wiring.seat import SeatTaken

app = typer.Typer(
    name="meterbook",
    cls=Commands,
    help="Every kilowatt-hour and every cubic metre has an owner.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
service.add_to(app)
site.add_to(app)
importing.add_to(app)
accounts.add_to(app)
statement.add_to(app)
close.add_to(app)
explain.add_to(app)
correct.add_to(app)
dispute.add_to(app)
quota.add_to(app)
score.add_to(app)
devices.add_to(app)
users.add_to(app)
books.add_to(app)
stores.add_to(app)
doctor.add_to(app)


def main() -> None:
    """Run a command; a mistake of the user is a sentence on stderr, never a traceback."""
    telemetry.configure(json=not sys.stderr.isatty(), level="warning")
    try:
        app()
    except SiteBroken as broken:
        for problem in broken.problems:
            complain(as_line(problem))
        complain(f"{broken}; `meterbook check` lists them, nothing was done")
        sys.exit(1)
    except (DirectoryUnusable, PortTaken, SeatTaken, StoreError, BooksError, SecretMissing) as error:
        complain(str(error))
        sys.exit(2)
