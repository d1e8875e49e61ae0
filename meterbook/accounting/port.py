"""What accounting asks of a reading store."""

from __future__ import annotations

from typing import Protocol

from meterbook.domain.instant import Instant
from meterbook.domain.reading import Series


class Registers(Protocol):
    """Readings of points; every `meterbook.readings` store is one."""

    def read(self, point: str, start: Instant, end: Instant) -> Series:
        """The readings of a point in [start, end), in order of time."""
