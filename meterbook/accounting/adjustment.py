"""Adjustments: what changed in closed months, booked in the earliest open month after them.

A closed month is computed again with today's readings and the rules, prices and calendar it was closed by. What a
department's component then costs, less what was charged for it so far, is one line.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from meterbook.accounting.charges import january
from meterbook.accounting.look import Scene
from meterbook.accounting.port import Closings
from meterbook.accounting.quota import ENERGY
from meterbook.accounting.results import Results, Shape
from meterbook.accounting.statement import Month, line_id, mean_quality
from meterbook.domain.calendar import Calendar, first_of_month
from meterbook.domain.closing import Signature
from meterbook.domain.instant import Instant
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


@dataclass(frozen=True, slots=True)
class Change:
    """What a component of a closed month comes to today, less what was charged for it so far."""

    of: Component
    quantity: Decimal | None
    charge: Decimal | None
    unit: str | None
    quality: Shares

    def line(self, host: str, source: str, start: Instant, end: Instant) -> Line:
        """The line of the month `host` that books it, for the closed month `source`, [start, end)."""
        return Line(
            id=line_id(host, self.of.party, "adjustment", source, *self.of[1:]),
            utility=self.of.utility,
            kind="adjustment",
            meter=None,
            quantity=self.quantity,
            unit=self.unit if self.quantity is not None else None,
            share=None,
            charge=self.charge,
            tariff=self.of.tariff,
            band=self.of.name,
            start=start,
            end=end,
            quality=self.quality,
        )


def _packed(changes: Sequence[Change]) -> Any:
    return [
        [*one.of, _text(one.quantity), _text(one.charge), one.unit, *(str(share) for share in astuple(one.quality))]
        for one in changes
    ]


def _unpacked(rows: Any) -> Sequence[Change]:
    return [
        Change(Component(*row[:4]), _decimal(row[4]), _decimal(row[5]), row[6], Shares(*map(Decimal, row[7:])))
        for row in rows
    ]


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


_CHANGES = Shape(_packed, _unpacked)


@dataclass(frozen=True, slots=True)
class Again:
    """A closed month, ready to be computed again by its terms and today's readings.

    `evidence` and `bases` are those of the Scene in which it is.
    """

    evidence: str | None
    bases: Mapping[str, str]
    lines: Callable[[], Lines]


@dataclass(frozen=True, slots=True)
class Changes:
    """The adjustment lines of a month by party; `basis` is what they follow from, None where nobody can tell."""

    basis: tuple[str, ...] | None
    lines: Lines


class Adjustments:
    """The adjustment lines of open months. `again` gives a closed month as it can be computed again."""

    def __init__(
        self, calendar: Calendar, closings: Closings | None, results: Results, again: Callable[[str], Again]
    ) -> None:
        self._calendar, self._closings, self._results, self._again = calendar, closings, results, again

    def of(self, month: Month, scene: Scene) -> Changes:
        """The lines by party; those of a closed month stay as they were booked."""
        if self._closings is None:
            return Changes((), {})
        signed = self._closings.signatures()
        closed = {one.month for one in signed}
        found: dict[str, list[Line]] = {}
        if month.month in closed:
            for party, line in self._closings.adjustments(month.month):
                found.setdefault(party, []).append(line)
            return Changes(("booked",), found)
        bases: list[str | None] = []
        for source in _run_before(month.month, closed):
            basis, changes = self._changes(source, signed, scene)
            bases.append(basis)
            for change in changes:
                line = change.line(month.month, source, *self._calendar.month(source))
                found.setdefault(change.of.party, []).append(line)
        known = tuple(basis for basis in bases if basis is not None)
        return Changes(known if len(known) == len(bases) else None, found)

    def compared(self, source: str) -> tuple[Amounts, Amounts]:
        """What was charged for a closed month, adjustments included, and what would be today."""
        return self.charged(source), self._today(self._again(source))

    def charged(self, source: str, before: str | None = None) -> Amounts:
        """What was charged for a closed month, adjustments included; `before`: those booked earlier than in a month."""
        if self._closings is None:
            raise KeyError(source)
        charged = [(party, line) for party, line in self._closings.closed(source).lines if line.kind != "adjustment"]
        start = self._calendar.month(source)[0]
        for host in (one.month for one in self._closings.signatures() if one.month > source):
            if before is None or host < before:
                charged += [one for one in self._closings.adjustments(host) if one[1].start == start]
        return amounts(charged)

    def _today(self, again: Again) -> Amounts:
        return amounts((party, line) for party, lines in again.lines().items() for line in lines)

    def _changes(self, source: str, signed: Sequence[Signature], scene: Scene) -> tuple[str | None, Sequence[Change]]:
        """The changes of a closed month since it was charged, and what they follow from.

        As long as the month's registers are read as they are today, today's registers stand for them, and the terms
        need not be looked at.
        """
        name, booked = f"changes of {source}", [(one.month, one.at, one.by) for one in signed if one.month >= source]
        evidence = scene.evidence(january(source), source)
        basis = None if evidence is None else f"{booked} {evidence}"
        known = self._results.known(name, basis, _CHANGES) if basis is not None else None
        if known is not None:
            return basis, known
        again = self._again(source)
        if again.evidence is None:
            basis = None
        elif not again.bases.items() <= scene.bases.items():
            basis = f"{booked} {again.evidence}"
        return basis, self._results.kept(name, basis, _CHANGES, lambda: list(self._differences(source, again)))

    def _differences(self, source: str, again: Again) -> Iterator[Change]:
        charged, today = self.charged(source), self._today(again)
        for component in sorted(
            {*charged, *today}, key=lambda one: (one.party, one.utility, one.tariff or "", one.name)
        ):
            was, now = charged.get(component, Amount()), today.get(component, Amount())
            quantity, charge = _difference(now.quantity, was.quantity), _difference(now.charge, was.charge)
            if quantity or charge:
                yield Change(component, quantity, charge, now.unit or was.unit, (now if now.lines else was).quality)


def _difference(now: Decimal | None, was: Decimal | None) -> Decimal | None:
    return None if now is None and was is None else (now or Decimal(0)) - (was or Decimal(0))


def _run_before(month: str, closed: Collection[str]) -> list[str]:
    """The closed months that follow each other up to `month`: it is the earliest open one after each of them."""
    found: list[str] = []
    before = _before(month)
    while before in closed:
        found.append(before)
        before = _before(before)
    return found[::-1]


def _before(month: str) -> str:
    return f"{first_of_month(month) - timedelta(days=1):%Y-%m}"
