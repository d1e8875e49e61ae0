"""Emissions: what the use of a utility stands for in kilograms of CO2 equivalent and of standard coal (标准煤)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from meterbook.domain.instant import Instant


@dataclass(frozen=True, slots=True)
class EmissionFactor:
    """From `start` until a later factor of the utility: kgCO2e and kgce for each canonical unit, None for unknown.

    `source` says who publishes it.
    """

    utility: str
    start: Instant
    kgco2e: Decimal | None = None
    kgce: Decimal | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Emission:
    """What a party's use of a utility in a month stands for, exact; `quantity` in `unit`, losses included.

    kgCO2e and kgce are None where some of the quantity has no factor: unknown is not zero.
    """

    utility: str
    quantity: Decimal
    unit: str
    kgco2e: Decimal | None
    kgce: Decimal | None
