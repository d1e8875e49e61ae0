"""Tariffs: dated prices of a utility, in the site's currency per canonical unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

from meterbook.domain.instant import Instant
from meterbook.domain.text import Text


@dataclass(frozen=True, slots=True)
class Hours:
    """A band from `start` to `end`, minutes of the local day, half-open."""

    start: int
    end: int
    band: str


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """Hours that hold on some days; empty conditions hold always. The first row that matches a day wins.

    `weekdays` count from Monday = 0; `days` is `workday`, `restday` or `holiday`; `flags` are named days given as data.
    """

    hours: tuple[Hours, ...]
    months: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    days: str | None = None
    flag: str | None = None


@dataclass(frozen=True, slots=True)
class TierStep:
    """Up to this much since the start of the period, this price; the last step has no limit."""

    price: Decimal
    up_to: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Tiers:
    """Prices that rise with the site's use since the start of the `period`."""

    period: Literal["month", "year"]
    steps: tuple[TierStep, ...]


@dataclass(frozen=True, slots=True)
class Demand:
    """The charge for the largest mean power in a window (microseconds) of the supply meter."""

    meter: str
    window: Instant
    price_per_kw: Decimal
    approved_kw: Decimal | None = None
    excess_multiplier: Decimal = Decimal(1)
    excess_from: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class FactorStep:
    """So many per cent for every 0.01 of cos(phi), as far as `to`."""

    to: Decimal
    percent: Decimal


@dataclass(frozen=True, slots=True)
class PowerFactorTable:
    """Above the standard `better` takes off, nothing more beyond its last step; below it `worse` puts on."""

    better: tuple[FactorStep, ...]
    worse: tuple[FactorStep, ...]


@dataclass(frozen=True, slots=True)
class PowerFactor:
    """The adjustment for reactive energy of the supply meter, by the `table` of its `standard`."""

    meter: str
    standard: Decimal
    table: PowerFactorTable


@dataclass(frozen=True, slots=True)
class Surcharge:
    """A price per canonical unit on top of the energy price."""

    id: str
    name: Text
    per_unit: Decimal


@dataclass(frozen=True, slots=True)
class FixedCharge:
    """A sum per month, whatever is used."""

    id: str
    name: Text
    per_month: Decimal


@dataclass(frozen=True, slots=True)
class Tariff:
    """One dated version of a utility's prices: a flat `price`, `bands` with a `schedule`, or `tiers`."""

    id: str
    utility: str
    start: Instant
    price: Decimal | None = None
    bands: Mapping[str, Decimal] = field(default_factory=dict)
    schedule: tuple[ScheduleRow, ...] = ()
    day_flags: Mapping[str, frozenset[date]] = field(default_factory=dict)
    tiers: Tiers | None = None
    demand: Demand | None = None
    power_factor: PowerFactor | None = None
    surcharges: tuple[Surcharge, ...] = ()
    fixed: tuple[FixedCharge, ...] = ()
    apply: Literal["site", "department"] = "site"
    estimate: bool = False
