"""What the site used today against its usual day, and where the month's supply went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from api.port import Rooms
from api.portal.render import api
from api.utilities import supply_meters, unit_of, utilities
from meterbook.domain.calendar import GRID
from meterbook.domain.instant import Instant, iso
from meterbook.domain.interval import Consumption
from meterbook.domain.meter import Meter
from meterbook.domain.statement import Balance

WEEKS = 4
"""Same weekdays before today that make up the usual day."""


@dataclass(frozen=True, slots=True)
class Today:
    """Use of a utility since midnight, and the mean of the same hours on the last four of this weekday."""

    utility: str
    unit: str
    value: Decimal | None
    usual: Decimal | None
    meters: Sequence[Meter]
    chart: str
    compare: str

    @property
    def change(self) -> Decimal | None:
        """Today's use above the usual, as a share of it."""
        return None if self.value is None or not self.usual else self.value / self.usual - 1


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a balance as a bar: `offset` and `width` in per cent of the supply."""

    party: str
    kind: str
    value: Decimal
    share: Decimal
    offset: Decimal
    width: Decimal
    tint: int


def today(rooms: Rooms, now: Instant) -> list[Today]:
    """Each utility's day so far, up to the last full quarter of an hour."""
    return [_today(rooms, utility, now - now % GRID) for utility in utilities(rooms.site)]


def _today(rooms: Rooms, utility: str, now: Instant) -> Today:
    calendar = rooms.site.calendar
    day = calendar.day_of(now)
    midnight = calendar.midnight(day)
    days = [calendar.midnight(day - timedelta(weeks=week)) for week in range(1, WEEKS + 1)]
    meters = supply_meters(rooms.site, utility)
    hours = {
        meter.id: rooms.ledger.consumption(meter.id, days[-1], max(now, midnight + GRID), "hour") for meter in meters
    }
    spans = [(start, start + now - midnight) for start in days]
    past = [total for start, end in spans if (total := _within(hours, start, end)) is not None]
    path = f"/meters/{meters[0].id}/consumption" if meters else ""
    zone = calendar.zone
    return Today(
        utility,
        unit_of(utility),
        _within(hours, midnight, now),
        sum(past, Decimal(0)) / len(past) if past else None,
        meters,
        _chart(path, iso(midnight, zone), iso(calendar.midnight(day + timedelta(days=1)), zone)),
        _chart(path, iso(days[0], zone), iso(calendar.midnight(day - timedelta(days=6)), zone)),
    )


def _chart(path: str, start: str, end: str) -> str:
    return api(path, **{"from": start, "to": end, "by": "hour"}) if path else ""


def _within(hours: Mapping[str, Iterable[Consumption]], start: Instant, end: Instant) -> Decimal | None:
    """What all meters used in [start, end); an hour that reaches over the end counts in proportion."""
    total, known = Decimal(0), False
    for parts in hours.values():
        for part in parts:
            shared = min(part.end, end) - max(part.start, start)
            if shared > 0 and part.value is not None:
                total += part.value * shared / (part.end - part.start)
                known = True
    return total if known else None


def parts(balance: Balance) -> list[Part]:
    """A balance as bars: departments by size, losses, what nobody carries. Negative parts have no width."""
    rows = [
        (party, "department", value) for party, value in sorted(balance.allocated.items(), key=lambda item: -item[1])
    ]
    lost = sum(balance.losses_shared.values(), Decimal(0))
    rows += [("", "losses", lost), ("", "unallocated", balance.unallocated)]
    found: list[Part] = []
    offset = Decimal(0)
    for tint, (party, kind, value) in enumerate(rows):
        share = value / balance.supplied if balance.supplied > 0 else Decimal(0)
        width = max(Decimal(0), share * 100)
        found.append(Part(party, kind, value, share, round(offset, 2), round(width, 2), tint % 8))
        offset += width
    return found
