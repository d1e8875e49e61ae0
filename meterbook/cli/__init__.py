"""The commands. Own: arguments, exit codes, what a terminal shows. Do not own: anything they show.

Exit codes: 0 fine, 1 the answer is no (check failed, rows refused), 2 wrong usage.
"""

from __future__ import annotations

import sys

import typer

from meterbook import telemetry
from meterbook.cli.commands import AllCommands

app = typer.Typer(
    name="meterbook",
    cls=AllCommands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.callback(help="Every kilowatt-hour and every cubic metre has an owner.")(lambda: None)


def main() -> None:
    """Run a command; a mistake of the user is a sentence on stderr, never a traceback."""
    telemetry.configure(json=not sys.stderr.isatty(), level="warning")
    try:
        app()
    except Exception as error:
        from meterbook.cli.mistakes import told  # knows every room: not for a command that succeeds

        code = told(error)
        if code is None:
            raise
        sys.exit(code)
