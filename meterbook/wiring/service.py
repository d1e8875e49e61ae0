"""The service: every room built and joined, started and stopped in the order of the flow."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Thread

import uvicorn

from api.app import create_app
from api.port import Rooms
from collectors import registry
from collectors.port import Collector, Status
from meterbook.books.corrections import Corrections
from meterbook.books.outbox import Outbox
from meterbook.domain.instant import Clock
from meterbook.domain.reading import IntakeFull, NotKept
from meterbook.domain.site import Site
from meterbook.notify.channels.log import LogChannel
from meterbook.notify.courier import Courier
from meterbook.pipeline import Pipeline, nobody
from meterbook.readings.spooled import SpooledStore
from meterbook.readings.sqlite import SqliteStore
from meterbook.settings import secret
from meterbook.site.load import Overrides
from meterbook.site.problem import Problem, as_line
from meterbook.telemetry import log
from meterbook.watch import Watch
from meterbook.wiring.keeping import ledger_of
from meterbook.wiring.opening import Archive, PortTaken, SiteBroken, open_site
from meterbook.wiring.retention import Retention

_log = log("service")

PARTS = frozenset({"collect", "alerts", "api"})
"""What one process can be: all of it, or one of these."""


class Service:
    """A running Meterbook: collectors, pipeline, watch, courier and API over one archive.

    `start` returns when everything runs; `stop` when everything has ended and what was taken in is on disk.
    """

    def __init__(
        self,
        directory: Path,
        archive: Archive,
        clock: Clock,
        *,
        parts: frozenset[str] = PARTS,
        port: int | None = None,
        overrides: Overrides | None = None,
    ) -> None:
        self.site, self.settings = open_site(directory, overrides)
        self._directory, self._overrides, self._parts, self._clock = directory, overrides, parts, clock
        self._archive = archive
        http = self.settings.http
        self._address = (http.host, port or http.port)
        self.url = http.public_url or f"http://{self._address[0]}:{self._address[1]}"
        listens = {"collect", "alerts"} <= parts
        self._watch = Watch(self.site, archive.store, archive.books, clock, public_url=self.url, listens=listens)
        heard = self._watch.hear if listens else nobody
        self.pipeline = Pipeline(self.site, archive.store, archive.books, clock, self.settings.intake_capacity, heard)
        self._courier = Courier(Outbox(archive.books), clock, {"log": LogChannel()})
        self._collectors: list[Collector] = []
        self._rooms = Rooms(
            site=self.site,
            settings=self.settings,
            store=archive.store,
            books=archive.books,
            ledger=ledger_of(self.site, archive),
            deliver=self.pipeline.deliver,
            sources=self._sources,
            clock=clock,
            troubles=self._troubles,
        )
        self._spooled = archive.store if isinstance(archive.store, SpooledStore) else None
        self._retention: Retention | None = None
        if "collect" in parts and isinstance(archive.store, SqliteStore) and self.settings.retention:
            corrections = Corrections(archive.books)
            self._retention = Retention(self.site, self.settings, archive.store, corrections, clock)
        self._server: _Server | None = None

    def start(self) -> None:
        """Start every part; raises PortTaken, before anything runs, where the portal cannot listen."""
        if "api" in self._parts:
            self._server = _Server(self._rooms, self._address)
        self.pipeline.start()
        if self._spooled is not None:
            self._spooled.start(self.pipeline.landed, self._clock)
        if self._retention is not None:
            self._retention.start()
        if "alerts" in self._parts:
            self._watch.start()
            self._courier.start()
        self._collect(self._built(self.site))
        if self._server is not None:
            self._server.start()

    def stop(self) -> None:
        """Stop in the order of the flow: what comes in first, what was taken in last."""
        if self._server is not None:
            self._server.stop()
        for collector in self._collectors:
            collector.stop()
        if self._retention is not None:
            self._retention.stop()
        self.pipeline.stop()
        if self._spooled is not None:
            self._spooled.stop()
        if "alerts" in self._parts:
            self._watch.stop()
            self._courier.stop()

    def reload(self) -> Sequence[Problem]:
        """Take the site directory as it is now. With mistakes in it the old configuration stays, and they are told."""
        try:
            site, _ = open_site(self._directory, self._overrides)
        except SiteBroken as broken:
            for problem in broken.problems:
                _log.error("configuration refused, the old one stays", problem=as_line(problem))
            return broken.problems
        try:
            collectors = self._built(site)
        except ValueError as error:
            _log.error("configuration refused, the old one stays", problem=str(error))
            return [Problem("devices.yaml", None, "", str(error))]
        for collector in self._collectors:
            collector.stop()
        try:
            # What the old collectors decoded must be scaled as the old site says: let it all reach the disk first.
            self.pipeline.deliver("reload", ())
        except (IntakeFull, NotKept) as error:
            _log.error("configuration refused, the old one stays", problem=str(error))
            self._collect(self._built(self.site))
            return [Problem("", None, "", str(error))]
        self.site = site
        self._rooms.swap(site, ledger_of(site, self._archive))
        self.pipeline.swap(site)
        self._watch.swap(site)
        if self._retention is not None:
            self._retention.swap(site)
        self._collect(collectors)
        _log.info("configuration taken", version=site.version)
        return ()

    def _built(self, site: Site) -> list[Collector]:
        """The collectors of a site, not started; none where collecting is not this process's part."""
        if "collect" not in self._parts:
            return []
        return registry.build(site, self.pipeline, self._clock, secret, self._archive.directory / "collectors")

    def _collect(self, collectors: list[Collector]) -> None:
        self._collectors = collectors
        for collector in collectors:
            collector.start()

    def _sources(self) -> Sequence[Status]:
        return [collector.status() for collector in self._collectors]

    def _troubles(self) -> Sequence[tuple[str, str]]:
        parts = {"pipeline": self.pipeline.trouble, "watch": self._watch.trouble, "courier": self._courier.trouble}
        if self._spooled is not None:
            parts["spool"] = self._spooled.trouble
        return [(part, trouble) for part, trouble in parts.items() if trouble]


class _Server:
    """uvicorn in a thread of its own, on a socket that is bound before anything else starts."""

    def __init__(self, rooms: Rooms, address: tuple[str, int]) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind(address)
        except OSError as error:
            self._socket.close()
            raise PortTaken(
                f"{address[0]}:{address[1]} cannot be used ({error.strerror}); choose another with --port"
            ) from error
        config = uvicorn.Config(create_app(rooms), log_config=None, access_log=False, timeout_graceful_shutdown=3)
        self._server = uvicorn.Server(config)
        self._thread = Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, name="http", daemon=True)

    def start(self) -> None:
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.01)

    def stop(self) -> None:
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(10)
        self._socket.close()
