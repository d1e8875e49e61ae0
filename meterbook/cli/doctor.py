"""`doctor`: what stands between a site and its readings, said with the step that mends it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from meterbook.books import quarantine
from meterbook.books.database import BooksError
from meterbook.cli.options import Data, SiteDirectory, data_directory
from meterbook.cli.terminal import write_table
from meterbook.domain.device import MqttConnection
from meterbook.domain.site import Site
from meterbook.readings.fault import StoreError
from meterbook.readings.influx_setup import Finding, examine
from meterbook.settings import InfluxReadings, SecretMissing, Settings
from meterbook.site.load import load
from meterbook.site.problem import errors
from meterbook.wiring.opening import open_archive, open_influx

PATIENCE = 3.0
"""Seconds a connection may take to answer."""


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(doctor)


def doctor(
    site: SiteDirectory,
    fix: Annotated[bool, typer.Option("--fix", help="make the database, its retention and its mapping")] = False,
    data: Data = None,
) -> None:
    """Look at site, store, spool, books and brokers. Exit 1 where something needs somebody."""
    findings = list(_examine(site, data_directory(site, data), fix=fix))
    rows = [[one.subject, "fine" if one.fine else "MEND", one.sentence] for one in findings]
    write_table("", ["what", "how", "which"], rows)
    raise typer.Exit(0 if all(one.fine for one in findings) else 1)


def _examine(directory: Path, place: Path, *, fix: bool) -> Iterator[Finding]:
    loaded = load(directory)
    wrong = len(errors(loaded.problems))
    told = f"mistakes: {wrong}; `meterbook check {directory}` lists them" if wrong else f"{directory} has no mistakes"
    yield Finding("site", not wrong, told)
    yield from _store(loaded.settings, fix=fix)
    yield from _archive(loaded.settings, place)
    yield from _spool(loaded.settings, place)
    if loaded.site is not None:
        yield from _brokers(loaded.site)


def _store(settings: Settings, *, fix: bool) -> Iterator[Finding]:
    """The server behind the store, and what it needs there."""
    if not isinstance(settings.storage.readings, InfluxReadings):
        return
    try:
        with closing(open_influx(settings.storage.readings.influxdb)) as store:
            yield from examine(store.server, fix=fix)
    except (StoreError, SecretMissing) as error:
        yield Finding("server", False, str(error))


def _archive(settings: Settings, place: Path) -> Iterator[Finding]:
    """Whether readings and books can be read."""
    try:
        with open_archive(place, settings) as archive:
            with archive.books.read() as connection:
                refused = sum(quarantine.counts(connection).values())
            yield Finding("books", True, f"can be read; {refused} rows in quarantine")
            yield Finding("readings", True, f"can be read; {len(archive.store.points())} points have some")
    except (StoreError, BooksError, SecretMissing) as error:
        yield Finding("archive", False, str(error))


def _spool(settings: Settings, place: Path) -> Iterator[Finding]:
    """What waits on disk, and what a rotten disk has spoilt there."""
    waiting = sum(path.stat().st_size for path in (place / "spool").glob("*.spool"))
    damaged = sorted(path.name for path in (place / "spool").glob("*.damaged"))
    if damaged:
        yield Finding("spool", False, f"{place / 'spool'} has damaged records ({', '.join(damaged)}); see to the disk")
    if waiting and not isinstance(settings.storage.readings, InfluxReadings):
        sentence = f"{waiting:,} bytes wait in {place / 'spool'} for an InfluxDB; set storage.readings back and run"
        yield Finding("spool", False, f"{sentence} until it is empty")
    elif waiting:
        share = waiting / settings.storage.spool.max_bytes
        yield Finding("spool", share < 0.7, f"{waiting:,} bytes on disk, {share:.0%} of storage.spool.max_bytes")


def _brokers(site: Site) -> Iterator[Finding]:
    """Whether somebody listens where brokers should."""
    for connection in site.connections.values():
        if not isinstance(connection, MqttConnection):
            continue
        where = f"{connection.host}:{connection.port}"
        try:
            socket.create_connection((connection.host, connection.port), PATIENCE).close()
        except OSError as error:
            reason = error.strerror or error
            yield Finding(f"broker {connection.id}", False, f"{where}: {reason}; start it, or mend devices.yaml")
        else:
            yield Finding(f"broker {connection.id}", True, f"{where} answers")
