"""The interval ledger: the base intervals of every register, kept and brought up to date as readings arrive.

It is derived: what it keeps is, byte for byte, what computing everything anew from the readings gives. After news it
takes the computation up at the last handhold before them and goes on from there to the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
from meterbook.domain.calendar import Calendar, first_of_month, next_month
from meterbook.domain.instant import Instant
from meterbook.domain.interval import BaseIntervals
from meterbook.domain.kept import MonthKept, Standing
from meterbook.domain.reading import ABSURD_PAST, Series

METHOD = 2
"""Counts up with every change of how intervals are computed or kept."""

HOLIDAYS = version("holidays")

ATTEMPTS = 5
"""How often a register is looked at again when another process was quicker to bring it up to date."""

NOTED = ""
"""The month under which a store counts everything that was noted or replaced."""

TOGETHER = 200
"""Registers whose intervals are read at once."""

_EVER: Instant = 2**62


@dataclass(frozen=True, slots=True)
class Kept:
    """Where intervals are kept, and who tells what arrived since."""

    store: IntervalStore
    arrivals: Arrivals


class Bases:
    """What the intervals of registers follow from besides readings and cuts, under one calendar; found once for each.

    Ledgers of one site may share it, as long as they share the calendar.
    """

    def __init__(self, calendar: Calendar) -> None:
        self.calendar = calendar
        self._known: dict[str, tuple[Register, str]] = {}

    def of(self, register: Register) -> str:
        """A digest of everything but the readings and the cuts that the intervals of a register follow from."""
        known = self._known.get(register.id)
        if known is not None and known[0].meter is register.meter and known[0].corrections == register.corrections:
            return known[1]
        calendar = self.calendar
        said = (METHOD, register.definition, calendar.zone.key, calendar.country, calendar.declared, HOLIDAYS)
        found = sha256(repr(said).encode()).hexdigest()
        self._known[register.id] = (register, found)
        return found


class Upkeep:
    """The intervals of a site's registers. Without a place to keep them they are computed from all readings each time.

    Threads may share one.
    """

    def __init__(self, grid: Grid, readings: Registers, kept: Kept | None = None, bases: Bases | None = None) -> None:
        self._grid, self._readings, self._kept = grid, readings, kept
        self._calendar = grid.site.calendar
        self.bases = bases or Bases(self._calendar)
        self._settled: tuple[str, str, Sequence[Register]] = ("", "", ())

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

    def several(self, registers: Sequence[Register], edges: NDArray[np.int64]) -> Iterator[BaseIntervals]:
        """The base intervals of many registers, in their order; see `between`."""
        if self._kept is None:
            yield from (self.between(register, edges) for register in registers)
            return
        asked = months(self._calendar, int(edges[0]), int(edges[-1]))
        fits = are_in(edges, self._grid.span(asked))
        for some in _batches(registers):
            rows = self._kept.store.several([one.id for one in some], asked[0], asked[-1], _after(asked))
            for register, (standing, kept) in zip(some, rows, strict=True):
                cuts = {month: self._grid.month(month, register.meter) for month in asked}
                found = {one.month: one for one in kept}
                if fits and self._stale_since(register, standing, found, cuts) is None:
                    yield _whole(register, found, cuts).between(int(edges[0]), int(edges[-1]))
                else:
                    yield self.between(register, edges)

    def settle(self, registers: Sequence[Register], last: str) -> None:
        """Bring the months up to `last` of registers up to date, where they are kept."""
        if self._kept is None:
            return
        store, after = self._kept.store, _after([last])
        for some in _batches(registers):
            rows = store.several([one.id for one in some], after, last, after)
            for register, (standing, kept) in zip(some, rows, strict=True):
                news = standing.stale is not None and not _leaves_alone(standing.stale, register, kept)
                if standing.basis != self.bases.of(register) or news:
                    self._current(store, register, {})

    def changes(self, registers: Sequence[Register], first: str, last: str) -> str | None:
        """A text that is another one once intervals in the months `first` to `last` changed; these are up to date now.

        None where nobody keeps them.
        """
        if self._kept is None:
            return None
        store = self._kept.store
        state = store.changes(NOTED, NOTED)
        settled, upto, of = self._settled
        if settled != state or of is not registers or last > upto:
            self.settle(registers, last)
            self._settled = (state, last, registers)
        return store.changes(first, last)

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
        """The months asked for, brought up to date; None where other processes were quicker time and again.

        Where nothing is asked for, all of them are brought up to date.
        """
        first, last = min(asked, default=""), max(asked, default="")
        with store.turn:
            for _ in range(ATTEMPTS):
                ((standing, kept),) = store.several([register.id], first, last, _after(list(asked)))
                found = {one.month: one for one in kept}
                since = self._stale_since(register, standing, found, asked)
                if since is None:
                    return _whole(register, found, asked) if asked else None
                self._refresh(store, register, standing, since)
        return None

    def _stale_since(
        self,
        register: Register,
        standing: Standing,
        found: dict[str, MonthKept],
        asked: dict[str, Cuts],
    ) -> Instant | None:
        """From when on the months asked for, or all of them, must be computed again; None where they are current."""
        if standing.basis != self.bases.of(register):
            return ABSURD_PAST
        recut = [month for month, cuts in asked.items() if month in found and found[month].cuts != cuts.digest]
        since = [self._calendar.month(month)[0] for month in recut]
        after = [kept for month, kept in found.items() if month not in asked]
        if standing.stale is not None and not _leaves_alone(standing.stale, register, after):
            since.append(standing.stale)
        return min(since, default=None)

    def _refresh(self, store: IntervalStore, register: Register, standing: Standing, since: Instant) -> None:
        held, basis = None, self.bases.of(register)
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


def _after(asked: Sequence[str]) -> str:
    """The month after the last one asked for; "" where nothing is."""
    return f"{next_month(first_of_month(max(asked))):%Y-%m}" if asked else ""


def _leaves_alone(news: Instant, register: Register, after: Sequence[MonthKept]) -> bool:
    """Whether news change nothing before the first handhold in the month `after` those that are asked for."""
    hold = next((hold for month in after for hold in Handhold.unpacked(month.handholds)), None)
    return hold is not None and hold.proven < news and not register.declared_across(hold.at)


def _batches(registers: Sequence[Register]) -> Iterator[Sequence[Register]]:
    return (registers[first : first + TOGETHER] for first in range(0, len(registers), TOGETHER))
