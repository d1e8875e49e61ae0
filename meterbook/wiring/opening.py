"""What a command opens before it can do anything: the clock, the site, the archive."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from pydantic import ValidationError

from meterbook.books.database import Books
from meterbook.domain.instant import Clock, Instant
from meterbook.domain.site import Site
from meterbook.readings.copying import Target
from meterbook.readings.fault import StoreError
from meterbook.readings.influx import Address, Server
from meterbook.readings.influx_store import InfluxStore
from meterbook.readings.intervals import NAME as INTERVALS
from meterbook.readings.intervals import IntervalFile
from meterbook.readings.port import ReadingStore
from meterbook.readings.spool import Limits, Spool
from meterbook.readings.spooled import SpooledStore
from meterbook.readings.sqlite import SqliteStore
from meterbook.settings import EMBEDDED, Influx, InfluxReadings, Settings, Storage, secret
from meterbook.site.load import Loaded, Overrides, load
from meterbook.site.problem import Problem, errors

INFLUX_PLACE = "influxdb:http://HOST:8086/DATABASE?org=ORG&token=env:NAME"
"""How a command is told of an InfluxDB; organisation and token may be left out."""


class SiteBroken(Exception):
    """The site directory has mistakes; `problems` holds every one of them."""

    def __init__(self, directory: Path, problems: Sequence[Problem]) -> None:
        super().__init__(f"{directory} has mistakes")
        self.problems = list(problems)


class DirectoryUnusable(Exception):
    """No data directory can be made there."""


class PortTaken(Exception):
    """Something else listens where the portal should."""


def machine_clock() -> Instant:
    """The time by the machine's clock."""
    return time.time_ns() // 1000


def clock_from(start: Instant | None) -> Clock:
    """The machine's clock, or one that shows `start` now and runs on from there."""
    if start is None:
        return machine_clock
    offset = start - machine_clock()
    return lambda: machine_clock() + offset


def open_site(directory: Path, overrides: Overrides | None = None) -> tuple[Site, Settings]:
    """The site of a directory with its settings; raises SiteBroken where `check` finds mistakes."""
    loaded: Loaded = load(directory, overrides)
    if loaded.site is None:
        raise SiteBroken(directory, errors(loaded.problems))
    return loaded.site, loaded.settings


def open_settings(directory: Path) -> Settings:
    """The settings of a directory whose other files may have mistakes; raises SiteBroken for those in service.yaml."""
    loaded = load(directory)
    wrong = [problem for problem in errors(loaded.problems) if problem.file == "service.yaml"]
    if wrong:
        raise SiteBroken(directory, wrong)
    return loaded.settings


@dataclass
class Archive:
    """What lasts of a site: its readings and its books; and the intervals computed of them, which need not last.

    `directory` is the data directory, where collectors keep what they have to know again.
    """

    store: ReadingStore
    books: Books
    intervals: IntervalFile
    directory: Path


@contextmanager
def open_archive(directory: Path, settings: Settings, *, spooled: bool = False) -> Iterator[Archive]:
    """The readings and books of a site, made where there are none yet, closed at the end.

    They lie in the data directory, or where the settings say. The service asks for a spool in front of a remote store;
    commands do without, so that they work while it runs, and fail while the store is away.
    """
    make(directory)
    with closing(Books(_address_of_books(settings.storage.books, directory))) as books:
        books.migrate()
        with (
            closing(_open_store(directory, settings.storage, spooled=spooled)) as store,
            closing(IntervalFile(directory / INTERVALS)) as intervals,
        ):
            yield Archive(store, books, intervals, directory)


def make(directory: Path) -> None:
    """A data directory, made where there is none yet; raises DirectoryUnusable."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DirectoryUnusable(f"{directory} cannot be used ({error.strerror}); give another with --data") from error


def open_influx(chosen: Influx) -> InfluxStore:
    """The InfluxDB that the settings name; nothing is asked of it yet. Raises SecretMissing."""
    token = secret(chosen.token) if chosen.token else ""
    return InfluxStore(Server(Address(chosen.url, chosen.database, chosen.org, token)))


def _address_of_books(place: str, directory: Path) -> str:
    if place == EMBEDDED:
        return f"sqlite:///{directory / 'books.db'}"
    return secret(place) if place.startswith(("env:", "file:")) else place


def _open_store(directory: Path, storage: Storage, *, spooled: bool) -> ReadingStore:
    if not isinstance(storage.readings, InfluxReadings):
        return SqliteStore(directory / "readings.db")
    remote = open_influx(storage.readings.influxdb)
    if not spooled:
        return remote
    return SpooledStore(remote, Spool(directory / "spool", Limits(storage.spool.max_bytes, storage.spool.age)))


def open_place(place: str, *, must_exist: bool = False) -> Target:
    """The reading store that a command names: sqlite:PATH, or INFLUX_PLACE.

    Raises ValueError for anything else, StoreError where it cannot be used or, asked for so, is not there yet.
    """
    kind, _, rest = place.partition(":")
    if kind == "sqlite" and rest:
        if must_exist and not Path(rest).is_file():
            raise StoreError(f"{rest} is not there; nothing can be copied from it")
        return SqliteStore(rest)
    url = urlsplit(rest)
    if kind == "influxdb" and url.scheme in {"http", "https"} and url.netloc and url.path.strip("/"):
        asked = dict(parse_qsl(url.query, strict_parsing=bool(url.query)))
        chosen = {"url": f"{url.scheme}://{url.netloc}", "database": url.path.strip("/"), **asked}
        try:
            return open_influx(Influx.model_validate(chosen))
        except ValidationError as error:
            # What was given is not repeated: it may be a secret.
            field = ".".join(str(part) for part in error.errors()[0]["loc"])
            raise ValueError(f"{field!r} does not fit in {kind}:{url.netloc}; write {INFLUX_PLACE}") from None
    raise ValueError(f"{kind!r} names no store; write sqlite:PATH or {INFLUX_PLACE}")
