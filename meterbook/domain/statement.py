"""Statements: what a department used and owes for a month, line by line."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from meterbook.domain.emission import Emission
from meterbook.domain.instant import Instant
from meterbook.domain.interval import Shares
from meterbook.domain.quota import QuotaStanding

LineKind = Literal[
    "direct",
    "shared",
    "loss",
    "fixed",
    "demand",
    "power_factor",
    "surcharge",
    "quota_excess",
    "quota_reward",
    "adjustment",
]
QUOTA_KINDS: frozenset[LineKind] = frozenset({"quota_excess", "quota_reward"})
"""Lines between the site and a department: no charge of the site's."""

StatementState = Literal["open", "provisional", "closed"]


@dataclass(frozen=True, slots=True)
class Line:
    """One charge (or a quantity without a price: `charge` is then None) with what it stands on.

    `quantity` is in `unit`; `share` is the department's part of the meter; `start` and `end` bound the time.
    """

    id: str
    utility: str
    kind: LineKind
    meter: str | None
    quantity: Decimal | None
    unit: str | None
    share: Decimal | None
    charge: Decimal | None
    tariff: str | None
    band: str | None
    start: Instant
    end: Instant
    quality: Shares


@dataclass(frozen=True, slots=True)
class Statement:
    """A department's month. `total` is the site's charges, `payable` total and quota lines, both exact in fen.

    `remarks` say what a reader of the charges must know, as `utility: word`: `demand` or `power_factor` could not be
    charged for want of readings; with `estimated_demand` a higher, estimated window did not count. `emissions`
    are those of the month's own use, one for each utility that has a factor.
    """

    department: str
    month: str
    state: StatementState
    revision: int
    currency: str
    lines: tuple[Line, ...]
    total: Decimal | None
    payable: Decimal | None
    subtree_total: Decimal | None
    quality: Shares
    remarks: tuple[str, ...]
    hash: str
    quota: tuple[QuotaStanding, ...] = ()
    emissions: tuple[Emission, ...] = ()


@dataclass(frozen=True, slots=True)
class Balance:
    """Where a utility's supply went in [start, end), in `unit`.

    supplied = sum(allocated) + sum(losses_shared) + unallocated; `losses` is the physical remainder of the parents
    that have a `losses` rule and may be negative. `quality` is that of the supply, in shares of time.
    """

    utility: str
    unit: str
    start: Instant
    end: Instant
    supplied: Decimal
    allocated: dict[str, Decimal]
    losses_shared: dict[str, Decimal]
    unallocated: Decimal
    losses: Decimal
    quality: Shares

    @property
    def difference(self) -> Decimal:
        """What does not add up: always 0."""
        shared = sum(self.allocated.values(), Decimal(0)) + sum(self.losses_shared.values(), Decimal(0))
        return self.supplied - shared - self.unallocated
