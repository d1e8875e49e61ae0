"""Step-down: the costs of departments that serve others, passed on in stages to those they serve.

Hospital cost accounting goes from administration (行政) over support (医辅) and technical departments (医技) to clinics
(临床). It changes no statement: it is the site's own account of who the charges were made for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from meterbook.domain.instant import Instant
from meterbook.domain.money import round_half_up
from meterbook.domain.statement import StatementState
from meterbook.domain.text import Text

SHOWN = Decimal("0.000001")
"""What weights are rounded to where they are shown."""

StageBy = Literal["headcount", "area_m2", "shares", "weights"]


@dataclass(frozen=True, slots=True)
class Stage:
    """Each of `departments` passes all it has come to carry on to `among`, in proportion to a weight.

    `given` weighs `among` by shares in per cent or by other numbers; heads and areas are those of the month.
    """

    departments: tuple[str, ...]
    by: StageBy
    among: tuple[str, ...]
    given: Mapping[str, Decimal] = field(default_factory=dict)
    name: Text | None = None


@dataclass(frozen=True, slots=True)
class StepDown:
    """The stages that hold from the month beginning at `start`, until a later version does."""

    start: Instant
    stages: tuple[Stage, ...]


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a department passes on to another in a stage (counted from 1): `weight` of the `whole` weight of all."""

    stage: int
    giver: str
    receiver: str
    weight: Fraction
    whole: Fraction
    amount: Decimal


def shown(weight: Fraction) -> Decimal:
    """A weight as people see it; the sums stand on the exact one."""
    return round_half_up(weight, SHOWN).normalize()


@dataclass(frozen=True, slots=True)
class Kept:
    """What stays with a department of a stage, since nobody it passes on to weighs anything."""

    stage: int
    department: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Share:
    """A department before and after: `charged` by its statement, then `received` and `passed_on`."""

    department: str
    charged: Decimal
    received: Decimal
    passed_on: Decimal

    @property
    def cost(self) -> Decimal:
        """What it carries in the end."""
        return self.charged + self.received - self.passed_on


@dataclass(frozen=True, slots=True)
class SteppedDown:
    """A month's charges stepped down; the shares and `unallocated` add up to `total` before and after, to the fen."""

    month: str
    state: StatementState
    currency: str
    stages: tuple[Stage, ...]
    shares: tuple[Share, ...]
    transfers: tuple[Transfer, ...]
    kept: tuple[Kept, ...]
    unallocated: Decimal

    @property
    def total(self) -> Decimal:
        """The site's charges."""
        return sum((one.charged for one in self.shares), self.unallocated)

    @property
    def difference(self) -> Decimal:
        """What the costs in the end add up to more than the site's charges: always 0."""
        return sum((one.cost for one in self.shares), self.unallocated) - self.total
