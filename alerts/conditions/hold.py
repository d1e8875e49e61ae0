"""What must last before it counts, and be over for a while before it ends.

Durations count event time between readings. A time without readings proves nothing: a gap starts a pending hold and
a pending clearance anew, and what is raised stays raised (trap 46).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from alerts.decision import Verdict
from meterbook.domain.incident import Deed
from meterbook.domain.instant import MINUTE, Instant

GAP_PERIODS = 3
GAP_UNKNOWN: Instant = 5 * MINUTE
"""Longer than so many periods of the device (or this, where its period is unknown) between readings is a gap."""

EXCESS, BETWEEN, CLEAR = 1, 0, -1
"""Where a reading stands: it shows the fault, neither shows nor disproves it, disproves it."""


@dataclass(frozen=True, slots=True)
class Hold:
    """How long a fault must last and be over, and how long a silence of its readings is none; in microseconds."""

    hold: Instant
    keep_firing: Instant
    gap: Instant


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a watch stands after the last reading it evaluated (`at`).

    `since` is the start of the excess, `raised` the instant of raising, `clear` the start of the time without excess
    that may end it.
    """

    at: Instant | None = None
    since: Instant | None = None
    raised: Instant | None = None
    clear: Instant | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """The fault is raised or cleared at the reading at `place`; it had been there since `since`."""

    deed: Verdict
    place: int
    since: Instant


@dataclass(frozen=True, slots=True)
class _Run:
    """Readings [start, end) on one side without a gap in between."""

    at: NDArray[np.int64]
    start: int
    end: int
    side: int
    after_gap: bool

    @property
    def first(self) -> Instant:
        """When it begins."""
        return int(self.at[self.start])

    def place(self, instant: Instant) -> int | None:
        """Its first reading not before an instant; None where it has none."""
        found = self.start + int(np.searchsorted(self.at[self.start : self.end], instant))
        return found if found < self.end else None


def follow(
    standing: Standing, at: NDArray[np.int64], side: NDArray[np.int8], rule: Hold
) -> tuple[Standing, list[Turn]]:
    """Where a watch stands after readings, in order of time and after `standing.at`, and what it has to say.

    It raises at the first reading at which the excess has lasted `hold`, and clears likewise after `keep_firing`.
    """
    turns = []
    for run in _runs(standing.at, at, side, rule.gap):
        if run.after_gap:
            standing = replace(standing, since=standing.since if standing.raised is not None else None, clear=None)
        step = _pending if standing.raised is None else _firing
        standing, turn = step(standing, run, rule)
        if turn is not None:
            turns.append(turn)
    return replace(standing, at=int(at[-1])) if len(at) else standing, turns


def _runs(seen: Instant | None, at: NDArray[np.int64], side: NDArray[np.int8], gap: Instant) -> Iterator[_Run]:
    if not len(at):
        return
    gaps = np.diff(at, prepend=at[0] if seen is None else seen) > gap
    starts = np.flatnonzero(gaps | (np.diff(side, prepend=side[0]) != 0))
    bounds = [0, *(int(start) for start in starts if start), len(at)]
    for start, end in itertools.pairwise(bounds):
        yield _Run(at, start, end, int(side[start]), bool(gaps[start]))


def _pending(standing: Standing, run: _Run, rule: Hold) -> tuple[Standing, Turn | None]:
    if run.side != EXCESS:
        return replace(standing, since=None), None
    since = run.first if standing.since is None else standing.since
    held = run.place(since + rule.hold)
    if held is None:
        return replace(standing, since=since), None
    return replace(standing, since=since, raised=int(run.at[held])), Turn(Deed.RAISE, held, since)


def _firing(standing: Standing, run: _Run, rule: Hold) -> tuple[Standing, Turn | None]:
    if run.side == EXCESS or (run.side == BETWEEN and standing.clear is None):
        return replace(standing, clear=None), None
    clear = run.first if standing.clear is None else standing.clear
    kept = run.place(clear + rule.keep_firing)
    if kept is None:
        return replace(standing, clear=clear), None
    since = int(run.at[kept]) if standing.since is None else standing.since
    return replace(standing, since=None, raised=None, clear=None), Turn(Deed.CLEAR, kept, since)
