"""A site whose readings may go when they are old, and a process that lets them go: `thinner.py FILE`."""

from __future__ import annotations

import sys
from dataclasses import replace

from peers.small import small_site

from meterbook.domain.correction import Correction
from meterbook.domain.device import Point, PointSpec
from meterbook.domain.instant import DAY, MINUTE, Instant, parse
from meterbook.domain.meter import Meter
from meterbook.domain.quantity import UNITS, Kind
from meterbook.domain.reading import Reading
from meterbook.domain.site import Site
from meterbook.readings.sqlite import SqliteStore
from meterbook.settings import Settings
from meterbook.wiring.retention import Retention

START = parse("2026-10-01T00:00:00+08:00")
NOW = START + 10 * DAY
KINDS: dict[str, tuple[str, Kind]] = {
    "p.active_energy": ("active_energy", "counter"),
    "p.temperature": ("temperature", "gauge"),
    "p.state": ("state", "state"),
    "p.volume": ("volume", "delta"),
    "p.pressure": ("pressure", "gauge"),
}


def site_with(*meters: Meter) -> Site:
    points = {
        name: Point(name, "p", PointSpec(name.partition(".")[2], quantity, kind, UNITS[quantity]), None)
        for name, (quantity, kind) in KINDS.items()
    }
    return replace(small_site([], *meters), points=points)


SITE = site_with()
SETTINGS = Settings(retention={"other": "2d", "pressure": "300d"})


def minutes(point: str, count: int, start: Instant = START) -> list[Reading]:
    return [Reading(point, start + number * MINUTE, float(number // 3)) for number in range(count)]


def fill(store: SqliteStore, days: int = 10) -> None:
    for point in [*KINDS, "gone.temperature"]:
        store.append(minutes(point, days * 24 * 60), NOW)


class Uncorrected:
    """Nobody has corrected anything."""

    def active(self) -> dict[str, tuple[Correction, ...]]:
        return {}


def retention(store: SqliteStore, site: Site = SITE, settings: Settings = SETTINGS) -> Retention:
    return Retention(site, settings, store, Uncorrected(), lambda: NOW)


if __name__ == "__main__":
    opened = SqliteStore(sys.argv[1])
    print("begin", flush=True)
    retention(opened).turn(NOW)
    opened.close()
