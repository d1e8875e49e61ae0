"""The interval ledger: the base intervals of every register, kept and brought up to date as readings arrive.

It is derived: what it keeps is, byte for byte, what computing everything anew from the readings gives. After news it
takes the computation up at the last handhold before them and goes on from there to the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from hashlib import sha256
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from meterbook.accounting.computation import Computation, Handheld, Question, Register, unpacked
from meterbook.accounting.consumption import Handhold
from meterbook.accounting.grid import Cuts, Grid, are_in, months
from meterbook.accounting.port import Arrivals, IntervalStore, Registers
from meterbook.domain.calendar import Calendar
from meterbook.domain.instant import Instant
from meterbook.domain.interval import BaseIntervals
from meterbook.domain.kept import MonthKept, Standing
from meterbook.domain.reading import ABSURD_PAST, Series

METHOD = 1
"""Counts up with every change of how intervals are computed or kept."""

HOLIDAYS = version("holidays")

ATTEMPTS = 5
"""How often a register is looked at again when another process was quicker to bring it up to date."""

_EVER: Instant = 2**62


@dataclass(frozen=True, slots=True)
class Kept:
    """Where intervals are kept, and who tells what arrived since."""

    store: IntervalStore
    arrivals: Arrivals


class Upkeep:
    """The intervals of a site's registers. Without a place to keep them they are computed from all readings each time.

    Threads may share one.
    """

    def __init__(self, grid: Grid, readings: Registers, kept: Kept | None = None) -> None:
        self._grid, self._readings, self._kept = grid, readings, kept
        self._calendar = grid.site.calendar

    def follow(self) -> None:
        """Take note of what arrived."""
        if self._kept is None:
            return
        store, arrivals = self._kept.store, self._kept.arrivals
        with store.turn:
            followed = store.followed()
            news = arrivals.since(followed) if followed is not None else None
            if news is None:
                store.note(arrivals.last(), ABSURD_PAST, {})
            elif news.sequence != followed:
                store.note(news.sequence, news.start, news.late)

    def between(self, register: Register, edges: NDArray[np.int64]) -> BaseIntervals:
        """The base intervals of a register from the first to the last of `edges`, each of which is an edge of them."""
        start, end = int(edges[0]), int(edges[-1])
        asked = months(self._calendar, start, end)
        if self._kept is not None:
            cuts = {month: self._grid.month(month, register.meter) for month in asked}
            if are_in(edges, self._grid.span(asked, register.meter)):
                found = self._current(self._kept.store, register, cuts)
                if found is not None:
                    return found.between(start, end)
        computation = Computation(self._grid, register, self._series(register, ABSURD_PAST))
        return computation.run(asked, edges).between(start, end)

    def question(self, register: Register) -> Question | None:
        """What the last readings of a register leave open."""
        held = None
        if self._kept is not None:
            self._current(self._kept.store, register, {})
            held = self._handheld(self._kept.store, register, _EVER)
        series = self._series(register, held.hold.reading if held else ABSURD_PAST)
        return Computation(self._grid, register, series, held).question()

    def _series(self, register: Register, since: Instant) -> Series:
        return self._readings.read(register.point, since, _EVER)

    def _current(self, store: IntervalStore, register: Register, asked: dict[str, Cuts]) -> BaseIntervals | None:
        """The months asked for, brought up to date; None where other processes were quicker time and again."""
        basis = _basis(register, self._calendar)
        first, last = min(asked, default=""), max(asked, default="")
        with store.turn:
            for _ in range(ATTEMPTS):
                standing = store.standing(register.id)
                found = {one.month: one for one in store.months(register.id, first, last)}
                since = self._stale_since(standing, basis, found, asked)
                if since is None:
                    return _whole(register, found, asked) if asked else None
                self._refresh(store, register, standing, basis, since)
        return None

    def _stale_since(
        self, standing: Standing, basis: str, found: dict[str, MonthKept], asked: dict[str, Cuts]
    ) -> Instant | None:
        if standing.basis != basis:
            return ABSURD_PAST
        recut = [month for month, kept in found.items() if kept.cuts != asked[month].digest]
        since = [self._calendar.month(month)[0] for month in recut]
        return min(since if standing.stale is None else [*since, standing.stale], default=None)

    def _refresh(
        self, store: IntervalStore, register: Register, standing: Standing, basis: str, since: Instant
    ) -> None:
        held = None
        if standing.basis == basis:
            held = self._handheld(store, register, since)
        series = self._series(register, held.hold.reading if held else ABSURD_PAST)
        if held and (not len(series) or int(series.at[0]) != held.hold.reading):
            held, series = None, self._series(register, ABSURD_PAST)
        first, kept = Computation(self._grid, register, series, held).kept()
        store.replace(register.id, register.point, standing, basis, first, kept)

    def _handheld(self, store: IntervalStore, register: Register, since: Instant) -> Handheld | None:
        """The last handhold that news from `since` on leave alone, with what is kept from before it."""
        outlines = store.outline(register.id)
        for outline in outlines:
            if outline.cuts != self._grid.month(outline.month, register.meter).digest:
                since = min(since, self._calendar.month(outline.month)[0])
        for outline in reversed(outlines):
            for hold in reversed(Handhold.unpacked(outline.handholds)):
                if hold.proven < since and not register.declared_across(hold.at):
                    return Handheld(hold, lambda month: next(iter(store.months(register.id, month, month)), None))
        return None


def _whole(register: Register, found: dict[str, MonthKept], asked: dict[str, Cuts]) -> BaseIntervals:
    whole = [
        unpacked(found[month].content, cuts.edges, register.quantum)
        if month in found
        else BaseIntervals.unknown(cuts.edges, register.quantum)
        for month, cuts in asked.items()
    ]
    return reduce(BaseIntervals.then, whole)


def _basis(register: Register, calendar: Calendar) -> str:
    """A digest of everything but the readings and the cuts that the intervals of a register follow from."""
    said = (METHOD, register.definition, calendar.zone.key, calendar.country, calendar.declared, HOLIDAYS)
    return sha256(repr(said).encode()).hexdigest()
