"""What a site plans: quotas, scores, maintenance. Loaded and checked now; judged by the rooms that grow on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from meterbook.domain.instant import DAY, Instant
from meterbook.domain.text import Text


@dataclass(frozen=True, slots=True)
class ExcessStep:
    """Use above (1 + `above`) x quota costs `multiplier` times the energy price."""

    above: Decimal
    multiplier: Decimal


@dataclass(frozen=True, slots=True)
class Quota:
    """What a department may use of a utility in a calendar year, in the canonical unit.

    Either `amount` is given, or it is heads x `per_head` + area x `per_m2` + `equipment`.
    """

    department: str
    utility: str
    year: int
    amount: Decimal | None = None
    per_head: Decimal = Decimal(0)
    per_m2: Decimal = Decimal(0)
    equipment: Decimal = Decimal(0)
    excess: tuple[ExcessStep, ...] = ()
    saving_reward: Decimal | None = None
    warn_at: tuple[Decimal, ...] = ()
    month_profile: tuple[Decimal, ...] = ()
    used_before: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ScorePart:
    """One part of a department's 100 points: all of them at `full_at`, none at `none_at`, linear between.

    Both are None where the rule's own limits hold. `hours` are working hours of workdays, in minutes of the local day;
    an incident is answered in time `within` so many microseconds.
    """

    id: str
    points: Decimal
    rule: str
    full_at: Decimal | None = None
    none_at: Decimal | None = None
    hours: tuple[int, int] = (8 * 60, 18 * 60)
    within: Instant = DAY


@dataclass(frozen=True, slots=True)
class Scores:
    """What 100 points are made of; below `passing` a month is marked."""

    passing: Decimal
    parts: tuple[ScorePart, ...]


@dataclass(frozen=True, slots=True)
class MaintenancePlan:
    """Upkeep of a device or space every so many months, run hours or starts."""

    id: str
    team: str
    task: Text
    every: Mapping[str, Decimal]
    device: str | None = None
    space: str | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """Use of a supply meter from the start of a tier's period to `at`, where readings begin later than the period."""

    at: Instant
    used: Decimal
