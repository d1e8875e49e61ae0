"""The commands. Own: arguments, exit codes, what a terminal shows. Do not own: anything they show.

Exit codes: 0 fine, 1 the answer is no (check failed, rows refused), 2 wrong usage.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

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


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that was typed, or `arguments`; a mistake of the user is a sentence on stderr, no traceback."""
    telemetry.configure(json=not sys.stderr.isatty(), level="warning")
    try:
        app(args=arguments, prog_name="meterbook")
    except Exception as error:
        from meterbook.cli.mistakes import told  # knows every room: not for a command that succeeds

        code = told(error)
        if code is None:
            raise
        sys.exit(code)
