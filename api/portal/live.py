"""What is going on at this moment: power and flow, sources, open incidents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from api.port import Rooms
from api.scope import Viewer
from api.utilities import supply_meters, utilities
from collectors.port import Status
from meterbook.books import incidents
from meterbook.domain.device import Point
from meterbook.domain.incident import Incident, State
from meterbook.domain.instant import Instant
from meterbook.domain.quantity import UNITS
from meterbook.domain.site import Site

OPEN = (State.RAISED, State.ACKNOWLEDGED, State.CLEARED)
"""States in which there is something left to do or to watch."""

MAX_OPEN = 100
_RATES = {"electricity": "active_power", "water": "volume_flow"}


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast a utility comes in through its supply meters: None where one of them is not known."""

    utility: str
    value: Decimal | None
    unit: str
    at: Instant | None


@dataclass(frozen=True, slots=True)
class Live:
    """The site at this moment; `fresh` is the newest instant that a supply meter told of."""

    rates: Sequence[Rate]
    open: Sequence[Incident]
    sources: Sequence[Status]
    fresh: Instant | None

    @property
    def unacknowledged(self) -> int:
        """Incidents nobody looks after yet."""
        return sum(incident.state is State.RAISED for incident in self.open)

    @property
    def sources_up(self) -> int:
        """Sources that deliver."""
        return sum(status.state == "up" for status in self.sources)


def live(rooms: Rooms, viewer: Viewer, now: Instant) -> Live:
    """The site as it is now, as far as the viewer may see it."""
    rates = [_rate(rooms, utility, now) for utility in utilities(rooms.site)]
    with rooms.books.read() as connection:
        standing = incidents.find(
            connection, states=OPEN, departments=viewer.departments, team=None, before=None, limit=MAX_OPEN
        )
    seen = [rate.at for rate in rates if rate.at is not None]
    return Live(rates, by_urgency(standing), rooms.sources(), max(seen, default=None))


def by_urgency(found: Sequence[Incident]) -> list[Incident]:
    """Unacknowledged ones first, then by severity, then the newest."""
    order = list(State)
    severities = ["urgent", "high", "medium", "low"]
    return sorted(found, key=lambda each: (order.index(each.state), severities.index(each.severity), -each.raised))


def _rate(rooms: Rooms, utility: str, now: Instant) -> Rate:
    unit = UNITS[_RATES[utility]]
    total, oldest = Decimal(0), now
    for meter in supply_meters(rooms.site, utility):
        point = rate_point(rooms.site, meter.reads, _RATES[utility])
        reading = rooms.store.latest([point.id]).get(point.id) if point else None
        if reading is None:
            return Rate(utility, None, unit, None)
        total += Decimal(repr(reading.value)) * (meter.multiplier.at(reading.at) or 1)
        oldest = min(oldest, reading.at)
    return Rate(utility, total, unit, oldest)


def rate_point(site: Site, reads: str | None, quantity: str) -> Point | None:
    """The point of a register's device that tells how fast it counts: the total where there are phases."""
    register = site.points.get(reads or "")
    if register is None or register.device is None:
        return None
    names = (f"{register.device}.{quantity}", f"{register.device}.{quantity}_total")
    return next((site.points[name] for name in names if name in site.points), None)
