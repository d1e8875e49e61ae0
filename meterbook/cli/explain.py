"""`explain`: a statement line, down to the readings it stands on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.disputing import in_full, of_line
from api.schemas.explanation import ExplanationOut
from meterbook.accounting.explain import explain, find
from meterbook.cli.explanation import lines_of
from meterbook.cli.options import (
    Data,
    Language,
    Now,
    SiteDirectory,
    TextFormat,
    data_directory,
    present,
    spoken,
    translated,
)
from meterbook.cli.terminal import complain, write, write_json
from meterbook.domain.instant import Instant
from meterbook.domain.site import Site
from meterbook.i18n import Translator, mark
from meterbook.settings import EMBEDDED, Settings
from meterbook.wiring.keeping import ledger_of
from meterbook.wiring.opening import clock_from, open_archive, open_site


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("explain")(explain_)


def explain_(
    site: SiteDirectory,
    line: Annotated[str, typer.Argument(metavar="LINE_ID", help="the id of a statement line")],
    format_: Annotated[TextFormat, typer.Option("--format", help="how to tell")] = TextFormat.TEXT,
    language: Language = None,
    data: Data = None,
    now: Now = None,
) -> None:
    """Why a line is what it is: rule, price, share, meters, register figures and raw readings."""
    moment = clock_from(present(now))()
    opened, settings = open_site(site)
    words = translated(language, opened)
    answer = _explained(opened, settings, data_directory(site, data), line, moment, words)
    if answer is None:
        told = mark(
            "there is no statement line %(line)s; `meterbook statement SITE MONTH --format json` shows their ids"
        )
        complain(words.gettext(told) % {"line": line})
        raise typer.Exit(1)
    if format_ is TextFormat.JSON:
        write_json(answer.model_dump(mode="json", by_alias=True))
    else:
        write("\n".join(lines_of(answer, opened.currency, spoken(language, opened))))


def _explained(
    site: Site, settings: Settings, directory: Path, line: str, now: Instant, words: Translator
) -> ExplanationOut | None:
    if settings.storage.readings == EMBEDDED and not directory.exists():
        told = mark("%(place)s holds no readings yet; `meterbook import` brings some, or --data names another place")
        complain(words.gettext(told) % {"place": str(directory)})
        return None
    with open_archive(directory, settings) as archive:
        ledger = ledger_of(site, archive)
        found = find(ledger, line, now)
        if found is None:
            return None
        said = [in_full(ledger, archive.books, one, now) for one in of_line(ledger, archive.books, *found)]
        return ExplanationOut.of(explain(ledger, *found, now), site.calendar.zone, disputes=said)
