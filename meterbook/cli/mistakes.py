"""What a user can mend: told as a sentence, with the exit code it ends in."""

from __future__ import annotations

from meterbook.books.database import BooksError
from meterbook.cli.terminal import complain
from meterbook.readings.fault import StoreError
from meterbook.settings import SecretMissing
from meterbook.site.problem import as_line
from meterbook.wiring.opening import DirectoryUnusable, PortTaken, SiteBroken
from meterbook.wiring.seat import SeatTaken


def told(error: Exception) -> int | None:
    """The exit code of what went wrong, said on stderr; None, and nothing said, where it is a mistake of ours."""
    if isinstance(error, SiteBroken):
        for problem in error.problems:
            complain(as_line(problem))
        complain(f"{error}; `meterbook check` lists them, nothing was done")
        return 1
    if isinstance(error, DirectoryUnusable | PortTaken | SeatTaken | StoreError | BooksError | SecretMissing):
        complain(str(error))
        return 2
    return None
