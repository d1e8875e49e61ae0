"""Readings: what came in, before anybody draws a conclusion from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from meterbook.domain.instant import DAY, MINUTE, SECOND, Instant

FUTURE_TOLERANCE: Instant = 5 * MINUTE
ABSURD_PAST: Instant = 10_957 * DAY  # 2000-01-01T00:00Z


class Quality(IntEnum):
    """How far a reading can be relied on. A bad one is kept and never counts."""

    GOOD = 0
    ESTIMATED = 1
    BAD = 2


class Outcome(IntEnum):
    """What a store made of one reading. SPOOLED: on disk, and one of the others once the remote store has it."""

    ACCEPTED = 0
    REPEATED = 1
    CONFLICT = 2
    SPOOLED = 3


class Sample(NamedTuple):
    """One value as a collector saw it, in the unit the device speaks.

    `at` is the device's own instant, or None where the payload has none and `received` must serve.
    """

    device: str
    point: str
    value: float | int | str
    at: Instant | None
    received: Instant


class Reading(NamedTuple):
    """(point, instant in UTC, value in the canonical unit, quality).

    Values are binary doubles: the shortest decimal that names one is what the device said, up to 15 significant
    digits. Registers become whole least digits (`Register.digits`) before anything is added up.
    """

    point: str
    at: Instant
    value: float
    quality: Quality = Quality.GOOD


class Refusal(NamedTuple):
    """Something that cannot be a reading of anything, with the reason; it goes to quarantine.

    `source` is a connection id, `push` or a file name; `subject` a topic, a point or a row.
    """

    source: str
    subject: str
    reason: str
    content: str
    received: Instant


class IntakeFull(Exception):
    """Too many deliveries wait for the disk; nothing of this one was kept. Send it again later."""


class NotKept(Exception):
    """The disk did not take a delivery, or not in time. Sending it again later is right in either case."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one delivery."""

    accepted: int
    repeated: int
    conflicts: int
    refused: Sequence[Refusal] = ()


_ROW = np.dtype([("at", np.int64), ("value", np.float64), ("quality", np.uint8)])


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Readings of one point in order of time: instants int64 us, values float64, qualities uint8; equal lengths."""

    at: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.at)

    @classmethod
    def empty(cls) -> Series:
        """No readings at all."""
        return cls(np.empty(0, np.int64), np.empty(0, np.float64), np.empty(0, np.uint8))

    @classmethod
    def of(cls, rows: Iterable[tuple[Instant, float, int]]) -> Series:
        """A series from (instant, value, quality) rows in order of time."""
        table = np.fromiter(rows, _ROW)
        return cls(*(np.ascontiguousarray(table[column]) for column in ("at", "value", "quality")))

    def counting(self) -> Series:
        """The readings that may count: everything but the bad ones."""
        keep = self.quality != Quality.BAD
        return self if bool(keep.all()) else Series(self.at[keep], self.value[keep], self.quality[keep])

    def between(self, start: Instant, end: Instant) -> Series:
        """The readings in [start, end)."""
        low, high = np.searchsorted(self.at, (start, end))
        return Series(self.at[low:high], self.value[low:high], self.quality[low:high])


def clock_fault(at: Instant, now: Instant) -> str | None:
    """Why an instant cannot be right (trap 19), or None. The future begins five minutes after `now`."""
    if at > now + FUTURE_TOLERANCE:
        return f"instant lies {(at - now) // SECOND} s in the future"
    if at < ABSURD_PAST:
        return "instant lies before 2000-01-01"
    return None
