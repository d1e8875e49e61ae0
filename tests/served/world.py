"""A small served hospital: the demo's site with nine days of readings, incidents of two departments and every role.

Everything in it is real: SQLite readings and books, the pipeline, the ledger. Only the clock is the test's.
"""

from __future__ import annotations

import atexit
import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import cast

from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.routing import BaseRoute

from api.app import create_app
from api.auth import digest, hash_password, new_token
from api.port import Rooms
from collectors.port import Status
from meterbook.accounting.ledger import Ledger
from meterbook.books import access, incidents, outbox
from meterbook.books.access import User
from meterbook.books.closings import Closings
from meterbook.books.corrections import Corrections
from meterbook.books.database import Books
from meterbook.books.quotas import QuotaEntries
from meterbook.domain.incident import Deed, Event, Evidence, Incident, State
from meterbook.domain.instant import DAY, HOUR, MINUTE, Instant, parse
from meterbook.domain.reading import Reading
from meterbook.domain.rule import Severity
from meterbook.domain.site import Site
from meterbook.domain.text import Text
from meterbook.pipeline import Pipeline
from meterbook.readings.sqlite import SqliteStore
from meterbook.settings import Settings
from meterbook.site.load import load

ROOT = Path(__file__).parents[2]
NOW = parse("2026-11-18T10:20:00+08:00")
MONTH = "2026-11"
HISTORY = 9 * DAY
PASSWORD = "correct horse battery staple"
LOGINS = {
    "ada": ("admin", None),
    "eng": ("engineer", None),
    "chen": ("crew", None),
    "ray": ("department", "radiology"),
    "ward": ("department", "wards"),
    "clin": ("department", "clinical"),
}
# kWh or m3 an hour through each register, before the multiplier
_PACE = {
    "main.active_energy_import": 5.2,
    "b1-main.active_energy_import": 7.1,
    "b1-ct.active_energy_import": 38.0,
    "b2-main.active_energy_import": 6.3,
    "campus-water.volume": 14.0,
    "b1-water.volume": 4.2,
    "b2-water.volume": 9.1,
}
_GAUGES = {
    "main.active_power_total": 5.4,
    "campus-water.volume_flow": 13.2,
    "chiller-1.supply_temperature": 12.6,
}


@cache
def hospital() -> Site:
    """The demo's site."""
    found = load(ROOT / "config/sites/demo").site
    assert found is not None
    return found


@cache
def password_hash() -> str:
    """One slow hash for all of them."""
    return hash_password(PASSWORD)


def app_of(rooms: Rooms) -> FastAPI:
    """The application on these rooms.

    Before its first answer FastAPI looks at every parameter of every route; all applications here share what it found.
    """
    app = create_app(rooms)
    app.router.routes[:] = _routes()
    return app


@cache
def _routes() -> list[BaseRoute]:
    return create_app(cast(Rooms, None)).router.routes


@dataclass
class Clock:
    """A clock that tests set."""

    now: Instant = NOW

    def __call__(self) -> Instant:
        return self.now


@dataclass
class World:
    """The rooms of the served hospital, a token for each login and the incidents in its books."""

    rooms: Rooms
    clock: Clock
    pipeline: Pipeline
    users: dict[str, User] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)
    statuses: list[Status] = field(default_factory=list)

    def bearer(self, name: str) -> dict[str, str]:
        """The header by which a program of this user asks."""
        return {"Authorization": f"Bearer {self.tokens[name]}"}

    def raise_incident(self, subject: str, **changes: object) -> Incident:
        """One more incident in the books, in the words of the test."""
        incident = Incident(**{**_CHILLER, **changes, "subject": subject})  # type: ignore[arg-type]
        with self.rooms.books.write() as connection:
            kept = incidents.add(
                connection, incident, Event(Deed.RAISE, incident.raised, incident.raised, "meterbook", None)
            )
            outbox.add(connection, kept.id, "log", "log:", "zh", "…", incident.raised)
        self.incidents[subject] = kept
        return kept


_CHILLER: dict[str, object] = {
    "id": 0,
    "rule": "chiller-hot",
    "name": Text("冷水机组供水温度过高", "Chiller supply too warm"),
    "severity": Severity.HIGH,
    "team": "electricians",
    "state": State.RAISED,
    "since": NOW - 25 * MINUTE,
    "raised": NOW - 15 * MINUTE,
    "cleared": None,
    "acknowledged_by": None,
    "space": "plant",
    "department": None,
    "device": "chiller-1",
    "meter": None,
    "evidence": Evidence("chiller-1.supply_temperature", 12.6, 12.0, "degC"),
    "cause": Text("冷凝器结垢或冷却塔风机停转", "Fouled condenser or a cooling tower fan that stopped"),
    "action": Text("检查冷却塔风机和冷却水泵", "Check the cooling tower fan and the condenser water pump"),
    "late": False,
    "revision": 1,
}


@contextmanager
def served(directory: Path) -> Iterator[World]:
    """The world in a directory of its own, closed at the end."""
    made, begun = _beginning()
    for file in ("books.db", "readings.db"):
        shutil.copy(made / file, directory)
    with _opened(directory) as world:
        world.users |= begun.users
        world.tokens |= begun.tokens
        world.incidents |= begun.incidents
        yield world


@cache
def _beginning() -> tuple[Path, World]:
    """What every world begins with, made once: its files, and the world they were made in, which is closed."""
    folder = Path(mkdtemp(prefix="meterbook-world-"))
    atexit.register(shutil.rmtree, folder)
    with _opened(folder) as world:
        world.rooms.store.append(list(_history()), NOW)
        _people(world)
        world.raise_incident("chiller-1.supply_temperature")
        ct = {"meter": "E-B1-CT", "device": "b1-ct", "space": "b1", "rule": "ct-idle"}
        world.raise_incident("E-B1-CT", department="radiology", **ct)
        water = {"meter": "W-B2", "device": "b2-water", "space": "b2", "rule": "night-water"}
        world.raise_incident("W-B2", department="wards", **water)
    return folder, world


@contextmanager
def _opened(directory: Path) -> Iterator[World]:
    site, clock = hospital(), Clock()
    books = Books(f"sqlite:///{directory / 'books.db'}")
    books.migrate()
    store = SqliteStore(directory / "readings.db")
    pipeline = Pipeline(site, store, books, clock, 100)
    pipeline.start()
    statuses = [Status("broker", "up", NOW - HOUR), Status("gw-b1", "up", NOW - HOUR)]
    rooms = Rooms(
        site=site,
        settings=Settings(),
        store=store,
        books=books,
        ledger=Ledger(site, store, Corrections(books), entries=QuotaEntries(books), closings=Closings(books)),
        deliver=pipeline.deliver,
        sources=lambda: statuses,
        clock=clock,
    )
    world = World(rooms, clock, pipeline, statuses=statuses)
    try:
        yield world
    finally:
        pipeline.stop()
        store.close()
        books.close()


def _people(world: World) -> None:
    with world.rooms.books.write() as connection:
        for name, (role, department) in LOGINS.items():
            user = access.add_user(connection, name, role, department, password_hash(), NOW)
            token = new_token()
            access.add_token(connection, user.id, digest(token), "test", None, NOW)
            world.users[name], world.tokens[name] = user, token


def _history() -> Iterator[Reading]:
    quarters = range((NOW - HISTORY) // (15 * MINUTE), NOW // (15 * MINUTE) + 1)
    for point, pace in _PACE.items():
        register = 1000.0
        for quarter in quarters:
            at = quarter * 15 * MINUTE
            hour = (at + 8 * HOUR) % DAY / HOUR
            register += pace / 4 * (1 + 0.6 * math.sin((hour - 9) / 24 * 2 * math.pi))
            yield Reading(point, at, round(register, 2))
    for point, level in _GAUGES.items():
        for minute in range(180):
            yield Reading(point, NOW - minute * MINUTE, round(level - 0.9 * min(1, minute / 60), 2))


def sign_in(client: TestClient, name: str, password: str = PASSWORD) -> str:
    """Log in through the form; returns the CSRF token of the pages."""
    answer = client.post("/login", data={"name": name, "password": password, "next": "/incidents"})
    assert answer.status_code == 303, answer.text
    page = client.get("/incidents").text
    return page.split('name="csrf" value="')[1].split('"')[0]
