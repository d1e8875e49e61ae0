"""The utilities a site counts, their units and supply meters."""

from __future__ import annotations

from meterbook.domain.meter import Meter
from meterbook.domain.quantity import UNITS, UTILITIES
from meterbook.domain.site import Site


def unit_of(utility: str) -> str:
    """The canonical unit a utility is counted in."""
    return UNITS[UTILITIES[utility][0]]


def utilities(site: Site) -> list[str]:
    """The utilities that a site has meters for, in the order of the field's table."""
    counted = {meter.utility for meter in site.meters.values()}
    return [utility for utility in UTILITIES if utility in counted]


def supply_meters(site: Site, utility: str) -> list[Meter]:
    """The meters through which a utility comes in: those with neither parent nor formula."""
    return [
        meter for meter in site.meters.values() if meter.utility == utility and meter.physical and meter.parent is None
    ]
