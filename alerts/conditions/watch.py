"""What every kind of condition offers to the engine, and what they share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from alerts.decision import Signal
from meterbook.domain.instant import MINUTE, Instant
from meterbook.domain.reading import Series

Memory = Mapping[str, Any]
"""What a watch remembers, as JSON; `{}` before its first step. Never changed in place."""

PATIENCE: Instant = 15 * MINUTE
"""How late a reading may be, beyond its rule's own times, before what it shows is history (trap 21)."""


class Watch(Protocol):
    """One condition on one subject, made ready from a rule of the site.

    `key` names it among the watches of its rule; `points` are the readings it needs. A raise or clear that lies more
    than `horizon` before now is late. A watch that `ticks` is stepped on every turn, others only on news.
    """

    @property
    def key(self) -> str:
        """Its name among the watches of its rule."""

    @property
    def points(self) -> frozenset[str]:
        """The points whose readings it needs."""

    @property
    def horizon(self) -> Instant:
        """How far back, in microseconds, a signal may lie and still be news."""

    @property
    def ticks(self) -> bool:
        """Whether it is stepped without news too."""

    def step(self, memory: Memory, news: Mapping[str, Series], now: Instant) -> tuple[Memory, list[Signal]]:
        """What it remembers and says after readings of its points; `memory` itself where nothing changed."""


def unseen(series: Series, seen: Instant | None) -> Series:
    """The readings after the last one evaluated: what arrives late or twice is not evaluated again."""
    if seen is None:
        return series
    start = int(np.searchsorted(series.at, seen, side="right"))
    return Series(series.at[start:], series.value[start:], series.quality[start:])
