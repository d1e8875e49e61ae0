"""Adjustments: what changed in closed months, booked in the earliest open month after them.

A closed month is computed again with today's readings and the rules, prices and calendar it was closed by. What a
department's component then costs, less what was charged for it so far, is one line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from meterbook.accounting.port import Closings
from meterbook.accounting.quota import ENERGY
from meterbook.accounting.statement import Month, line_id, mean_quality
from meterbook.domain.calendar import Calendar, first_of_month
from meterbook.domain.closing import Closed
from meterbook.domain.interval import Shares
from meterbook.domain.statement import QUOTA_KINDS, Line

Lines = Mapping[str, Sequence[Line]]
"""Lines by party."""


class Component(NamedTuple):
    """What is adjusted as one: a party's part of a component of a tariff version."""

    party: str
    utility: str
    tariff: str | None
    name: str


@dataclass
class Amount:
    """What a party's component comes to; `charge` is None while no line of it has a price."""

    quantity: Decimal | None = None
    charge: Decimal | None = None
    unit: str | None = None
    lines: list[Line] = field(default_factory=list)

    def add(self, line: Line) -> None:
        """Count a line in."""
        self.lines.append(line)
        self.unit = line.unit or self.unit
        if line.quantity is not None:
            self.quantity = (self.quantity or Decimal(0)) + line.quantity
        if line.charge is not None:
            self.charge = (self.charge or Decimal(0)) + line.charge

    @property
    def quality(self) -> Shares:
        """That of its lines, by quantity."""
        return mean_quality(self.lines) if self.lines else Shares.nothing()


def component_of(party: str, line: Line) -> Component:
    """The component a line belongs to: its band, its surcharge or fixed charge, `demand`, or `energy` without bands."""
    name = line.band or ("energy" if line.kind in ENERGY else line.kind)
    return Component(party, line.utility, line.tariff, name)


Amounts = Mapping[Component, Amount]


def amounts(lines: Iterable[tuple[str, Line]]) -> Amounts:
    """The site's charges by component; quota lines are none."""
    found: dict[Component, Amount] = {}
    for party, line in lines:
        if line.kind not in QUOTA_KINDS:
            found.setdefault(component_of(party, line), Amount()).add(line)
    return found


class Adjustments:
    """The adjustment lines of open months. `recomputed` gives a closed month's lines as they would be today."""

    def __init__(self, calendar: Calendar, closings: Closings | None, recomputed: Callable[[Closed], Lines]) -> None:
        self._calendar, self._closings, self._recomputed = calendar, closings, recomputed

    def of(self, month: Month) -> dict[str, list[Line]]:
        """The lines by party; those of a closed month stay as they were booked."""
        if self._closings is None:
            return {}
        closed = [one.month for one in self._closings.signatures()]
        found: dict[str, list[Line]] = {}
        if month.month in closed:
            for party, line in self._closings.closed(month.month).lines:
                if line.kind == "adjustment":
                    found.setdefault(party, []).append(line)
            return found
        for source in _run_before(month.month, closed):
            for party, line in self._changes(month, source):
                found.setdefault(party, []).append(line)
        return found

    def compared(self, source: str, before: str | None = None) -> tuple[Amounts, Amounts]:
        """What was charged for a closed month, and what would be today.

        Adjustments count as charged, with `before` those that were booked earlier than in that month.
        """
        if self._closings is None:
            raise KeyError(source)
        record = self._closings.closed(source)
        charged = [(party, line) for party, line in record.lines if line.kind != "adjustment"]
        for later in (one.month for one in self._closings.signatures() if one.month > source):
            if before is None or later < before:
                charged += self._booked(later, source)
        today = ((party, line) for party, lines in self._recomputed(record).items() for line in lines)
        return amounts(charged), amounts(today)

    def _booked(self, host: str, source: str) -> list[tuple[str, Line]]:
        if self._closings is None:
            return []
        start = self._calendar.month(source)[0]
        lines = self._closings.closed(host).lines
        return [(party, line) for party, line in lines if line.kind == "adjustment" and line.start == start]

    def _changes(self, month: Month, source: str) -> Iterable[tuple[str, Line]]:
        charged, today = self.compared(source)
        start, end = self._calendar.month(source)
        for component in sorted(
            {*charged, *today}, key=lambda one: (one.party, one.utility, one.tariff or "", one.name)
        ):
            was, now = charged.get(component, Amount()), today.get(component, Amount())
            quantity, charge = _difference(now.quantity, was.quantity), _difference(now.charge, was.charge)
            if quantity or charge:
                yield (
                    component.party,
                    Line(
                        id=line_id(month.month, component.party, "adjustment", source, *component[1:]),
                        utility=component.utility,
                        kind="adjustment",
                        meter=None,
                        quantity=quantity,
                        unit=(now.unit or was.unit) if quantity is not None else None,
                        share=None,
                        charge=charge,
                        tariff=component.tariff,
                        band=component.name,
                        start=start,
                        end=end,
                        quality=(now if now.lines else was).quality,
                    ),
                )


def _difference(now: Decimal | None, was: Decimal | None) -> Decimal | None:
    return None if now is None and was is None else (now or Decimal(0)) - (was or Decimal(0))


def _run_before(month: str, closed: Sequence[str]) -> list[str]:
    """The closed months that follow each other up to `month`: it is the earliest open one after each of them."""
    found: list[str] = []
    before = _before(month)
    while before in closed:
        found.append(before)
        before = _before(before)
    return found[::-1]


def _before(month: str) -> str:
    return f"{first_of_month(month) - timedelta(days=1):%Y-%m}"
