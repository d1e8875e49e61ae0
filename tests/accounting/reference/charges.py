"""What it costs, a second time: the rules of calculation from 17 to 20; see registers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from accounting.printed import table
from accounting.reference.division import Division, Piece
from accounting.reference.registers import FOREVER, NOBODY, Window, divided, half_up

from meterbook.domain.instant import HOUR, Instant
from meterbook.domain.meter import Meter
from meterbook.domain.reading import Reading
from meterbook.domain.site import Site
from meterbook.domain.tariff import Demand, PowerFactor, Tariff

ENERGY = ("direct", "shared", "loss")


class Key(NamedTuple):
    """What tells the lines of a statement apart; `start` only where somebody carries a meter.

    What nobody carries is added up over the rules that left it, and its charge (of kind `energy`) over its meters.
    """

    party: str
    utility: str
    kind: str
    meter: str | None
    tariff: str | None
    band: str | None
    start: Instant | None = None


class Entry(NamedTuple):
    """A line's quantity, None without one or where that is 0, and its charge in fen, None without a price."""

    quantity: Fraction | None
    fen: int | None


Charges = dict[tuple[str | None, str | None], tuple[int, dict[str, int]]]
"""By tariff version and band: what the whole site pays for its energy, and the part of each party, in fen."""


def lines(site: Site, rows: Sequence[Reading], start: Instant, now: Instant) -> dict[Key, Entry]:
    """Every line of everybody's statement of a month that began at `start`; those without a figure are left out."""
    window, found = Window(site, rows, start, now), dict[Key, Entry]()
    for utility in {meter.utility for meter in site.meters.values()}:
        for key, entry in _Utility(window, utility).lines():
            if entry.quantity or entry.fen:
                found[key] = entry._replace(quantity=entry.quantity or None)
    return found


def _of(pieces: Iterable[Piece]) -> dict[str, Fraction]:
    found: dict[str, Fraction] = {}
    for piece in pieces:
        found[piece.party] = found.get(piece.party, Fraction()) + piece.quantity
    return found


def fen(amount: Fraction) -> int:
    """An amount of money, rounded half up."""
    return half_up(amount * 100)


def shared(charge: int, quantities: Mapping[str, Fraction]) -> dict[str, int]:
    """A charge of the site by exact quantities [18]."""
    return {**dict.fromkeys(quantities, 0), **divided(charge, quantities)}


def tiered(tariff: Tariff, before: Fraction, after: Fraction) -> Fraction:
    """What the use from `before` to `after` costs, counted from the start of the period [20]."""
    low, cost = Fraction(), Fraction()
    for step in tariff.tiers.steps if tariff.tiers else ():
        high = Fraction(step.up_to) if step.up_to is not None else Fraction(FOREVER)
        cost += max(Fraction(), min(after, high) - max(before, low)) * Fraction(step.price)
        low = high
    return cost


class _Utility:
    """The charges of one utility."""

    def __init__(self, window: Window, utility: str) -> None:
        self.window, self.site, self.utility = window, window.site, utility
        self.division = Division(window, utility)
        self.pieces = self.division.pieces(window.start, window.end)
        versions = [one for one in self.site.tariffs if one.utility == utility and one.start < window.end]
        self.versions = sorted(versions, key=lambda one: one.start)

    def lines(self) -> Iterator[tuple[Key, Entry]]:
        """All lines."""
        energy = {key: found for one in self.versions for key, found in self._energy(one)}
        yield from self._carried(energy)
        everything = _of(self.pieces)
        if self.versions:
            yield from self._of_supply(self.versions[-1], everything, sum(charge for charge, _ in energy.values()))
        for tariff in self.versions:
            own = _of(piece for piece in self.pieces if piece.tariff == tariff.id)
            for extra in tariff.surcharges:
                charge = fen(Fraction(extra.per_unit) * sum(own.values(), Fraction()))
                for party, part in shared(charge, own).items():
                    yield self._key(party, "surcharge", tariff, extra.id), Entry(own.get(party), part)
            for fixed in tariff.fixed:
                charge = fen(Fraction(fixed.per_month) * self._held(tariff))
                for party, part in shared(charge, own).items():
                    yield self._key(party, "fixed", tariff, fixed.id), Entry(None, part)

    def _key(self, party: str, kind: str, tariff: Tariff, band: str | None = None) -> Key:
        return Key(party, self.utility, kind, None, tariff.id, band)

    def _held(self, tariff: Tariff) -> Fraction:
        """The part of the month's days that began under a version [decision 10]."""
        calendar = self.site.calendar
        start, end = calendar.month(calendar.month_of(self.window.start))
        days = calendar.edges(start, end, "day")[:-1]
        later = [one.start for one in self.site.tariffs if one.utility == self.utility and one.start > tariff.start]
        return Fraction(len([day for day in days if tariff.start <= day < min(later, default=FOREVER)]), len(days))

    def _energy(self, tariff: Tariff) -> Iterator[tuple[tuple[str, str | None], tuple[int, dict[str, int]]]]:
        """The energy charge of a version by band [17], or by tiers."""
        own = [piece for piece in self.pieces if piece.tariff == tariff.id]
        if tariff.tiers is not None:
            yield (tariff.id, None), self._tiers(tariff, _of(own))
        for band in {piece.band for piece in own} if tariff.tiers is None else ():
            price = tariff.bands[band] if band else tariff.price
            quantities = _of(piece for piece in own if piece.band == band)
            charge = fen(Fraction(price or 0) * sum(quantities.values(), Fraction()))
            yield (tariff.id, band), (charge, shared(charge, quantities))

    def _tiers(self, tariff: Tariff, quantities: Mapping[str, Fraction]) -> tuple[int, dict[str, int]]:
        begin = max(self.window.start, tariff.start)
        if tariff.apply == "department":
            used = _of(self.division.pieces(self.window.start, begin)) if begin > self.window.start else {}
            parts = {
                party: fen(tiered(tariff, used.get(party, Fraction()), used.get(party, Fraction()) + quantity))
                for party, quantity in quantities.items()
            }
            return sum(parts.values()), parts
        before = sum((self._used(root, begin) for root in self.division.roots), Fraction())
        charge = fen(tiered(tariff, before, before + sum(quantities.values(), Fraction())))
        return charge, shared(charge, quantities)

    def _used(self, root: Meter, begin: Instant) -> Fraction:
        """What a root had supplied since the period began, when a version began to hold [20]."""
        supplied = self.division.supplied
        opening = self.site.openings.get(root.id)
        if opening is None or opening.at >= self.window.end:
            return supplied(root, self.window.start, begin)
        return Fraction(opening.used) + supplied(root, opening.at, begin) - supplied(root, begin, opening.at)

    def _carried(self, energy: Charges) -> Iterator[tuple[Key, Entry]]:
        """The lines of meters, with each party's part of a charge divided among its own [18]."""
        groups: dict[tuple[str, str | None, str | None], dict[Key, Fraction]] = {}
        for piece in self.pieces:
            start = piece.start if piece.party != NOBODY else None
            key = Key(piece.party, self.utility, piece.kind, piece.meter, piece.tariff, piece.band, start)
            own = groups.setdefault((piece.party, piece.tariff, piece.band), {})
            own[key] = own.get(key, Fraction()) + piece.quantity
        for (party, tariff, band), own in groups.items():
            paid = energy[tariff, band][1].get(party, 0) if tariff is not None and party != NOBODY else None
            parts = _within(paid, own) if paid is not None else {}
            yield from ((key, Entry(quantity, parts.get(key))) for key, quantity in own.items())
        for (version, band), (_, parties) in energy.items():
            yield Key(NOBODY, self.utility, "energy", None, version, band), Entry(None, parties.get(NOBODY))

    def _of_supply(
        self, tariff: Tariff, everything: Mapping[str, Fraction], energy: int
    ) -> Iterator[tuple[Key, Entry]]:
        """Demand and power factor, by the version that holds in the end and the month's quantities [17], [19]."""
        demand = 0
        if tariff.demand is not None and (kw := self._peak(tariff.demand)) is not None:
            demand = fen(_demand(tariff.demand, kw))
            power = divided(half_up(kw * 1000), everything)
            for party, part in shared(demand, everything).items():
                quantity = Fraction(power[party], 1000) if party in power else None
                yield self._key(party, "demand", tariff), Entry(quantity, part)
        if tariff.power_factor is not None and (cos := self._cos(tariff.power_factor)) is not None:
            percent = Fraction(table(f"{tariff.power_factor.standard:.2f}")[cos])
            for party, part in shared(half_up((energy + demand) * percent / 100), everything).items():
                yield self._key(party, "power_factor", tariff), Entry(None, part)

    def _peak(self, demand: Demand) -> Fraction | None:
        """The largest mean power of a wholly measured window, from the day's start on [19]."""
        edges, meter = self.window.edges, self.site.meters[demand.meter]
        amounts, found = self.window.amounts(meter), []
        for low in range(self.window.start, self.window.end - demand.window + 1, demand.window):
            inside = [amounts[cell] for cell in range(len(amounts)) if low <= edges[cell] < low + demand.window]
            if None not in inside and all(self.window.measured(meter, at) for at in (low, low + demand.window)):
                used = sum((amount or Fraction() for amount in inside), Fraction())
                found.append(used * HOUR / demand.window)
        return max(found, default=None)

    def _cos(self, factor: PowerFactor) -> int | None:
        """The power factor in hundredths, rounded half up [19]."""
        meter = self.site.meters[factor.meter]
        known = [[one for one in self.window.amounts(meter, point) if one is not None] for point in meter.reactive]
        active = [one for one in self.window.amounts(meter) if one is not None]
        real = sum(active, Fraction())
        if not known or not all(known) or real <= 0:
            return None
        reactive = sum((abs(sum(one, Fraction())) for one in known), Fraction())
        square = real**2 / (real**2 + reactive**2)
        return max(
            hundredth for hundredth in range(101) if hundredth == 0 or square >= Fraction(2 * hundredth - 1, 200) ** 2
        )


def _within(charge: int, own: Mapping[Key, Fraction]) -> dict[Key, int]:
    """A party's charge on its lines, ties to the smaller (meter, kind, from) [18]; the first has it if they cancel."""
    names = {f"{key.meter}\0{key.kind}\0{(key.start or 0):020}": key for key in own}
    total = sum(own.values(), Fraction())
    if total == 0:
        return {key: charge if name == min(names) else 0 for name, key in names.items()}
    parts = divided(charge, {name: own[key] / total for name, key in names.items()})
    return {key: parts.get(name, 0) for name, key in names.items()}


def _demand(demand: Demand, kw: Fraction) -> Fraction:
    """Price x (min(kW, limit) + excess_multiplier x max(0, kW - limit)) [19]."""
    if demand.approved_kw is None:
        return Fraction(demand.price_per_kw) * kw
    limit = Fraction(demand.approved_kw) * Fraction(demand.excess_from)
    over = max(Fraction(), kw - limit)
    return Fraction(demand.price_per_kw) * (min(kw, limit) + Fraction(demand.excess_multiplier) * over)
