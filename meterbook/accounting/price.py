"""Charges: each component of a tariff is rounded once for the whole site and then apportioned to the fen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from meterbook.accounting.allocate import Piece
from meterbook.accounting.supply import Supply, adjustment, demand_charge
from meterbook.domain.instant import Instant
from meterbook.domain.money import SPLIT, apportion, round_half_up
from meterbook.domain.statement import LineKind
from meterbook.domain.tariff import Tariff, Tiers

_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Component:
    """One rounded sum of the site: `charge` is shared by `parties`; `band` names a band or the surcharge.

    `quantities` are what the component's lines show: the part of the demand, or the use that a surcharge is put on.
    """

    tariff: str
    kind: LineKind
    band: str | None
    charge: Decimal
    parties: Mapping[str, Decimal]
    quantities: Mapping[str, Decimal] = field(default_factory=dict)
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What the price of a month stands on besides its quantities.

    `used_before` gives, by tariff and department (None: the whole site), what was used since the start of the tiers'
    period until the tariff's pieces begin; `supply` is what the supply meter says; `held` is the part of the month's
    days on which a tariff version held, for its fixed charges.
    """

    used_before: Mapping[tuple[str, str | None], Decimal]
    supply: Supply
    held: Mapping[str, Fraction] = field(default_factory=dict)


class _Carried:
    """The quantities of a utility's month by party: all of them, of each tariff version, of each band of one."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self.everything: dict[str, Decimal] = {}
        self.of: dict[str, dict[str, Decimal]] = {}
        self.bands: dict[str, dict[str, dict[str, Decimal]]] = {}
        for piece in pieces:
            _count(self.everything, piece)
            if piece.tariff is not None:
                _count(self.of.setdefault(piece.tariff, {}), piece)
                _count(self.bands.setdefault(piece.tariff, {}).setdefault(piece.band or "", {}), piece)


def _count(quantities: dict[str, Decimal], piece: Piece) -> None:
    quantities[piece.party] = quantities.get(piece.party, _NOTHING) + piece.quantity


def components(tariffs: Sequence[Tariff], pieces: Sequence[Piece], unit: str, facts: Facts) -> list[Component]:
    """All components of one utility's month.

    Demand and power factor are charged once, by the version that holds at the month's end. Pieces in a slot without a
    price have no component.
    """
    carried = _Carried(pieces)
    found = [component for tariff in tariffs for component in _energy(tariff, carried, facts)]
    held = [tariff for tariff in tariffs if tariff.id in carried.of]
    if held:
        found.extend(_of_supply(held[-1], facts.supply, carried.everything, found))
    for tariff in held:
        own = carried.of[tariff.id]
        found.extend(
            _component(tariff, "surcharge", extra.id, extra.per_unit, own, unit) for extra in tariff.surcharges
        )
        for fixed in tariff.fixed:
            charge = round_half_up(Fraction(fixed.per_month) * facts.held.get(tariff.id, Fraction(1)))
            found.append(Component(tariff.id, "fixed", fixed.id, charge, _apportioned(charge, own)))
    return found


def _energy(tariff: Tariff, carried: _Carried, facts: Facts) -> list[Component]:
    """The energy charges of a version: flat or by band, and by tier."""
    found: list[Component] = []
    for band, quantities in sorted(carried.bands.get(tariff.id, {}).items()):
        price = tariff.bands.get(band) if band else tariff.price
        if price is not None:
            found.append(_component(tariff, "direct", band or None, price, quantities, None))
    if tariff.tiers is not None and tariff.id in carried.of:
        found.append(_tiers(tariff, tariff.tiers, carried.of[tariff.id], facts))
    return found


def _tiers(tariff: Tariff, tiers: Tiers, quantities: Mapping[str, Decimal], facts: Facts) -> Component:
    """Tiers count the whole site's use, or with `apply: department` each department's own."""
    if tariff.apply == "department":
        parties = {
            party: round_half_up(tiered(tiers, before, before + quantity))
            for party, quantity in quantities.items()
            for before in (facts.used_before.get((tariff.id, party), Decimal(0)),)
        }
        return Component(tariff.id, "direct", None, sum(parties.values(), Decimal(0)), parties)
    before = facts.used_before.get((tariff.id, None), Decimal(0))
    charge = round_half_up(tiered(tiers, before, before + sum(quantities.values(), Decimal(0))))
    return Component(tariff.id, "direct", None, charge, _apportioned(charge, quantities))


def _of_supply(
    tariff: Tariff, supply: Supply, everything: Mapping[str, Decimal], energy: Sequence[Component]
) -> list[Component]:
    """Demand, and the power-factor adjustment of energy and demand, apportioned by the month's quantity."""
    found: list[Component] = []
    if tariff.demand is not None and supply.peak is not None:
        charge = demand_charge(tariff.demand, supply.peak.kw)
        kw = apportion(round_half_up(supply.peak.kw, SPLIT), everything, SPLIT)
        found.append(Component(tariff.id, "demand", None, charge, _apportioned(charge, everything), kw, "kW"))
    if tariff.power_factor is not None and supply.cos_phi is not None:
        base = sum((component.charge for component in [*energy, *found]), Decimal(0))
        charge = round_half_up(base * adjustment(tariff.power_factor, supply.cos_phi) / 100)
        found.append(Component(tariff.id, "power_factor", None, charge, _apportioned(charge, everything)))
    return found


def remarks(tariff: Tariff, supply: Supply) -> list[str]:
    """What a reader of the charges must know: components that could not be charged, a demand that did not count."""
    found = []
    if tariff.demand is not None and supply.peak is None:
        found.append("demand")
    if tariff.demand is not None and supply.peak is not None and supply.peak.larger_estimate is not None:
        found.append("estimated_demand")
    if tariff.power_factor is not None and supply.cos_phi is None:
        found.append("power_factor")
    return found


def _component(
    tariff: Tariff,
    kind: LineKind,
    band: str | None,
    price: Decimal,
    quantities: Mapping[str, Decimal],
    unit: str | None,
) -> Component:
    charge = round_half_up(price * sum(quantities.values(), Decimal(0)))
    return Component(tariff.id, kind, band, charge, _apportioned(charge, quantities), quantities, unit)


def _apportioned(charge: Decimal, quantities: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """The charge by party; who carries nothing of it has 0, for a quantity with a price always has a charge."""
    return {**dict.fromkeys(quantities, Decimal("0.00")), **apportion(charge, quantities)}


def tiered(tiers: Tiers, start: Decimal, end: Decimal) -> Fraction:
    """The exact cost of the supply from `start` to `end`, counted since the start of the tiers' period."""
    cost, low = Fraction(), Decimal(0)
    for step in tiers.steps:
        high = end if step.up_to is None else min(end, step.up_to)
        if high > max(start, low):
            cost += Fraction(high - max(start, low)) * Fraction(step.price)
        low = step.up_to if step.up_to is not None else end
    return cost


LineKey = tuple[str, str, Instant]
"""What tells a department's lines apart within a component: (meter, kind, from)."""


def within(charge: Decimal, quantities: Mapping[LineKey, Decimal]) -> dict[LineKey, Decimal]:
    """A department's charge on its lines by quantity, ties to the smaller (meter, kind, from).

    Where the quantities cancel out, the first line carries all of it; without lines there is nothing to charge.
    """
    total = sum(quantities.values(), Decimal(0))
    if total == 0:
        first = min(quantities, default=None)
        return {key: charge if key == first else Decimal(0) for key in quantities}
    return apportion(charge, quantities if total > 0 else {key: -quantity for key, quantity in quantities.items()})
