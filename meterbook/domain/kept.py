"""Computed intervals as they are kept: derived from readings, and never more than a shorter way to the same figures."""

from __future__ import annotations

from typing import NamedTuple

from meterbook.domain.instant import Instant


class Standing(NamedTuple):
    """How the intervals of one register stand.

    They were computed by the definition `basis`. `stale` is the first instant of which readings came since then.
    `marks` counts the times that was noted, `version` the times the intervals were replaced. A register that is not
    kept has no basis and version 0, and `marks` is then the place in the arrival log.
    """

    basis: str
    stale: Instant | None
    marks: int
    version: int


class MonthKept(NamedTuple):
    """The intervals of one register and local month, `content`, between the cuts that `cuts` digests.

    `handholds` are int64 us: midnight, reading, proven of each (see consumption.Handhold), one after the other.
    """

    month: str
    cuts: str
    handholds: bytes
    content: bytes
