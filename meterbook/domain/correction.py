"""Corrections: signed entries on what the readings of a meter say. Readings themselves are never changed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from meterbook.domain.instant import Instant
from meterbook.domain.meter import Installation


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Readings of the meter in [start, end) do not count."""

    start: Instant
    end: Instant


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the meter used in [start, end), in the canonical unit after the multiplier, whatever its readings say.

    Both ends lie on the base grid.
    """

    start: Instant
    end: Instant
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Exchange:
    """An exchange (or reset) that the site's files do not know; `multiplier` is None where it stayed the same."""

    installation: Installation
    multiplier: Decimal | None = None


What = Exclusion | Estimate | Exchange


@dataclass(frozen=True, slots=True)
class Undo:
    """Who took a correction back, why and when."""

    author: str
    reason: str
    at: Instant


@dataclass(frozen=True, slots=True)
class Correction:
    """One entry: `author` signed it at the instant `at`. It is in force until it is undone; later ids are later."""

    id: int
    meter: str
    what: What
    author: str
    reason: str
    at: Instant
    undo: Undo | None = None

    @property
    def in_force(self) -> bool:
        """Whether nobody has taken it back."""
        return self.undo is None
