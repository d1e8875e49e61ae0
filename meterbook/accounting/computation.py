"""One computation of a register's base intervals, from all of its readings or from a handhold on."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from meterbook.accounting import corrected, gaps
from meterbook.accounting.consumption import Handhold, base_intervals, handholds, quantum, quarters, segments
from meterbook.accounting.grid import Grid, months
from meterbook.accounting.judgement import exact
from meterbook.domain.correction import Correction, Estimate
from meterbook.domain.instant import Instant
from meterbook.domain.interval import BaseIntervals
from meterbook.domain.kept import MonthKept
from meterbook.domain.meter import Meter
from meterbook.domain.reading import Series


@dataclass(frozen=True)
class Register:
    """A register whose intervals are computed: the one of a meter with its corrections, or a reactive one of it.

    `meter` is as corrections declare it. The figures that an exchange notes are those of the active register: they
    are not `noted` for a reactive one.
    """

    meter: Meter
    corrections: tuple[Correction, ...] = ()
    noted: bool = True

    @property
    def id(self) -> str:
        """What its intervals are kept under."""
        return self.meter.id

    @property
    def point(self) -> str:
        """The point whose readings it stands on."""
        return self.meter.reads or self.meter.id

    @cached_property
    def quantum(self) -> Decimal:
        """The finest step of its consumption."""
        return quantum(self.meter)

    @cached_property
    def estimates(self) -> list[Estimate]:
        """What people declared in place of what its readings say."""
        return corrected.estimates(self.corrections)

    def declared_across(self, at: Instant) -> bool:
        """Whether an instant lies inside a stretch that somebody declared whole."""
        return any(one.start < at < one.end for one in self.estimates)

    @property
    def definition(self) -> tuple[object, ...]:
        """Everything that its intervals follow from, besides readings, cuts and the calendar."""
        meter = self.meter
        installed = [(one.at, one.old_final, one.new_initial, one.register) for one in meter.installations]
        judged = (meter.register, meter.multiplier, meter.max_rate, meter.signed, meter.delta, meter.period)
        entries = [(one.id, one.what) for one in self.corrections]
        return (self.point, self.noted, judged, installed, entries)


class Question(NamedTuple):
    """Readings that contradict the last one that counts, until somebody says what happened to the meter.

    `figure` was the register's at `since`; `shown` is the latest figure that does not go on from it, at `until`.
    """

    meter: str
    since: Instant
    figure: Decimal
    until: Instant
    shown: Decimal


@dataclass(frozen=True, slots=True)
class Handheld:
    """A handhold, and what is kept of the months up to it."""

    hold: Handhold
    month: Callable[[str], MonthKept | None]


class Computation:
    """Base intervals from the readings of a register: all of them, or those from a handhold's on."""

    def __init__(self, grid: Grid, register: Register, series: Series, held: Handheld | None = None) -> None:
        self._grid, self._register, self._held = grid, register, held
        self._calendar = grid.site.calendar
        self._months: dict[str, tuple[BaseIntervals, list[Handhold]]] = {}
        self._series = series = corrected.without_excluded(series, register.corrections)
        self._extent = [int(at) for at in (series.at[0], series.at[-1])] if len(series) else []
        self._parts = segments(register.meter, series, register.noted, held.hold.reading if held else None)

    def run(self, asked: Sequence[str], edges: NDArray[np.int64]) -> BaseIntervals:
        """The months from the first reading on and those `asked` for, with further `edges`."""
        return self._computed(np.union1d(self._grid.span(self._covered(asked), self._register.meter), edges))

    def kept(self) -> tuple[str, list[MonthKept]]:
        """What is to be kept from a month on, "" for all: each month to the last reading, exchange or estimate."""
        covered = self._covered([])
        if not covered:
            return "", []
        cuts = [self._grid.month(month, self._register.meter) for month in covered]
        edges = self._grid.span(covered, self._register.meter)
        start = self._held.hold.at if self._held else int(edges[0])
        found = self._computed(edges[edges >= start])
        holds = handholds(self._parts, self._calendar.edges(start, int(edges[-1]), "day")[:-1])
        if start > edges[0]:
            before, earlier = self._kept_month(covered[0])
            found = before.between(int(edges[0]), start).then(found)
            holds = [*(hold for hold in earlier if hold.at < start), *holds]
        return covered[0] if self._held else "", [
            MonthKept(
                month,
                cut.digest,
                Handhold.packed([hold for hold in holds if cut.edges[0] <= hold.at < cut.edges[-1]]),
                packed(found.between(int(cut.edges[0]), int(cut.edges[-1]))),
            )
            for month, cut in zip(covered, cuts, strict=True)
        ]

    def question(self) -> Question | None:
        """What the readings leave open; see Accepted."""
        accepted = self._parts[-1].accepted
        if accepted.question is None:
            return None
        since, until = accepted.question
        shown = self._series.value[np.searchsorted(self._series.at, until)]
        return Question(self._register.id, since, exact(accepted.value[-1]), until, exact(shown))

    def _computed(self, edges: NDArray[np.int64]) -> BaseIntervals:
        register = self._register
        return base_intervals(register.meter, self._parts, edges, self._calendar, self._day_before, register.estimates)

    def _covered(self, asked: Sequence[str]) -> list[str]:
        """The months from the first to the last that something is known of or `asked` about, without a break."""
        exchanges = [one.at for one in self._register.meter.installations]
        instants = [*self._extent, *exchanges, *(at - 1 for at in exchanges)]
        instants += [edge for one in self._register.estimates for edge in (one.start, one.end - 1)]
        instants += [self._calendar.month(month)[0] for month in asked]
        if self._held is not None:
            instants = [self._held.hold.at, *(at for at in instants if at > self._held.hold.at)]
        return months(self._calendar, min(instants), max(instants) + 1) if instants else []

    def _day_before(self, day: date) -> gaps.Day | None:
        """A day before the handhold, as it is kept."""
        if self._held is None:
            return None
        month, _ = self._kept_month(f"{day:%Y-%m}")
        return quarters(month, *self._calendar.day(day)) if len(month) else None

    def _kept_month(self, month: str) -> tuple[BaseIntervals, list[Handhold]]:
        """A month as it is kept; empty where there is none."""
        if month not in self._months:
            kept = self._held.month(month) if self._held else None
            cuts = self._grid.month(month, self._register.meter).edges
            self._months[month] = (
                (unpacked(kept.content, cuts, self._register.quantum), Handhold.unpacked(kept.handholds))
                if kept
                else (BaseIntervals.unknown(cuts[:1], self._register.quantum), [])
            )
        return self._months[month]


def packed(part: BaseIntervals) -> bytes:
    """Base intervals without their edges, as few bytes."""
    flags = np.packbits(part.missing).tobytes() + np.packbits(part.measured).tobytes()
    return zlib.compress(part.amount.tobytes() + flags + part.ends.tobytes() + part.inside.tobytes(), 1)


def unpacked(content: bytes, edges: NDArray[np.int64], step: Decimal) -> BaseIntervals:
    """What `packed` made few, between the same edges."""
    content, count, at = zlib.decompress(content), len(edges) - 1, 0

    def column(kind: type[np.generic], length: int) -> NDArray[Any]:
        nonlocal at
        found = np.frombuffer(content, kind, length, at)
        at += found.nbytes
        return found

    def flags(length: int) -> NDArray[np.bool_]:
        return np.unpackbits(column(np.uint8, -(-length // 8)), count=length).astype(bool)

    amount, missing, measured = column(np.int64, count), flags(count), flags(count + 1)
    return BaseIntervals(edges, amount, missing, measured, column(np.uint16, count + 1), column(np.uint16, count), step)
