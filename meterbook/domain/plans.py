"""What a site plans: quotas, scores, maintenance. Loaded and checked now; judged by the rooms that grow on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from meterbook.domain.instant import Instant
from meterbook.domain.text import Text


@dataclass(frozen=True, slots=True)
class ExcessStep:
    """Use above (1 + `above`) x quota costs `multiplier` times the energy price."""

    above: Decimal
    multiplier: Decimal


@dataclass(frozen=True, slots=True)
class Quota:
    """What a department may use of a utility in a calendar year, in the canonical unit."""

    department: str
    utility: str
    year: int
    amount: Decimal
    excess: tuple[ExcessStep, ...] = ()
    saving_reward: Decimal | None = None
    warn_at: tuple[Decimal, ...] = ()
    month_profile: tuple[Decimal, ...] = ()
    used_before: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ScorePart:
    """One part of a department's 100 points."""

    id: str
    points: Decimal
    rule: str


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
