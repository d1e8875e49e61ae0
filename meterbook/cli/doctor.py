"""`doctor`: what stands between a site and its readings, said with the step that mends it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from meterbook.books import quarantine
from meterbook.books.database import BooksError
from meterbook.cli.options import Data, Language, SiteDirectory, data_directory, translated
from meterbook.cli.reaching import reach
from meterbook.i18n import Translator
from meterbook.readings.fault import StoreError
from meterbook.readings.influx_setup import Finding, examine
from meterbook.settings import InfluxReadings, SecretMissing, Settings, secret
from meterbook.site.load import Loaded, load
from meterbook.site.problem import errors
from meterbook.wiring.opening import DirectoryUnusable, open_archive, open_influx

WIDTH = 4_000
"""Columns of a page that nobody looks at: one finding is one line of it."""


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(doctor)


def doctor(
    site: SiteDirectory,
    fix: Annotated[bool, typer.Option("--fix", help="make the database, its retention and its mapping")] = False,
    language: Language = None,
    data: Data = None,
) -> None:
    """Look at site, store, spool, books and every connection. Exit 1 where something needs somebody."""
    loaded = load(site)
    words = translated(language, loaded.site)
    findings = list(_examine(site, loaded, data_directory(site, data), words, fix=fix))
    _write(findings, words)
    raise typer.Exit(0 if all(one.fine for one in findings) else 1)


def _write(findings: Sequence[Finding], words: Translator) -> None:
    """The findings as a table; sentences are never cut short."""
    terminal = sys.stdout.isatty()
    table = Table(header_style="bold")
    table.add_column(words.gettext("what"), no_wrap=True)
    table.add_column(words.gettext("how"), no_wrap=True)
    table.add_column(words.gettext("which"), no_wrap=not terminal, overflow="fold")
    verdicts = {True: words.gettext("fine"), False: words.gettext("MEND")}
    for one in findings:
        table.add_row(one.subject, verdicts[one.fine], one.sentence)
    Console(highlight=False, markup=False, width=None if terminal else WIDTH).print(table)


def _examine(directory: Path, loaded: Loaded, place: Path, words: Translator, *, fix: bool) -> Iterator[Finding]:
    facts = {"site": str(directory), "count": str(len(errors(loaded.problems)))}
    told = words.gettext("%(site)s has no mistakes")
    if errors(loaded.problems):
        told = words.gettext("mistakes: %(count)s; `meterbook check %(site)s` lists them")
    yield Finding(words.gettext("site"), not errors(loaded.problems), told % facts)
    yield from _store(loaded.settings, words, fix=fix)
    yield from _archive(loaded.settings, place, words)
    yield from _spool(loaded.settings, place, words)
    if loaded.site is not None:
        yield from reach(loaded.site, secret, words)


def _store(settings: Settings, words: Translator, *, fix: bool) -> Iterator[Finding]:
    """The server behind the store, and what it needs there."""
    if not isinstance(settings.storage.readings, InfluxReadings):
        return
    try:
        with closing(open_influx(settings.storage.readings.influxdb)) as store:
            yield from examine(store.server, fix=fix)
    except (StoreError, SecretMissing) as error:
        yield Finding(words.gettext("server"), False, str(error))


def _archive(settings: Settings, place: Path, words: Translator) -> Iterator[Finding]:
    """Whether readings and books can be read."""
    try:
        with open_archive(place, settings) as archive:
            with archive.books.read() as connection:
                refused = sum(quarantine.counts(connection).values())
            told = words.gettext("can be read; %(count)s rows in quarantine") % {"count": refused}
            yield Finding(words.gettext("books"), True, told)
            known = {"count": len(archive.store.points())}
            yield Finding(
                words.gettext("readings"), True, words.gettext("can be read; %(count)s points have some") % known
            )
    except (StoreError, BooksError, SecretMissing, DirectoryUnusable) as error:
        yield Finding(words.gettext("archive"), False, str(error))


def _spool(settings: Settings, place: Path, words: Translator) -> Iterator[Finding]:
    """What waits on disk, and what a rotten disk has spoilt there."""
    spool = place / "spool"
    waiting = sum(path.stat().st_size for path in spool.glob("*.spool"))
    damaged = sorted(path.name for path in spool.glob("*.damaged"))
    subject, facts = words.gettext("spool"), {"place": str(spool), "bytes": f"{waiting:,}", "names": ", ".join(damaged)}
    if damaged:
        told = words.gettext("%(place)s has damaged records (%(names)s); see to the disk")
        yield Finding(subject, False, told % facts)
    if waiting and not isinstance(settings.storage.readings, InfluxReadings):
        told = words.gettext(
            "%(bytes)s bytes wait in %(place)s for an InfluxDB; set storage.readings back and run until it is empty"
        )
        yield Finding(subject, False, told % facts)
    elif waiting:
        share = waiting / settings.storage.spool.max_bytes
        told = words.gettext("%(bytes)s bytes on disk, %(share)s of storage.spool.max_bytes")
        yield Finding(subject, share < 0.7, told % {**facts, "share": f"{share:.0%}"})
