"""Rules: what to watch for, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from meterbook.domain.instant import Instant
from meterbook.domain.text import Text


class Severity(StrEnum):
    """How much a matter presses."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    URGENT = "urgent"


OWNER = "owner"
"""The team that means: the owner of the department concerned."""


@dataclass(frozen=True, slots=True)
class Limit:
    """Value above (or below) a limit for `hold`; clears beyond the second threshold. Durations in microseconds.

    `points` name the readings watched and the meter (or None) whose multiplier makes them primary values.
    """

    points: tuple[tuple[str, str | None], ...]
    above: Decimal | None
    below: Decimal | None
    clear_below: Decimal | None
    clear_above: Decimal | None
    hold: Instant = 0
    keep_firing: Instant = 0


@dataclass(frozen=True, slots=True)
class NoData:
    """A device that has been silent for `after` of its own periods."""

    devices: tuple[str, ...]
    after: Decimal


@dataclass(frozen=True, slots=True)
class NightFlow:
    """Use in the night `window` (minutes of the local day) above the learned floor, `nights` nights in a row."""

    meters: tuple[str, ...]
    window: tuple[int, int]
    nights: int


@dataclass(frozen=True, slots=True)
class FaultState:
    """A state that is one of `values`, or has one of `bits` (a mask) set, for `hold`; clears like a limit."""

    points: tuple[str, ...]
    values: frozenset[int]
    bits: int
    hold: Instant = 0
    keep_firing: Instant = 0


@dataclass(frozen=True, slots=True)
class Stuck:
    """A value that moves by no more than `within` (canonical unit) for `hold`, though readings keep coming."""

    points: tuple[str, ...]
    within: Decimal
    hold: Instant


@dataclass(frozen=True, slots=True)
class NotBuilt:
    """A kind of rule that is known and not built yet: it loads and shows as inactive."""

    settings: Mapping[str, object] = field(default_factory=dict)


Condition = Limit | NoData | NightFlow | FaultState | Stuck | NotBuilt


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing to watch for, with what the crew needs to act: team, likely cause, first action."""

    id: str
    kind: str
    name: Text
    condition: Condition
    severity: Severity
    team: str
    cause: Text | None = None
    action: Text | None = None
    enabled: bool = True

    @property
    def active(self) -> bool:
        """Whether the engine evaluates it."""
        return self.enabled and not isinstance(self.condition, NotBuilt)
