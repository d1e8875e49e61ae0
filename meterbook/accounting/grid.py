"""The base grid of a site: where consumption is cut."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from meterbook.accounting import bands
from meterbook.domain.calendar import GRID, Calendar
from meterbook.domain.instant import Instant
from meterbook.domain.meter import Meter
from meterbook.domain.site import Site


class Cuts(NamedTuple):
    """The edges (int64 us) of a local month for one meter, and a digest of them."""

    edges: NDArray[np.int64]
    digest: str


class Grid:
    """The local quarter hours of each month, with every instant at which a rule, price, band or head count changes."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._months: dict[str, Cuts] = {}

    def month(self, month: str, meter: Meter | None = None) -> Cuts:
        """The cuts of a local month, both ends included; for a meter with its exchanges and changes of ratio."""
        found = self._months.get(month)
        if found is None:
            found = self._months[month] = _cuts(self._of_site(*self.site.calendar.month(month)))
        own = _changes(meter, int(found.edges[0]), int(found.edges[-1])) if meter is not None else ()
        return _cuts([*found.edges.tolist(), *own]) if own else found

    def span(self, months: Sequence[str], meter: Meter | None = None) -> NDArray[np.int64]:
        """The edges of consecutive months as one."""
        cuts = [self.month(month, meter).edges for month in months]
        return np.concatenate([*(edges[:-1] for edges in cuts), cuts[-1][-1:]])

    def within(self, start: Instant, end: Instant, edges: Sequence[Instant] = ()) -> NDArray[np.int64]:
        """The cuts of the site and `edges` in [start, end], both ends included."""
        span = self.span(months(self.site.calendar, start, end))
        low, high = np.searchsorted(span, start, side="right"), np.searchsorted(span, end, side="left")
        cuts = np.concatenate(([start], span[low:high], [end][: int(end > start)]))
        return cuts if are_in(np.array(edges, np.int64), cuts) else np.union1d(cuts, edges)

    def _of_site(self, start: Instant, end: Instant) -> list[Instant]:
        calendar = self.site.calendar
        cuts = {*calendar.edges(start, end, "15m"), *(cut for cut in self._dated if start < cut < end)}
        for tariff in self.site.tariffs:
            if tariff.demand is not None and tariff.demand.window % GRID:
                cuts.update(blocks(calendar, tariff.demand.window, start, end))
        for utility in {tariff.utility for tariff in self.site.tariffs}:
            tariffs = [tariff for tariff in self.site.tariffs if tariff.utility == utility and tariff.bands]
            cuts.update(period.start for period in bands.periods(tariffs, start, end, calendar) if tariffs)
        return sorted(cut for cut in cuts if start <= cut <= end)

    @cached_property
    def _dated(self) -> list[Instant]:
        dated = [rule.start for rule in self.site.allocations] + [tariff.start for tariff in self.site.tariffs]
        dated += [factor.start for factor in self.site.emission_factors]
        for department in self.site.departments.values():
            for timeline in (department.headcount, department.area_m2):
                dated += timeline.starts if timeline else ()
        return dated


def blocks(calendar: Calendar, length: Instant, start: Instant, end: Instant) -> list[Instant]:
    """Edges of the consecutive blocks of `length` on the local clock in [start, end]; each day begins with a block."""
    days = calendar.edges(start, end, "day")
    return [*(edge for low, high in pairwise(days) for edge in range(low, high, length)), end]


def months(calendar: Calendar, start: Instant, end: Instant) -> list[str]:
    """The local months that [start, end) touches, at least the one of `start`."""
    first, _ = calendar.month(calendar.month_of(start))
    _, last = calendar.month(calendar.month_of(max(start, end - 1)))
    return [calendar.month_of(edge) for edge in calendar.edges(first, last, "month")[:-1]]


def are_in(edges: NDArray[np.int64], cuts: NDArray[np.int64]) -> bool:
    """Whether each of `edges` is one of `cuts`, which ascend."""
    at = np.searchsorted(cuts, edges)
    return bool((at < len(cuts)).all() and (cuts[at] == edges).all())


def _changes(meter: Meter, start: Instant, end: Instant) -> list[Instant]:
    inner = [installation.at for installation in meter.installations if start < installation.at < end]
    return inner + meter.multiplier.changes(start, end)


def _cuts(edges: Sequence[Instant]) -> Cuts:
    array = np.unique(np.array(edges, np.int64))
    return Cuts(array, hashlib.sha256(array.tobytes()).hexdigest()[:16])
