"""Smooth chance without a memory: the same seed and instant give the same value, in any order and any process."""

from __future__ import annotations

from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from meterbook.domain.instant import Instant

Instants = NDArray[np.int64]
Values = NDArray[np.float64]


def draw(seed: int, channel: str, index: Instants) -> Values:
    """One number in [0, 1) for each index, independent between channels (the finaliser of splitmix64)."""
    word = index.astype(np.uint64) + np.uint64(crc32(f"{seed}/{channel}".encode()) << 32)
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    word ^= word >> np.uint64(31)
    return (word >> np.uint64(11)).astype(np.float64) / 2.0**53


def drift(seed: int, channel: str, at: Instants, period: Instant) -> Values:
    """A smooth curve in [-1, 1] that takes a new direction once in each `period` (microseconds)."""
    index, rest = np.divmod(at, period)
    part = rest / period
    ease = part * part * (3.0 - 2.0 * part)
    before, after = draw(seed, channel, index), draw(seed, channel, index + 1)
    return 2.0 * (before + (after - before) * ease) - 1.0
