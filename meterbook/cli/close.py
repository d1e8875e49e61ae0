"""`close`: a month is charged for ever, or everything that stands in the way is said."""

from __future__ import annotations

from typing import Annotated

import typer

from api.closing import NotClosable, close
from meterbook.accounting.closing import sentence
from meterbook.books.closings import ClosedAlready
from meterbook.cli.options import (
    Data,
    Language,
    Now,
    SiteDirectory,
    data_directory,
    month_of,
    present,
    signed,
    translated,
)
from meterbook.cli.terminal import complain, write
from meterbook.domain.instant import iso
from meterbook.i18n import mark
from meterbook.wiring.keeping import ledger_of
from meterbook.wiring.opening import clock_from, open_archive, open_site


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("close")(close_)


def close_(
    site: SiteDirectory,
    month: Annotated[str, typer.Argument(metavar="MONTH", help="such as 2026-10")],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="who signs it", show_default=False)],
    force: Annotated[str | None, typer.Option("--force", metavar="REASON", help="close in spite of all")] = None,
    language: Language = None,
    data: Data = None,
    now: Now = None,
) -> None:
    """Close a month: its statements stay as they are, and what comes later is an adjustment of the next open one."""
    moment = clock_from(present(now))()
    opened, settings = open_site(site)
    month_of(month)
    name = signed(by, "--by", 200)
    reason = None if force is None else signed(force, "--force")
    words = translated(language, opened)
    with open_archive(data_directory(site, data), settings) as archive:
        ledger = ledger_of(opened, archive)
        try:
            signature = close(ledger, archive.books, month, name, reason, moment)
        except ClosedAlready as error:
            at = iso(error.signature.at, opened.calendar.zone)
            told = words.gettext(mark("%(month)s was closed by %(by)s at %(at)s already"))
            complain(told % {"month": month, "by": error.signature.by, "at": at})
            raise typer.Exit(1) from None
        except NotClosable as error:
            for block in error.blocks:
                complain(f"{block.kind} {block.subject}: {sentence(block, words)}")
            told = words.gettext(mark("%(month)s is not closed: %(count)s in the way"))
            complain(told % {"month": month, "count": str(len(error.blocks))})
            if all(block.yields for block in error.blocks):
                complain(words.gettext(mark("--force REASON closes it all the same, and keeps the reason")))
            raise typer.Exit(1) from None
        found = ledger.statements(month, moment)
    for block in signature.overridden:
        write(words.gettext(mark("overridden: %(what)s")) % {"what": sentence(block, words)})
    told = words.gettext(mark("%(month)s is closed by %(by)s: %(count)s statements"))
    write(told % {"month": month, "by": name, "count": str(len(found))})
