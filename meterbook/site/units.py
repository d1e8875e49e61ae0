"""Factors from the units devices speak to the canonical ones, computed once when a site is loaded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

from meterbook.domain.quantity import UNITS

if TYPE_CHECKING:
    import pint

_UNIT = re.compile(r"[A-Za-zµ°%]{1,12}[23²³]?(?:/[A-Za-z]{1,6})?")
_POWER = re.compile(r"([A-Za-z])([23])(?![A-Za-z0-9])")
_OFFSET_UNITS = frozenset({"degC", "degF", "°C", "°F", "K"})

USUAL: Mapping[tuple[str, str], Decimal] = {
    ("W", "kW"): Decimal("0.001"),
    ("MW", "kW"): Decimal(1000),
    ("Wh", "kWh"): Decimal("0.001"),
    ("MWh", "kWh"): Decimal(1000),
    ("var", "kvar"): Decimal("0.001"),
    ("varh", "kvarh"): Decimal("0.001"),
    ("VA", "kVA"): Decimal("0.001"),
    ("mA", "A"): Decimal("0.001"),
    ("mV", "V"): Decimal("0.001"),
    ("kV", "V"): Decimal(1000),
    ("L", "m3"): Decimal("0.001"),
    ("L/h", "m3/h"): Decimal("0.001"),
    ("L/min", "m3/h"): Decimal("0.06"),
    ("L/s", "m3/h"): Decimal("3.6"),
    ("Pa", "bar"): Decimal("0.00001"),
    ("kPa", "bar"): Decimal("0.01"),
    ("mbar", "bar"): Decimal("0.001"),
    ("MPa", "bar"): Decimal(10),
}
"""What devices speak every day, from a unit to the canonical one: pint, which computes the rest, starts slowly."""


class NoFactor(ValueError):
    """A unit cannot be turned into the canonical one by a factor."""


def factor(quantity: str, unit: str) -> Decimal:
    """What turns a value in `unit` into the canonical unit of `quantity`; raises NoFactor."""
    canonical = UNITS[quantity]
    if unit == canonical:
        return Decimal(1)
    if quantity in ("state", "power_factor", "starts") or unit in _OFFSET_UNITS or not _UNIT.fullmatch(unit):
        raise NoFactor(f"{unit} cannot be turned into {canonical} by a factor")
    known = USUAL.get((unit, canonical))
    return computed(unit, canonical) if known is None else known


@cache
def _registry() -> pint.UnitRegistry[Decimal]:
    import pint  # costs half a second and is needed only where a device speaks an unusual unit

    registry: pint.UnitRegistry[Decimal] = pint.UnitRegistry(non_int_type=Decimal)
    registry.define("var = volt * ampere")
    registry.define("varh = var * hour")
    return registry


@cache
def computed(unit: str, canonical: str) -> Decimal:
    """The factor between two units by their definitions; raises NoFactor where they measure different things."""
    import pint

    plain = unit.replace("²", "2").replace("³", "3")
    written, wanted = (_POWER.sub(r"\1**\2", text) for text in (plain, canonical))
    try:
        found = _registry().Quantity(Decimal(1), written).to(wanted).magnitude
    except (pint.PintError, AttributeError, TypeError, ValueError, KeyError) as error:
        raise NoFactor(f"{unit} cannot be turned into {canonical}") from error
    return Decimal(f"{Decimal(found).normalize():f}")
