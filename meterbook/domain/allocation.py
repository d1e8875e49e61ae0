"""Allocations: dated rules that give a meter's consumption to departments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from meterbook.domain.instant import Instant

SplitBy = Literal["shares", "area_m2", "headcount", "consumption"]


@dataclass(frozen=True, slots=True)
class Split:
    """How a shared meter is divided: by fixed `shares` (percent), or among departments by a weight.

    `meters` weigh a split by consumption by named meters instead of departments.
    """

    by: SplitBy
    among: tuple[str, ...] = ()
    shares: Mapping[str, Decimal] = field(default_factory=dict)
    meters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Allocation:
    """From `start` until a later rule of the same meter and the same `losses` flag, `meter` belongs to `to` or `split`.

    `losses` gives away the remainder of a parent (parent minus children) instead of the meter itself.
    """

    meter: str
    start: Instant
    to: str | None = None
    split: Split | None = None
    losses: bool = False
