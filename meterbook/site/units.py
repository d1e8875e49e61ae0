"""Factors from the units devices speak to the canonical ones, computed once when a site is loaded."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

from meterbook.domain.quantity import UNITS

if TYPE_CHECKING:
    import pint

_UNIT = re.compile(r"[A-Za-zµ°%]{1,12}[23²³]?(?:/[A-Za-z]{1,6})?")
_POWER = re.compile(r"([A-Za-z])([23])(?![A-Za-z0-9])")
_OFFSET_UNITS = frozenset({"degC", "degF", "°C", "°F", "K"})


class NoFactor(ValueError):
    """A unit cannot be turned into the canonical one by a factor."""


def factor(quantity: str, unit: str) -> Decimal:
    """What turns a value in `unit` into the canonical unit of `quantity`; raises NoFactor."""
    canonical = UNITS[quantity]
    if unit == canonical:
        return Decimal(1)
    if quantity in ("state", "power_factor", "starts") or unit in _OFFSET_UNITS or not _UNIT.fullmatch(unit):
        raise NoFactor(f"{unit} cannot be turned into {canonical} by a factor")
    return _factor(unit, canonical)


@cache
def _registry() -> pint.UnitRegistry[Decimal]:
    import pint  # costs half a second and is needed only where a device speaks another unit

    registry: pint.UnitRegistry[Decimal] = pint.UnitRegistry(non_int_type=Decimal)
    registry.define("var = volt * ampere")
    registry.define("varh = var * hour")
    return registry


@cache
def _factor(unit: str, canonical: str) -> Decimal:
    import pint

    plain = unit.replace("²", "2").replace("³", "3")
    written, wanted = (_POWER.sub(r"\1**\2", text) for text in (plain, canonical))
    try:
        found = _registry().Quantity(Decimal(1), written).to(wanted).magnitude
    except (pint.PintError, AttributeError, TypeError, ValueError, KeyError) as error:
        raise NoFactor(f"{unit} cannot be turned into {canonical}") from error
    return Decimal(f"{Decimal(found).normalize():f}")
